"""What rasdaemon, mcelog, the BMC and EDAC had recorded around the crash."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.recorded import crash_time, recorded
from lastwords.diagnosis.rule import rule
from lastwords.glossary.units import duration
from lastwords.model import ErrorKind, Finding, HardwareError, NextStep

_BEFORE = 3600.0
_NEAR = 600.0
_AFTER = 180.0
"""Seconds after the crash: firmware writes down what stopped the machine when it comes to it."""
_DAY = 86400.0
_MANY = 10
"""Corrected errors of one part within a day: some a month are normal, many are the beginning of an end."""

_PARTS: dict[ErrorKind, str] = {
    "memory": "memory",
    "cpu": "the processor",
    "pcie": "a PCI Express device or its link",
    "cxl": "CXL memory",
    "temperature": "the temperature",
    "voltage": "a voltage",
}

_EXCHANGE = NextStep(
    text="Exchange the part that the records name, or move it to another slot and see which of the two the errors follow.",
    value=0.7,
)
_MEMTEST = NextStep(text="Test the memory from its own boot, for a night: memtest86+.", command="memtest86+", value=0.6)


@rule(
    "recorded-error",
    "a grave hardware error in the records of the machine's watchers, around the crash",
    why="rasdaemon, the BMC and mcelog see errors that the kernel's log need not have.",
    sure="probable within ten minutes of the crash, less so within an hour, or where the clocks can't be compared",
)
def recorded_error(crash: Crash) -> Iterator[Finding]:
    """Errors that were not corrected, near the crash; without the crash's time they are a hint."""
    at = crash_time(crash)
    grave = [e for e in crash.facts.hardware_errors if e.severity in ("fatal", "uncorrected") and e.kind in _PARTS]
    near = [e for e in grave if e.time is not None and at is not None and -_AFTER <= at - e.time <= _BEFORE]
    if at is None and grave:
        yield _finding(grave[-1:], 0.4, "at a time that can't be compared with the crash", 0.4)
    if not near or at is None:
        return
    closest = min(near, key=lambda e: abs(at - (e.time or 0.0)))
    gap = at - (closest.time or 0.0)
    confidence = 0.75 if abs(gap) <= _NEAR and closest.zone else 0.55
    side = "before the crash" if gap >= 0 else "after the crash"
    clocks = "" if closest.zone else ", if the clocks agree"
    yield _finding(
        [closest, *(e for e in near if e is not closest)], confidence, f"{duration(abs(gap))} {side}{clocks}", 0.9
    )


def _finding(errors: Sequence[HardwareError], confidence: float, when: str, weight: float) -> Finding:
    first = errors[0]
    label = f" ({first.label})" if first.label else ""
    return Finding(
        id="recorded-error",
        title=f"{first.source} recorded an error of {_PARTS[first.kind]}{label} that was not corrected, {when}",
        text="What crashed may be the victim of failing hardware, whatever the report looks like.",
        confidence=confidence,
        crash_class="hardware",
        evidence=tuple(recorded(error) for error in errors[:5]),
        next=(_EXCHANGE, _MEMTEST) if first.kind == "memory" else (_EXCHANGE,),
        weight=weight,
    )


@rule(
    "corrected-errors",
    "a part whose corrected errors had become many",
    why="Corrected errors harm nothing; many of one part announce one that can't be corrected.",
    sure="a circumstance: it says that the part is failing, not that the crash came of it",
)
def corrected_errors(crash: Crash) -> Iterator[Finding]:
    """Counted by part, in the day before the crash; EDAC's counters have no time and count since boot."""
    at = crash_time(crash)
    counts: dict[tuple[ErrorKind, str], int] = defaultdict(int)
    last: dict[tuple[ErrorKind, str], HardwareError] = {}
    for error in crash.facts.hardware_errors:
        in_time = error.time is None or (at is not None and -_AFTER <= at - error.time <= _DAY)
        if error.severity == "corrected" and error.kind in _PARTS and error.label and in_time:
            counts[error.kind, error.label] += error.count
            last[error.kind, error.label] = error
    for part, count in sorted(counts.items(), key=lambda pair: -pair[1])[:3]:
        if count < _MANY:
            continue
        since = "in the day before the crash" if last[part].time is not None else "since boot"
        yield Finding(
            id="corrected-errors",
            title=f"{count} corrected errors of {_PARTS[part[0]]} ({part[1]}) {since}",
            confidence=0.5,
            evidence=(recorded(last[part]),),
            next=(_EXCHANGE,),
            weight=0.3,
        )
