"""Every page of a dump, checked: descriptors against the file's end always, contents on request and on all cores."""

import sys
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .formats import OpenDump
from .formats.compression import ANY_METHOD, BadPage, Codecs
from .formats.kdump import KdumpHeader
from .formats.kdump_pages import DESCRIPTOR_SIZE, KdumpMemory, KdumpPart
from .formats.raw import open_storage

Progress = Callable[[int, int], None]

_CHUNK = 1 << 12
"""Descriptors looked at in one go."""

_TASK = 1 << 13
"""Pages that one process unpacks before it reports."""

_WORTH_A_POOL = 1 << 17
"""Pages for which starting other processes pays: one unpacks so many in about 3 seconds."""

_ALIKE = 1 << 9
"""Descriptors that are compared with each other first."""

_WINDOW = 1 << 20
_KEPT = 8
"""Bad pages that are named one by one."""


class UnpackingDied(Exception):
    """A process that was to unpack pages is gone; one line that says so."""


@dataclass
class Faults:
    """What is wrong with pages.

    Attributes:
        missing: pages never written or behind the file's end.
        damaged: pages whose descriptor or contents make no sense.
        decoded: pages unpacked.
        named: the first bad ones: physical address and reason.
        numbers: of all bad ones, counted in their file, as far as the descriptors reach; not sorted.
        table_end: number of the first page without a descriptor, because the file ends before it, or None.
    """

    missing: int = 0
    damaged: int = 0
    decoded: int = 0
    named: list[tuple[int, str]] = field(default_factory=list)
    numbers: "array[int]" = field(default_factory=lambda: array("Q"))
    table_end: int | None = None

    def add(self, other: "Faults") -> None:
        """Sum up."""
        self.missing += other.missing
        self.damaged += other.damaged
        self.decoded += other.decoded
        self.named = (self.named + other.named)[:_KEPT]
        self.numbers.extend(other.numbers)


def check_descriptors(part: KdumpPart) -> Faults:
    """All descriptors of a file. A chunk that is all right is seen to be so without looking at each."""
    faults = Faults()
    for first in range(0, part.count, _CHUNK):
        want = min(_CHUNK, part.count - first)
        table = part.table(first, want)
        there = len(table) // DESCRIPTOR_SIZE
        if not there:
            faults.missing += part.count - first
            faults.table_end = first if faults.table_end is None else faults.table_end
            break
        faults.missing += want - there
        if there < want:
            faults.table_end = first + there
        if there > 1 and table[DESCRIPTOR_SIZE:] == table[:-DESCRIPTOR_SIZE]:
            # All the same, as pages of zeros are: the first speaks for the others.
            table = table[:DESCRIPTOR_SIZE]
        if not _all_sane(part, part.words(table)):
            faults.add(_each(part, first, want))
    return faults


def _all_sane(part: KdumpPart, words: "array[int]") -> bool:
    """Whether nothing is wrong with descriptors; False may be a false alarm."""
    low, high = (words[0::6], words[1::6]) if part.header.order == "little" else (words[1::6], words[0::6])
    sizes = words[2::6]
    largest = part.header.block_size * 2
    top, bottom = max(high), min(high)
    if top == bottom:
        lowest, highest = min(low), max(low)
    else:  # beyond 4 GiB, while the page of zeros that many share is below
        lowest = min(one for one, upper in zip(low, high, strict=True) if upper == bottom)
        highest = max(one for one, upper in zip(low, high, strict=True) if upper == top)
    return (
        (top << 32 | highest) + largest <= part.storage.size
        and (bottom << 32 | lowest) >= part.data_offset
        and min(sizes) > 0
        and max(sizes) <= largest
    )


def _each(part: KdumpPart, first: int, want: int) -> Faults:
    faults = Faults()
    for number, found in enumerate(part.descriptors(first, want), first):
        fault = part.fault(found)
        if fault is None:
            continue
        if fault in part.MISSING:
            faults.missing += 1
        else:
            faults.damaged += 1
        faults.numbers.append(number)
        if len(faults.named) < _KEPT:
            faults.named.append((part.address(number), fault))
    return faults


