"""Counters that each CPU has a share of: include/linux/percpu_counter.h.

drgn adds up the CPUs that are online. In a machine that panicked the others are not online any more.
"""

from typing import TYPE_CHECKING

from .clock import per_cpu_offsets
from .fields import Fields

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_CPUS = 8192


class PercpuCounters:
    """Reads counters of one dump; those of the first `cpus` CPUs."""

    def __init__(self, kernel: "Kernel", cpus: int = _MOST_CPUS) -> None:
        self._prog = kernel.prog
        self._mask = (1 << kernel.prog.address_size() * 8) - 1
        self._fields = Fields(kernel.prog, "struct percpu_counter", {"count": "count", "counters": "counters"})
        self._shifts = list(per_cpu_offsets(kernel).values())[:cpus] if "counters" in self._fields else []

    def sum(self, address: int) -> int:
        """The counter with all CPUs' shares.

        Raises:
            ValueError: it is not in the dump, or drgn's own error where a share is not.
        """
        values = self._fields.read(address)
        if values["count"] is None:
            raise ValueError(f"the counter at {address:#x} is not in the dump")
        shares = (self._prog.read_u32(values["counters"] + shift & self._mask) for shift in self._shifts)
        total: int = values["count"] + sum(share - (1 << 32) if share >> 31 else share for share in shares)
        return total
