"""What had been recorded before the crash, as rules and answers ask for it: errors, load, boots that vanished."""

from collections.abc import Iterator
from datetime import UTC, datetime

from lastwords.glossary.clock import utc
from lastwords.glossary.units import duration, size
from lastwords.model import Answer, Fact, Facts, HardwareError, Reboot, Sample

from .crash import Crash

_SAMPLES_BEFORE = 7200.0
"""Seconds before the crash that a sample may be old; sysstat takes one every ten minutes."""


def crash_time(crash: Crash) -> float | None:
    """When it crashed, in seconds since the epoch, where dump, boot records or the log tell."""
    check = crash.facts.dump
    if check is not None and check.dump is not None and check.dump.crash_time:
        return check.dump.crash_time
    told = next((boot.ended for boot in reversed(crash.facts.reboots) if boot.ending == "crash"), None)
    return utc(crash.oops.clock) if told is None and crash.oops is not None else told


def vanished(facts: Facts) -> tuple[Reboot, ...]:
    """Boots that ended without a shutdown and without a crash record, the oldest first."""
    return tuple(boot for boot in facts.reboots if boot.ending == "vanished")


def recorded(error: HardwareError) -> Fact:
    """A recorded error as a piece of evidence."""
    times = f" ({error.count} times)" if error.count > 1 else ""
    return Fact(text=f"{error.source}, {clock(error.time, error.zone)}: {error.text}{times}", path=error.path)


def clock(time: float | None, zone: bool) -> str:
    """A point in time as the source knew it."""
    if time is None or not 0 <= time < 1 << 33:
        return "at a time not told"
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}{' UTC' if zone else ' by its clock'}"


def load_before(crash: Crash) -> Iterator[Answer]:
    """The last sample of sar before the crash, and what stands out in it."""
    at = crash_time(crash)
    known = [sample for sample in crash.facts.samples if sample.zone or at is None]
    near = [sample for sample in known if at is None or at - _SAMPLES_BEFORE <= sample.time <= at]
    if not near:
        return
    last = near[-1]
    when = f"{duration(at - last.time)} before the crash" if at is not None else clock(last.time, last.zone)
    parts = list(_parts(last))
    if parts:
        fact = Fact(text=f"sample of {clock(last.time, last.zone)}", path=last.path)
        yield Answer(text=f"sar, {when}: {', '.join(parts)}.", topic="load before", evidence=(fact,))


def _parts(sample: Sample) -> Iterator[str]:
    if sample.idle is not None:
        yield f"CPUs {100 - sample.idle:.0f} % busy"
    if sample.iowait is not None and sample.iowait >= 10:
        yield f"{sample.iowait:.0f} % waiting for I/O"
    if sample.steal is not None and sample.steal >= 5:
        yield f"{sample.steal:.0f} % stolen by the hypervisor"
    if sample.load_1 is not None:
        yield f"load {sample.load_1:.1f}"
    if sample.blocked:
        yield f"{sample.blocked} tasks blocked"
    if sample.memory_available is not None:
        yield f"{size(sample.memory_available)} of memory available"
    elif sample.memory_used is not None:
        yield f"memory {sample.memory_used:.0f} % used"
    if sample.swap_used is not None and sample.swap_used >= 10:
        yield f"swap {sample.swap_used:.0f} % used"
    if sample.busiest_disk is not None and sample.disk_busy is not None and sample.disk_busy >= 50:
        yield f"disk {sample.busiest_disk} {sample.disk_busy:.0f} % busy"
