"""Build IDs: of the running kernel, of its modules, and of a vmlinux on disk. Format: elf(5), "Notes"."""

import struct
from typing import BinaryIO

_BUILD_ID = 3  # NT_GNU_BUILD_ID
_PT_NOTE = 4
_SHT_NOTE = 7
_NOTES_LIMIT = 1 << 20
_HEADERS_LIMIT = 100_000


def build_id(notes: bytes, order: str = "<") -> str:
    """The GNU build ID among notes, in hexadecimal; empty where there is none."""
    position = 0
    while position + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(f"{order}III", notes, position)
        name = notes[position + 12 : position + 12 + name_size]
        begin = position + 12 + _aligned(name_size)
        if kind == _BUILD_ID and name == b"GNU\0":
            return notes[begin : begin + size].hex()
        position = begin + _aligned(size)
    return ""


def file_build_id(file: BinaryIO) -> str:
    """The build ID of a 64-bit ELF file: from its program headers, else its sections (modules, debug files)."""
    head = file.read(64)
    if len(head) < 64 or head[:5] != b"\x7fELF\x02":
        return ""
    order = ">" if head[5] == 2 else "<"
    program, sections = struct.unpack_from(f"{order}QQ", head, 32)
    program_size, programs, section_size, count = struct.unpack_from(f"{order}HHHH", head, 54)
    for at, size, number, note in (
        (program, program_size, programs, _PT_NOTE),
        (sections, section_size, count, _SHT_NOTE),
    ):
        table = _read(file, at, min(size * number, _HEADERS_LIMIT))
        for index in range(number):
            entry = table[index * size : (index + 1) * size]
            if found := _note(file, entry, order, is_section=note == _SHT_NOTE, wanted=note):
                return found
    return ""


def _note(file: BinaryIO, entry: bytes, order: str, *, is_section: bool, wanted: int) -> str:
    if len(entry) < 56:
        return ""
    if is_section:
        (kind,) = struct.unpack_from(f"{order}I", entry, 4)
        offset, size = struct.unpack_from(f"{order}QQ", entry, 24)
    else:
        (kind,) = struct.unpack_from(f"{order}I", entry, 0)
        offset, size = struct.unpack_from(f"{order}Q16xQ", entry, 8)
    return build_id(_read(file, offset, min(size, _NOTES_LIMIT)), order) if kind == wanted else ""


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    try:
        file.seek(offset)
        return file.read(size)
    except (OSError, OverflowError, ValueError):
        return b""


def _aligned(size: int) -> int:
    return (size + 3) & ~3
