"""A made-up dump with modules: code, variables, and slab objects beside each other."""

from collections.abc import Mapping
from typing import cast

from lastwords.vmcore.blame.function import Symbol
from lastwords.vmcore.blame.objects import SlabObject
from lastwords.vmcore.blame.program_dump import ProgramDump

from .fakes import CODE, OBJECT, FakeDump

DATA = 0xFFFFFFFFC0100000
"""Where the modules' data is, a page for each."""
SIZE = 0x60


class ModulesDump(FakeDump):
    """The functions are those of the module `ring`; `variables` gives those of further modules by `module.name`."""

    prog = None

    def __init__(
        self,
        functions: Mapping[str, str] = {},
        memory: Mapping[int, int] = {},
        variables: Mapping[str, int] = {},
        architecture: str = "x86-64",
    ) -> None:
        super().__init__(functions, memory, architecture=architecture)
        self.symbols = [each._replace(module="ring") for each in self.symbols]
        end = max((each.end for each in self.symbols), default=CODE)
        self._ranges = [("ring", CODE, end)] if functions else []
        for name in dict.fromkeys(each.partition(".")[0] for each in variables):
            start = DATA + len(self._ranges) * 0x1000
            mine = {each: value for each, value in variables.items() if each.startswith(f"{name}.")}
            for place, (each, value) in enumerate(mine.items()):
                address = start + place * 8
                self.symbols.append(Symbol(each.partition(".")[2], address, address + 8, name, data=True))
                self._put(address, value.to_bytes(8, "little"))
            self._ranges.append((name, start, start + len(mine) * 8))

    def modules(self) -> list[str]:
        return [name for name, _start, _end in self._ranges]

    def ranges(self, module: str) -> list[tuple[int, int]]:
        return [(start, end) for name, start, end in self._ranges if name == module]

    def module(self, address: int) -> str | None:
        return next((name for name, start, end in self._ranges if start <= address < end), None)

    @property
    def program(self) -> ProgramDump:
        """The same, as code that wants drgn's takes it."""
        return cast(ProgramDump, self)


def slab(cache: str = "kmalloc-96", allocated: bool = True):
    """Objects of `SIZE` bytes from `OBJECT` on: what `slab_object()` says of an address."""

    def found(_prog: object, address: int) -> SlabObject | None:
        number = (address - OBJECT) // SIZE
        if not 0 <= number < 8:
            return None
        return SlabObject(cache, OBJECT + number * SIZE, SIZE, SIZE, allocated, None, OBJECT, 8)

    return found
