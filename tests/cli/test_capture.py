"""`lastwords capture`: what it says, where it puts things, and how it ends."""

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from lastwords.case.directory import CaseDirectory
from lastwords.case.live_kernel import live_kernel
from lastwords.cli.main import cli
from lastwords.host.collectors import all_collectors
from lastwords.host.vault import read_manifest, verify
from lastwords.model import Capture, Evidence
from lastwords.report.machine_text import machine_text
from tests.host.crash_trees import CRASHED, DEBIAN, build

PAGE = Path(__file__).parents[2] / "docs/capture.md"


@pytest.fixture
def tree(tmp_path):
    return build(tmp_path / "tree", DEBIAN)


def run(*arguments, **environment):
    return CliRunner().invoke(cli, ["capture", *map(str, arguments)], env={"COLUMNS": "200", **environment})


def test_a_table_of_what_was_taken_and_what_was_not(tree, tmp_path):
    done = run("--root", tree, "--to", tmp_path / "case")
    assert done.exit_code == 0, done.output
    assert re.search(r"^\+ dumps +taken +2 items", done.output, re.M)
    assert re.search(
        r"^- dumps +skipped +/var/crash/202610010101: of 2026-10-01 05:38 UTC: another crash", done.output, re.M
    )
    assert re.search(r"^- mcelog +absent +mcelog's records$", done.output, re.M)
    assert "The boot that crashed began 2026-11-15 05:38:11 UTC or later (/var/log/wtmp)." in done.output
    assert re.search(r"^\d+ items, .* in \S+/case ", done.output, re.M)
    assert not re.search(r"[ \t]$", done.output, re.M)


def test_the_case_knows_its_host_and_when_it_crashed(tree, tmp_path):
    run("--root", tree, "--to", tmp_path / "case")
    case = CaseDirectory(tmp_path / "case", "case").read()
    assert (case.host, case.status) == ("db7", "open")
    assert case.crashed == pytest.approx(CRASHED + 10, abs=2)


def test_json(tree, tmp_path):
    done = run("--root", tree, "--to", tmp_path / "case", "--json")
    found = msgspec.json.decode(done.stdout, type=Capture)
    assert found.host == "db7"
    assert found.boot_began == CRASHED - 9 * 86400
    assert found.case == str(tmp_path / "case")
    manifest = read_manifest(tmp_path / "case/evidence")
    assert {item.id: item for item in found.evidence} == manifest
    assert verify(tmp_path / "case/evidence").good


def test_without_to_a_case_is_made_in_the_store(tree, tmp_path):
    done = run("--root", tree, "--json", LASTWORDS_CASES=str(tmp_path / "cases"))
    case = Path(json.loads(done.stdout)["case"])
    assert case.parent == tmp_path / "cases"
    assert case.name.endswith("-db7")
    assert (case / "case.toml").is_file()


def test_nothing_to_take(tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("--root", tmp_path / "empty", "--to", tmp_path / "case")
    assert done.exit_code == 2
    assert re.search(r"^0 items, 0 B", done.output, re.M)


def test_something_that_could_not_be_taken(tree, tmp_path):
    (tree / "var/crash/202611240538/vmcore").symlink_to("/etc/hostname")
    done = run("--root", tree, "--to", tmp_path / "case")
    assert done.exit_code == 1
    assert re.search(r"^! dumps +refused +/var/crash/202611240538/vmcore: a symbolic link", done.output, re.M)
    assert "run it again as root" not in done.output  # that would not help


@pytest.mark.parametrize("option", ["--hang", "--clear-pstore"])
def test_what_is_for_the_running_machine_only(tree, tmp_path, option):
    done = run("--root", tree, "--to", tmp_path / "case", option)
    assert done.exit_code == 2
    assert done.stderr == f"lastwords: {option} is for the running machine, not for --root\n"
    assert not (tmp_path / "case").exists()
    assert (tree / "sys/fs/pstore/dmesg-efi-179549869101001").exists()


@pytest.mark.parametrize(
    ("root", "to", "said"),
    [
        ("nowhere", "case", "nowhere: no such directory"),
        ("tree", "file/case", "Not a directory"),
    ],
)
def test_errors_are_one_line(tree, tmp_path, root, to, said):
    (tmp_path / "file").write_text("")
    done = run("--root", tmp_path / root, "--to", tmp_path / to)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_names_cannot_play_tricks_on_the_terminal(tree, tmp_path):
    nasty = tree / "var/crash/2026\x1b]0;owned\x07\n10010102"
    nasty.mkdir()
    (nasty / "vmcore").write_bytes(b"KDUMP   ")
    os.utime(nasty / "vmcore", (CRASHED - 1e7, CRASHED - 1e7))
    done = run("--root", tree, "--to", tmp_path / "case")
    assert "\x1b" not in done.output
    assert "\x07" not in done.output
    assert "\\x1b]0;owned\\x07\\x0a10010102" in done.output


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_user_without_rights_takes_what_may_be_read_and_hears_of_the_rest(tree, tmp_path):
    for path in ("var/crash/202611240538/dump.202611240538", "var/log/kern.log"):
        (tree / path).chmod(0)
    (tree / "sys/fs/pstore").chmod(0)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    for path in [tmp_path, *tmp_path.parents[:3]]:
        if path != Path("/tmp"):
            path.chmod(0o755)
    run("--root", tree, "--to", tmp_path / "imports-all-it-needs")
    child = os.fork()
    if child == 0:
        status = 9
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            done = run("--root", tree, "--to", home / "case", "--json", HOME=str(home))
            (home / "said").write_text(done.stdout)
            status = done.exit_code
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    evidence = msgspec.json.decode((home / "said").read_bytes(), type=Capture).evidence
    states = {item.origin: item.state for item in evidence}
    assert states["/var/crash/202611240538/dump.202611240538"] == "refused"
    assert states["/var/log/kern.log"] == "refused"
    assert states["/sys/fs/pstore"] == "refused"
    assert states["/var/crash/202611240538/dmesg.202611240538"] == "taken"
    assert states["/var/lib/systemd/pstore/1795498691/dmesg.txt"] == "taken"
    assert verify(home / "case/evidence").good


def test_the_page_has_every_collector_and_field():
    page = PAGE.read_text()
    table = page.split("### What it takes")[1].split("\n\n")[1]
    named = {name for row in table.splitlines() for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])}
    assert named == {collector.id for collector in (*all_collectors()[0], live_kernel(machine_text))}
    for part, struct in (("## The manifest", Evidence), ("## JSON", Capture)):
        rows = page.split(part)[1].split("\n## ")[0]
        fields = set(re.findall(r"^\| `(\w+)` \|", rows, re.M))
        assert fields == {field.name for field in msgspec.structs.fields(struct)}


def test_killed_before_it_took_anything_the_case_is_good(tree, tmp_path, monkeypatch):
    """case.toml is there only when there is a manifest to verify."""
    monkeypatch.setattr("lastwords.host.capture.secure", lambda *_arguments, **_options: 1 / 0)
    assert isinstance(run("--root", tree, "--to", tmp_path / "case").exception, ZeroDivisionError)
    assert CliRunner().invoke(cli, ["case", "verify", str(tmp_path / "case")]).exit_code == 0
    monkeypatch.setattr("lastwords.case.store.make_case", lambda *_arguments, **_options: 1 / 0)
    assert isinstance(run("--root", tree, "--to", tmp_path / "other").exception, ZeroDivisionError)
    assert not (tmp_path / "other/case.toml").exists()
    assert verify(tmp_path / "other/evidence").good
