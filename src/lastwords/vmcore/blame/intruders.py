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
    """Whose the object right before it is: by pointers in it to a module's code or data."""
    start = found.start - found.stride
    other = slab_object(dump.prog, start)
    if other is None or other.start != start or other.slab != found.slab or other.allocated is False:
        return
    data = dump.read(start, min(found.size, _OBJECT_MAX)) or b""
    for offset, value in _words(data):
        symbol = _of_a_module(dump, value)
        if symbol is not None and symbol.module is not None and symbol.module != own:
            yield Intruder(
                module=symbol.module,
                symbol=symbol.source_name,
                address=start,
                how="neighbour",
                text=f"The object right before it ({start:#x}) holds at +{offset:#x} a pointer to {symbol.source_name} "
                f"of {symbol.module}: who writes past the end of that object overwrites this one.",
            )
            return


def _pointing(dump: ProgramDump, found: SlabObject, own: str | None) -> Iterator[Intruder]:
    """Variables of other modules that point into the object."""
    end = found.start + found.size
    for module in dump.modules()[:_MODULES_MAX]:
        if module == own:
            continue
        for start, stop in dump.ranges(module):
            data = dump.read(start, min(stop - start, _DATA_MAX)) or b""
            for offset, value in _words(data):
                if not found.start <= value < end:
                    continue
                symbol = dump.symbol(start + offset)
                if symbol is None or not symbol.data:
                    continue
                yield Intruder(
                    module=module,
                    symbol=symbol.name,
                    address=start + offset,
                    how="pointer",
                    text=f"The variable {symbol.name} of {module} points into this object as well: a pointer that "
                    "outlived its object writes to whoever has the memory now.",
                )
                break


def _words(data: bytes) -> Iterator[tuple[int, int]]:
    """Aligned words that could be pointers to the kernel, with their offsets."""
    usable = len(data) & ~7
    for place, (value,) in enumerate(struct.iter_unpack("<Q", data[:usable])):
        if value >> 47 == 0x1FFFF:
            yield place * 8, value


def _of_a_module(dump: ProgramDump, value: int) -> "Symbol | None":
    return dump.symbol(value) if dump.module(value) is not None else None
