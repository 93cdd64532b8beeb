"""Points in time on a machine's wall clock, as far as a log tells them.

They are ISO 8601: `2026-11-24T12:34:11Z`, or with another offset; without one where the log does not name the time zone
(syslog, `dmesg -T`); `--11-24T12:34:11` where it does not tell the year either; `T12:34:11` where it has no date.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_CLOCK = re.compile(
    r"(?:(?P<year>[0-9]{4}|-)-(?P<month>[0-9]{2})-(?P<day>[0-9]{2}))?T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?P<fraction>\.[0-9]{1,6})?)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEAP_YEAR = 2000
_DAY = 86400.0
_YEAR = 366 * _DAY
NO_ZONE = "time zone not in the log"


def seconds(clock: str | None) -> float | None:
    """Where a point stands on its log's own scale of seconds, to be compared with others of it; None for no clock."""
    match = _CLOCK.fullmatch(clock) if clock else None
    if match is None:
        return None
    year = int(match["year"]) if match["year"] not in (None, "-") else _LEAP_YEAR
    date = (year, int(match["month"] or 1), int(match["day"] or 1))
    try:
        moment = datetime(
            *date, int(match["hour"]), int(match["minute"]), min(int(match["second"] or 0), 59), tzinfo=UTC
        )
    except ValueError:
        return None
    return (moment - _offset(match["zone"])).timestamp() + float(match["fraction"] or 0)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def apart(before: str | None, after: str | None) -> float | None:
    """Seconds from one point to another of the same log; None where one of them is not told.

    Without a year, December comes before January; without a date, eleven at night before one in the morning.
    """
    first, last = seconds(before), seconds(after)
    if first is None or last is None or before is None or after is None:
        return None
    step = last - first
    turn = _DAY if "T" in (before[0], after[0]) else _YEAR if "-" in (before[0], after[0]) else 0.0
    return step + turn if turn and step < -turn / 2 else step


def utc(clock: str | None) -> float | None:
    """Seconds since the epoch; None where year or time zone are not told."""
    told = clock is not None and clock[:4].isdigit() and re.search(r"(?:Z|[+-][0-9]{2}:[0-9]{2})$", clock[10:])
    return seconds(clock) if told else None


def shown(clock: str) -> str:
    """A point in time for people.

    Example:
        >>> shown("--11-24T12:34:11")
        'Nov 24 12:34:11 (time zone not in the log)'
    """
    return f"{day(clock)} {time_of_day(clock)} {zone(clock)}".strip()


def day(clock: str) -> str:
    """Its date: `2026-11-24`, `Nov 24`; empty where the log has none."""
    match = _CLOCK.fullmatch(clock)
    if match is None or match["month"] is None:
        return ""
    if match["year"] == "-":
        return f"{_MONTHS[(int(match['month']) - 1) % 12]} {int(match['day'])}"
    return f"{match['year']}-{match['month']}-{match['day']}"


def time_of_day(clock: str) -> str:
    """Its time of day: `12:34:11.250`, to the millisecond at most."""
    match = _CLOCK.fullmatch(clock)
    if match is None:
        return clock
    second = f":{match['second']}" if match["second"] else ""
    return f"{match['hour']}:{match['minute']}{second}{(match['fraction'] or '')[:4]}"


def zone(clock: str) -> str:
    """Its time zone: `UTC`, `+01:00`; in brackets that the log names none."""
    match = _CLOCK.fullmatch(clock)
    told = match["zone"] if match is not None else None
    return "UTC" if told in ("Z", "+00:00") else told or f"({NO_ZONE})"


def caption(clocks: Iterable[str | None]) -> str:
    """What holds for all of these points: `Wall clock: Nov 24 (time zone not in the log)`; empty for none."""
    told = [clock for clock in clocks if clock]
    if not told:
        return ""
    days = [each for each in dict.fromkeys(map(day, told)) if each]
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else "".join(days)
    zones = list(dict.fromkeys(map(zone, told)))
    return f"Wall clock: {span} {zones[0] if len(zones) == 1 else ', '.join(zones)}".replace("  ", " ")
