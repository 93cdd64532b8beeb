"""What is left of an ELF dump, written as an ELF dump whose headers are true."""

import struct
from collections.abc import Callable, Sequence
from typing import BinaryIO

from .elf import DUMP_ELF_INCOMPLETE, ET_CORE, MAGIC, PN_XNUM, PT_LOAD, PT_NOTE, ElfHeader, Segment
from .notes import ByteOrder, Note
from .storage import Storage

Progress = Callable[[int, int], None]

_STEP = 1 << 22
_PAGE = 4096


def surviving(header: ElfHeader, storage: Storage) -> list[Segment]:
    """The segments, as far as the file holds them."""
    kept = []
    for segment in header.loads:
        size = min(segment.file_size, segment.memory_size, max(storage.size - segment.offset, 0))
        if size > 0:
            kept.append(Segment(PT_LOAD, segment.offset, segment.virtual, segment.physical, size, size))
    return kept


def write_elf(
    out: BinaryIO,
    header: ElfHeader,
    storage: Storage,
    notes: Sequence[Note],
    *,
    complete: bool,
    progress: Progress | None = None,
) -> int:
    """Write the dump.

    Args:
        out: at its start.
        header: of the dump in `storage`; byte order, width and machine are kept.
        storage: the bytes of the dump.
        notes: all notes to put into it.
        complete: nothing is lost, so the result is not to be marked incomplete.
        progress: called with bytes done and bytes there are.

    Returns:
        Bytes of memory written.
    """
    kept = surviving(header, storage)
    packed = pack_notes(notes, header.order)
    sizes = (64, 56, 64) if header.bits == 64 else (52, 32, 40)
    many = len(kept) + 1 >= PN_XNUM
    notes_at = sizes[0] + sizes[1] * (len(kept) + 1) + (sizes[2] if many else 0)
    data_at = -(-(notes_at + len(packed)) // _PAGE) * _PAGE
    moved = [Segment(PT_NOTE, notes_at, 0, 0, len(packed), 0)]
    at = data_at
    for segment in kept:
        moved.append(Segment(PT_LOAD, at, segment.virtual, segment.physical, segment.file_size, segment.memory_size))
        at += -(-segment.file_size // _PAGE) * _PAGE
    out.write(_headers(header, moved, sizes, many, complete) + packed)
    total = sum(segment.file_size for segment in kept)
    done = 0
    for source, target in zip(kept, moved[1:], strict=True):
        out.seek(target.offset)
        for start in range(0, source.file_size, _STEP):
            out.write(storage.read(source.offset + start, min(_STEP, source.file_size - start)))
            done += min(_STEP, source.file_size - start)
            if progress is not None:
                progress(done, total)
    return total


def _headers(
    header: ElfHeader, segments: Sequence[Segment], sizes: tuple[int, int, int], many: bool, complete: bool
) -> bytes:
    """The ELF header, the program headers, and section header 0 where there are too many of those to count."""
    mark = "<" if header.order == "little" else ">"
    word = "Q" if header.bits == 64 else "I"
    count = len(segments)
    section_at = sizes[0] + sizes[1] * count if many else 0
    result = MAGIC + bytes([2 if header.bits == 64 else 1, 1 if header.order == "little" else 2, 1]) + bytes(9)
    result += struct.pack(mark + "HHI", ET_CORE, header.machine_number, 1)
    result += struct.pack(mark + f"3{word}", 0, sizes[0], section_at)
    shown = PN_XNUM if many else count
    flags = header.flags if complete else header.flags | DUMP_ELF_INCOMPLETE
    result += struct.pack(mark + "I6H", flags, sizes[0], sizes[1], shown, sizes[2] * many, int(many), 0)
    for one in segments:
        if header.bits == 64:
            fields = (one.type, 7, one.offset, one.virtual, one.physical, one.file_size, one.memory_size, 0)
            result += struct.pack(mark + "II6Q", *fields)
        else:
            fields = (one.type, one.offset, one.virtual, one.physical, one.file_size, one.memory_size, 7, 0)
            result += struct.pack(mark + "8I", *fields)
    if many:
        # sh_info, behind name, type, flags, address, offset, size and link
        section = bytearray(sizes[2])
        struct.pack_into(mark + "I", section, 44 if header.bits == 64 else 28, count)
        result += bytes(section)
    return result


def pack_notes(notes: Sequence[Note], order: ByteOrder) -> bytes:
    """Notes as they stand in a file."""
    form = "<III" if order == "little" else ">III"
    result = bytearray()
    for note in notes:
        name = note.name.encode("latin-1") + b"\0"
        result += struct.pack(form, len(name), len(note.desc), note.type)
        result += name.ljust(len(name) + 3 & ~3, b"\0") + note.desc.ljust(len(note.desc) + 3 & ~3, b"\0")
    return bytes(result)
