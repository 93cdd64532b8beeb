"""How much memory an address space holds, by kind: `rss_stat` in include/linux/mm_types_task.h."""

from typing import TYPE_CHECKING

import drgn

from .percpu_counter import PercpuCounters

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_KINDS = {
    "file": "MM_FILEPAGES",
    "anonymous": "MM_ANONPAGES",
    "shared": "MM_SHMEMPAGES",
    "swapped": "MM_SWAPENTS",
}
_MOST_CPUS = 256
"""On a larger machine the CPUs' own shares, a few pages each, are left out."""


class Rss:
    """Reads the counters of address spaces."""

    def __init__(self, kernel: "Kernel") -> None:
        self._prog = kernel.prog
        self._page = int(kernel.prog["PAGE_SIZE"])
        self._counters: PercpuCounters | None = None
        rss = kernel.prog.type("struct mm_struct").member("rss_stat")
        places = {kind: int(kernel.prog.constant(name)) for kind, name in _KINDS.items()}
        if rss.type.unaliased_kind() == drgn.TypeKind.ARRAY:  # Linux 6.2: one per-CPU counter each
            size = drgn.sizeof(rss.type.type)
            self._counters = PercpuCounters(kernel, _MOST_CPUS)
        else:  # before, an array of integers; threads add to it in batches
            size = drgn.sizeof(kernel.prog.type("atomic_long_t"))
        self._offsets = {kind: rss.offset + place * size for kind, place in places.items()}

    def sizes(self, mm: int) -> dict[str, int] | None:
        """Bytes by kind; None where it is not in the dump."""
        try:
            return {kind: max(self._pages(mm + offset), 0) * self._page for kind, offset in self._offsets.items()}
        except Exception:  # drgn raises what fits
            return None

    def _pages(self, address: int) -> int:
        if self._counters is not None:
            return self._counters.sum(address)
        value: int = self._prog.read_u64(address)
        return value - (1 << 64) if value >> 63 else value
