"""Bytes of large files, cut at the ends of lines."""

from typing import BinaryIO

LONGEST_LINE = 64 << 10
"""Bytes that are looked through for the end of a line; a line may have a hundred megabytes."""


def fill(file: BinaryIO, data: bytes, size: int) -> bytes:
    """`data` and what follows it in the file, `size` bytes if there are so many."""
    parts = [data]
    missing = size - len(data)
    while missing > 0 and (more := file.read(missing)):
        parts.append(more)
        missing -= len(more)
    return b"".join(parts)


def fill_up(file: BinaryIO, buffer: bytearray, filled: int) -> int:
    """Read until the buffer is full or the file at its end; how much of it is filled then."""
    with memoryview(buffer) as view:
        while filled < len(view) and (more := file.readinto(view[filled:])):  # type: ignore[attr-defined]
            filled += more
    return filled


def count_lines(data: bytes) -> int:
    """Lines in a text, the last of which may lack its end."""
    return data.count(b"\n") + (bool(data) and data[-1:] != b"\n")


def line_start(data: bytes | bytearray, offset: int) -> int:
    """Where the line that holds this offset begins; within reason."""
    return max(data.rfind(b"\n", max(offset - LONGEST_LINE, 0), offset) + 1, max(offset - LONGEST_LINE, 0))


def line_end(data: bytes | bytearray, offset: int) -> int:
    """Offset just behind the end of the line that holds this offset, within reason."""
    end = data.find(b"\n", offset, offset + LONGEST_LINE)
    return min(end + 1 if end >= 0 else offset + LONGEST_LINE, len(data))


def next_line(file: BinaryIO, offset: int) -> int:
    """Offset of the first line that begins at or behind an offset."""
    if offset == 0:
        return 0
    file.seek(offset - 1)
    end = file.read(LONGEST_LINE).find(b"\n")
    return offset + end if end >= 0 else offset
