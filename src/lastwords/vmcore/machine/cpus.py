"""What each CPU did: kernel/sched/core.c for its task and queue, include/linux/preempt.h for its context."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.sched import cpu_rq, rq_for_each_fair_task, rq_for_each_rt_task

from lastwords.model import Cpu
from lastwords.vmcore.source import registers_of_cpus

from .clock import per_cpu_offsets
from .context import context
from .cpu_masks import cpu_mask
from .current import current_task
from .panic import crashing_cpu
from .part import Partial, once, part
from .strings import decoded, one_line
from .unwinding import unwinder
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_RUNNABLE = 1000
_COUNT_BITS = 0xFFFFFFFF


@part("cpus")
@once
def cpus(kernel: "Kernel") -> Partial:
    """All CPUs that were online, and the crashing one in any case."""
    problems: list[str] = []
    crashing = crashing_cpu(kernel)
    online = online_cpus(kernel, problems)
    shown = sorted(online | ({crashing} if crashing in _possible(kernel) else set()))
    return Partial(tuple(_cpu(kernel, n, n in online, n == crashing, problems) for n in shown), problems)


def online_cpus(kernel: "Kernel", problems: list[str]) -> set[int]:
    """The numbers of those that were online before the crash.

    A machine that panics takes the CPUs that it stops off the mask of those online, but not off that of those active
    (arch/x86/kernel/process.c: stop_this_cpu()).
    """
    try:
        possible = set(per_cpu_offsets(kernel))
        return (cpu_mask(kernel.prog, "online") | _active(kernel.prog)) & possible
    except Exception as failure:  # drgn raises what fits: no types, or not in the dump
        noted = set(range(len(_registers(kernel))))
        if not noted:
            raise
        problems.append(f"the CPUs are those with registers in the dump: {one_line(failure)}")
        return noted


def _possible(kernel: "Kernel") -> set[int]:
    try:
        return set(per_cpu_offsets(kernel))
    except Exception:  # no types, or not in the dump
        return set()


def _registers(kernel: "Kernel") -> Sequence[bytes]:
    """Of each CPU, in the order of the dump's notes."""
    return registers_of_cpus(kernel.dump) if kernel.dump is not None else ()


def _active(prog: drgn.Program) -> set[int]:
    try:
        return cpu_mask(prog, "active")
    except LookupError:  # before Linux 4.5 it had another name
        return set()


def _cpu(kernel: "Kernel", number: int, online: bool, crashing: bool, problems: list[str]) -> Cpu:
    prog = kernel.prog
    try:
        task = current_task(kernel, number)
        pid, comm = task.pid.value_(), decoded(task.comm.string_())
    except Exception as failure:  # the run queue or the task is not in the dump
        return _without_task(kernel, number, online, crashing, one_line(failure))
    stack, registers, problem = unwinder(kernel).detailed_stack(
        lambda: kernel.frames(task), with_variables=crashing and kernel.symbols.source == "dwarf"
    )
    length, runnable = _queue(prog, number, problems)
    return Cpu(
        number=number,
        online=online,
        pid=pid,
        comm=comm,
        context=context(pid, stack, _preempt_count(prog, number, task), whole=problem is None),
        crashing=crashing,
        stack=stack,
        stack_error=problem,
        registers=registers,
        running=length,
        runnable=runnable,
    )


def _without_task(kernel: "Kernel", number: int, online: bool, crashing: bool, reason: str) -> Cpu:
    """A CPU whose task is not known: the registers in the dump's notes lead to its stack all the same."""
    known = _registers(kernel)
    if number >= len(known):
        return Cpu(number=number, online=online, crashing=crashing, stack_error=reason)
    stack, registers, problem = unwinder(kernel).detailed_stack(
        lambda: kernel.register_frames(known[number]), with_variables=False
    )
    return Cpu(
        number=number,
        online=online,
        context=context(None, stack, None, whole=problem is None),
        crashing=crashing,
        stack=stack,
        stack_error=problem or f"the task is not known: {reason}",
        registers=registers,
    )


def _queue(prog: drgn.Program, number: int, problems: list[str]) -> tuple[int | None, tuple[int, ...]]:
    """How many tasks want this CPU, and which."""
    try:
        queue = cpu_rq(prog, number)
        length = queue.nr_running.value_()
    except Exception as failure:  # not in the dump
        problems.append(f"run queue of CPU {number}: {one_line(failure)}")
        return None, ()
    if not length:
        return length, ()
    queued = chain(rq_for_each_rt_task(queue), rq_for_each_fair_task(queue))
    pids: list[int] = []
    try:
        pids += (task.pid.value_() for task in walk(queued, _MOST_RUNNABLE, problems, f"CPU {number}'s run queue"))
    except Exception as failure:  # a task of it is not in the dump
        problems.append(f"run queue of CPU {number}: {one_line(failure)}")
    return length, tuple(pids)


def _preempt_count(prog: drgn.Program, number: int, task: drgn.Object) -> int | None:
    """Kept by each CPU on x86, by the task elsewhere."""
    try:
        count = per_cpu(prog["pcpu_hot"], number).preempt_count.value_()  # Linux 6.2 to 6.14
        return int(count) & _COUNT_BITS
    except (LookupError, AttributeError, drgn.FaultError):
        pass
    try:
        shift = prog["__per_cpu_offset"][number].value_()
        count = prog.read_u32(prog.symbol("__preempt_count").address + shift & (1 << 64) - 1)
        return int(count)
    except (LookupError, drgn.FaultError):
        pass
    try:
        return int(task.thread_info.preempt_count.value_()) & _COUNT_BITS
    except (LookupError, AttributeError, drgn.FaultError):
        return None
