"""One log read for a report: what scan finds, with the boots, what came before and what is missing."""

from pathlib import Path

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.read import read
from lastwords.klog.scan import SMALL, scan

from .machine import BOOT, CRASH, TITLE, quiet, reading, stamped, write


def test_small_log(tmp_path: Path) -> None:
    lines = stamped(BOOT, 0) + stamped(CRASH, 500)
    path = write(tmp_path / "log", lines)
    found = reading(path)
    assert found.error is None
    assert found.log is not None
    assert (found.log.path, found.log.format, found.log.lines, found.log.warning) == (
        str(path),
        "dmesg",
        len(lines),
        None,
    )
    assert found.oopses[0].path == str(path)
    assert [record.line for record in found.records] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("filler", [0, 3 * SMALL, 40 * SMALL])
def test_as_scan_finds_it(tmp_path: Path, filler: int) -> None:
    """Whatever the size of the log; and the records at hand hold each report as a whole."""
    lines = stamped(BOOT, 0) + stamped(CRASH, 500) + quiet(600, 600 + filler) + stamped(CRASH, 700 + filler)
    path = write(tmp_path / "log", lines)
    (source,) = find([str(path)])
    log, found, records, _, _ = read(source)
    assert log is not None
    oopses = scan(source).oopses
    assert [oops.path for oops in found] == [str(path)] * len(oopses)
    assert [(o.title, o.line, o.boot, o.follows) for o in found] == [
        (o.title, o.line, o.boot, o.follows) for o in oopses
    ]
    by_line = {record.line: record for record in records}
    assert list(by_line) == sorted(by_line)
    for oops in found:
        for line in range(oops.line, oops.last_line + 1):
            assert by_line[line].text in lines[line - 1]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    (source,) = find([path])
    found = read(source)
    assert (found.log, found.records, found.error) == (None, (), f"{path}: No such file or directory")


def test_progress(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped(BOOT, 0) + quiet(100, 40_000_000, 60))
    (source,) = find([str(path)])
    seen: list[int] = []
    read(source, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


def test_no_crash(tmp_path: Path) -> None:
    found = reading(write(tmp_path / "log", stamped(BOOT, 0)))
    assert found.log is not None
    assert (found.oopses, found.log.precursors) == ((), ())
    assert [gap.kind for gap in found.log.gaps] == ["no-crash"]


def test_crash_across_the_end_of_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a chunk ends, each crash is found once."""
    monkeypatch.setattr("lastwords.klog.scan.CHUNK", 300_000)
    monkeypatch.setattr("lastwords.klog.scan.TAIL", 60_000)
    lines = stamped(BOOT, 0)
    for n in range(12):
        lines += quiet(n * 100_000 + 100, n * 100_000 + 90_000) + stamped(CRASH, n * 100_000 + 90_000)
    path = write(tmp_path / "log", lines)
    assert [lines[oops.line - 1].split("] ")[1][:20] for oops in reading(path).oopses if oops.title == TITLE] == [
        "BUG: kernel NULL poi"
    ] * 12
