"""The task on a CPU: kernel/sched/core.c."""

from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.sched import cpu_curr

from .threads import threads

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel


def current_task(kernel: "Kernel", cpu: int) -> drgn.Object:
    """The task that ran on a CPU, `struct task_struct *`.

    Where the CPU's run queue is not in the dump (per-CPU memory is often the end of a node's), the task itself tells
    that it was on that CPU.

    Raises:
        Exception: it is not known; drgn raises what fits.
    """
    try:
        return cpu_curr(kernel.prog, cpu).read_()
    except Exception:
        found = [each.address for each in threads(kernel).by_address.values() if each.on_cpu and each.cpu == cpu]
        if len(found) != 1:
            raise
        return drgn.Object(kernel.prog, kernel.prog.type("struct task_struct *"), value=found[0])
