"""Overdue timers: kernel/time/timer.c (the wheel), kernel/time/hrtimer.c."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
import msgspec
from drgn.helpers.linux.list import hlist_for_each_entry
from drgn.helpers.linux.timekeeping import (
    ktime_get_coarse_boottime_ns,
    ktime_get_coarse_clocktai_ns,
    ktime_get_coarse_ns,
    ktime_get_coarse_real_ns,
)
from drgn.helpers.linux.timer import hrtimer_clock_base_for_each

from lastwords.model import Timer

from .clock import find_timekeeper, per_cpu_offsets, uptime
from .fields import Fields
from .lock_names import function_at
from .log import log_records
from .panic import crashing_cpu
from .strings import one_line
from .threads import threads
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_TIMERS = 100_000
_MOST_SHOWN = 1000
_LATE = 1.0
"""Seconds; a timer is often late by a few ticks, and the clock in a dump is one of the last tick."""
_LEVEL_SIZE = 64
_LEVEL_SHIFT = 3
_ARRAY_SHIFT = 22
"""Where a timer's flags tell its bucket in the wheel (include/linux/timer.h: TIMER_ARRAYSHIFT)."""
_NANOSECONDS = 10**9
_NTP_SCALE_SHIFT = 32
_PANIC = "Kernel panic - not syncing: "
_LONGEST = 1 << 62

# kernel/time/hrtimer.c: enum hrtimer_base_type; the second four run in a softirq.
_CLOCKS = (ktime_get_coarse_ns, ktime_get_coarse_real_ns, ktime_get_coarse_boottime_ns, ktime_get_coarse_clocktai_ns)


def overdue_timers(kernel: "Kernel", problems: list[str]) -> tuple[Timer, ...]:
    """Timers that should have fired a second ago or more, the latest first.

    In a machine that panicked the other CPUs stand still, and so do their timers: what became due after the panic
    is not told.
    """
    find_timekeeper(kernel.prog)
    since_panic = _since_panic(kernel)
    age = uptime(kernel)
    found = [
        timer
        for read in (_wheel_timers, _hrtimers)
        for timer in read(kernel, problems)
        # What is later than the machine is old is damaged.
        if timer.late - since_panic >= _LATE and timer.late <= age
    ]
    if since_panic:
        found = [msgspec.structs.replace(each, late=round(each.late - since_panic, 3)) for each in found]
    return tuple(sorted(found, key=lambda timer: -timer.late)[:_MOST_SHOWN])


def _since_panic(kernel: "Kernel") -> float:
    """Seconds from the panic's message to the dump; 0 where there was none."""
    if crashing_cpu(kernel) is None:
        return 0.0
    try:
        now = int(ktime_get_coarse_ns(kernel.prog))
        records = log_records(kernel).records
    except Exception:  # the log is not in the dump, or is damaged
        return 0.0
    for record in reversed(records):
        if record.nanoseconds is not None and record.text.startswith(_PANIC):
            return max(now - record.nanoseconds, 0) / _NANOSECONDS
    return 0.0


def _wheel_timers(kernel: "Kernel", problems: list[str]) -> Iterator[Timer]:
    """Of the wheels. A bucket far in the future is coarse, so its timers may fire that much later."""
    prog = kernel.prog
    fields = Fields(prog, "struct timer_list", {"expires": "expires", "function": "function", "flags": "flags"})
    jiffies, tick = int(prog["jiffies"]), _tick(prog)
    wheels = prog["timer_bases"]
    whole = drgn.sizeof(wheels.type_.type)
    bases = range(_bases(prog, whole))
    for cpu, shift in per_cpu_offsets(kernel).items():
        for place in bases:
            address = (wheels.address_ or 0) + place * whole + shift & (1 << 64) - 1
            base = drgn.Object(prog, wheels.type_.type, address=address)
            for timer in walk(_pending_timers(base), _MOST_TIMERS, problems, f"timers of CPU {cpu}"):
                values = fields.read(timer.value_())
                if values["expires"] is None or values["flags"] is None:
                    continue
                level = (values["flags"] >> _ARRAY_SHIFT) // _LEVEL_SIZE
                due = values["expires"] + (1 << level * _LEVEL_SHIFT)
                if 0 < jiffies - due < _LONGEST:
                    function, module = function_at(prog, values["function"] or 0)
                    yield Timer(
                        function=function,
                        module=module,
                        cpu=cpu,
                        late=round((jiffies - due) * tick, 3),
                        purpose=_purpose(kernel, function, timer),
                        address=timer.value_(),
                    )


