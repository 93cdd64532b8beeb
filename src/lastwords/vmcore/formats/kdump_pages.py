"""The pages of a kdump-compressed dump: bitmaps, descriptors, decompression."""

import struct
import sys
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from .compression import ANY_METHOD, BadPage, Codecs, NoCodec
from .kdump import KdumpHeader
from .physical import Damaged, Excluded, Missing, NoMemory, Range
from .storage import Storage

DESCRIPTOR_SIZE = 24
CHUNK = 1 << 12
"""Bytes of a bitmap that are counted together: 32768 pages."""

_CHUNKS_AT_ONCE = 1 << 8
_ZEROS = bytes(CHUNK * _CHUNKS_AT_ONCE)
_CACHED_PAGES = 1024
_CACHED_CHUNKS = 64


@dataclass(frozen=True, slots=True)
class Descriptor:
    """struct page_desc: where a page's data are in the file, how many bytes, and how they are packed."""

    offset: int
    size: int
    flags: int


class Bitmap:
    """One bit for each page frame, the lowest bit of a byte first."""

    def __init__(self, storage: Storage, offset: int, size: int, pages: int) -> None:
        """A bitmap in a file.

        Args:
            storage: the dump.
            offset: of the bitmap, in bytes.
            size: in bytes; `pages` is the number of bits that count.
            pages: see `size`.
        """
        self._storage = storage
        self._offset = offset
        self.pages = min(pages, size * 8)
        self.size = (self.pages + 7) // 8
        self._chunks: OrderedDict[int, bytes] = OrderedDict()

    def chunk(self, number: int) -> bytes:
        """CHUNK bytes; a part that the file lacks counts as zeros."""
        found = self._chunks.get(number)
        if found is None:
            start = number * CHUNK
            want = min(CHUNK, self.size - start)
            found = self._storage.read(self._offset + start, want)
            if want > 0 and start + want == self.size and self.pages % 8 and len(found) == want:
                found = found[:-1] + bytes([found[-1] & (1 << self.pages % 8) - 1])
            found = found.ljust(CHUNK, b"\0")
            self._chunks[number] = found
            if len(self._chunks) > _CACHED_CHUNKS:
                self._chunks.popitem(last=False)
        return found

    @cached_property
    def _before(self) -> "array[int]":
        """How many bits are set before each chunk, and last before the end."""
        total = array("Q", [0])
        there = min(self.size, max(self._storage.size - self._offset, 0))
        chunks = (there + CHUNK - 1) // CHUNK
        for start in range(0, chunks, _CHUNKS_AT_ONCE):
            count = min(_CHUNKS_AT_ONCE, chunks - start)
            block = self._storage.read(self._offset + start * CHUNK, count * CHUNK)
            if start + count == chunks or block != _ZEROS:
                for number in range(start, start + count):
                    total.append(total[-1] + int.from_bytes(self.chunk(number), "little").bit_count())
            else:
                total.extend(total[-1:] * count)
        return total

    @property
    def count(self) -> int:
        """Bits set."""
        return self._before[-1]

    def __contains__(self, pfn: int) -> bool:
        if not 0 <= pfn < self.pages:
            return False
        return bool(self.chunk(pfn >> 15)[pfn >> 3 & CHUNK - 1] >> (pfn & 7) & 1)

    def rank(self, pfn: int) -> int:
        """How many bits below `pfn` are set."""
        pfn = min(pfn, self.pages)
        number = pfn >> 15
        if number >= len(self._before) - 1:
            return self.count
        below = int.from_bytes(self.chunk(number), "little") & (1 << (pfn & 0x7FFF)) - 1
        return self._before[number] + below.bit_count()

    def select(self, number: int) -> int:
        """The page frame of the set bit number `number`, counted from 0; -1 where there are not so many."""
        chunk = bisect_right(self._before, number) - 1
        if not 0 <= chunk < len(self._before) - 1:
            return -1
        left = number - self._before[chunk]
        for first, last in _runs_in(self.chunk(chunk)):
            if left < last - first:
                return chunk * CHUNK * 8 + first + left
            left -= last - first
        return -1

    def runs(self) -> Iterator[Range]:
        """Runs of set bits, ascending, as page frame numbers."""
        start = end = -1
        for number in range(len(self._before) - 1):
            if self._before[number] == self._before[number + 1]:
                continue
            for first, last in _runs_in(self.chunk(number)):
                if number * CHUNK * 8 + first == end:
                    end = number * CHUNK * 8 + last
                    continue
                if end > start:
                    yield Range(start, end)
                start, end = number * CHUNK * 8 + first, number * CHUNK * 8 + last
        if end > start:
            yield Range(start, end)


