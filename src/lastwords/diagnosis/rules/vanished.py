"""Boots that ended without a word: no shutdown, no crash record."""

from collections.abc import Iterator
from posixpath import basename

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.recorded import clock, vanished
from lastwords.diagnosis.rule import rule
from lastwords.model import CrashClass, ErrorKind, Fact, Finding, NextStep

# What the event that explains an end comes down to, and how sure that is.
_CLASSES: dict[ErrorKind, tuple[CrashClass, float]] = {
    "watchdog": ("lockup", 0.6),
    "power": ("hardware", 0.6),
    "cpu": ("hardware", 0.75),
    "memory": ("hardware", 0.75),
    "pcie": ("hardware", 0.7),
    "temperature": ("hardware", 0.7),
    "chassis": ("deliberate", 0.5),
}

_SEL = NextStep(
    text="Read the BMC's event log: it keeps power, watchdog and processor errors.",
    command="ipmitool sel elist",
    phase="immediate",
    value=0.8,
)
_READY = NextStep(
    text="Get the machine ready to leave a dump or a log at the next crash.",
    command="lastwords doctor",
    phase="immediate",
    value=0.7,
)
_HOST = NextStep(
    text="Of a virtual machine the host knows the rest: QEMU's or libvirt's log, a triple fault, the OOM killer of the host.",
    value=0.5,
)


@rule(
    "vanished",
    "a boot that ended without a shutdown and without a crash record",
    why="Power, a reset, a watchdog or a triple fault leave nothing in the kernel's log; other records may know.",
    sure="certain that it vanished, where wtmp is whole; why is as sure as the BMC's clock",
)
def vanished_boots(crash: Crash) -> Iterator[Finding]:
    """The last such boot; beside a crash that did leave a report, only a circumstance."""
    gone = vanished(crash.facts)
    if not gone:
        return
    last = gone[-1]
    reported = crash.oops is not None or crash.machine is not None
    crash_class, confidence = _CLASSES.get(last.cause, (None, 0.9)) if last.cause else (None, 0.9)
    often = f"; {len(gone)} of {len(crash.facts.reboots)} recorded boots ended so" if len(gone) > 1 else ""
    began = clock(last.started, last.zone)
    yield Finding(
        id="vanished",
        title=f"the boot of {began} ended without a shutdown or a crash record{often}",
        text=f"The boot of {began} vanished: {last.explanation or 'nothing is known of why'}{often}.",
        confidence=confidence,
        crash_class=None if reported else crash_class,
        evidence=tuple(
            Fact(text=f"{basename(path)}: boot of {began}: {last.ending}", path=path)
            for path in (last.path, *last.seen_in)
        ),
        next=(_READY, _HOST) if last.cause else (_SEL, _READY, _HOST),
        weight=0.15 if reported else 0.8,
    )
