"""Who else could have written to a broken object: modules with objects beside it, or with variables that point to it.

Memory that one module corrupts is found broken by another. Two traces of the first are left in a dump: the object right
before the broken one, from which somebody wrote too far, holds pointers to its owner's functions or stands in one of
its variables; and a variable of a module that points into an object that is not its own is a pointer that outlived it.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lastwords.model import Intruder

from .objects import SlabObject, slab_object
from .program_dump import ProgramDump

if TYPE_CHECKING:
    from .function import Symbol

_MODULES_MAX = 64
_DATA_MAX = 1 << 20
"""Bytes of one module that are searched for pointers."""
_OBJECT_MAX = 4096
_INTRUDERS_MAX = 4
_SHARED_CACHE = "kmalloc-"
"""Objects of other caches are the kernel's own kinds, which any module may point to by right."""
_OF_THE_LOADER = frozenset({"__this_module"})
"""`struct module` is in a module's data, and points to what the module loader allocated."""


def intruders(dump: ProgramDump, address: int, own: str | None) -> tuple[Intruder, ...]:
    """Modules other than the object's own that left a trace beside it or on it.

    Args:
        dump: an opened dump.
        address: in the broken object.
        own: the module that found it broken: it has a right to point there.
    """
    found = slab_object(dump.prog, address)
    if found is None:
        return ()
    seen: dict[str, Intruder] = {}
    for intruder in (*_before(dump, found, own), *_pointing(dump, found, own)):
        seen.setdefault(intruder.module, intruder)
    return tuple(seen.values())[:_INTRUDERS_MAX]


def _before(dump: ProgramDump, found: SlabObject, own: str | None) -> Iterator[Intruder]:
    """Whose the object right before it is: by pointers in it to the code or data of one module, and not its own."""
    start = found.start - found.stride
    other = slab_object(dump.prog, start)
    if other is None or other.start != start or other.slab != found.slab or other.allocated is False:
        return
    data = dump.read(start, min(found.size, _OBJECT_MAX)) or b""
    whose = {
        symbol.module: (offset, symbol)
        for offset, value in reversed(list(_words(dump, data)))
        if (symbol := _of_a_module(dump, value)) is not None
    }
    if len(whose) != 1 or own in whose:
        return
    for module, (offset, symbol) in whose.items():
        if module is not None:
            yield Intruder(
                module=module,
                symbol=symbol.source_name,
                address=start,
                how="neighbour",
                text=f"The object right before it ({start:#x}) holds at +{offset:#x} a pointer to {symbol.source_name} "
                f"of {module}: who writes past the end of that object overwrites this one.",
            )


def _pointing(dump: ProgramDump, found: SlabObject, own: str | None) -> Iterator[Intruder]:
    """Variables of other modules that point into the object, where it is of a cache that all share."""
    if not found.cache.startswith(_SHARED_CACHE):
        return
    for module in dump.modules()[:_MODULES_MAX]:
        variable = _variable(dump, module, found) if module != own else None
        if variable is not None:
            symbol, address = variable
            yield Intruder(
                module=module,
                symbol=symbol.name,
                address=address,
                how="pointer",
                text=f"The variable {symbol.name} of {module} points into this object as well: if it outlived an "
                "object that was there before, who writes through it writes to whoever has the memory now.",
            )


def _variable(dump: ProgramDump, module: str, found: SlabObject) -> "tuple[Symbol, int] | None":
    """A module's first variable that points into the object, and the address of the pointer."""
    end = found.start + found.size
    for start, stop in dump.ranges(module):
        data = dump.read(start, min(stop - start, _DATA_MAX)) or b""
        for offset, value in _words(dump, data):
            symbol = dump.symbol(start + offset) if found.start <= value < end else None
            if symbol is not None and symbol.data and symbol.name not in _OF_THE_LOADER:
                return symbol, start + offset
    return None


def _words(dump: ProgramDump, data: bytes) -> Iterator[tuple[int, int]]:
    """Aligned words that could be pointers to the kernel, with their offsets."""
    usable = len(data) & ~7
    for place, (value,) in enumerate(struct.iter_unpack("<Q", data[:usable])):
        if value >= dump.architecture.kernel_start:
            yield place * 8, value


def _of_a_module(dump: ProgramDump, value: int) -> "Symbol | None":
    return dump.symbol(value) if dump.module(value) is not None else None
