"""The lines of a log that a report shows beside what it claims: those around the crash, and the first signs of it."""

from collections.abc import Iterable, Iterator, Sequence

from lastwords.model import LogLine, Oops, Precursor, Record

from .wall_clock import WallClock

BEFORE = 40
"""Lines before the first oops."""
BEHIND = 6
"""Lines behind an oops."""
LONGEST = 240
"""Lines of the first oops at most; of a later one a quarter. Where it is longer, its end is left out."""
AT_MOST = 500
"""Lines in all."""
WIDEST = 1000
"""Characters of a line."""


def excerpt(
    oopses: Sequence[Oops], precursors: Sequence[Precursor], records: Sequence[Record], wall: WallClock | None = None
) -> tuple[LogLine, ...]:
    """Choose the lines.

    Args:
        oopses: of the log, in its order.
        precursors: of the first one.
        records: of the log, as far as they are at hand, in its order.
        wall: reads the records' stamps of the wall clock.
    """
    wanted: set[int] = set()
    at_hand = {record.line: place for place, record in enumerate(records)}
    for place in _places(oopses, precursors, at_hand):
        if len(wanted) >= AT_MOST:
            break
        if 0 <= place < len(records):
            wanted.add(place)
    return tuple(_line(records[place], wall) for place in sorted(wanted))


def _places(oopses: Sequence[Oops], precursors: Sequence[Precursor], at_hand: dict[int, int]) -> Iterator[int]:
    """Places of records, the most wanted first."""
    for number, oops in enumerate(oopses):
        start = at_hand.get(oops.line)
        if start is None:
            continue
        if not number:
            yield from _of_precursors(precursors, at_hand)
        end = at_hand.get(oops.last_line, start)
        yield from range(start, min(end, start + (LONGEST // 4 if number else LONGEST)) + 1)
        yield from range(end, end + BEHIND + 1)
        if not number:
            yield from range(start - 1, start - BEFORE - 1, -1)


def _of_precursors(precursors: Iterable[Precursor], at_hand: dict[int, int]) -> Iterator[int]:
    for precursor in precursors:
        yield from (at_hand[line] for line in (precursor.line, precursor.last_line) if line in at_hand)


def _line(record: Record, wall: WallClock | None) -> LogLine:
    text = record.text if len(record.text) <= WIDEST else record.text[:WIDEST] + "…"
    return LogLine(
        line=record.line, text=text, time=record.time, clock=wall.at(record.wall) if wall else None, level=record.level
    )
