"""The lines that a report shows: the crash, what came right before, and the first signs, however far back."""

from lastwords.klog.excerpt import AT_MOST, BEFORE, BEHIND, WIDEST, excerpt
from lastwords.model import Oops, Precursor, Record

LOG = [Record(line=n, text=f"message {n}", time=n / 10, level=6) for n in range(1, 2001)]


def oops(line: int, last_line: int) -> Oops:
    return Oops(
        title="BUG", kind="bug", family="bug", line=line, last_line=last_line, message="BUG", intact=True, path="a"
    )


def sign(line: int, last_line: int) -> Precursor:
    return Precursor(
        reason="burst", text="x", count=9, line=line, last_line=last_line, seconds_before=1.0, why="it is new"
    )


def lines(*oopses: Oops, signs: tuple[Precursor, ...] = (), records: list[Record] = LOG) -> list[int]:
    return [each.line for each in excerpt(oopses, signs, records)]


def test_the_crash_and_its_surroundings():
    assert lines(oops(1000, 1050)) == list(range(1000 - BEFORE, 1050 + BEHIND + 1))


def test_the_first_signs_however_far_back():
    assert lines(oops(1000, 1050), signs=(sign(3, 700),))[:3] == [3, 700, 1000 - BEFORE]


def test_the_end_of_a_long_report_is_there():
    found = lines(oops(100, 1900))
    assert {100, 1900} <= set(found)
    assert len(found) < AT_MOST


def test_many_reports_stay_few_lines():
    found = excerpt([oops(n, n + 8) for n in range(1, 1900, 10)], (), LOG)
    assert len(found) == AT_MOST
    assert [line.line for line in found] == sorted({line.line for line in found})


def test_lines_keep_their_time_and_are_cut():
    record = Record(line=7, text="x" * 5000, time=1.5, level=3)
    (line,) = excerpt([oops(7, 7)], (), [record])
    assert (line.line, line.time, line.level, len(line.text)) == (7, 1.5, 3, WIDEST + 1)


def test_a_quiet_log_has_none():
    assert excerpt((), (), LOG) == ()
