"""The wall clock of syslog daemons, the journal and `dmesg -T`: its stamps, as ISO 8601 as far as they go.

Each writes its own: most without a time zone, syslog's classic one without the year. Nothing is made up: a year is taken
only from a line of the same log that tells it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import structs

from lastwords.glossary.clock import apart, seconds
from lastwords.model import Record

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)"
_ZONE = r"(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})\b)?"
_SPELLINGS = (
    # 2026-11-24T12:34:11.123456+01:00, Mon 2026-11-23 10:00:00 CET
    re.compile(
        rf"(?:[A-Z][a-z]{{2}} )?(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})[T ]{_TIME}{_ZONE}"
    ),
    # Nov 24 12:34:11, Tue Nov 24 12:34:11 2026, Nov24 12:34
    re.compile(
        rf"(?:[A-Z][a-z]{{2}} )?(?P<name>[A-Za-z]{{3}}) ?(?P<day>[ 0-9]?[0-9]) {_TIME}(?: (?P<year>[0-9]{{4}})\b)?{_ZONE}"
    ),
    re.compile(rf"{_TIME}$"),
)
_EPOCH = re.compile(r"[0-9]{9,11}\.[0-9]{6}$")

# Lines of the kernel that tell date and year: drivers/rtc/class.c: rtc_hctosys(), kernel/audit.c.
_DATES = (
    re.compile(r".{0,80}setting system clock to (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ]"),
    re.compile(r"audit: type=[0-9]{1,5} audit\((?P<epoch>[0-9]{9,11})\.[0-9]{3}:"),
)
_LONG_BEFORE = 0.6
"""Of a year: a log's stamps lie less than this before or behind the line that tells the year."""


def iso(wall: str) -> str | None:
    """A stamp as ISO 8601, with what it tells and no more, as `glossary.clock` has it; None where it is none.

    Example:
        >>> iso("Nov 24 12:34:11")
        '--11-24T12:34:11'
    """
    if _EPOCH.match(wall):
        return _from_epoch(float(wall))
    match = next((match for pattern in _SPELLINGS if (match := pattern.match(wall)) is not None), None)
    if match is None:
        return None
    told = match.groupdict()
    hour, _, rest = told["clock"].replace(",", ".").partition(":")
    whole, dot, fraction = rest.partition(".")
    moment = f"T{int(hour):02}:{whole}{dot}{fraction[:6]}{_zone(told.get('zone'))}"
    month = _month(told)
    if month is None:
        return moment if "day" not in told else None
    clock = f"{told['year'] or '-'}-{month:02}-{int(told['day']):02}{moment}"
    return clock if seconds(clock) is not None else None


def _month(told: dict[str, str | None]) -> int | None:
    name, number = told.get("name"), told.get("month")
    if name is not None:
        return _MONTHS.index(name.lower()) + 1 if name.lower() in _MONTHS else None
    return int(number) if number is not None else None


def _zone(zone: str | None) -> str:
    if zone in (None, ""):
        return ""
    if zone in ("Z", "UTC", "GMT"):
        return "Z"
    return f"{zone[:3]}:{zone[-2:]}" if zone else ""


def _from_epoch(moment: float) -> str | None:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (OverflowError, ValueError, OSError):
        return None


class WallClock:
    """The wall clock of one log.

    Args:
        records: what is at hand of it.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._known = next(self._dated(records), None)

    @property
    def dated(self) -> bool:
        """Whether a line told date and year."""
        return self._known is not None

    def at(self, wall: str | None) -> str | None:
        """A stamp of the log, with the year where another line tells it; None for no stamp."""
        clock = iso(wall) if wall else None
        if clock is None or self._known is None or not clock.startswith("--"):
            return clock
        year = int(self._known[:4])
        same = seconds(f"{year}{clock[1:]}")
        told = seconds(self._known)
        if same is None or told is None:
            return clock
        ahead = (same - told) / (366 * 86400)
        year += 1 if ahead < -_LONG_BEFORE else -1 if ahead > _LONG_BEFORE else 0
        return f"{year}{clock[1:]}"

    @staticmethod
    def _dated(records: Iterable[Record]) -> Iterator[str]:
        """Points in time with their year that lines of the log tell."""
        for record in records:
            own = iso(record.wall) if record.wall else None
            if own is not None and own[:4].isdigit():
                yield own
            elif "audit(" in record.text[:32] or "system clock" in record.text[:100]:
                yield from filter(None, (_date(pattern, record.text) for pattern in _DATES))


def _date(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.match(text[:300])
    if match is None:
        return None
    if "date" in match.groupdict():
        clock = f"{match['date']}T00:00:00"
        return clock if seconds(clock) is not None else None
    return _from_epoch(float(match["epoch"]))


_NOT_BOOTING = 1e6
"""What stands for the seconds since a boot of which the log has no beginning."""


def timed(records: Sequence[Record], began: bool) -> list[Record]:
    """The records with the wall clock in the place of the kernel's, which none of them has.

    Args:
        records: of one boot, in order.
        began: the first of them is the first of the boot.

    Returns:
        Copies whose `time` are seconds since the first of them, or since long before it.
    """
    first: str | None = None
    last, result = 0.0 if began else _NOT_BOOTING, list[Record]()
    start = last
    for record in records:
        clock = iso(record.wall) if record.wall else None
        first = first or clock
        step = apart(first, clock)
        last = max(last, start + step) if step is not None else last
        result.append(structs.replace(record, time=last if first is not None else None))
    return result
