"""A diagnosis in words: what the written forms of the report, HTML and Markdown, call its parts.

Each function gives plain text, not yet made safe for a terminal or a page.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from lastwords.glossary.clock import apart
from lastwords.glossary.units import duration
from lastwords.model import Culprit, Event, Finding, Verdict

CLASSES = {
    "logic-bug": "a bug in the code",
    "memory-corruption": "memory corruption",
    "hardware": "hardware",
    "deadlock": "a deadlock",
    "lockup": "a lockup",
    "resource-exhaustion": "something ran out",
    "configuration": "configuration or boot",
    "deliberate": "deliberate",
    "hypervisor": "the hypervisor",
    "unknown": "not known",
}


def sureness(confidence: float) -> str:
    """A confidence as a word."""
    for least, word in ((0.9, "almost certain"), (0.8, "quite sure"), (0.6, "probable"), (0.35, "possible")):
        if confidence >= least:
            return word
    return "hardly more than a guess"


def percent(value: float) -> str:
    """A confidence as a number of whole percents, which never says more than 99."""
    return f"{min(max(round(value * 100), 0), 99)} %"


def sure(verdict: Verdict) -> bool:
    """Whether the verdict has a confidence to show; one that names no cause is sure of nothing."""
    return verdict.crash_class != "unknown"


def place(culprit: Culprit) -> str | None:
    """Source file and line."""
    if culprit.file is None:
        return None
    return culprit.file if culprit.line is None else f"{culprit.file}:{culprit.line}"


def member(culprit: Culprit) -> str | None:
    """Object and field: `struct storage_req.desc`."""
    if culprit.object is None:
        return culprit.field
    return culprit.object if culprit.field is None else f"{culprit.object}.{culprit.field}"


_ORIGINS = {
    "in-tree": "part of the kernel (in-tree)",
    "out-of-tree": "out-of-tree",
    "proprietary": "proprietary",
}


def origin(culprit: Culprit) -> str | None:
    """Whose code it is."""
    return _ORIGINS[culprit.origin] if culprit.origin else None


def culprit_facts(culprit: Culprit) -> Iterator[tuple[str, str]]:
    """What is known of a culprit: each fact's name and the fact."""
    facts = (
        ("module", culprit.module),
        ("function", culprit.function),
        ("source", place(culprit)),
        ("object", member(culprit)),
        ("origin", origin(culprit)),
        ("ask", culprit.owner),
    )
    return ((name, value) for name, value in facts if value)


def role(finding: Finding) -> Literal["cause", "part", "circumstance"]:
    """How much of the crash a finding explains."""
    return "cause" if finding.weight >= 0.7 else "part" if finding.weight >= 0.3 else "circumstance"


KINDS: dict[str, str] = {
    "boot": "boot",
    "sign": "sign",
    "oops": "first oops",
    "follow-on": "follow-on",
    "panic": "panic",
    "dump": "dump",
}


def moments(timeline: Sequence[Event]) -> list[float | None]:
    """When each event was, in seconds on one scale: since boot, or by the wall clock where no event has that."""
    times = [event.time for event in timeline]
    if any(time is not None for time in times):
        return times
    first = next((event.clock for event in timeline if event.clock), None)
    return [apart(first, event.clock) for event in timeline]


def crash_time(timeline: Sequence[Event]) -> float | None:
    """The moment that the time line counts from: the first oops, else the panic; on the scale of `moments()`."""
    told = list(zip(timeline, moments(timeline), strict=True))
    kinds = ("oops", "panic")
    return next((time for kind in kinds for event, time in told if event.kind == kind and time is not None), None)


def distance(seconds: float) -> str:
    """A time between two events; below a second as exactly as printk's clock tells.

    Example:
        >>> distance(0.000173)
        '173 µs'
    """
    if seconds >= 1:
        return duration(seconds)
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
