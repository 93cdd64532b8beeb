"""When the child that reads a dump is started before anybody has asked."""

import os

import pytest

from lastwords.vmcore import ahead

ELF_CORE = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\x00"
ELF_PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00"


@pytest.fixture
def started(monkeypatch):
    asked = []
    monkeypatch.setattr(ahead, "started_ahead", lambda function, imports: asked.append(function))
    return asked


@pytest.mark.parametrize(
    ("head", "promising"),
    [
        (b"KDUMP   \x06\x00\x00\x00", True),
        (b"makedumpfile\x00\x00\x00", True),
        (ELF_CORE, True),
        (ELF_PROGRAM, False),
        (b"\x7fELF", False),
        (b"[    0.000000] Linux version 6.1", False),
        (b"", False),
    ],
)
def test_only_what_begins_as_a_dump_starts_it(tmp_path, started, head, promising):
    dump = tmp_path / "file"
    dump.write_bytes(head)
    ahead.reading_ahead([str(tmp_path / "dmesg.txt"), str(dump)])
    ahead.reading_ahead([str(tmp_path)])
    assert len(started) == (2 if promising else 0)


def test_what_could_block_or_is_not_there_is_not_opened(tmp_path, started):
    os.mkfifo(tmp_path / "pipe")
    ahead.reading_ahead(["-", "no\0name", str(tmp_path / "none"), str(tmp_path), str(tmp_path / "pipe")])
    assert not started