def _bases(prog: drgn.Program, size: int) -> int:
    """How many wheels a CPU has, but the last of several: its timers may wait while their CPU sleeps."""
    number = prog["timer_bases"].type_.length or prog.symbol("timer_bases").size // size
    return int(max(1, min(number, 3) - 1))


def _purpose(kernel: "Kernel", function: str, timer: drgn.Object) -> str | None:
    """Whom it wakes, or what work it queues."""
    try:
        if function == "delayed_work_timer_fn":
            work = drgn.container_of(timer, "struct delayed_work", "timer").work
            return f"queues {function_at(kernel.prog, work.func.value_())[0]}"
        if function == "process_timeout":
            task = drgn.container_of(timer, "struct process_timer", "timer").task
        elif function == "hrtimer_wakeup":
            task = drgn.container_of(timer, "struct hrtimer_sleeper", "timer").task
        else:
            return None
    except Exception:  # drgn raises what fits: no such type, not in the dump
        return None
    thread = threads(kernel).by_address.get(task.value_())
    return f"wakes {thread.comm} ({thread.pid})" if thread else None


def _pending_timers(base: drgn.Object) -> Iterator[drgn.Object]:
    """As drgn's timer_base_for_each(), which reads each of the wheel's 576 buckets by itself."""
    vectors = base.vectors
    heads = vectors.value_() if drgn.sizeof(vectors) <= 1 << 16 else []
    for place, head in enumerate(heads):
        if head["first"]:
            yield from hlist_for_each_entry("struct timer_list", vectors[place].address_of_(), "entry")


def _tick(prog: drgn.Program) -> float:
    """Seconds between two ticks, which the kernel has in nanoseconds and USER_HZ doesn't tell."""
    try:
        return int(prog.read_u64(prog.symbol("tick_period").address)) / _NANOSECONDS  # until Linux 5.11
    except LookupError:
        pass
    # kernel/time/timekeeping.c: what a tick should last, in NTP's fixed point.
    return round((int(find_timekeeper(prog).timekeeper.ntp_tick) >> _NTP_SCALE_SHIFT) / _NANOSECONDS, 4)


def _hrtimers(kernel: "Kernel", problems: list[str]) -> Iterator[Timer]:
    prog = kernel.prog
    bases = prog["hrtimer_bases"]
    now = [int(clock(prog)) for clock in _CLOCKS]
    for cpu, shift in per_cpu_offsets(kernel).items():
        whole = drgn.Object(prog, bases.type_, address=(bases.address_ or 0) + shift & (1 << 64) - 1)
        for place, base in enumerate(whole.clock_base):
            timers = hrtimer_clock_base_for_each(base.address_of_())
            try:
                # In the order of their times, so that the first that is not late ends the walk.
                for timer in walk(timers, _MOST_TIMERS, problems, f"high-resolution timers of CPU {cpu}"):
                    late = (now[place % len(now)] - int(timer.node.expires)) / _NANOSECONDS
                    if late < _LATE:
                        break
                    function, module = function_at(prog, timer.function.value_())
                    yield Timer(
                        function=function,
                        module=module,
                        cpu=cpu,
                        late=round(late, 3),
                        purpose=_purpose(kernel, function, timer),
                        high_resolution=True,
                        address=timer.value_(),
                    )
            except Exception as failure:  # drgn raises what fits: not in the dump
                problems.append(f"high-resolution timers of CPU {cpu}: {one_line(failure)}")
