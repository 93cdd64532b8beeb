"""The little that must be known of an ELF file before drgn is given it: its build ID, and whether it has DWARF."""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NOTE = 7  # SHT_NOTE
_PT_NOTE = 4
_BUILD_ID = 3  # NT_GNU_BUILD_ID
_HEADERS_MAX = 100_000
_NOTES_MAX = 1 << 20


class ElfFile(NamedTuple):
    """What an ELF file is good for.

    Attributes:
        build_id: as bytes, None if the file has none.
        has_dwarf: whether it has a `.debug_info` section.
        is_core: whether it is a core dump.
    """

    build_id: bytes | None
    has_dwarf: bool
    is_core: bool


def read_elf(path: Path) -> ElfFile | None:
    """Look at a file's headers; None where it can't be opened or is no ELF file."""
    try:
        if not path.is_file() or path.stat().st_size < 64:
            return None
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            return _read(data)
    except (OSError, ValueError, struct.error):
        return None


def _read(data: mmap.mmap) -> ElfFile | None:
    if data[:4] != b"\x7fELF" or data[4] not in (1, 2) or data[5] not in (1, 2):
        return None
    order = "<" if data[5] == 1 else ">"
    wide = data[4] == 2
    (kind,) = struct.unpack_from(order + "H", data, 16)
    names, dwarf, notes = b"", False, []
    sections = list(_sections(data, order, wide))
    if sections:
        at = 62 if wide else 50
        (strings,) = struct.unpack_from(order + "H", data, at)
        if strings < len(sections):
            _, _, offset, size = sections[strings]
            names = data[offset : offset + min(size, _NOTES_MAX)]
    for name, section_kind, offset, size in sections:
        if section_kind == _NOTE:
            notes.append((offset, size))
        label = names[name : names.find(b"\0", name)]
        dwarf = dwarf or label in (b".debug_info", b".zdebug_info")
    notes += _note_segments(data, order, wide)
    found = (build_id(data[offset : offset + min(size, _NOTES_MAX)], order) for offset, size in notes)
    return ElfFile(next((each for each in found if each), None), dwarf, kind == 4)


def _sections(data: mmap.mmap, order: str, wide: bool) -> Iterator[tuple[int, int, int, int]]:
    """Offset of its name, type, offset and size of each section."""
    (start,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)
    size, number = struct.unpack_from(order + "HH", data, 58 if wide else 46)
    for i in range(min(number, _HEADERS_MAX)):
        at = start + i * size
        if wide:
            name, kind, _, _, offset, length = struct.unpack_from(order + "IIQQQQ", data, at)
        else:
            name, kind, _, _, offset, length = struct.unpack_from(order + "IIIIII", data, at)
        yield name, kind, offset, length


def _note_segments(data: mmap.mmap, order: str, wide: bool) -> Iterator[tuple[int, int]]:
    (start,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)
    size, number = struct.unpack_from(order + "HH", data, 54 if wide else 42)
    for i in range(number):
        at = start + i * size
        if wide:
            kind, _, offset, _, _, length = struct.unpack_from(order + "IIQQQQ", data, at)
        else:
            kind, offset, _, _, length = struct.unpack_from(order + "IIIII", data, at)
        if kind == _PT_NOTE:
            yield offset, length


def build_id(notes: bytes, order: str = "<") -> bytes | None:
    """The GNU build ID among some ELF notes."""
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(order + "III", notes, at)
        name = at + 12
        description = name + (name_size + 3 & ~3)
        if kind == _BUILD_ID and notes[name : name + name_size] == b"GNU\0" and 8 <= size <= 64:
            found = notes[description : description + size]
            return found if len(found) == size else None
        at = description + (size + 3 & ~3)
    return None
