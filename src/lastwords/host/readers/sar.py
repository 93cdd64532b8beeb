"""sar's text: what `sar -A` prints, and the daily reports `sarDD`.

    Linux 6.1.0-56-amd64 (db7)      11/24/2026      _x86_64_        (8 CPU)

    12:00:01 AM     CPU     %user     %nice   %system   %iowait    %steal     %idle
    12:10:01 AM     all      3.11      0.00      1.02      0.40      0.00     95.47

Tables come one after the other; a column's name says what stands in it, whatever the version (sysstat's `pr_stats.c`).
The time is local and without its zone.
"""

import re
from collections.abc import Iterable, Iterator

from lastwords.model.history import Sample

from .lines import clock
from .samples import Reading

_BANNER = re.compile(r"Linux \S{1,128}\s{1,8}\(.{0,255}?\)\s{1,8}(\S{8,12})\s{1,8}_")
_DATES = ("%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d")
_ROW = re.compile(r"(\d{2}:\d{2}:\d{2})(?: (AM|PM))?\s{1,40}(\S.{0,2000})")
_MOST_SAMPLES = 5000
_DAY = 86400


def looks_like_sar(lines: Iterable[str]) -> bool:
    """Whether a text is sar's."""
    return any(_BANNER.match(line) for line in lines)


def read_sar(lines: Iterable[str], path: str) -> list[Sample]:
    """The samples of a report, by time.

    Args:
        lines: of the text.
        path: of the evidence.
    """
    midnight: float | None = None
    header: list[str] | None = None
    last = -1
    found: dict[float, Reading] = {}
    for line in lines:
        if match := _BANNER.match(line):
            midnight, header = clock(match[1], *_DATES), None
        elif not (row := _ROW.match(line)):
            header = None
        elif midnight is not None:
            words = row[3].split()
            if not any(word[:1].isdigit() for word in words[1:]):
                header, last = words, -1
                continue
            if header is None:
                continue
            second = _second(row[1], row[2])
            if second < last:  # the last interval of a day ends in the next
                second += _DAY
            last = second
            if len(found) < _MOST_SAMPLES or midnight + second in found:
                found.setdefault(midnight + second, Reading()).row(dict(_cells(header, words)))
    samples = (reading.sample(time, path, zone=False) for time, reading in sorted(found.items()))
    return [sample for sample in samples if sample is not None]


def _cells(header: list[str], words: list[str]) -> Iterator[tuple[str, str]]:
    yield from zip(header, words, strict=False)


def _second(text: str, half: str | None) -> int:
    hour, minute, second = (int(part) for part in text.split(":"))
    if half is not None:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return hour * 3600 + minute * 60 + second
