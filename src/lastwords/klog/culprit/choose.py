"""Which function a report points at."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from lastwords.model import Frame

from ..body import Draft, TraceDraft
from ..catalogue import Kind
from .entry_point import DISPATCHERS, entry_point
from .never import entry, never_to_blame, plain


class Culprit(NamedTuple):
    """A function to blame: its plain name, and its frame where it stands on a trace."""

    function: str
    frame: Frame | None = None


@lru_cache(maxsize=256)
def _extra(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def blameable(function: str, kind: Kind) -> bool:
    """Whether this function may be to blame in a crash of this kind."""
    return possible(function, kind) and not entry(function)


def possible(function: str, kind: Kind) -> bool:
    """The same, ways into the kernel included."""
    return not never_to_blame(function) and not (kind.never and _extra(kind.never).fullmatch(function))


def main_traces(draft: Draft) -> Iterator[TraceDraft]:
    """The traces of the crash itself, not those of where an object was allocated or of other tasks."""
    return (trace for trace in draft.traces if trace.role == "main")


def reliable(frames: Sequence[Frame]) -> list[Frame]:
    """The frames that the unwinder vouches for."""
    return [frame for frame in frames if frame.reliable and not frame.inline]


def choose(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    """The function to blame, looked for where the kind's entry says, or None.

    Args:
        kind: the catalogue entry.
        draft: the report.
        groups: groups of the headline, `also` of the lines behind it.
    """
    for place in kind.where:
        culprit = _PLACES[place](kind, draft, groups, also)
        if culprit is not None:
            return culprit
    return None


def _from_group(kind: Kind, draft: Draft, function: str | None) -> Culprit | None:
    if not function:
        return None
    name = plain(function.partition("+")[0])
    if not name or not blameable(name, kind):
        return None
    frame = next((f for t in main_traces(draft) for f in t.frames if plain(f.function) == name), None)
    return Culprit(name, frame or _frame_of_location(draft, name))


def _headline(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    return _from_group(kind, draft, groups.get("function"))


def _also(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    return _from_group(kind, draft, also.get("function"))


def _instruction(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    location = draft.location
    if location is None or draft.registers.user or not location.function:
        return None
    return _from_group(kind, draft, location.function)


def _frame_of_location(draft: Draft, name: str) -> Frame | None:
    """The instruction pointer as a frame, where it stands in this function: x86 leaves it out of the trace."""
    location = draft.location
    if location is None or plain(location.function) != name:
        return None
    return Frame(location.function, 0, location.offset, location.size, location.module or "", address=location.address)


def _first(frames: Sequence[Frame], kind: Kind) -> Culprit | None:
    """The innermost reliable frame to blame; where there is none, the way into the kernel.

    Not an inlined one: only decoded logs show those, and a crash has the same title decoded or not.
    """
    last_resort = None
    for frame in frames:
        if not frame.reliable or frame.inline:
            continue
        name = plain(frame.function)
        if not possible(name, kind):
            continue
        if not entry(name):
            return Culprit(name, frame)
        if last_resort is None:
            last_resort = Culprit(name, frame)
    return last_resort


def _trace(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    if draft.strays:
        return None  # Frames of two traces, and nothing that tells them apart.
    for trace in main_traces(draft):
        if any(frame.reliable for frame in trace.frames):
            return _first(trace.frames, kind)
    return None


def _origin(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    for trace in draft.traces:
        if trace.role == "owner":
            return _first(trace.frames, kind)
    return None


# What a watchdog's own timer interrupt leaves on top of the stack that it wants to show.
_TICK = re.compile(
    r"update_process_times|tick_sched_(?:handle|timer)|tick_nohz_handler|watchdog_timer_fn|rcu_sched_clock_irq|rcu_check_callbacks"
)
_INTERRUPT_ENTRY = re.compile(
    r"(?:smp_)?(?:trace_)?apic_timer_interrupt(?:_entry\w*)?|asm_sysvec_\w+|smp_\w+_interrupt_entry_\w+|el1_irq|el1h_64_irq|__irq_svc"
    r"|ret_from_(?:intr|exception)|decrementer_common\w*|handle_riscv_irq"
)


def _interrupted(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames below the timer interrupt in which the stall was found."""
    for index, frame in enumerate(frames[:60]):
        if _TICK.fullmatch(plain(frame.function)):
            behind = [i for i, f in enumerate(frames[index:], index) if _INTERRUPT_ENTRY.fullmatch(plain(f.function))]
            if behind:
                first = behind[0]
                while first + 1 < len(frames) and _INTERRUPT_ENTRY.fullmatch(plain(frames[first + 1].function)):
                    first += 1
                return frames[first + 1 :]
            return frames[index + 1 :]
    return frames


def _entry(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    location = draft.location
    start = []
    if location is not None and location.function and not draft.registers.user:
        start = [Frame(location.function, 0, location.offset, location.size, location.module or "")]
    traces = list(main_traces(draft))
    if draft.starved and not draft.stalled_cpus:
        # Nobody got the CPU. A task that lost it in the midst of a loop was interrupted there; one that gave it up at
        # a preemption point was making progress, and only waits like all others.
        traces = [
            t for t in traces if any(f.reliable and _INTERRUPT_ENTRY.fullmatch(plain(f.function)) for f in t.frames)
        ]
    stalled = [t for t in traces if (t.cpu is not None and t.cpu in draft.stalled_cpus) or t.pid in draft.stalled_tasks]
    for trace in stalled or traces:
        frames = reliable(trace.frames)
        if not frames:
            continue
        below = _interrupted(frames)
        if len(below) == len(frames):
            below = [*start, *frames]
        candidates = [f for f in below if not never_to_blame(name := plain(f.function)) or DISPATCHERS.fullmatch(name)]
        point = entry_point([plain(f.function) for f in candidates])
        if point is not None:
            return Culprit(point, next(f for f in candidates if plain(f.function) == point))
        return _first(below, kind)
    return None


_PLACES = {
    "headline": _headline,
    "instruction": _instruction,
    "also": _also,
    "trace": _trace,
    "entry": _entry,
    "origin": _origin,
}
