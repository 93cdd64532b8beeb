"""What came before: messages shortly before an oops that are unusual in this log."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lastwords.model import Oops, Precursor, Record

from .headlines import names_event
from .printouts import part_of_a_printout
from .templates import summary, template
from .troubles import FAULT_INJECTION, hardware, of_a_program, told

WINDOW = 600.0
"""Seconds before the oops that are looked at."""
LINES = 3000
"""Lines looked at where the log has no time stamps."""
AT_MOST = 12
_FIRST_TIMES = 5
"""First-time warnings that are given: where there are more, newness says little."""
_BURST = 3
"""Messages of one template that make a burst."""
_BURST_WINDOW = 180.0
_FASTER = 10
"""So many times as often as before is a burst, too."""
_FLOOD = 20
"""Messages without a word of trouble that make a burst."""
_ENOUGH = 200
"""Earlier messages that it takes to say what is normal in this log."""
_BOOT = 60.0
"""Seconds after the start in which everything is said for the first time."""
_CLOSE = 2.0
"""Seconds before the oops in which a message counts also during the boot."""
_INJECTED = 1.0
"""Seconds within which an injected failure may be the cause."""

# How telling a reason is, best first.
_RANK = ("hardware", "burst", "named-by-trace", "first-warning")


class _Group(NamedTuple):
    """Messages of one template in the last minutes, and what is known of it from before."""

    records: Sequence[Record]
    older: int
    older_span: float | None
    history: int

    @property
    def last(self) -> Record:
        return self.records[-1]


def precursors(oops: Oops, records: Sequence[Record]) -> tuple[Precursor, ...]:
    """Unusual messages before an oops, the most telling first.

    Args:
        oops: the first oops of a boot.
        records: what came before it in the same boot, in the order of the file, as far back as is at hand.
    """
    end = next((index for index, record in enumerate(records) if record.line == oops.line), 0)
    before = [r for r in records[:end] if r.kernel and r.text and not r.text.isspace()]
    recent = _recent(oops, before)
    names = _names(oops)
    found = [
        precursor for group in _groups(before, recent) if (precursor := _precursor(group, oops, names)) is not None
    ]
    found.sort(key=lambda p: (_RANK.index(p.reason), -p.last_line))
    first = [p for p in found if p.reason == "first-warning"]
    return tuple([p for p in found if p.reason != "first-warning"][:AT_MOST] + first[:_FIRST_TIMES])[:AT_MOST]


def _recent(oops: Oops, before: Sequence[Record]) -> list[Record]:
    """The messages of the last minutes."""
    if oops.time is None:
        return list(before[-LINES:])
    start = oops.time - WINDOW
    return [r for r in before[-20 * LINES :] if r.time is None or start <= r.time <= oops.time + 1]


def _groups(before: Sequence[Record], recent: Sequence[Record]) -> Iterator[_Group]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in recent:
        if not part_of_a_printout(record.text):
            groups[template(record.text)].append(record)
    older = before[: len(before) - len(recent)]
    counts = Counter(template(record.text) for record in older)
    times = [record.time for record in older if record.time is not None]
    span = times[-1] - times[0] if len(times) > 1 else None
    for name, group in groups.items():
        yield _Group(group, counts[name], span, len(before) - len(group))


def _precursor(group: _Group, oops: Oops, names: frozenset[str]) -> Precursor | None:
    reason = _reason(group, oops, names)
    if reason is None:
        return None
    records = group.records
    return Precursor(
        reason=reason[0],
        text=summary([record.text for record in records]).strip(),
        count=len(records),
        line=records[0].line,
        last_line=records[-1].line,
        seconds_before=_distance(records[-1], oops),
        why=reason[1],
    )


def _reason(group: _Group, oops: Oops, names: frozenset[str]) -> tuple[str, str] | None:
    """Why a group of equal messages stands out, and the sentence that says so; None if it doesn't."""
    text = group.last.text
    if of_a_program(text):
        return None
    distance = _distance(group.last, oops)
    if text.startswith(FAULT_INJECTION):
        injected = distance is not None and distance <= _INJECTED
        return (
            ("first-warning", "A failure was injected on purpose just before: this may be how it was handled.")
            if injected
            else None
        )
    if (trouble := hardware(text)) is not None:
        return "hardware", trouble.why
    if names_event(text):
        return "hardware", "A device or a file system failed for good."
    named = next((name for name in names if _speaks(text, name)), None)
    if (burst := _burst(group, named, distance)) is not None:
        return "burst", burst
    if not _troubled(group):
        return None
    if named is not None:
        return "named-by-trace", f"{named}, which the trace or the crash names, reported trouble before."
    # What a machine says while it boots is new in any log, and the same in every boot.
    young = group.last.time is not None and group.last.time < _BOOT
    if young or group.older or len(group.records) >= _BURST:
        return None
    return "first-warning", "Trouble that this log shows for the first time."


