import os
from pathlib import Path

import pytest

from lastwords.lab.dump import reassembled
from lastwords.lab.errors import LabError
from lastwords.lab.machine import Machine, accelerator
from lastwords.lab.record import record

# Stands for QEMU: prints what a guest would, and stays, or ends with a complaint.
FAKE = """#!/bin/sh
for word; do case "$word" in file:*) console=${word#file:};; esac; done
printf '%s' "$FAKE_CONSOLE" > "$console"
if [ -n "$FAKE_ERROR" ]; then echo "$FAKE_ERROR" >&2; exit 1; fi
if [ -n "$FAKE_END" ]; then exit 0; fi
exec sleep 60
"""


@pytest.fixture
def fake_qemu(tmp_path, monkeypatch):
    program = tmp_path / "qemu"
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setattr("lastwords.lab.machine.QEMU", str(program))
    monkeypatch.setattr("lastwords.lab.machine.accelerator", lambda: "tcg")
    for name in ("FAKE_CONSOLE", "FAKE_ERROR", "FAKE_END"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def machine(tmp_path: Path) -> Machine:
    return Machine(Path("/boot/none"), b"", tmp_path / "console")


def test_sees_the_console_and_ends_with_the_block(tmp_path, fake_qemu):
    fake_qemu.setenv("FAKE_CONSOLE", "[ 1.0] Kernel panic - not syncing: x")
    with machine(tmp_path) as guest:
        assert guest.wait_for("not syncing", 10)
        assert not guest.wait_for("never said", 0.3)
        process = guest._process
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_guest_that_switches_itself_off(tmp_path, fake_qemu):
    fake_qemu.setenv("FAKE_END", "1")
    with machine(tmp_path) as guest:
        assert guest.wait_for_end(10)
        assert not guest.wait_for("never said", 10)


def test_qemu_that_fails_says_why(tmp_path, fake_qemu):
    fake_qemu.setenv("FAKE_ERROR", "could not load kernel")
    with machine(tmp_path) as guest, pytest.raises(LabError, match="status 1: could not load kernel"):
        guest.wait_for("x", 10)


def test_no_monitor_is_one_line(tmp_path, fake_qemu):
    with machine(tmp_path) as guest, pytest.raises(LabError, match="does not answer"):
        guest.qmp("stop")


def test_unusable_kvm_is_not_used(tmp_path, monkeypatch):
    broken = tmp_path / "qemu"
    broken.write_text("#!/bin/sh\nexit 134\n")
    broken.chmod(0o755)
    monkeypatch.setattr("lastwords.lab.machine.QEMU", str(broken))
    monkeypatch.setattr(Path, "exists", lambda self: True)
    accelerator.cache_clear()
    assert accelerator() == "tcg"
    accelerator.cache_clear()


def test_log_has_plain_line_ends(tmp_path):
    (tmp_path / "console").write_bytes(b"a\r\nb\x1b[0m\r\nc")
    record(tmp_path / "console", tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b"a\nb\x1b[0m\nc\n"


def test_disk_without_a_dump(tmp_path):
    (tmp_path / "disk").write_bytes(bytes(4096))
    with pytest.raises(LabError, match="wrote no dump"):
        reassembled(tmp_path / "disk", tmp_path / "vmcore")
