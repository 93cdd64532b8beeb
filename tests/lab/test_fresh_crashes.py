"""The command: QEMU runs, the log names the crash, the dump is one. What dumps say is in test_dumps.py."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.lab import command
from lastwords.lab import case

from .test_recorded_logs import first_oops

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


def lab(*args: str) -> dict[str, object]:
    done = CliRunner().invoke(command, ["run", *args, "--json"])
    assert done.exit_code == 0, done.output
    outcome: dict[str, object] = json.loads(done.stdout)
    return outcome


def start(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


@pytest.mark.parametrize("name", ["storage-mod"])
def test_crash_and_elf_dump(name, tmp_path):
    log, dump = tmp_path / "log", tmp_path / "vmcore"
    outcome = lab(name, "--log", str(log), "--dump", str(dump))
    assert first_oops(log) == case(name).answer
    assert start(dump, 4) == b"\x7fELF"
    assert dump.stat().st_size > case(name).memory << 20
    assert start(Path(str(outcome["module"])), 4) == b"\x7fELF"
    assert b"OSRELEASE=" + str(outcome["release"]).encode() in dump.read_bytes()


def test_crash_without_initramfs(tmp_path):
    log = tmp_path / "log"
    lab("no-root", "--log", str(log))
    found, known = first_oops(log), case("no-root").answer
    # Not the function: READER_IS_WRONG in test_recorded_logs.py says why.
    assert (found.kind, found.title) == (known.kind, known.title)
