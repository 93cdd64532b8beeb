"""Who printed which records of a log, by printk's caller ids (CONFIG_PRINTK_CALLER), and when each fell silent.

Without such ids all records are of one voice.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from lastwords.glossary.clock import apart
from lastwords.model import Record

from .wall_clock import iso

SILENCE = 90.0
"""Seconds without a line of its own after which a report is over."""
_OTHERS_MAX = 200_000
"""Records of other CPUs in all: fifty reports of the longest kind."""


class Voices:
    """The records of a log by who printed them. Each question takes one look through all of them, the first time."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._others_left = _OTHERS_MAX

    def of(self, caller: str, first: int, end: int) -> list[Record]:
        """The records of a caller, from position `first` to before `end`."""
        places = self._places.get(caller, [])
        return [
            self._records[place] for place in places[bisect_right(places, first - 1) : bisect_right(places, end - 1)]
        ]

    def other_cpus(self, caller: str, first: int, end: int) -> list[Record]:
        """What CPUs other than `caller` print in between (`C1` is one of them, `T1` a task), one CPU behind the other.

        A log with thousands of reports that overlap would be read thousands of times, so at some point there is none.
        """
        if self._others_left <= 0:
            return []
        window = self._records[first:end]
        found = [record for record in window if record.caller[:1] == "C" and record.caller != caller]
        self._others_left -= len(window)
        return sorted(found, key=lambda record: record.caller)

    def falls_silent(self, start: int, stop: int) -> int:
        """Where the caller of the record at `start` speaks again after a long silence, another kernel does, or `stop`."""
        record = self._records[start]
        if record.time is None:
            following = bisect_right(self._pauses, start) if record.wall else len(self._pauses)
            return min(stop, self._pauses[following]) if following < len(self._pauses) else stop
        for breaks in (self._breaks.get(record.caller, []), [] if record.caller else self._told_apart):
            following = bisect_right(breaks, start)
            stop = min([stop, *breaks[following : following + 1]])
        return stop

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, record in enumerate(self._records):
            places.setdefault(record.caller, []).append(place)
        return places

    @cached_property
    def _breaks(self) -> dict[str, list[int]]:
        """Where a caller's record comes long after the one before it, or, in another boot, long before."""
        last: dict[str, float] = {}
        breaks: dict[str, list[int]] = {}
        for place, record in enumerate(self._records):
            if record.time is None:
                continue
            if abs(record.time - last.get(record.caller, record.time)) > SILENCE:
                breaks.setdefault(record.caller, []).append(place)
            last[record.caller] = record.time
        return breaks

    @cached_property
    def _told_apart(self) -> list[int]:
        """Records with a caller's id: a kernel that prints none did not print them."""
        return sorted(
            place for caller, places in self._places.items() if caller for place in places if self._stamped(place)
        )

    def _stamped(self, place: int) -> bool:
        return self._records[place].time is not None

    @cached_property
    def _pauses(self) -> list[int]:
        """Where, of a log without the kernel's own stamps, a record comes long after the one before it."""
        last, wall, pauses = None, "", list[int]()
        for place, record in enumerate(self._records):
            if record.time is not None or not record.wall or not record.kernel or record.wall == wall:
                continue
            wall, now = record.wall, iso(record.wall)
            if (apart(last, now) or 0.0) > SILENCE:
                pauses.append(place)
            last = now or last
        return pauses
