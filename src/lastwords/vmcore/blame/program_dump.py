"""A dump that drgn has open, as blame sees it."""

from typing import TYPE_CHECKING

from .architecture import architecture_of
from .function import Symbol

if TYPE_CHECKING:
    import drgn

    from lastwords.vmcore.program import Kernel

_MODULES_MAX = 2000


class ProgramDump:
    """Memory and symbols of a `Kernel`; what can't be read is None."""

    def __init__(self, kernel: "Kernel", cpu: int | None = None, current: int | None = None) -> None:
        """`cpu` is the one that crashed, `current` the address of its task.

        Raises:
            LookupError: code of its architecture is not followed.
        """
        self.prog = kernel.prog
        architecture = architecture_of(kernel.prog)
        if architecture is None:
            platform = kernel.prog.platform
            name = platform.arch.name.lower() if platform is not None else "an unknown machine"
            raise LookupError(f"code of {name} is not followed, only that of x86-64 and arm64")
        self.architecture = architecture
        self.current = current
        self.per_cpu = self._per_cpu(cpu)
        self._symbols: dict[int, Symbol | None] = {}
        self._modules = list(_module_ranges(kernel))

    def _per_cpu(self, cpu: int | None) -> int | None:
        if cpu is None:
            return None
        try:
            return int(self.prog["__per_cpu_offset"][cpu])
        except Exception:  # a machine with one CPU, or no types
            return None

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes at a virtual address."""
        try:
            return bytes(self.prog.read(address, size))
        except Exception:  # drgn raises FaultError, ValueError or OSError
            return None

    def symbol(self, address: int) -> Symbol | None:
        """The function or variable that contains an address."""
        if address not in self._symbols:
            self._symbols[address] = self._find(address)
        return self._symbols[address]

    def _find(self, address: int) -> Symbol | None:
        try:
            found = self.prog.symbol(address)
        except Exception:  # LookupError, or OverflowError for what is no address
            return None
        return self._made(found)

    def _made(self, found: "drgn.Symbol") -> Symbol:
        import drgn

        end, data = found.address + found.size, found.kind == drgn.SymbolKind.OBJECT
        return Symbol(found.name, found.address, end, self.module(found.address), data)

    def named(self, name: str) -> list[Symbol]:
        """All symbols with this very name."""
        try:
            return [self._made(found) for found in self.prog.symbols(name)]
        except Exception:
            return []

    def modules(self) -> list[str]:
        """The names of all modules."""
        return list(dict.fromkeys(name for _start, _end, name in self._modules))

    def ranges(self, module: str) -> list[tuple[int, int]]:
        """Where a module's text and data are."""
        return [(start, end) for start, end, name in self._modules if name == module]

    def module(self, address: int) -> str | None:
        """The module whose text or data contains an address."""
        return next((name for start, end, name in self._modules if start <= address < end), None)


def _module_ranges(kernel: "Kernel") -> "list[tuple[int, int, str]]":
    """Where the modules are: `struct module`'s layouts, which Linux 6.4 made an array."""
    found = []
    for module in kernel.modules[:_MODULES_MAX]:
        try:
            name = module.name.string_().decode("ascii", "replace")
            if module.type_.type.has_member("mem"):
                parts = [(part.base.value_(), part.size.value_()) for part in module.mem]
            else:
                parts = [
                    (layout.base.value_(), layout.size.value_()) for layout in (module.core_layout, module.init_layout)
                ]
        except Exception:  # a damaged list
            continue
        found += [(base, base + size, name) for base, size in parts if base and 0 < size < 1 << 30]
    return found
