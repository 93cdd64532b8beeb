"""How much memory processes hold: `rss_stat` in include/linux/mm_types.h."""

from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.mm import task_rss

from .clock import per_cpu_offsets
from .fields import Fields

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_COUNTERS = ("MM_FILEPAGES", "MM_ANONPAGES", "MM_SHMEMPAGES")
_MOST_CPUS = 256
"""On a larger machine the CPUs' own shares, a few pages each, are left out."""


class Resident:
    """Resident bytes of address spaces; threads share one, so each is counted once."""

    def __init__(self, kernel: "Kernel") -> None:
        self._prog = kernel.prog
        self._known: dict[int, int | None] = {}
        self._pointer = kernel.prog.type("struct task_struct *")
        self._page = int(kernel.prog["PAGE_SIZE"])
        self._offsets = list(per_cpu_offsets(kernel).values())[:_MOST_CPUS]
        self._counters: list[int] | None = None
        rss = kernel.prog.type("struct mm_struct").member("rss_stat")
        if rss.type.unaliased_kind() == drgn.TypeKind.ARRAY:  # Linux 6.2 made them per-CPU counters
            size = drgn.sizeof(rss.type.type)
            self._counters = [rss.offset + size * self._prog.constant(name).value_() for name in _COUNTERS]
            self._counter = Fields(self._prog, "struct percpu_counter", {"count": "count", "counters": "counters"})

    def bytes(self, task: int, mm: int | None) -> int | None:
        """Of the task's address space; None where it has none or it can't be read."""
        if not mm:
            return None
        if mm not in self._known:
            try:
                pages = (
                    self._sum(mm) if self._counters else task_rss(drgn.Object(self._prog, self._pointer, task)).total
                )
            except Exception:  # not in the dump, or damaged
                pages = None
            self._known[mm] = None if pages is None else max(pages, 0) * self._page
        return self._known[mm]

    def _sum(self, mm: int) -> int:
        total = 0
        mask = (1 << self._prog.address_size() * 8) - 1
        for offset in self._counters or ():
            values = self._counter.read(mm + offset)
            total += values["count"]
            for shift in self._offsets:
                share = self._prog.read_u32(values["counters"] + shift & mask)
                total += share - (1 << 32) if share >> 31 else share
        return total
