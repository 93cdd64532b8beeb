"""From the first sign to the end, on one line of time."""

from collections.abc import Iterator
from typing import Literal

from lastwords.model import Event, Oops

from .crash import Crash


def timeline(crash: Crash) -> tuple[Event, ...]:
    """What happened, in order; times are seconds since boot."""
    events = [*_signs(crash), *_reports(crash)]
    # What has no time keeps its place in the log.
    events.sort(key=lambda event: (event.line is None, event.line or 0))
    dumped = crash.machine.uptime if crash.machine else None
    if dumped is not None:
        alive = crash.machine is not None and crash.machine.read_by is not None
        text = "the running kernel was read" if alive else "the memory was dumped"
        events.append(Event(kind="dump", text=text, time=dumped))
    return tuple(events)


def _signs(crash: Crash) -> Iterator[Event]:
    first = next(iter(crash.reports), None)
    for precursor in crash.precursors:
        end = None
        if first is not None and first.time is not None and precursor.seconds_before is not None:
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
        yield Event(kind=kind, text=oops.title, time=oops.time, clock=oops.clock, path=oops.path, line=oops.line)
        if oops.panic is not None and oops.family != "panic":
            yield Event(
                kind="panic", text=oops.panic, time=oops.time, clock=oops.clock, path=oops.path, line=oops.last_line
            )
