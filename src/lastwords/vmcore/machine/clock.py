"""The clocks of the crashed machine: kernel/time/timekeeping.c, kernel/sched/clock.c."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.timekeeping import (
    ktime_get_coarse_boottime_ns,
    ktime_get_coarse_real_ns,
    ktime_get_real_seconds,
)

from .cpu_masks import MOST_CPUS, cpu_mask
from .fields import Fields
from .part import once

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_NANOSECONDS = 10**9


def wall_time(kernel: "Kernel") -> float:
    """Seconds since the epoch at the crash, as of the last tick."""
    try:
        find_timekeeper(kernel.prog)
        return round(int(ktime_get_coarse_real_ns(kernel.prog).value_()) / _NANOSECONDS, 3)
    except Exception:  # no types, or not in the dump; VMCOREINFO may tell the second
        return float(ktime_get_real_seconds(kernel.prog).value_())


def uptime(kernel: "Kernel") -> float:
    """Seconds since boot, with those that the machine was suspended, as of the last tick."""
    find_timekeeper(kernel.prog)
    return round(int(ktime_get_coarse_boottime_ns(kernel.prog).value_()) / _NANOSECONDS, 3)


def find_timekeeper(prog: drgn.Program) -> drgn.Object:
    """The clock that the kernel tells the time by, for us and for drgn's helpers, which look for it in the same place.

    Before Linux 6.13 the type of `tk_core` has no name, so it is made up where only BTF tells types: a sequence
    counter, padded to a cache line at most, in front of a `struct timekeeper`.

    Raises:
        LookupError: neither types nor symbols tell where it is.
    """
    if "tk_core" not in prog.cache:
        prog.cache["tk_core"] = _timekeeper(prog)
    found: drgn.Object = prog.cache["tk_core"]
    return found


def _timekeeper(prog: drgn.Program) -> drgn.Object:
    try:  # Linux 6.17 made it the first of several clocks
        return prog["timekeeper_data"][prog["TIMEKEEPER_CORE"]]
    except LookupError:
        pass
    try:
        return prog["tk_core"]
    except LookupError:
        core = prog.symbol("tk_core").address
    try:
        counter = prog.type("seqcount_raw_spinlock_t")  # Linux 5.9
    except LookupError:
        counter = prog.type("seqcount_t")
    timekeeper = prog.type("struct timekeeper")
    align = drgn.alignof(timekeeper)
    offset = (drgn.sizeof(counter) + align - 1) // align * align
    members = (
        drgn.TypeMember(counter, "seq", 0),
        drgn.TypeMember(timekeeper, "timekeeper", offset * 8),
    )
    return drgn.Object(prog, prog.struct_type(None, offset + drgn.sizeof(timekeeper), members), address=core)


class RunQueueClocks:
    """The scheduler's clocks, one for each CPU, in nanoseconds.

    An idle CPU does not advance its clock, so `now` is the furthest of them: all count from the same start
    (`kernel/sched/core.c: update_rq_clock()`).
    """

    def __init__(self, clocks: dict[int, tuple[int, int]]) -> None:
        """Take `clock` and `clock_task` of each CPU."""
        self._clocks = clocks
        self.now = max((clock for clock, _ in clocks.values()), default=0)

    def since(self, cpu: int, exec_start: int | None, last_arrival: int | None) -> float | None:
        """Seconds since a task was last on a CPU, or None where that is not known.

        Args:
            cpu: the CPU that it ran on last.
            exec_start: when it was last accounted for, in the CPU's `clock_task`; 0 after a migration.
            last_arrival: when it last began to run, in the CPU's `clock`; 0 if it never did.
        """
        if cpu not in self._clocks:
            return None
        clock, clock_task = self._clocks[cpu]
        if exec_start:
            # clock_task leaves out what interrupts and the hypervisor took, so it is behind clock.
            waited = self.now - clock + clock_task - exec_start
        elif last_arrival:
            waited = self.now - last_arrival
        else:
            return None
        return round(waited / _NANOSECONDS, 3) if 0 <= waited <= self.now else None


@once
def run_queue_clocks(kernel: "Kernel") -> RunQueueClocks:
    """The clocks of all CPUs that ever ran."""
    fields = Fields(kernel.prog, "struct rq", {"clock": "clock", "clock_task": "clock_task"})
    clocks = {}
    for cpu, address in run_queues(kernel):
        values = fields.read(address)
        if values["clock"] and values["clock_task"]:
            clocks[cpu] = values["clock"], values["clock_task"]
    return RunQueueClocks(clocks)


def run_queues(kernel: "Kernel") -> Iterator[tuple[int, int]]:
    """Number of each possible CPU, and the address of its `struct rq`."""
    offset = per_cpu_offsets(kernel)
    queue = kernel.prog.symbol("runqueues").address
    mask = (1 << kernel.prog.address_size() * 8) - 1
    return ((cpu, queue + shift & mask) for cpu, shift in offset.items())


@once
def per_cpu_offsets(kernel: "Kernel") -> dict[int, int]:
    """By number of each possible CPU, what to add to the address of a per-CPU variable.

    A damaged mask makes CPUs up: those are left out that the kernel has no room for, or that share their variables
    with another one, as those do that can't come up (arch/x86/kernel/setup_percpu.c).
    """
    prog = kernel.prog
    offsets = prog["__per_cpu_offset"]
    try:
        limit = prog["nr_cpu_ids"].value_() or MOST_CPUS
    except LookupError:  # a constant where the kernel is built so
        limit = MOST_CPUS
    found: dict[int, int] = {}
    known: set[int] = set()
    for cpu in sorted(cpu_mask(prog, "possible")):
        if cpu >= limit:
            break
        offset = offsets[cpu].value_()
        if offset not in known:
            known.add(offset)
            found[cpu] = offset
    return found
