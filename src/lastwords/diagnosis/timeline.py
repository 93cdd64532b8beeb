"""From the first sign to the end, on one line of time."""

from collections.abc import Iterator, Sequence
from typing import Literal

from lastwords.glossary.units import duration
from lastwords.model import Event, Oops

from .crash import Crash
from .story import titled

_A_TICK = 0.02
"""Seconds between two ticks at the most (CONFIG_HZ=100), and as much for the printing."""
_OTHER_BOOT = 120.0
"""Seconds for which no watchdog would let the clock of a kernel stand still."""


def timeline(crash: Crash) -> tuple[Event, ...]:
    """What happened, in order; times are seconds since boot."""
    events = [*_signs(crash), *_reports(crash)]
    # What has no time keeps its place in the log.
    events.sort(key=lambda event: (event.line is None, event.line or 0))
    return (*events, *_dump(crash, events))


def _dump(crash: Crash, events: Sequence[Event]) -> Iterator[Event]:
    """The dump, which comes after all that its log tells.

    Its clock may say otherwise: it stands still from the last tick on (`kernel/time/timekeeping.c`), while printk's
    goes on to the end; a CPU that hangs with interrupts off may have been the one that kept it.
    """
    machine = crash.machine
    if machine is None or machine.uptime is None:
        return
    text = "the running kernel was read" if machine.read_by is not None else "the memory was dumped"
    last = max((event.time for event in events if event.time is not None), default=machine.uptime)
    behind = last - machine.uptime
    if behind > _OTHER_BOOT:
        text += (
            f"; its clock says {duration(machine.uptime)} after boot, {duration(behind)} before the log ends: "
            "is the log of another boot?"
        )
    elif behind > _A_TICK:
        text += f"; its clock had stopped {duration(behind)} before"
    yield Event(kind="dump", text=text, time=max(machine.uptime, last))


def _signs(crash: Crash) -> Iterator[Event]:
    first = next(iter(crash.reports), None)
    for precursor in crash.precursors:
        end = precursor.time
        if end is None and first is not None and first.time is not None and precursor.seconds_before is not None:
            end = first.time - precursor.seconds_before
        path = crash.log.path if crash.log else None
        yield Event(
            kind="sign",
            text=precursor.text,
            time=end,
            clock=precursor.clock,
            count=precursor.count,
            path=path,
            line=precursor.line,
        )


def _reports(crash: Crash) -> Iterator[Event]:
    parts: tuple[tuple[Literal["sign", "oops", "follow-on"], tuple[Oops, ...]], ...]
    parts = (("sign", crash.before), ("oops", (crash.oops,) if crash.oops else ()), ("follow-on", crash.after))
    for kind, oops in ((kind, oops) for kind, reports in parts for oops in reports):
        yield Event(kind=kind, text=titled(oops), time=oops.time, clock=oops.clock, path=oops.path, line=oops.line)
        if oops.panic is not None and oops.panic != oops.message:
            yield Event(
                kind="panic",
                text=oops.panic,
                time=oops.time if oops.panic_time is None else oops.panic_time,
                clock=oops.clock,
                path=oops.path,
                line=oops.panic_line or oops.last_line,
            )
