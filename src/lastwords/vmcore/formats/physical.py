"""Guest-physical memory, whatever file format holds it.

All formats come down to this: at a physical address there is a page that can be read, or there is a reason why not.
The reasons differ in what a user can do about them, so each is an exception of its own.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .storage import Storage


class Unreadable(Exception):
    """A physical address whose memory can't be had from the dump.

    Attributes:
        address: the physical address.
        reason: one line, for the user.
    """

    reason = "not readable"

    def __init__(self, address: int, reason: str = "") -> None:
        self.address = address
        self.reason = reason or self.reason
        super().__init__(f"physical address {address:#x}: {self.reason}")


class Excluded(Unreadable):
    """A page that was left out on purpose, when the dump was filtered (makedumpfile -d)."""

    reason = "left out when the dump was filtered"


class Missing(Unreadable):
    """A page that should be there and is not: the file ends before it, or it was never written."""

    reason = "missing from the dump"


class Damaged(Unreadable):
    """A page that is there and can't be decoded."""

    reason = "damaged in the dump"


class NoMemory(Unreadable):
    """An address where the machine had no memory, so far as the dump knows."""

    reason = "no memory there"


@dataclass(frozen=True, slots=True)
class Range:
    """Physical memory from `start` up to, but not including, `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start


class PhysicalMemory(Protocol):
    """Reads the memory of the crashed machine by physical address.

    Attributes:
        page_size: in bytes; what the dump is divided into.
    """

    page_size: int

    @property
    def segments(self) -> Sequence[Range]:
        """The machine's memory as the dump describes it, sorted, without overlap."""
        ...

    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            Excluded: left out on purpose.
            Missing: cut off or never written.
            Damaged: there, but not to be decoded.
            NoMemory: outside all segments.
        """
        ...

    def present(self) -> Iterator[Range]:
        """The parts that can be read, ascending, as far as headers tell; adjoining pages come as one range."""
        ...


@dataclass(frozen=True, slots=True)
class Extent:
    """A piece of memory that lies in a file as it is.

    Attributes:
        start: physical address of its first byte; `end` behind its last.
        offset: of the first byte in the file.
        stored: bytes in the file; what is beyond, up to `end`, was left out on purpose (`p_filesz < p_memsz`).
    """

    start: int
    end: int
    offset: int
    stored: int


class ExtentMemory:
    """Memory in pieces that lie uncompressed in one file: ELF, LiME, a raw image."""

    def __init__(self, storage: Storage, extents: Sequence[Extent], page_size: int = 4096) -> None:
        self.page_size = page_size
        self._storage = storage
        self._extents = _without_overlap(extents)
        self._starts = [extent.start for extent in self._extents]
        self.segments = _joined(Range(extent.start, extent.end) for extent in self._extents)

    @property
    def extents(self) -> Sequence[Extent]:
        """Sorted, without overlap."""
        return self._extents

    def read(self, address: int, size: int) -> bytes:
        """See `PhysicalMemory.read()`."""
        if size <= 0:
            return b""
        extent = self._at(address)
        within = address - extent.start
        if within + size <= extent.stored:
            data = self._storage.read(extent.offset + within, size)
            if len(data) == size:
                return data
            raise Missing(address + len(data), "the file ends before it")
        pieces: list[bytes] = []
        while size > 0:
            extent = self._at(address)
            within = address - extent.start
            if within >= extent.stored:
                raise Excluded(address)
            piece = self._storage.read(extent.offset + within, min(size, extent.stored - within))
            if not piece:
                raise Missing(address, "the file ends before it")
            pieces.append(piece)
            address += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def present(self) -> Iterator[Range]:
        """See `PhysicalMemory.present()`."""
        whole = (
            Range(extent.start, extent.start + min(extent.stored, max(self._storage.size - extent.offset, 0)))
            for extent in self._extents
        )
        yield from _joined(found for found in whole if found.size > 0)

    def _at(self, address: int) -> Extent:
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._extents[index].end:
            raise NoMemory(address)
        return self._extents[index]


def _without_overlap(extents: Sequence[Extent]) -> list[Extent]:
    """Sorted; of two that claim the same memory, the one that begins first keeps it."""
    result: list[Extent] = []
    end = 0
    for extent in sorted(extents, key=lambda extent: (extent.start, -extent.end)):
        cut = max(end - extent.start, 0)
        if extent.start + cut >= extent.end:
            continue
        result.append(Extent(extent.start + cut, extent.end, extent.offset + cut, max(extent.stored - cut, 0)))
        end = extent.end
    return result


def _joined(ranges: Iterator[Range]) -> list[Range]:
    """Ranges, sorted already, with neighbours made one."""
    result: list[Range] = []
    for found in ranges:
        if result and result[-1].end >= found.start:
            result[-1] = Range(result[-1].start, max(result[-1].end, found.end))
        else:
            result.append(found)
    return result
