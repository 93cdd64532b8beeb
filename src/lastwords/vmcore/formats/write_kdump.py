"""What is left of a kdump-compressed dump, written as one file whose headers are true.

Pages are copied as they are, packed; the bitmap names only those that are there. Split sets become one file, flattened
files plain ones, and names that QEMU leaves out of the header are filled in, so that drgn opens the result.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from .compression import INCOMPLETE
from .kdump import MAINS, SIGNATURE, KdumpHeader
from .kdump_pages import CHUNK, DESCRIPTOR_SIZE, KdumpPart
from .notes import ByteOrder

Progress = Callable[[int, int], None]

_WINDOW = 1 << 20
_MOST_SHARED = 1024
_VERSION = 6
_SUB_HEADER_SIZE = 256


class Lost:
    """The pages of one file that are to be left out.

    Args:
        numbers: of bad pages, counted in their file, ascending.
        end: number of the first page that has no descriptor.
    """

    def __init__(self, numbers: Sequence[int], end: int) -> None:
        self._numbers = [number for number in numbers if number < end]
        self._end = end
        self._at = 0

    @property
    def kept(self) -> int:
        """How many pages stay."""
        return self._end - len(self._numbers)

    def __contains__(self, number: int) -> bool:
        """To be asked in ascending order."""
        if number >= self._end:
            return True
        while self._at < len(self._numbers) and self._numbers[self._at] < number:
            self._at += 1
        return self._at < len(self._numbers) and self._numbers[self._at] == number


def write_kdump(
    out: BinaryIO,
    parts: Sequence[KdumpPart],
    lost: Sequence[Lost],
    *,
    names: dict[str, str],
    vmcoreinfo: bytes,
    notes: bytes,
    complete: bool,
    progress: Progress | None = None,
) -> int:
    """Write the dump.

    Args:
        out: at its start; seekable.
        parts: the files of the dump, by page frames.
        lost: for each of them, what to leave out.
        names: of struct new_utsname.
        vmcoreinfo: the text.
        notes: the ELF notes, packed.
        complete: nothing is lost, so the result is not to be marked incomplete.
        progress: called with pages done and pages there are.

    Returns:
        Pages written.
    """
    header = parts[0].header
    block = header.block_size
    kept = sum(each.kept for each in lost)
    extra = vmcoreinfo + notes
    sub_blocks = -(-(_SUB_HEADER_SIZE + len(extra)) // block)
    bitmap_blocks = 2 * -(-header.max_mapnr // (8 * block))
    out.write(_main_header(header, names, sub_blocks, bitmap_blocks, complete).ljust(block, b"\0"))
    out.write(_sub_header(header, len(vmcoreinfo), len(notes)).ljust(_SUB_HEADER_SIZE, b"\0") + extra)
    first_bitmap = (1 + sub_blocks) * block
    second_bitmap = first_bitmap + bitmap_blocks // 2 * block
    _copy_bitmap(out, parts[0], first_bitmap, second_bitmap)
    descriptors = first_bitmap + bitmap_blocks * block
    writer = _Writer(out, header.order, second_bitmap, descriptors, descriptors + kept * DESCRIPTOR_SIZE)
    end = 0
    for part, left_out in zip(parts, lost, strict=True):
        end = writer.copy(part, left_out, end, lambda done: progress and progress(done, kept))
    writer.finish()
    return writer.pages


def _main_header(
    header: KdumpHeader, names: dict[str, str], sub_blocks: int, bitmap_blocks: int, complete: bool
) -> bytes:
    mark = "<" if header.order == "little" else ">"
    main = next(main for main in MAINS if main.bits == header.bits)
    result = SIGNATURE + struct.pack(mark + "i", _VERSION)
    for name in ("sysname", "nodename", "release", "version", "machine", "domainname"):
        result += names.get(name, "").encode("latin-1", "replace")[:64].ljust(65, b"\0")
    result = result.ljust(main.timestamp, b"\0") + struct.pack(mark + main.seconds, header.timestamp)
    status = header.status & ~INCOMPLETE if complete else header.status | INCOMPLETE
    fields = (status, header.block_size, sub_blocks, bitmap_blocks, min(header.max_mapnr, 0xFFFF_FFFF), 0, 0, 0, 0)
    return result.ljust(main.status, b"\0") + struct.pack(mark + "10I", *fields, header.cpus & 0xFFFF or 1)


def _sub_header(header: KdumpHeader, vmcoreinfo_size: int, notes_size: int) -> bytes:
    mark, sub = ("<" if header.order == "little" else ">"), header.layout
    result = bytearray(_SUB_HEADER_SIZE)

    def put(offset: int, form: str, value: int) -> None:
        struct.pack_into(mark + form, result, offset, value)

    mask = (1 << 64) - 1 if header.bits == 64 else (1 << 32) - 1
    put(0, sub.word, (header.phys_base or 0) & mask)
    put(sub.dump_level, "I", header.dump_level or 0)
    put(sub.end_pfn, sub.word, header.max_mapnr & mask)
    put(sub.end_pfn_64, "Q", header.max_mapnr)
    put(sub.max_mapnr_64, "Q", header.max_mapnr)
    at = header.block_size + _SUB_HEADER_SIZE
    for offset, size in ((sub.vmcoreinfo, vmcoreinfo_size), (sub.note, notes_size)):
        if size:
            put(offset, "Q", at)
            put(offset + 8, sub.word, size)
            at += size
    return bytes(result)


def _copy_bitmap(out: BinaryIO, part: KdumpPart, at: int, end: int) -> None:
    out.seek(at)
    for number in range(-(-part.memory.size // CHUNK)):
        out.write(part.memory.chunk(number)[: end - at - number * CHUNK])


class _Writer:
    """Writes three things side by side: the bitmap, the descriptors, the pages.

    Attributes:
        pages: written so far.
    """

    def __init__(self, out: BinaryIO, order: ByteOrder, bitmap: int, descriptors: int, data: int) -> None:
        self._out = out
        self._form = struct.Struct("<QIIQ" if order == "little" else ">QIIQ")
        self._bitmap, self._bitmap_end, self._descriptors, self._data = bitmap, descriptors, descriptors, data
        self._shared: dict[tuple[int, int], int] = {}
        self.pages = 0

    def copy(self, part: KdumpPart, lost: Lost, start: int, step: Callable[[int], object]) -> int:
        """Copy a file's pages from page frame `start` on. Returns the page frame behind the last."""
        header = part.header
        start = max(start, header.start_pfn)
        chunk_size = CHUNK * 8
        for number in range(start // chunk_size, -(-header.end_pfn // chunk_size)):
            low, high = max(start, number * chunk_size), min(header.end_pfn, (number + 1) * chunk_size)
            self._chunk(part, lost, number, low, high)
            step(self.pages)
        return max(header.end_pfn, start)

    def _chunk(self, part: KdumpPart, lost: Lost, chunk: int, low: int, high: int) -> None:
        first = part.dumped.rank(low) - part.first
        pfns = [pfn for pfn in _set_bits(part.dumped.chunk(chunk), chunk * CHUNK * 8) if low <= pfn < high]
        bits = bytearray(self._old_bits(chunk))
        descriptors, body = bytearray(), bytearray()
        window, window_at = b"", 0
        for number, (pfn, found) in enumerate(zip(pfns, part.descriptors(first, len(pfns)), strict=False), first):
            if number in lost:
                continue
            place = self._shared.get((id(part), found.offset))
            if place is None:
                at = found.offset - window_at
                if at < 0 or at + found.size > len(window):
                    window, window_at, at = part.storage.read(found.offset, max(_WINDOW, found.size)), found.offset, 0
                place = self._data + len(body)
                body += window[at : at + found.size]
                if found.size == part.header.block_size and len(self._shared) < _MOST_SHARED:
                    self._shared[id(part), found.offset] = place
            descriptors += self._form.pack(place, found.size, found.flags, 0)
            bits[pfn >> 3 & CHUNK - 1] |= 1 << (pfn & 7)
            self.pages += 1
            if len(body) >= _WINDOW:
                self._flush(descriptors, body)
        self._flush(descriptors, body)
        self._out.seek(self._bitmap + chunk * CHUNK)
        self._out.write(bits[: self._bitmap_end - self._bitmap - chunk * CHUNK])

    def _flush(self, descriptors: bytearray, body: bytearray) -> None:
        self._out.seek(self._descriptors)
        self._out.write(descriptors)
        self._descriptors += len(descriptors)
        self._out.seek(self._data)
        self._out.write(body)
        self._data += len(body)
        descriptors.clear()
        body.clear()

    def _old_bits(self, chunk: int) -> bytes:
        """What a part before this one wrote into the same piece of the bitmap."""
        self._out.seek(self._bitmap + chunk * CHUNK)
        return self._out.read(CHUNK).ljust(CHUNK, b"\0")

    def finish(self) -> None:
        """Give the file its full length, also where its end is empty."""
        self._out.truncate(max(self._data, self._descriptors))


def _set_bits(chunk: bytes, base: int) -> Iterator[int]:
    for at, byte in enumerate(chunk):
        while byte:
            low = byte & -byte
            yield base + at * 8 + low.bit_length() - 1
            byte ^= low
