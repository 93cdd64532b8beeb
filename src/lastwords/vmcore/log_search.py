"""The kernel log found by looking through memory, where VMCOREINFO or the way to the log is lost.

Words that stand in nearly every log lead to a record; a record's neighbours lead to the rest of the buffer:

- Since Linux 5.10 each text stands behind the number of its descriptor, 8 bytes, aligned to 8; the next text stands
  behind the next number (`kernel/printk/printk_ringbuffer.c: struct prb_data_block`).
- Before, each text stands behind a `struct printk_log` that says how long it is (`kernel/printk/printk.c`).

Where neither holds, lines that begin with a time stamp are taken as they are, from whatever buffer they stand in.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .formats import PhysicalMemory, Range, Unreadable
from .formats.vmcoreinfo import readable
from .printk import KernelLog, LogRecord, decoded, text_of_block

Progress = Callable[[int, int], None]

ANCHORS = (
    b"Linux version ",
    b"Kernel panic - not syncing",
    b"Call Trace:",
    b"Command line: ",
    b"Modules linked in:",
    b"end trace ",
)

_STEP = 1 << 22
_REACH = 1 << 20
"""How far from an anchor its buffer is looked at, either way: log_buf_len is 256 KiB or less nearly everywhere."""

_MOST_HITS = 512
_MOST_BLOCK = 2100
"""A record's text is at most 1 KiB (2 KiB since 6.11), its block a little more."""

_ID_MASK = (1 << 62) - 1
_ENOUGH = 16
"""Records that make a chain believable."""

_STAMPED = re.compile(rb"\[ {0,4}\d{1,7}\.\d{6}\](?:\[[ \w]{1,16}\])? [^\0\n\x80-\xff]{1,1000}")


@dataclass(frozen=True, slots=True)
class _Window:
    """Memory around an anchor.

    Attributes:
        start: its physical address.
        data: with zeros where nothing can be read.
    """

    start: int
    data: bytes

    def u64(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 8], "little")


@dataclass(frozen=True, slots=True)
class _Chain:
    """Records that hang together.

    Attributes:
        records: oldest first.
        extent: where they lie in the window.
        blocks: of a ring buffer, the bytes of each record's block, which may be longer than its text; else empty.
    """

    records: list[LogRecord]
    extent: Range
    blocks: list[bytes]


def search_log(memory: PhysicalMemory, progress: Progress | None = None) -> KernelLog:
    """The log with the most records that memory holds.

    Args:
        memory: physical memory, or a file taken as memory.
        progress: called with the bytes looked at and the bytes there are.
    """
    best = _Chain([], Range(0, 0), [])
    loose: dict[bytes, None] = {}
    seen: list[Range] = []
    hits = 0
    for address in _anchors(memory, progress):
        if hits >= _MOST_HITS:
            break
        if any(found.start <= address < found.end for found in seen):
            continue
        hits += 1
        window = _window(memory, address)
        for chain in (_ring_chain, _record_chain):
            found = chain(window, address - window.start)
            if found is None:
                continue
            seen.append(Range(window.start + found.extent.start, window.start + found.extent.end))
            if len(found.records) > len(best.records):
                best = found
            break
        else:
            at = address - window.start
            for match in _STAMPED.finditer(window.data, max(at - 4096, 0), at + (1 << 16)):
                loose[match[0]] = None
    if len(best.records) >= _ENOUGH or len(best.records) >= len(loose):
        reason = "" if best.records else "no log found in memory"
        return KernelLog(_with_times(memory, best), how="search", reason=reason)
    records = [LogRecord(decoded(line)) for line in loose]
    return KernelLog(records, how="search", reason="only loose lines were found, maybe of several boots")


def _anchors(memory: PhysicalMemory, progress: Progress | None) -> Iterator[int]:
    """Physical addresses of the words, in ascending order within each block."""
    total = sum(found.size for found in memory.present()) if progress is not None else 0
    done = 0
    pattern = re.compile(b"|".join(map(re.escape, ANCHORS)))
    for block in _blocks(memory):
        for address, data in readable(memory, block):
            if any(anchor in data for anchor in ANCHORS):
                yield from (address + match.start() for match in pattern.finditer(data))
        done += min(_STEP, block.size)
        if progress is not None:
            progress(done, total)


def _blocks(memory: PhysicalMemory) -> Iterator[Range]:
    """Memory in pieces that overlap a little, so that nothing is cut in two."""
    for found in memory.present():
        for start in range(found.start, found.end, _STEP):
            yield Range(start, min(start + _STEP + 64, found.end))


def _window(memory: PhysicalMemory, address: int) -> _Window:
    start = max((address - _REACH) & -4096, 0)
    data = bytearray(2 * _REACH + 4096)
    for at, piece in readable(memory, Range(start, start + len(data))):
        data[at - start : at - start + len(piece)] = piece
    return _Window(start, bytes(data))


def _ring_chain(window: _Window, hit: int) -> _Chain | None:
    """The texts of a ring buffer around a hit: what stands between one descriptor number and the next."""
    start = _block_of(window, hit)
    if start is None:
        return None
    starts = {window.u64(start): start}
    for step in (1, -1):
        number, at = window.u64(start), start
        while (found := _neighbour(window, at, number + step, step)) is not None:
            number, at = number + step, found
            starts[number] = at
    order = sorted(starts)
    places = sorted(starts.values())
    follows = dict(pairwise(places))
    blocks = []
    for number in order:
        at = starts[number]
        end = min(follows.get(at, at + _MOST_BLOCK), at + _MOST_BLOCK)
        blocks.append(window.data[at + 8 : end])
    moved = sum(block.rstrip(b"\0").endswith(b"\n") for block in blocks) * 2 > len(blocks)
    records = [LogRecord(text_of_block(block, moved)) for block in blocks]
    return _Chain(records, Range(places[0], places[-1] + _MOST_BLOCK), blocks)


