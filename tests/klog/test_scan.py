from itertools import pairwise
from pathlib import Path

import pytest

from lastwords.klog import scan as scanning
from lastwords.klog.inputs import find
from lastwords.klog.scan import scan, scan_piece

OOPS = """\
[{0:12.6f}] BUG: kernel NULL pointer dereference, address: 0000000000000008
[{0:12.6f}] Oops: 0000 [#1] SMP
[{0:12.6f}] CPU: 0 PID: 100 Comm: first Not tainted 6.1.0 #1
[{0:12.6f}] RIP: 0010:{1}+0x5/0x20
[{0:12.6f}] Call Trace:
[{0:12.6f}]  <TASK>
[{0:12.6f}]  {1}_caller+0x1/0x10
[{0:12.6f}]  </TASK>
[{0:12.6f}] ---[ end trace 0000000000000000 ]---
"""


def healthy(count: int, start: float = 0.0) -> str:
    return "".join(f"[{start + i / 100:12.6f}] usb 1-1: new high-speed USB device number {i}\n" for i in range(count))


def log(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kernel.log"
    path.write_text(text)
    return path


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks so small that a test's log has many of them."""
    monkeypatch.setattr(scanning, "CHUNK", 192 << 10)
    monkeypatch.setattr(scanning, "TAIL", 96 << 10)


def spread(oopses: int, gap: int = 7001) -> tuple[str, list[int]]:
    """A log with crashes at known lines."""
    text, lines = "", list[int]()
    for i in range(oopses):
        text += healthy(gap, i * 1000.0)
        lines.append(text.count("\n") + 1)
        text += OOPS.format(i * 1000.0 + 900, f"culprit_{i}")
    return text + healthy(gap, oopses * 1000.0), lines


def test_line_numbers_and_functions_through_many_chunks(tmp_path, small_chunks):
    text, lines = spread(5)
    [source] = find([str(log(tmp_path, text))])
    found = scan(source)
    assert [o.line for o in found.oopses] == lines
    assert [o.function for o in found.oopses] == [f"culprit_{i}" for i in range(5)]
    assert all(o.intact for o in found.oopses)
    assert (found.lines, found.size, found.format) == (text.count("\n"), len(text), "dmesg")


@pytest.mark.parametrize("shift", range(0, 600, 61))
def test_a_report_across_the_end_of_a_chunk(tmp_path, small_chunks, shift):
    begin = scanning.CHUNK - scanning.TAIL - 300 - shift
    before = healthy(begin // 68)
    text = before + OOPS.format(999.0, "culprit") + healthy(9000, 1000.0)
    [source] = find([str(log(tmp_path, text))])
    found = scan(source)
    assert [(o.function, o.line, o.intact) for o in found.oopses] == [("culprit", before.count("\n") + 1, True)]


def test_small_and_large_logs_say_the_same(tmp_path, small_chunks):
    text = OOPS.format(5.0, "culprit") + healthy(50, 6.0)
    [small] = find([str(log(tmp_path, text))])
    one = scan(small).oopses
    [large] = find([str(log(tmp_path, text + healthy(20000, 7.0)))])
    assert scan(large).oopses == one


def test_no_newline_at_the_end(tmp_path, small_chunks):
    text = healthy(9000).rstrip("\n")
    [source] = find([str(log(tmp_path, text))])
    assert scan(source).lines == 9000


def test_a_line_of_many_megabytes(tmp_path, small_chunks):
    text = healthy(10) + "x" * (3 << 20) + "\n" + OOPS.format(7.0, "culprit") + healthy(10, 8.0)
    [source] = find([str(log(tmp_path, text))])
    assert [o.function for o in scan(source).oopses] == ["culprit"]


def test_pieces_add_up_to_the_whole(tmp_path, small_chunks):
    text, lines = spread(4, 3001)
    path = log(tmp_path, text)
    cuts = [0, 1, len(text) // 3, len(text) // 2 + 17, len(text)]
    # One cut goes right through a report.
    cuts = sorted([*cuts, text.index("culprit_2") + 3])
    found, before, size = list[int](), 0, 0
    for begin, end in pairwise(cuts):
        piece = scan_piece(path, begin, end)
        found += [o.line + before for o in piece.oopses]
        before += piece.lines
        size += piece.size
    assert (found, before, size) == (lines, text.count("\n"), len(text))


def test_a_missing_file_is_an_error_not_an_exception(tmp_path):
    piece = scan_piece(tmp_path / "gone.log", 0, 10)
    assert piece.error is not None
    assert "No such file" in piece.error


def test_boots_and_what_follows(tmp_path):
    banner = "[    0.000000] Linux version 6.1.0 (gcc) #1 SMP\n"
    text = banner + OOPS.format(5.0, "one") + OOPS.format(6.0, "two") + banner + OOPS.format(5.0, "three")
    [source] = find([str(log(tmp_path, text))])
    assert [(o.function, o.boot, o.follows) for o in scan(source).oopses] == [
        ("one", 1, None),
        ("two", 1, 0),
        ("three", 2, None),
    ]
