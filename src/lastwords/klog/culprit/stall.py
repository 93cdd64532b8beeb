"""Whom to blame for a CPU or a task that makes no progress."""

import re
from collections.abc import Iterator, Sequence

from lastwords.model import Frame

from ..draft import Draft, TraceDraft
from .entry_point import DISPATCHERS, entry_point
from .never import entry, never_to_blame, plain

# What a watchdog's own timer interrupt leaves on top of the stack that it wants to show.
_TICK = re.compile(
    r"update_process_times|tick_sched_(?:handle|timer)|tick_(?:nohz_handler|periodic)|watchdog_timer_fn"
    r"|rcu_sched_clock_irq|rcu_check_callbacks"
)
_INTERRUPT_ENTRY = re.compile(
    r"(?:smp_)?(?:trace_)?apic_timer_interrupt(?:_entry\w*)?|asm_sysvec_\w+|asm_common_interrupt|common_interrupt"
    r"|smp_\w+_interrupt_entry_\w+|reschedule_interrupt|call_function_(?:single_)?interrupt"
    r"|el1_irq|el1h_64_irq|__irq_svc|ret_from_(?:intr|exception|irq)|do_irq|handle_riscv_irq"
    r"|(?:decrementer|hardware_interrupt|doorbell_super)_common\w*|(?:io|ext)_int_handler|handle_vint"
)


def frames_of_stall(draft: Draft, traces: Sequence[TraceDraft], *, rcu: bool) -> Sequence[Frame]:
    """The frames of the code that makes no progress, innermost first; empty where the report doesn't show them.

    Args:
        draft: the report.
        traces: its main traces.
        rcu: RCU noticed the stall. It shows CPUs and tasks that may be innocent: its own thread, for one.
    """
    for trace in _suspects(draft, traces) if rcu else traces:
        frames = _reliable(trace)
        below = _interrupted(frames, tick_only=not rcu)
        if below:
            return below
        if any(map(_tick, frames)):
            continue  # cut off in the interrupt that looked
        if frames and not (rcu and draft.starved and not draft.stalled_cpus):
            return [*_where_it_stood(draft), *frames]
        # Nobody got the CPU. A task that lost it in the midst of a loop was interrupted there; one that gave it up
        # at a preemption point was making progress, and only waits like all others.
    return ()


def representative(frames: Sequence[Frame]) -> Frame | None:
    """The frame that says how the kernel got where it loops, or None."""
    candidates = [f for f in frames if not never_to_blame(name := plain(f.function)) or DISPATCHERS.fullmatch(name)]
    point = entry_point([plain(f.function) for f in candidates])
    return next((f for f in candidates if plain(f.function) == point), None)


def _suspects(draft: Draft, traces: Sequence[TraceDraft]) -> Iterator[TraceDraft]:
    """Traces in the order in which to look at them; those that an interrupt made first."""
    hogging = [t for t in traces if draft.starved_cpu is not None and t.cpu == draft.starved_cpu]
    waited_for = _named(draft, traces) or traces
    yield from (t for t in (*hogging, *waited_for) if any(_entry(f) for f in _reliable(t)))
    yield from waited_for


def _named(draft: Draft, traces: Sequence[TraceDraft]) -> list[TraceDraft]:
    """Traces of the CPUs and tasks that RCU says it waits for."""
    return [t for t in traces if (t.cpu is not None and t.cpu in draft.stalled_cpus) or t.pid in draft.stalled_tasks]


def _reliable(trace: TraceDraft) -> list[Frame]:
    return [frame for frame in trace.frames if frame.reliable and not frame.inline]


def _entry(frame: Frame) -> bool:
    return _INTERRUPT_ENTRY.fullmatch(plain(frame.function)) is not None


def _tick(frame: Frame) -> bool:
    return _TICK.fullmatch(plain(frame.function)) is not None


def _blameable(frame: Frame) -> bool:
    return not never_to_blame(name := plain(frame.function)) and not entry(name)


def _interrupted(frames: Sequence[Frame], *, tick_only: bool) -> Sequence[Frame]:
    """The frames below the interrupt in which the stall was found, or nothing.

    An RCU stall is found out of an interrupt or an NMI. What an NMI meets in a softirq on top of a task is short-lived
    by design (2 ms, `kernel/softirq.c: MAX_SOFTIRQ_TIME`): the task below is what goes on for seconds.
    """
    tick = next((i for i, frame in enumerate(frames[:60]) if _tick(frame)), None)
    if tick is None and tick_only:
        return ()
    begin = next((i for i in range(tick or 0, len(frames)) if _entry(frames[i])), None)
    if begin is None:
        # Of an architecture whose entry is not known, or cut off above it.
        rest = () if tick is None else frames[tick + 1 :]
        return rest if any(_blameable(frame) for frame in rest) else ()
    end = begin
    while end < len(frames) and _entry(frames[end]):
        end += 1
    return frames[end:]


def _where_it_stood(draft: Draft) -> list[Frame]:
    """The function in the instruction pointer, which no trace repeats."""
    location = draft.location
    if location is None or not location.function or draft.registers.user:
        return []
    return [Frame(location.function, 0, location.offset, location.size, location.module or "")]
