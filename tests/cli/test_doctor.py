"""`lastwords doctor` from the outside: exit status, JSON, the terminal."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.model import Readiness, from_json
from tests.host.trees import Tree, debian12

MANUAL = Path(__file__).parents[2] / "docs" / "doctor.md"


def doctor(*arguments):
    return CliRunner().invoke(cli, ["doctor", *map(str, arguments)])


@pytest.fixture
def ready(tmp_path):
    return debian12(Tree(tmp_path))


def test_status_0_is_ready(ready):
    ran = doctor("--root", ready.directory)
    assert ran.exit_code == 0
    assert ran.stdout.startswith("ready: a crash now leaves a dump, /var/crash on /dev/sda2 (ext4)")


def test_status_1_is_not_ready(ready):
    ready.write("/sys/kernel/kexec_crash_loaded", "0").write("/sys/module/pstore/parameters/backend", "(null)")
    ran = doctor("--root", ready.directory)
    assert ran.exit_code == 1
    assert "\n  FAIL  crash-kernel-loaded: no\n" in ran.stdout
    assert "fix: systemctl enable --now kdump-tools.service" in ran.stdout


def test_status_2_is_not_known(tmp_path):
    assert doctor("--root", tmp_path).exit_code == 2


def test_no_such_directory(tmp_path):
    ran = doctor("--root", tmp_path / "no\x1bwhere")
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert re.fullmatch(r"lastwords: .*no\\x1bwhere: no such directory\n", ran.stderr)


def test_json(ready):
    ran = doctor("--root", ready.directory, "--json")
    found = from_json(ran.stdout, Readiness)
    assert found.ready
    assert found.release == ready.release
    document = json.loads(ran.stdout)
    assert set(document) == {field.name for field in msgspec.structs.fields(Readiness)}
    assert document["schema"] == "lastwords.readiness/1"
    assert all(check["why"] for check in document["checks"])


def test_what_is_well_is_told_only_when_asked(ready):
    brief, whole = doctor("--root", ready.directory).stdout, doctor("--root", ready.directory, "-v").stdout
    assert "crashkernel-reserved: 512 MiB" not in brief
    assert "  ok    crashkernel-reserved: 512 MiB\n        read in /sys/kernel/kexec_crash_size\n" in whole
    assert len(brief.splitlines()) < 60 < 150 < len(whole.splitlines())


def test_files_can_not_write_to_the_terminal(ready):
    ready.sysctl("kernel.hostname", "evil\x1b]0;owned\x07").sysctl("kernel.panic", "\x1b[2Jx")
    text = doctor("--root", ready.directory, "-v").stdout
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "evil\\x1b]0;owned\\x07" in text


def test_fixes_stay_in_one_piece(ready, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    ready.sysctl("kernel.panic_on_oops", "0")
    text = doctor("--root", ready.directory).stdout
    assert (
        "        fix: echo 'kernel.panic_on_oops = 1' >> /etc/sysctl.d/99-lastwords.conf && "
        "sysctl -p /etc/sysctl.d/99-lastwords.conf\n" in text
    )
    told = [line for line in text.splitlines() if "fix: " not in line]
    assert max(map(len, told)) <= 60
    assert not [line for line in told if line != line.rstrip()]


def test_the_machine_that_runs_the_tests():
    ran = doctor("--json")
    assert ran.exit_code in (0, 1, 2)
    found = from_json(ran.stdout, Readiness)
    assert not [check.value for check in found.checks if "the check failed" in check.value]


def test_the_manual_has_every_field():
    _, components = msgspec.json.schema_components((Readiness,))
    page = MANUAL.read_text().partition("\n## JSON\n")[2].partition("\n## ")[0]
    tables = {part.split("\n")[0]: set(re.findall(r"^\| `(\w+)` \|", part, re.M)) for part in page.split("\n### ")[1:]}
    assert tables == {name: set(found["properties"]) for name, found in components.items()}
