"""makedumpfile's flattened format (`makedumpfile -F`, and all of QEMU's kdump formats before 9.0).

Made for a pipe, which can't seek: a header of 4096 bytes, then records of offset, size and data, big-endian, in the
order of writing, ended by an offset of -1. `makedumpfile -R` puts the file together; here it is read where it is,
through an index of the records (makedumpfile's `makedumpfile.h`: `struct makedumpfile_header`,
`struct makedumpfile_data_header`).
"""

import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import pairwise

from .storage import NotADump, Storage

SIGNATURE = b"makedumpfile\0"
"""The rest of its 16 bytes is whatever was on the stack of makedumpfile before 1.7."""
HEADER_SIZE = 4096

_RECORD = struct.Struct(">qq")
_MOST_RECORDS = 1 << 23
"""Records of a real file hold 16 KiB (QEMU) or more; so many are 128 GiB, and their index takes 200 MB."""

Index = Sequence[int]

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do, in bytes or pages."""


def is_flattened(start: bytes) -> bool:
    """Whether a file that starts so is flattened."""
    return start.startswith(SIGNATURE)


class Flattened:
    """The dump inside a flattened file.

    Attributes:
        size: of the dump inside, as far as the records reach.
        whole: the end mark is there. Without it the file was cut off.
        path: of the flattened file.
    """

    def __init__(self, storage: Storage, progress: Progress | None = None) -> None:
        """Index the records.

        Raises:
            NotADump: the header is not one of a flattened file.
        """
        self.path = storage.path
        self._storage = storage
        kind, version = struct.unpack(">qq", storage.read(16, 16).ljust(16, b"\0"))
        if kind != 1:
            raise NotADump(f"flattened by a program we don't know: type {kind}, version {version}")
        self.whole = False
        self.size = 0
        self._starts, self._sizes, self._places = array("Q"), array("Q"), array("Q")
        self._index(progress)

    def _index(self, progress: Progress | None) -> None:
        at = HEADER_SIZE
        starts, sizes, places = array("Q"), array("Q"), array("Q")
        while len(record := self._storage.read(at, 16)) == 16:
            offset, size = _RECORD.unpack(record)
            if offset == -1:
                self.whole = True
                break
            if offset < 0 or size < 0 or offset + size > 1 << 62 or len(starts) >= _MOST_RECORDS:
                break  # overwritten; what comes behind it can't be found
            at += 16
            there = min(size, max(self._storage.size - at, 0))
            if there:
                starts.append(offset)
                sizes.append(there)
                places.append(at)
            at += size
            if progress is not None and not len(starts) % 4096:
                progress(at, self._storage.size)
        for start, length, place in _last_writer_wins(starts, sizes, places):
            self._starts.append(start)
            self._sizes.append(length)
            self._places.append(place)
        if self._starts:
            self.size = self._starts[-1] + self._sizes[-1]

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; gaps between records read as zeros, as a file with holes does."""
        size = min(size, self.size - offset)
        if size <= 0 or offset < 0:
            return b""
        pieces: list[bytes] = []
        while size > 0:
            index = bisect_right(self._starts, offset) - 1
            within = offset - self._starts[index] if index >= 0 else 0
            if index >= 0 and within < self._sizes[index]:
                piece = self._storage.read(self._places[index] + within, min(size, self._sizes[index] - within))
                if not piece:
                    break
            else:
                following = self._starts[index + 1] if index + 1 < len(self._starts) else self.size
                piece = bytes(min(size, following - offset, 1 << 20))
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._storage.close()


def _last_writer_wins(starts: Index, sizes: Index, places: Index) -> Iterator[tuple[int, int, int]]:
    """Start, size and place, sorted, without overlap.

    makedumpfile writes its header a second time at the end: of records that overlap, the later one counts.
    """
    order = sorted(range(len(starts)), key=starts.__getitem__)
    if all(starts[one] + sizes[one] <= starts[two] for one, two in pairwise(order)):
        return ((starts[index], sizes[index], places[index]) for index in order)
    return _swept(starts, sizes, places, order)


def _swept(starts: Index, sizes: Index, places: Index, order: list[int]) -> Iterator[tuple[int, int, int]]:
    """A sweep over all borders; of the records open at a place, the one written last counts."""
    borders = sorted({border for start, size in zip(starts, sizes, strict=True) for border in (start, start + size)})
    opened: list[int] = []  # a heap of indexes, negative, so that the last one is on top
    following = 0
    for left, right in pairwise(borders):
        while following < len(order) and starts[order[following]] <= left:
            heappush(opened, -order[following])
            following += 1
        while opened and starts[-opened[0]] + sizes[-opened[0]] <= left:
            heappop(opened)
        if opened:
            yield left, right - left, places[-opened[0]] + left - starts[-opened[0]]