def _troubled(group: _Group) -> bool:
    level = group.last.level
    return told(group.last.text) or (level is not None and level <= 3)


def _burst(group: _Group, named: str | None, distance: float | None) -> str | None:
    """The sentence that says that this is a burst, or None."""
    count = len(group.records)
    troubled = _troubled(group)
    close = _closest(group)
    # While the machine boots, only a burst from whom the crash names counts, and only right before it.
    chatter = not troubled and named is None and group.last.time is not None and group.records[0].time is not None
    if chatter and (group.records[0].time or 0.0) < _BOOT:
        return None
    if close < (_BURST if troubled else _FLOOD) or _booting(group.last, distance if named else None):
        return None
    whose = f" It comes from {named}, which the trace or the crash names." if named else ""
    within = f"{count} times within {_span(group.records)}"
    if not group.older:
        if not troubled and group.history < _ENOUGH:
            return None
        new = ", and never before in this log." if group.history else "."
        return f"{within}{new}{whose}"
    if group.older_span is None or not group.older_span:
        return None
    rate, before = count / WINDOW, group.older / group.older_span
    if count < 2 * _BURST or rate < _FASTER * before:
        return None
    return f"{within}; before that {group.older} times in {group.older_span / 60:.0f} minutes.{whose}"


def _closest(group: _Group) -> int:
    """How many of the group's last messages stand within the time of a burst."""
    end = group.last.time
    if end is None:
        return len(group.records)
    return sum(record.time is None or end - record.time <= _BURST_WINDOW for record in group.records)


def _booting(record: Record, distance: float | None) -> bool:
    """In the first minute everything is said for the first time, and counts only right before the oops."""
    if record.time is None or record.time >= _BOOT:
        return False
    return distance is None or distance > _CLOSE


def _span(group: Sequence[Record]) -> str:
    first, last = group[0].time, group[-1].time
    if first is None or last is None:
        return f"{group[-1].line - group[0].line + 1} lines"
    return f"{last - first:.1f} s"


def _distance(record: Record, oops: Oops) -> float | None:
    if record.time is None or oops.time is None:
        return None
    return round(oops.time - record.time, 6)


_DEVICE = re.compile(
    r"\b(?:[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]|sd[a-z]{1,2}|nvme[0-9]{1,3}|dm-[0-9]{1,4}|md[0-9]{1,4})\b"
)
_GENERIC = frozenset(("core", "common", "main", "lib"))


def _names(oops: Oops) -> frozenset[str]:
    """Modules on the trace and devices in the headline, as messages call them."""
    modules = {frame.module for trace in oops.traces for frame in trace.frames if frame.module and frame.reliable}
    if oops.module:
        modules.add(oops.module)
    names = {name for module in modules for name in (module, module.replace("_", "-"))}
    devices = set(_DEVICE.findall(oops.message[:300]))
    return frozenset(name.casefold() for name in names | devices if len(name) > 2 and name not in _GENERIC)


_WORD = re.compile(r"[^\s()\[\]:,;=<>]{1,64}(?::[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])?")


def _speaks(text: str, name: str) -> bool:
    """Whether a driver or device of this name says this: kernel messages begin with who speaks."""
    for word in _WORD.findall(text[:120].casefold())[:5]:
        if word == name:
            return True
        rest = word.removeprefix(name)
        if rest != word and (rest.isdigit() or rest[0] in "-."):
            return True
    return False
