"""An ELF file of a kernel, rebuilt from a dump: what vmlinux would be without debuginfo.

It has the build ID, the symbols of kallsyms, the kernel's text as it was in memory at the crash (so with static
keys, alternatives and ftrace as they were set), read-only data, the ORC tables and the BTF. Addresses are those of
the dump, so those that the kernel had after KASLR moved it.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .elf_layout import ALLOC, EXEC, Piece
from .kallsyms import Kallsyms
from .memory import Read, read_available

_PROGBITS, _SYMTAB, _STRTAB, _NOTE, _NOBITS = 1, 2, 3, 7, 8
_ABSOLUTE = 0xFFF1
_LOCAL, _GLOBAL, _WEAK = 0, 1, 2
_OBJECT, _FUNC = 1, 2
_PAGE = 4096
_MACHINES = {"X86_64": 62, "AARCH64": 183, "PPC64": 21, "S390X": 22, "RISCV64": 243}
_CHUNK = 1 << 20


class ElfSymbol(NamedTuple):
    """One symbol for the file; `letter` is nm's."""

    name: str
    address: int
    size: int
    letter: str


class _Section(NamedTuple):
    """One entry of the section header table."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int = 0
    info: int = 0
    align: int = 1
    entry: int = 0


def kallsyms_symbols(kallsyms: Kallsyms) -> Iterator[ElfSymbol]:
    """All symbols of the kernel."""
    for place in range(len(kallsyms)):
        yield ElfSymbol(kallsyms.names[place], kallsyms.addresses[place], kallsyms.size(place), kallsyms.types[place])


def write_elf(
    path: Path,
    read: Read,
    pieces: list[Piece],
    symbols: Iterable[ElfSymbol],
    build_id: bytes | None,
    *,
    machine: str = "X86_64",
    order: str = "<",
) -> int:
    """Write a 64-bit ELF file.

    Args:
        path: of the file, which must not exist yet.
        read: reads the dump's virtual memory. What is missing in the dump becomes zeros.
        pieces: the sections, ascending, none within another.
        symbols: those inside of a piece become symbols of its section, others absolute ones.
        build_id: of the kernel, or None.
        machine: as drgn calls it.
        order: `<` for little-endian, `>` for big-endian.

    Returns:
        How many symbols were written.

    Raises:
        OSError: the file can't be written.
        KeyError: `machine` is not a known 64-bit one.
    """
    number = _MACHINES[machine]
    # "x", so that neither the dump nor a vmlinux with debuginfo is ever overwritten.
    with path.open("xb") as file:
        headers = 64 + 56 * (len(pieces) + 1)
        file.write(bytes(headers))
        sections = [_Section("", 0, 0, 0, 0, 0)]
        sections += (_write_piece(file, read, piece) for piece in pieces)
        if build_id:
            note = struct.pack(order + "III4s", 4, len(build_id), 3, b"GNU\0") + build_id
            sections.append(_append(file, ".note.gnu.build-id", _NOTE, note + bytes(-len(note) % 4), align=4))
        count = _write_symbols(file, sections, pieces, symbols, order)
        _write_names(file, sections)
        table = _align(file, 8)
        for section in sections:
            file.write(_section_header(section, sections, order))
        file.seek(0)
        file.write(_elf_header(number, len(pieces) + bool(build_id), table, len(sections), order))
        for section in sections[1:]:
            if section.flags & ALLOC or section.kind == _NOTE:
                file.write(_program_header(section, order))
    return count


def _write_piece(file: BinaryIO, read: Read, piece: Piece) -> _Section:
    """Write a section's bytes, in chunks so that memory stays small."""
    size = piece.end - piece.start
    if not piece.has_bytes:
        return _Section(piece.name, _NOBITS, piece.flags, piece.start, file.tell(), size, align=16)
    # gdb and the loader want offset and address to be the same within a page.
    offset = _align(file, _PAGE, piece.start % _PAGE)
    for at in range(piece.start, piece.end, _CHUNK):
        file.write(read_available(read, at, min(_CHUNK, piece.end - at)))
    return _Section(piece.name, _PROGBITS, piece.flags, piece.start, offset, size, align=16)


def _align(file: BinaryIO, step: int, rest: int = 0) -> int:
    file.write(bytes((rest - file.tell()) % step))
    return file.tell()


def _append(file: BinaryIO, name: str, kind: int, data: bytes, **fields: int) -> _Section:
    offset = _align(file, 8)
    file.write(data)
    return _Section(name, kind, 0, 0, offset, len(data), **fields)


def _write_symbols(
    file: BinaryIO, sections: list[_Section], pieces: list[Piece], symbols: Iterable[ElfSymbol], order: str
) -> int:
    """Write .symtab and .strtab; ELF wants the local symbols first."""
    starts = [piece.start for piece in pieces]
    local: list[bytes] = [bytes(24)]
    others: list[bytes] = []
    names = bytearray(b"\0")
    for symbol in symbols:
        place = bisect_right(starts, symbol.address) - 1
        # A symbol may stand right at the end of its section: `_etext`.
        inside = place >= 0 and symbol.address <= pieces[place].end
        binding = _binding(symbol.letter)
        kind = _FUNC if symbol.letter in "tTwW" and inside and pieces[place].flags & EXEC else _OBJECT
        where = place + 1 if inside else _ABSOLUTE
        entry = struct.pack(order + "IBBHQQ", len(names), binding << 4 | kind, 0, where, symbol.address, symbol.size)
        (local if binding == _LOCAL else others).append(entry)
        names += symbol.name.encode() + b"\0"
    table = b"".join(local + others)
    strings = len(sections) + 1
    sections.append(_append(file, ".symtab", _SYMTAB, table, link=strings, info=len(local), align=8, entry=24))
    sections.append(_append(file, ".strtab", _STRTAB, bytes(names)))
    return len(local) + len(others) - 1


def _binding(letter: str) -> int:
    if letter in "vVwW":
        return _WEAK
    return _GLOBAL if letter.isupper() else _LOCAL


def _write_names(file: BinaryIO, sections: list[_Section]) -> None:
    names = _section_names(sections) + b".shstrtab\0"
    sections.append(_append(file, ".shstrtab", _STRTAB, names))


def _section_names(sections: list[_Section]) -> bytes:
    return b"".join(section.name.encode() + b"\0" for section in sections)


def _section_header(section: _Section, sections: list[_Section], order: str) -> bytes:
    before = sections[: sections.index(section)]
    return struct.pack(
        order + "IIQQQQIIQQ",
        len(_section_names(before)),
        section.kind,
        section.flags,
        section.address,
        section.offset,
        section.size,
        section.link,
        section.info,
        section.align,
        section.entry,
    )


def _program_header(section: _Section, order: str) -> bytes:
    segment = 4 if section.kind == _NOTE else 1
    in_file = 0 if section.kind == _NOBITS else section.size
    flags = 4 | (section.flags & EXEC) >> 2 | (section.flags & 1) << 1
    align = 4 if section.kind == _NOTE else _PAGE
    offset = section.offset if in_file else section.address % _PAGE
    return struct.pack(
        order + "IIQQQQQQ", segment, flags, offset, section.address, section.address, in_file, section.size, align
    )


def _elf_header(machine: int, segments: int, table: int, sections: int, order: str) -> bytes:
    identity = b"\x7fELF" + bytes((2, 1 if order == "<" else 2, 1)) + bytes(9)
    return identity + struct.pack(
        order + "HHIQQQIHHHHHH", 2, machine, 1, 0, 64, table, 0, 64, 56, segments, 64, sections, sections - 1
    )
