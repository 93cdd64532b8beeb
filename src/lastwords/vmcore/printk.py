"""The kernel log in a dump's memory, through VMCOREINFO alone: no symbols, no types, no drgn.

Since Linux 5.10 the log is a lock-free ring of descriptors beside a ring of text (`kernel/printk/printk_ringbuffer.h`);
since 3.5 a ring of records of variable length (`struct printk_log`, before 3.11 `struct log`, in
`kernel/printk/printk.c`); before that, plain text. VMCOREINFO names the symbols and offsets of each.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .formats import Unmapped, Unreadable, Vmcoreinfo


class VirtualMemory(Protocol):
    """What reads at virtual addresses: `formats.KernelMemory`, or what stands for it."""

    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes, or one of `UNREADABLE`."""
        ...


UNREADABLE = (Unreadable, Unmapped)

LARGEST_LOG = 1 << 27
"""Bytes of log text. log_buf_len= takes more, and nobody gives it."""

MOST_RECORDS = 1 << 20
_MOST_STRANGE = 1 << 14
_LONGEST_RECORD = 1 << 16
_FINALIZED, _COMMITTED = 2, 1


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of the kernel log.

    Attributes:
        text: may have several lines.
        nanoseconds: since boot, or None where the time is lost.
        level: 0 (emergency) to 7 (debug), or None.
        caller: a task's PID, or a CPU's number plus 1 << 31; None before 5.1.
    """

    text: str
    nanoseconds: int | None = None
    level: int | None = None
    caller: int | None = None


@dataclass(frozen=True, slots=True)
class KernelLog:
    """What could be read of a log.

    Attributes:
        records: oldest first.
        lost: records that were there and whose memory can't be read.
        how: `VMCOREINFO`, or `search` where it was found by looking through memory.
        reason: why there is nothing, or not everything, in one line; or the empty string.
    """

    records: Sequence[LogRecord] = ()
    lost: int = 0
    how: str = "VMCOREINFO"
    reason: str = ""

    def text(self) -> str:
        """As dmesg prints it."""
        return "".join(lines_of(self.records))


def lines_of(records: Sequence[LogRecord]) -> Iterator[str]:
    """Lines as `dmesg` prints them: each with the time, also the further lines of one record."""
    for record in records:
        stamp = "" if record.nanoseconds is None else _stamp(record.nanoseconds)
        for line in record.text.split("\n"):
            yield f"{stamp}{line}\n"


def _stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"[{seconds:5d}.{rest // 1000:06d}] "


def read_log(kernel: VirtualMemory, info: Vmcoreinfo) -> KernelLog:
    """The log, or as much of it as can be read. Never raises for what a dump lacks."""
    for reader in (_read_ringbuffer, _read_records, _read_text):
        log = reader(kernel, info)
        if log is not None:
            return log
    return KernelLog(reason="VMCOREINFO names no log buffer")


class _Fields:
    """Reads structs of the crashed kernel, with the offsets of VMCOREINFO."""

    def __init__(self, kernel: VirtualMemory, info: Vmcoreinfo, word: int) -> None:
        self.kernel = kernel
        self.info = info
        self.word = word

    def unsigned(self, address: int, size: int) -> int:
        return int.from_bytes(self.kernel.read(address, size), "little")

    def long(self, address: int) -> int:
        return self.unsigned(address, self.word)

    def offset(self, member: str) -> int:
        found = self.info.offset(member)
        if found is None or not 0 <= found < 1 << 16:
            raise _NoField(member)
        return found

    def size(self, name: str) -> int:
        found = self.info.struct_size(name)
        if found is None or not 0 < found < 1 << 16:
            raise _NoField(name)
        return found


class _NoField(Exception):
    """VMCOREINFO does not name a field that is needed."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """struct printk_ringbuffer, as far as reading needs it."""

    count: int
    descs: int
    infos: int
    head: int
    tail: int
    size: int
    data: int


def _read_ringbuffer(kernel: VirtualMemory, info: Vmcoreinfo) -> KernelLog | None:
    """The log of Linux 5.10 and later."""
    pointer = info.symbol("prb")
    if pointer is None:
        return None
    fields = _Fields(kernel, info, 8)
    try:
        ring = _ring(fields, fields.long(pointer))
        return _ring_records(fields, ring)
    except _NoField as error:
        return KernelLog(reason=f"VMCOREINFO does not say where {error} is")
    except UNREADABLE as error:
        return KernelLog(reason=f"the log's descriptor can't be read: {error}")


def _ring(fields: _Fields, prb: int) -> _Ring:
    descs = prb + fields.offset("printk_ringbuffer.desc_ring")
    text = prb + fields.offset("printk_ringbuffer.text_data_ring")
    counter = fields.info.offset("atomic_long_t.counter") or 0
    count_bits = fields.unsigned(descs + fields.offset("prb_desc_ring.count_bits"), 4)
    size_bits = fields.unsigned(text + fields.offset("prb_data_ring.size_bits"), 4)
    return _Ring(
        count=min(1 << min(count_bits, 32), MOST_RECORDS),
        descs=fields.long(descs + fields.offset("prb_desc_ring.descs")),
        infos=fields.long(descs + fields.offset("prb_desc_ring.infos")),
        head=fields.long(descs + fields.offset("prb_desc_ring.head_id") + counter),
        tail=fields.long(descs + fields.offset("prb_desc_ring.tail_id") + counter),
        size=min(1 << min(size_bits, 32), LARGEST_LOG),
        data=fields.long(text + fields.offset("prb_data_ring.data")),
    )


def _ring_records(fields: _Fields, ring: _Ring) -> KernelLog:
    bits = fields.word * 8
    mask = (1 << bits - 2) - 1
    desc_size, info_size = fields.size("prb_desc"), fields.size("printk_info")
    state_at = fields.offset("prb_desc.state_var") + (fields.info.offset("atomic_long_t.counter") or 0)
    blk_at = fields.offset("prb_desc.text_blk_lpos")
    begin_at = blk_at + fields.offset("prb_data_blk_lpos.begin")
    next_at = blk_at + fields.offset("prb_data_blk_lpos.next")
    records: list[LogRecord] = []
    lost, strange, total = 0, 0, 0
    reason = ""
    for step in range(min((ring.head - ring.tail & mask) + 1, ring.count)):
        number = ring.tail + step & mask
        index = number & ring.count - 1
        try:
            state = fields.long(ring.descs + index * desc_size + state_at)
            if state & mask != number or state >> bits - 2 not in (_COMMITTED, _FINALIZED):
                strange += 1
            else:
                begin = fields.long(ring.descs + index * desc_size + begin_at)
                following = fields.long(ring.descs + index * desc_size + next_at)
                records.append(_ring_record(fields, ring, ring.infos + index * info_size, begin, following))
                total += len(records[-1].text)
        except UNREADABLE as error:
            lost += 1
            reason = reason or str(error)
        # Few descriptors are between two states. If most are, or share their text, the ring was overwritten.
        if lost + strange > len(records) + _MOST_STRANGE or total > 2 * LARGEST_LOG:
            reason = reason or "the log's descriptors are overwritten"
            break
    return KernelLog(records, lost, reason=reason)


def _ring_record(fields: _Fields, ring: _Ring, info: int, begin: int, following: int) -> LogRecord:
    text_len_at = fields.offset("printk_info.text_len")
    try:
        head = fields.kernel.read(info, fields.size("printk_info"))
    except UNREADABLE:
        return LogRecord(text_of_block(_block(fields, ring, begin, following, _LONGEST_RECORD)))
    text_len = int.from_bytes(head[text_len_at : text_len_at + 2], "little")
    (nanoseconds,) = struct.unpack_from("<Q", head, fields.offset("printk_info.ts_nsec"))
    (caller,) = struct.unpack_from("<I", head, fields.offset("printk_info.caller_id"))
    text = _block(fields, ring, begin, following, text_len)
    return LogRecord(decoded(text), nanoseconds, head[text_len_at + 3] >> 5, caller)


def _block(fields: _Fields, ring: _Ring, begin: int, following: int, text_len: int) -> bytes:
    """A record's text, from behind its descriptor's number in the text ring."""
    if begin & 1 or following & 1:
        return b""  # a record without text
    start, room = begin & ring.size - 1, following - begin
    if begin // ring.size != (following - 1) // ring.size:
        start, room = 0, following & ring.size - 1  # did not fit the end of the buffer
    size = min(text_len, room - fields.word, _LONGEST_RECORD)
    if size <= 0 or start + fields.word + size > ring.size:
        return b""
    return fields.kernel.read(ring.data + start + fields.word, size)


def _read_records(kernel: VirtualMemory, info: Vmcoreinfo) -> KernelLog | None:
    """The log of Linux 3.5 to 5.9."""
    name = "printk_log" if info.struct_size("printk_log") else "log"
    buffer = info.symbol("log_buf")
    first, following = info.symbol("log_first_idx"), info.symbol("log_next_idx")
    if info.struct_size(name) is None or buffer is None or first is None:
        return None
    fields = _Fields(kernel, info, 8)
    try:
        start = fields.long(buffer)
        size = min(fields.unsigned(info.symbol("log_buf_len") or 0, 4), LARGEST_LOG)
        at = fields.unsigned(first, 4)
        end = None if following is None else fields.unsigned(following, 4)
        return _record_chain(lambda offset, count: kernel.read(start + offset, count), fields, name, at, end, size)
    except _NoField as error:
        return KernelLog(reason=f"VMCOREINFO does not say where {error} is")
    except UNREADABLE as error:
        return KernelLog(reason=f"the log's descriptor can't be read: {error}")


def _record_chain(
    read: Callable[[int, int], bytes], fields: _Fields, name: str, at: int, end: int | None, size: int
) -> KernelLog:
    head_size = fields.size(name)
    ts_at, len_at = fields.offset(f"{name}.ts_nsec"), fields.offset(f"{name}.len")
    text_len_at, dict_len_at = fields.offset(f"{name}.text_len"), fields.offset(f"{name}.dict_len")
    records: list[LogRecord] = []
    walked = 0
    while at != end and walked < size and len(records) < MOST_RECORDS:
        try:
            head = read(at, head_size)
            length = int.from_bytes(head[len_at : len_at + 2], "little")
            if length == 0:  # the rest of the buffer is unused; the log goes on at its start
                walked += size - at
                at = 0
                continue
            text = read(at + head_size, min(int.from_bytes(head[text_len_at : text_len_at + 2], "little"), length))
        except UNREADABLE as error:
            return KernelLog(records, lost=1, reason=f"the log breaks off: {error}")
        (nanoseconds,) = struct.unpack_from("<Q", head, ts_at)
        records.append(LogRecord(decoded(text), nanoseconds, head[dict_len_at + 3] >> 5))
        at += length
        walked += length
    return KernelLog(records)


def _read_text(kernel: VirtualMemory, info: Vmcoreinfo) -> KernelLog | None:
    """The log before Linux 3.5: a ring of characters."""
    symbols = [info.symbol(name) for name in ("log_buf", "log_buf_len", "log_end", "logged_chars")]
    if any(symbol is None for symbol in symbols):
        return None
    fields = _Fields(kernel, info, 8)
    try:
        buffer, size, end, chars = (
            fields.unsigned(symbol or 0, 8 if not at else 4) for at, symbol in enumerate(symbols)
        )
        size = min(size, LARGEST_LOG)
        chars = min(chars, size)
        if not size:
            return KernelLog(reason="the log buffer is empty")
        start = (end - chars) % size
        text = kernel.read(buffer + start, min(chars, size - start))
        text += kernel.read(buffer, chars - len(text))
    except UNREADABLE as error:
        return KernelLog(reason=f"the log can't be read: {error}")
    return KernelLog([LogRecord(line) for line in decoded(text).split("\n")])


def text_of_block(data: bytes, moved: bool | None = None) -> str:
    r"""The text in a block of the ring, where its length is lost.

    Since 5.11 the kernel cuts off `\n` and the level in front after writing, and moves the text down: behind it stand
    its last two characters again, then `\n`. Behind a text that was continued (`pr_cont()`) stands what is left of
    that level, `\x01c`.

    Args:
        data: from behind the descriptor's number.
        moved: the kernel is known to do so; None to go by the `\n`.
    """
    text = data.partition(b"\0")[0].partition(b"\x01")[0]
    moved = text.endswith(b"\n") if moved is None else moved
    text = text.removesuffix(b"\n")
    if moved and len(text) >= 4 and text[-2:] == text[-4:-2]:
        text = text[:-2]
    return decoded(text)


def decoded(text: bytes) -> str:
    """Text of the log; bytes that are no UTF-8 are written in hexadecimal, as the kernel does."""
    return text.decode("utf-8", "backslashreplace").rstrip("\n")