def _block_of(window: _Window, hit: int) -> int | None:
    """Start of the block that holds a hit: an aligned number, whose successor stands behind it."""
    for at in range(hit - hit % 8 - 8, max(hit - _MOST_BLOCK, -1), -8):
        number = window.u64(at)
        # Numbers count up from 0xffffefff and the like, by one for each record.
        if 0x1000 < number < _ID_MASK and b"\0" not in window.data[at + 8 : hit]:
            following = _near(window, at, number + 1, 1)
            if following is not None and following > hit:
                return at
    return None


def _near(window: _Window, at: int, number: int, step: int) -> int | None:
    wanted = struct.pack("<Q", number & _ID_MASK)
    if step > 0:
        found = window.data.find(wanted, at + 8, at + _MOST_BLOCK)
        while found >= 0 and found % 8:
            found = window.data.find(wanted, found + 1, at + _MOST_BLOCK)
    else:
        low = max(at - _MOST_BLOCK, 0)
        found = window.data.rfind(wanted, low, at)
        while found >= 0 and found % 8:
            found = window.data.rfind(wanted, low, found + 7)
    return found if found >= 0 else None


def _neighbour(window: _Window, at: int, number: int, step: int) -> int | None:
    """Where the block of a number is: beside this one, or where the ring goes on at its other end."""
    found = _near(window, at, number, step)
    if found is not None:
        return found
    wanted = struct.pack("<Q", number & _ID_MASK)
    found = window.data.find(wanted)
    while found >= 0:
        # A lone number proves nothing; with its own neighbour it does.
        if found % 8 == 0 and _near(window, found, number + step, step) is not None:
            return found
        found = window.data.find(wanted, found + 1)
    return None


_INFO_SIZE = 88
"""struct printk_info: sequence number, nanoseconds, length of the text, facility, flags and level, caller, device."""


def _with_times(memory: PhysicalMemory, chain: _Chain) -> list[LogRecord]:
    """The records with time, level and true length, where the array of struct printk_info is found.

    The first record of a boot is number 0; with that each record's number is known, and no other memory has number
    after number at that distance.
    """
    records = chain.records
    first = next((at for at, record in enumerate(records) if record.text.startswith("Linux version ")), None)
    if first is None or not chain.blocks or len(records) - first < _ENOUGH:
        return records
    number = len(records) - first - 1
    for block in _blocks(memory):
        for address, data in readable(memory, block):
            at = data.find(struct.pack("<Q", number))
            while at >= 0:
                infos = _infos(memory, address + at, number)
                if infos is not None:
                    exact = zip(records[first:], chain.blocks[first:], infos, strict=True)
                    return records[:first] + [_exact(*each) for each in exact]
                at = data.find(struct.pack("<Q", number), at + 1)
    return records


def _infos(memory: PhysicalMemory, address: int, last: int) -> list[bytes | None] | None:
    """The entries of the records from 0 to `last`, whose own is at an address; None where they are not there."""
    infos: list[bytes | None] = []
    for number in range(last, -1, -1):
        try:
            info = memory.read(address - (last - number) * _INFO_SIZE, 24)
        except Unreadable:
            info = b""
        good = int.from_bytes(info[:8], "little") == number and len(info) == 24
        if not good and len(infos) < _ENOUGH:
            return None
        infos.append(info if good else None)
    return infos[::-1]


def _exact(record: LogRecord, block: bytes, info: bytes | None) -> LogRecord:
    if info is None:
        return record
    _, nanoseconds, length, _, flags, caller = struct.unpack("<QQHBBI", info)
    return LogRecord(decoded(block[:length]), nanoseconds, flags >> 5, caller)


_HEAD = struct.Struct("<QHHHBB")
"""struct printk_log: ts_nsec, len, text_len, dict_len, facility, flags with the level; 5.1 added a caller."""


def _record_chain(window: _Window, hit: int) -> _Chain | None:
    """The records around a hit, of the log before Linux 5.10."""
    for head_size in (16, 20, 24):
        for start in range(hit - head_size, max(hit - 64 - head_size, -1), -1):
            if start % 4 == 0 and _is_record(window, start, head_size):
                found = _records_around(window, start, head_size)
                if len(found.records) >= _ENOUGH:
                    return found
    return None


def _is_record(window: _Window, at: int, head_size: int) -> bool:
    if at < 0 or at + head_size > len(window.data):
        return False
    nanoseconds, length, text_len, dict_len, facility, _ = _HEAD.unpack_from(window.data, at)
    return bool(
        nanoseconds < 10**17
        and facility < 24
        and 0 <= length - head_size - text_len - dict_len < 4  # LOG_ALIGN
        and length % 4 == 0
        and head_size < length <= 1 << 13
    )


def _records_around(window: _Window, start: int, head_size: int) -> _Chain:
    first = start
    while True:
        before = next(
            (
                at
                for at in range(first - head_size - 4, max(first - _MOST_BLOCK, -1), -4)
                if at % 4 == 0
                and int.from_bytes(window.data[at + 8 : at + 10], "little") == first - at
                and _is_record(window, at, head_size)
            ),
            None,
        )
        if before is None:
            break
        first = before
    records = []
    at = first
    while _is_record(window, at, head_size):
        nanoseconds, length, text_len, _, _, flags = _HEAD.unpack_from(window.data, at)
        text = window.data[at + head_size : at + head_size + text_len]
        records.append(LogRecord(decoded(text), nanoseconds, flags >> 5))
        at += length
    return _Chain(records, Range(first, at), [])
