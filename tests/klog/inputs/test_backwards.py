"""Logs with the newest line first: stores of logs give them so, and `journalctl -r`."""

import json
from pathlib import Path

import pytest

from lastwords.klog.inputs import backwards, find
from lastwords.klog.inputs.backwards import newest_first
from lastwords.klog.read import read

from .crash import EXPECTED, MESSAGES, PLAIN, content

WALL = "".join(f"Nov 23 10:{n // 60:02}:{n % 60:02} lab kernel: {m.text}\n" for n, m in enumerate(MESSAGES))
FORMS = {
    "dmesg": PLAIN,
    "journalctl -r": WALL,
    "json-lines": "".join(json.dumps({"host": "lab", "message": line}) + "\n" for line in PLAIN.splitlines()),
}


def _turned(text: str) -> str:
    return "".join(line + "\n" for line in reversed(text.splitlines()))


@pytest.mark.parametrize("form", FORMS)
def test_turned_around(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    path.write_text(_turned(FORMS[form]))
    (source,) = find([str(path)])
    reading = read(source)
    assert reading.log is not None
    assert content(reading.oopses[0]) == EXPECTED
    assert [gap.kind for gap in reading.log.gaps][:1] == ["newest-first"]
    assert len(reading.log.boots) == 1


def test_too_large_to_be_turned_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backwards, "MOST", 2000)
    path = tmp_path / "log"
    path.write_text("".join(f"[{1000 - n:5}.000000] usb 1-1: new device\n" for n in range(500)))
    (source,) = find([str(path)])
    log = read(source).log
    assert log is not None
    (gap, *_) = log.gaps
    assert (gap.kind, log.lines) == ("newest-first", 500)
    assert "tac FILE" in gap.advice


def test_logs_in_order_stay(tmp_path: Path) -> None:
    assert not newest_first(PLAIN.encode())
    assert not newest_first(WALL.encode())
    reboots = "".join(f"[{time:5}.000000] text\n" for _ in range(9) for time in (1, 2, 3))
    assert not newest_first(reboots.encode())
    path = tmp_path / "log"
    path.write_text("[    1.000000] text\n" * 100 + PLAIN)
    (source,) = find([str(path)])
    log = read(source).log
    assert log is not None
    assert log.lines == 100 + PLAIN.count("\n")
    assert not [gap for gap in log.gaps if gap.kind == "newest-first"]
