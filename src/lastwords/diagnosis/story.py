"""The words in which a crash is told: what died, where, doing what."""

from lastwords.glossary.clock import shown
from lastwords.glossary.units import duration
from lastwords.model import Oops

from .crash import Crash
from .recorded import vanished

_CONTEXTS = {
    "hardirq": "in a hardware interrupt",
    "softirq": "in a softirq",
    "nmi": "in an NMI",
}


def opening(crash: Crash) -> str:
    """The first sentence: which kernel gave up over what, and where it was."""
    oops, machine = crash.oops, crash.machine
    if oops is None and machine is None:
        return _listed(crash) or _vanished(crash)
    kernel = f"Linux {crash.release}" if crash.release else "The kernel"
    uptime = _after(crash)
    if oops is None:
        return f"{kernel}{_dumped(crash)}{uptime}."
    told = f"{oops.title}\n{oops.message}"
    ended = f" and panicked ({crash.panic.rstrip(' .')})" if crash.panic and crash.panic not in told else ""
    return f"{kernel} reported “{titled(oops)}”{where(oops)}{uptime}{ended}."


def titled(oops: Oops) -> str:
    """Its title; without the `in corrupted` that stands for a function which the text does not name."""
    return oops.title.removesuffix(" in corrupted") if oops.function is None else oops.title


def _dumped(crash: Crash) -> str:
    """For a machine of which no report is at hand."""
    if crash.panic:
        return f" panicked ({crash.panic})"
    if crash.is_alive:
        return " was read while it ran, with no report of a crash in its log"
    # A log that is lost may well have held one.
    return " was dumped without a report of a crash in its log" if crash.log else " was dumped; its log is lost"


def _listed(crash: Crash) -> str | None:
    """For a machine whose log only has lists of tasks."""
    tasks = [task for task in (crash.log.listed if crash.log else ()) if task.state == "D"]
    if not tasks:
        return None
    count = sum(1 + len(task.alike) for task in tasks)
    kernel = f"Linux {crash.release}" if crash.release else "The kernel"
    times = [task.time for task in tasks if task.time is not None]
    uptime = f", {duration(max(times))} after boot" if times else ""
    return (
        f"{kernel} listed {count:,} blocked task{'s' if count > 1 else ''}{uptime}; no report of a crash is in the log."
    )


def _vanished(crash: Crash) -> str:
    """For a machine that was gone without a word."""
    gone = vanished(crash.facts)
    release = f"Linux {gone[-1].kernel}" if gone and gone[-1].kernel else "A boot of the machine"
    return f"{release} ended without a shutdown, and no log or dump at hand has a crash."


def where(oops: Oops) -> str:
    """` on CPU 0 in a hardware interrupt`, ` on CPU 1 in sh (PID 93)`; empty where nothing is known."""
    cpu = f" on CPU {oops.cpu}" if oops.cpu is not None else ""
    if oops.context in _CONTEXTS:
        return f"{cpu} {_CONTEXTS[oops.context]}"
    if oops.workqueue:
        return f"{cpu} in work of the queue {oops.workqueue}"
    if oops.comm:
        pid = f" (PID {oops.pid})" if oops.pid is not None else ""
        return f"{cpu} in {oops.comm}{pid}"
    return cpu


def _after(crash: Crash) -> str:
    if crash.time is not None:
        return f", {duration(crash.time)} after boot"
    return f", at {shown(crash.oops.clock)}" if crash.oops is not None and crash.oops.clock else ""


def named(function: str | None, module: str | None) -> str:
    """`write_sector() of null_field`, `ip_rcv()`."""
    name = f"{function}()" if function else "code"
    return f"{name} of {module}" if module else name


def several(things: "list[str]", most: int = 4) -> str:
    """`a, b and c`; `a, b, c and 5 more`."""
    if len(things) > most:
        return f"{', '.join(things[:most])} and {len(things) - most} more"
    return " and ".join(filter(None, [", ".join(things[:-1]), things[-1]])) if things else ""
