"""The little that is read of every task to find out what it waits for or holds: include/linux/sched.h."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clock import RunQueueClocks, run_queue_clocks
from .fields import Fields
from .part import once
from .strings import decoded
from .tasks import MEMBERS, state_letter, task_addresses

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MEMBERS = {
    **{
        name: MEMBERS[name]
        for name in ("pid", "tgid", "comm", "state", "exit_state", "cpu", "on_cpu", "mm", "exec_start", "last_arrival")
    },
    "signal": "signal",
    "stack": "stack",
    "sp": "thread.sp | thread.cpu_context.sp | thread.ksp",  # x86, arm64, s390 and powerpc
    "pi_blocked_on": "pi_blocked_on",
}
_STACK_SIZE = 16384
"""Of most 64-bit kernels, where the dump does not tell."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A task as it is needed here; `stack` and `sp` bound what is in use of its stack, 0 where not known.

    `seconds` is how long it has not been on a CPU, None where it is on one or the clocks are not known.
    """

    address: int
    pid: int
    tgid: int
    comm: str
    state: str
    cpu: int
    on_cpu: bool
    mm: int
    signal: int
    stack: int
    sp: int
    pi_blocked_on: int
    seconds: float | None


@dataclass(frozen=True)
class Threads:
    """All tasks that could be read, by the address of their task_struct, and why there might be more."""

    by_address: Mapping[int, Thread]
    problems: tuple[str, ...] = ()


@once
def threads(kernel: "Kernel") -> Threads:
    """All tasks."""
    problems: list[str] = []
    fields = Fields(kernel.prog, "struct task_struct", _MEMBERS)
    try:
        clocks = run_queue_clocks(kernel)
    except Exception:  # no types, or the run queues are not in the dump
        clocks = RunQueueClocks({})
    found = {}
    missing = 0
    for address in task_addresses(kernel, problems):
        values = fields.read(address)
        if values["pid"] is None:
            missing += 1
            continue
        on_cpu = bool(values["on_cpu"])
        cpu = values["cpu"] or 0
        found[address] = Thread(
            address=address,
            pid=values["pid"],
            tgid=values["tgid"] or 0,
            comm=decoded(values["comm"] or b""),
            state=state_letter(values),
            cpu=cpu,
            on_cpu=on_cpu,
            mm=values["mm"] or 0,
            signal=values["signal"] or 0,
            stack=values["stack"] or 0,
            sp=values["sp"] or 0,
            pi_blocked_on=values["pi_blocked_on"] or 0,
            seconds=None if on_cpu else clocks.since(cpu, values["exec_start"], values["last_arrival"]),
        )
    if missing:
        problems.append(f"{missing} tasks are not in the dump")
    return Threads(found, tuple(problems))


@once
def stack_size(kernel: "Kernel") -> int:
    """Bytes of a task's stack."""
    try:
        size = int(kernel.prog["THREAD_SIZE"])
    except Exception:  # drgn raises what fits
        return _STACK_SIZE
    return size if 0 < size <= 1 << 20 else _STACK_SIZE


def stack_in_use(kernel: "Kernel", thread: Thread) -> tuple[int, bytes]:
    """Where the part of a sleeping task's stack that is in use begins, and its content; empty if it is not there."""
    top = thread.stack + stack_size(kernel)
    if not thread.stack <= thread.sp < top:
        return 0, b""
    start = thread.sp & -8
    try:
        return start, kernel.prog.read(start, top - start)
    except Exception:  # drgn raises FaultError, but also ValueError and OSError where a dump is damaged
        return 0, b""


def lost_stacks(kernel: "Kernel") -> list[str]:
    """One line on stacks of sleeping tasks that are not in the dump; empty if all are."""
    asleep = [thread for thread in threads(kernel).by_address.values() if not thread.on_cpu and thread.stack]
    lost = sum(not stack_in_use(kernel, thread)[1] for thread in asleep)
    return [f"the stacks of {lost} of {len(asleep)} sleeping tasks are not in the dump"] if lost else []
