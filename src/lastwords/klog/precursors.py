"""What came before: messages shortly before an oops that are unusual in this log."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from lastwords.model import Oops, Precursor, Record

from .headlines import names_event
from .templates import template

WINDOW = 600.0
"""Seconds before the oops that are looked at."""
LINES = 3000
"""Lines looked at where the log has no time stamps."""
AT_MOST = 12
_BURST = 3
"""Messages of one template that make a burst."""
_BURST_WINDOW = 180.0

_HARDWARE = re.compile(
    r"(?:.*\[Hardware Error\]|mce: |EDAC |.*\bAER: |.*\bECC\b|.*Machine check|.*temperature above threshold|NMI: |Uhhuh|"
    r".*(?:I/O error|medium error|failed command|link is (?:slow|down)|hard resetting link|controller is down|DMAR: \[|"
    r"IO_PAGE_FAULT|Corrected error|Uncorrectable|critical temperature|Memory failure))"
)
_TROUBLE = re.compile(
    r"(?i).*\b(?:error|errors|fail(?:ed|s|ure)?|timeout|timed out|abort(?:ed|ing)?|reset(?:ting)?|unable|invalid|corrupt\w*|"
    r"bad|lost|refused|cannot|can't|could not|out of|overflow|underrun|stuck|hung|not respond\w*|unexpected|exception|"
    r"exhausted|denied|unrecoverable|offline|dead|overrun|leak\w*|mismatch)\b"
)
# Told by the fault injection or by a program's crash: loud, and without meaning for the kernel's own.
_NOISE = re.compile(
    r"(?:audit: |kauditd_|traps: |\S+\[\d+\]: segfault at |show_signal|potentially unexpected fatal signal|random: crng)"
)

# How telling a reason is, best first.
_RANK = ("hardware", "burst", "named-by-trace", "first-warning")


def precursors(oops: Oops, records: Sequence[Record]) -> tuple[Precursor, ...]:
    """Unusual messages before an oops, the most telling first.

    Args:
        oops: the first oops of a boot.
        records: what came before it, in the order of the file, as far back as is at hand.
    """
    before = [r for r in records if r.kernel and r.line < oops.line and r.text and not r.text.isspace()]
    recent = _recent(oops, before)
    if not recent:
        return ()
    older = {template(record.text) for record in before[: len(before) - len(recent)]}
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in recent:
        groups[template(record.text)].append(record)
    names = _names(oops)
    found = [
        Precursor(
            reason=reason,
            text=(name if len(group) > 1 else group[-1].text).strip()[:300],
            count=len(group),
            line=group[0].line,
            last_line=group[-1].line,
            seconds_before=_distance(group[-1], oops),
            why=why,
        )
        for name, group in groups.items()
        for reason, why in _reason(name, group, older, names)
    ]
    found.sort(key=lambda p: (_RANK.index(p.reason), -p.last_line))
    return tuple(found[:AT_MOST])


def _recent(oops: Oops, before: Sequence[Record]) -> list[Record]:
    """The messages of the last minutes."""
    if oops.time is None:
        return list(before[-LINES:])
    start = oops.time - WINDOW
    return [r for r in before[-20 * LINES :] if r.time is None or start <= r.time <= oops.time + 1]


def _reason(name: str, group: Sequence[Record], older: Iterable[str], names: frozenset[str]) -> list[tuple[str, str]]:
    """Why a group of equal messages stands out; empty if it doesn't."""
    text = group[-1].text
    if _NOISE.match(text):
        return []
    if _HARDWARE.match(text):
        return [("hardware", "The hardware, or its driver, reported an error.")]
    if names_event(text):
        return [("hardware", "A device or a file system failed for good.")]
    trouble = _TROUBLE.match(text) is not None or any(r.level is not None and r.level <= 3 for r in group)
    named = next((n for n in names if _mentions(text, n)), None)
    if trouble and len(group) >= _BURST and name not in older and _close(group):
        more = f" It comes from {named}, which the trace names." if named else ""
        return [("burst", f"{len(group)} times within {_span(group)}, and never before in this log.{more}")]
    if trouble and named is not None:
        return [("named-by-trace", f"{named} is on the trace, and reported trouble before.")]
    if trouble and name not in older and len(group) < _BURST and not _booting(group[-1]):
        return [("first-warning", "Trouble that this log shows for the first time.")]
    return []


def _booting(record: Record) -> bool:
    """In the first seconds everything is said for the first time."""
    return record.time is not None and record.time < 10


def _close(group: Sequence[Record]) -> bool:
    first, last = group[0].time, group[-1].time
    return first is None or last is None or last - first <= _BURST_WINDOW


def _span(group: Sequence[Record]) -> str:
    first, last = group[0].time, group[-1].time
    if first is None or last is None:
        return f"{group[-1].line - group[0].line + 1} lines"
    return f"{last - first:.1f} s"


def _distance(record: Record, oops: Oops) -> float | None:
    if record.time is None or oops.time is None:
        return None
    return round(oops.time - record.time, 6)


def _names(oops: Oops) -> frozenset[str]:
    """Modules and drivers on the trace, as they call themselves in messages."""
    names = {frame.module for trace in oops.traces for frame in trace.frames if frame.module and frame.reliable}
    if oops.module:
        names.add(oops.module)
    # The kernel writes a module's name with underscores, its messages often have dashes.
    return frozenset(name for module in names for name in (module, module.replace("_", "-")) if len(name) > 2)


def _mentions(text: str, name: str) -> bool:
    position = text.find(name)
    return position >= 0 and not text[position + len(name) : position + len(name) + 1].isalnum()
