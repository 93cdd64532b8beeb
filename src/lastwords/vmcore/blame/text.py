"""The kernel's text in the dump against the vmlinux: has a bit of it flipped?

The kernel patches its own text: alternatives, static keys, ftrace, retpolines, lock prefixes. All of that touches
calls, jumps, no-ops and prefixes, or replaces several bytes. And it moves addresses in it when it is loaded elsewhere.
One bit that differs in any other instruction is damage.
"""

import mmap
import struct
from pathlib import Path

from lastwords.model import FlippedBit

from .architecture import Architecture
from .function import Dump, Symbol

_TEXT_MAX = 64 << 10
_SECTIONS_MAX = 4096
_NOBITS = 8
_ALLOCATED = 2
_FLIPS_MAX = 2


def flipped_bits(dump: Dump, vmlinux: str | None, symbol: Symbol, offset: int | None) -> tuple[FlippedBit, ...]:
    """Bits of a function that differ from the vmlinux.

    Args:
        dump: with the text in memory.
        vmlinux: path of a vmlinux with its text, or None.
        symbol: the function, in the kernel's own text.
        offset: how far from its link address the kernel runs (KASLR).

    Returns:
        The bits; nothing where there is no text to compare with, or where more differs than bits.
    """
    size = min(symbol.end - symbol.start, _TEXT_MAX)
    if vmlinux is None or offset is None or symbol.module is not None or size <= 0:
        return ()
    built = _built(Path(vmlinux), symbol.start - offset, size)
    loaded = dump.read(symbol.start, size)
    if built is None or loaded is None or built == loaded:
        return ()
    return compare(dump.architecture, symbol, built, loaded, offset)


def compare(
    architecture: Architecture, symbol: Symbol, built: bytes, loaded: bytes, offset: int
) -> tuple[FlippedBit, ...]:
    """The bits in which a function's code differs from how it was built, what the kernel does to it aside."""
    found = []
    for line in architecture.outline(built, symbol.start):
        at = line.address - symbol.start
        before, after = built[at : at + line.length], loaded[at : at + line.length]
        if before == after or line.part:
            continue
        if _relocated(built, loaded, at, line.length, offset):
            continue
        bits = [(place, a ^ b) for place, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
        if len(bits) != 1 or bits[0][1].bit_count() != 1 or architecture.may_be_patched(line):
            # More than a bit: an alternative, or text that was written over. It is not for us to say which.
            continue
        place = at + bits[0][0]
        found.append(
            FlippedBit(
                address=symbol.start + place, function=symbol.source_name, byte=loaded[place], expected=built[place]
            )
        )
    return tuple(found) if len(found) <= _FLIPS_MAX else ()


def _relocated(built: bytes, loaded: bytes, at: int, length: int, offset: int) -> bool:
    """An instruction differs only by an address that moved with the kernel."""
    for width in (4, 8):
        mask = (1 << 8 * width) - 1
        for place in range(at, at + length - width + 1):
            before = int.from_bytes(built[place : place + width], "little")
            after = int.from_bytes(loaded[place : place + width], "little")
            rest_equal = built[at:place] == loaded[at:place] and (
                built[place + width : at + length] == loaded[place + width : at + length]
            )
            if rest_equal and after in (before + offset & mask, before - offset & mask):
                return True
    return False


def _built(vmlinux: Path, address: int, size: int) -> bytes | None:
    """Bytes of a section of an ELF file, by the address they were linked for."""
    try:
        with vmlinux.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            if data[:6] != b"\x7fELF\x02\x01":
                return None
            (table,) = struct.unpack_from("<Q", data, 40)
            entry, count = struct.unpack_from("<HH", data, 58)
            for number in range(min(count, _SECTIONS_MAX)):
                _, kind, flags, start, at, length = struct.unpack_from("<IIQQQQ", data, table + number * entry)
                if flags & _ALLOCATED and kind != _NOBITS and start <= address and address + size <= start + length:
                    place = at + address - start
                    found = data[place : place + size]
                    return found if len(found) == size else None
    except (OSError, ValueError, struct.error):
        return None
    return None


def broken_code(dump: Dump, symbol: Symbol) -> str | None:
    """What is wrong with a function's code by itself: bytes in it that are no instruction."""
    size = min(symbol.end - symbol.start, _TEXT_MAX)
    code = dump.read(symbol.start, size) if size > 0 else None
    for line in dump.architecture.outline(code or b"", symbol.start):
        if line.mnemonic == "(bad)":
            return (
                f"The code of {symbol.source_name} has bytes at +{line.address - symbol.start:#x} that are no "
                "instruction: it may be damaged."
            )
    return None