def sample(part: KdumpPart, count: int) -> Faults:
    """Unpack some pages, evenly spread, with the last ones among them."""
    step = max(part.count // max(count, 1), 1)
    numbers = sorted({*range(0, part.count, step), *range(max(part.count - 4, 0), part.count)})
    faults = Faults()
    codecs = Codecs()
    for number in numbers:
        for found in part.descriptors(number, 1):
            if part.fault(found) is None:
                packed = part.storage.read(found.offset, found.size)
                _decode(part, codecs, number, found.size, found.flags, packed, faults)
    return faults


def check_all(opened: OpenDump, jobs: int, progress: Progress | None = None) -> list[Faults]:
    """Unpack every page.

    Args:
        opened: a kdump-compressed dump.
        jobs: processes.
        progress: called with pages done and pages there are.

    Returns:
        The faults of each of its files, in the order of `KdumpMemory.parts`.
    """
    assert isinstance(opened.memory, KdumpMemory)
    tasks = [
        (index, first, min(_TASK, part.count - first))
        for index, part in enumerate(opened.memory.parts)
        for first in range(0, part.count, _TASK)
    ]
    total = sum(count for _, _, count in tasks)
    faults = [Faults() for _ in opened.memory.parts]
    done = 0
    for (index, _, count), found in zip(tasks, _results(opened, tasks, jobs), strict=True):
        faults[index].add(found)
        done += count
        if progress is not None:
            progress(done, total)
    return faults


def _results(opened: OpenDump, tasks: list[tuple[int, int, int]], jobs: int) -> Iterator[Faults]:
    assert isinstance(opened.memory, KdumpMemory)
    if jobs <= 1 or sum(count for _, _, count in tasks) < _WORTH_A_POOL:
        for index, first, count in tasks:
            yield unpack(opened.memory.parts[index], first, count)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    files = [(part.storage.path, part.header) for part in opened.memory.parts]
    # A fork has all modules loaded, but is only safe out of a single thread (and on Linux).
    alone = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if alone else "forkserver")
    with ProcessPoolExecutor(
        min(jobs, len(tasks)), mp_context=context, initializer=_open_files, initargs=(files,)
    ) as pool:
        try:
            futures = [pool.submit(_unpack_in, *task) for task in tasks]
            for future in futures:
                yield future.result()
        except BrokenProcessPool:
            raise UnpackingDied(
                "a process that unpacked pages died, most likely for want of memory: try -j 1"
            ) from None


_files: list[KdumpPart] = []
"""In a process that unpacks pages: the dump's files."""


def _open_files(files: Sequence[tuple[str, KdumpHeader]]) -> None:
    _files[:] = [KdumpPart(open_storage(path), header) for path, header in files]


def _unpack_in(index: int, first: int, count: int) -> Faults:
    return unpack(_files[index], first, count)


def unpack(part: KdumpPart, first: int, count: int) -> Faults:
    """Unpack pages number `first` and following; their data lie one behind the other, so they are read in one go.

    Descriptors that make no sense are passed over: `check_descriptors()` counts them. This is where all the time
    goes: numbers, not objects.
    """
    faults = Faults()
    codecs = Codecs()
    read, block = part.storage.read, part.header.block_size
    lowest, largest, end = part.data_offset, block * 2, part.storage.size
    low, high = (0, 1) if part.header.order == "little" else (1, 0)
    window, start = b"", 0
    table = part.table(first, count)
    rows = len(table) // DESCRIPTOR_SIZE
    for row in range(0, rows, _ALIKE):
        some = table[row * DESCRIPTOR_SIZE : (row + _ALIKE) * DESCRIPTOR_SIZE]
        words = part.words(some)
        alike = some[DESCRIPTOR_SIZE:] == some[:-DESCRIPTOR_SIZE]
        for number, (offset_low, offset_high, size, flags) in enumerate(
            zip(words[low::6], words[high::6], words[2::6], words[3::6], strict=True), first + row
        ):
            offset = offset_low | offset_high << 32
            if offset < lowest or not 0 < size <= largest or offset + size > end:
                continue
            if size == block and not flags & ANY_METHOD:
                # Stored as it is, most often the page of zeros that all such pages share, for long stretches.
                faults.decoded += len(words) // 6 if alike else 1
                if alike:
                    break
                continue
            at = offset - start
            if at < 0 or at + size > len(window):
                start, at = offset, 0
                window = read(start, max(_WINDOW, size))
            _decode(part, codecs, number, size, flags, window[at : at + size], faults)
    return faults


def _decode(part: KdumpPart, codecs: Codecs, number: int, size: int, flags: int, packed: bytes, faults: Faults) -> None:
    faults.decoded += 1
    try:
        if len(packed) < size:
            raise BadPage("the file can't be read there")
        codecs.page(packed, flags, part.header.block_size)
    except BadPage as error:
        faults.damaged += 1
        faults.numbers.append(number)
        if len(faults.named) < _KEPT:
            faults.named.append((part.address(number), str(error)))