def _runs_in(chunk: bytes) -> Iterator[tuple[int, int]]:
    """Runs of set bits in one chunk: first bit, and the bit behind the last."""
    bits = int.from_bytes(chunk, "little")
    at = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        length = (~bits & bits + 1).bit_length() - 1
        yield at + skip, at + skip + length
        bits >>= length
        at += skip + length


class KdumpPart:
    """One kdump-compressed file: a whole dump, or one file of a split one."""

    MISSING = ("never written", "the file ends before it")
    """What `fault()` says of a page that is not there, as opposed to a damaged one."""

    def __init__(self, storage: Storage, header: KdumpHeader) -> None:
        self.storage = storage
        self.header = header
        self.memory = Bitmap(storage, header.bitmap_offset, header.bitmap_size, header.max_mapnr)
        self.dumped = Bitmap(storage, header.bitmap_offset + header.bitmap_size, header.bitmap_size, header.max_mapnr)
        self._codecs = Codecs()
        self._shared = (-1, b"")
        self._descriptor = struct.Struct("<QII" if header.order == "little" else ">QII")

    @cached_property
    def first(self) -> int:
        """Set bits before this file's first page; a split set's files all have the bitmap of the whole."""
        return self.dumped.rank(self.header.start_pfn)

    @cached_property
    def count(self) -> int:
        """Page descriptors in this file."""
        return max(self.dumped.rank(self.header.end_pfn) - self.first, 0)

    @property
    def data_offset(self) -> int:
        """Where page data can begin at the earliest."""
        return self.header.descriptors_offset + self.count * DESCRIPTOR_SIZE

    def descriptor(self, pfn: int) -> Descriptor | None:
        """The descriptor of a page frame that is in the dump, or None where the file ends before it."""
        at = self.header.descriptors_offset + (self.dumped.rank(pfn) - self.first) * DESCRIPTOR_SIZE
        data = self.storage.read(at, 16)
        return Descriptor(*self._descriptor.unpack(data)) if len(data) == 16 else None

    def table(self, first: int, count: int) -> bytes:
        """Descriptors from number `first`, as they stand in the file; fewer where it ends."""
        data = self.storage.read(self.header.descriptors_offset + first * DESCRIPTOR_SIZE, count * DESCRIPTOR_SIZE)
        return data[: len(data) // DESCRIPTOR_SIZE * DESCRIPTOR_SIZE]

    def words(self, table: bytes) -> "array[int]":
        """Descriptors as 32-bit words in this machine's order, 6 to each.

        Words 0 and 1 are the offset, in the dump's order of halves; 2 is the size, 3 the flags.
        """
        words = array("I", table)
        if self.header.order != sys.byteorder:
            words.byteswap()
        return words

    def descriptors(self, first: int, count: int) -> list[Descriptor]:
        """Descriptors from number `first`; fewer where the file ends."""
        words = self.words(self.table(first, count))
        low, high = (0, 1) if self.header.order == "little" else (1, 0)
        return [
            Descriptor(words[at + low] | words[at + high] << 32, words[at + 2], words[at + 3])
            for at in range(0, len(words), 6)
        ]

    def address(self, number: int) -> int:
        """Physical address of this file's page number `number`."""
        return self.dumped.select(self.first + number) * self.header.block_size

    def fault(self, found: Descriptor) -> str | None:
        """Why a descriptor can't be right, or None."""
        if not found.offset and not found.size:
            return "never written"
        if found.offset < self.data_offset:
            return "its data would lie inside the headers"
        # A page that compression would only make bigger is stored as it is; QEMU's LZO may need a little more.
        if not 0 < found.size <= self.header.block_size * 2:
            return f"its data would be {found.size} bytes"
        if found.offset + found.size > self.storage.size:
            return "the file ends before it"
        return None

    def page(self, pfn: int) -> bytes:
        """The page, unpacked.

        Raises:
            Missing: never written, or behind the file's end.
            Damaged: does not unpack, or its descriptor makes no sense.
        """
        address = pfn * self.header.block_size
        found = self.descriptor(pfn)
        if found is None:
            raise Missing(address, "the file ends before its descriptor")
        fault = self.fault(found)
        if fault in self.MISSING:
            raise Missing(address, fault)
        if fault is not None:
            raise Damaged(address, fault)
        if found.offset == self._shared[0]:
            return self._shared[1]
        packed = self.storage.read(found.offset, found.size)
        if len(packed) < found.size:
            raise Missing(address, "the file ends before it")
        try:
            page = self._codecs.page(packed, found.flags, self.header.block_size)
        except NoCodec as error:
            raise Damaged(address, str(error)) from None
        except BadPage as error:
            raise Damaged(address, f"does not unpack: {error}") from None
        if not found.flags & ANY_METHOD:
            self._shared = (found.offset, page)  # most often the page of zeros, which comes again and again
        return page


class KdumpMemory:
    """Memory from one kdump-compressed file, or from all files of a split dump."""

    def __init__(self, parts: Sequence[KdumpPart]) -> None:
        """Put the parts together.

        Args:
            parts: sorted by their first page frame; at least one.
        """
        self.parts = tuple(parts)
        self.page_size = parts[0].header.block_size
        self._pages: OrderedDict[int, bytes] = OrderedDict()

    @cached_property
    def segments(self) -> Sequence[Range]:
        """See `PhysicalMemory`: what the 1st bitmap calls memory."""
        size = self.page_size
        return [Range(run.start * size, run.end * size) for run in self.parts[0].memory.runs()]

    def part_of(self, pfn: int) -> KdumpPart | None:
        """The file that holds a page frame."""
        return next((part for part in self.parts if part.header.start_pfn <= pfn < part.header.end_pfn), None)

    def read(self, address: int, size: int) -> bytes:
        """See `PhysicalMemory.read()`."""
        pfn, within = divmod(address, self.page_size)
        if 0 < size <= self.page_size - within:
            return self.page(pfn)[within : within + size]
        pieces: list[bytes] = []
        while size > 0:
            piece = self.page(pfn)[within : within + size]
            pieces.append(piece)
            size -= len(piece)
            pfn, within = pfn + 1, 0
        return b"".join(pieces)

    def page(self, pfn: int) -> bytes:
        """One page, from the cache or the file. Raises as `PhysicalMemory.read()`."""
        page = self._pages.get(pfn)
        if page is not None:
            return page
        part = self.part_of(pfn)
        if part is None or pfn not in part.dumped:
            self._why_not(pfn, part)
        assert part is not None
        page = self._pages[pfn] = part.page(pfn)
        if len(self._pages) > _CACHED_PAGES:
            self._pages.popitem(last=False)
        return page

    def _why_not(self, pfn: int, part: KdumpPart | None) -> None:
        address = pfn * self.page_size
        if pfn not in self.parts[0].memory:
            raise NoMemory(address)
        if part is None:
            raise Missing(address, "in a file of the split dump that is not here")
        raise Excluded(address, "left out, or lost: the dump is marked incomplete" if part.header.incomplete else "")

    def present(self) -> Iterator[Range]:
        """See `PhysicalMemory.present()`: what the 2nd bitmap calls dumped, in the files that are here."""
        for part in self.parts:
            header = part.header
            for run in part.dumped.runs():
                start, end = max(run.start, header.start_pfn), min(run.end, header.end_pfn)
                if start < end:
                    yield Range(start * self.page_size, end * self.page_size)
