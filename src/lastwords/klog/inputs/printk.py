"""Text as printk formats it: dmesg, console captures, netconsole, and all that put a prefix of theirs in front.

The format is that of `kernel/printk/printk.c: info_print_prefix()`. Two writers share a console, so a message can
start in the middle of a line: the text is split at the time stamps, not at the ends of lines.
"""

import re
from collections.abc import Iterable
from itertools import repeat

from lastwords.model import Record

from .carriers import PROMPT, STARTS, VENDOR, peel
from .dialect import last_line_end
from .terminal import displayed

_TIME = r"\[ {0,8}([0-9]{1,12}\.[0-9]{6})\]"
# dmesg of util-linux 2.38 and later puts a blank between the two.
_CALLER = r"(?: ?\[ {0,8}([TC][0-9]{1,10})\])?"
# One pattern for each combination that a chunk can have: what isn't asked for costs no time.
TIME = re.compile(rf"{_TIME} ?")
TIME_CALLER = re.compile(rf"{_TIME}{_CALLER} ?")
LEVEL_TIME_CALLER = re.compile(rf"(?:<([0-9]{{1,3}})>)?{_TIME}{_CALLER} ?")

# kernel/printk/printk.c: console_prepend_dropped(). Before Linux 6.4 the message followed on the same line.
DROPPED = re.compile(r"\*\* ([0-9]{1,18}) printk messages dropped \*\* ?")


# systemd's status lines, which share the console with the kernel, start with one of these.
STATUS = ("[", "    ")

# A program's message that ends where a kernel message begins, as in `name[12]: text: [   12.345678] text`.
_QUOTING = re.compile(r"[^\s\[\]]{1,64}\[[0-9]{1,10}\]: .{0,200}[:\"'`] ?")

# A look at this much of a text tells whether its kernel is one of those that print the task behind the time.
_VENDOR_SAMPLE = 1 << 16
_VENDOR_LINE = re.compile(rf"[0-9]\] (?:{VENDOR.pattern})")


class Printk:
    """Kernel text in lines, with printk's time stamps or without.

    Attributes:
        name: `dmesg`, `console`, `raw`, `text`, …
    """

    line_oriented = True

    def __init__(self, name: str) -> None:
        self.name = name

    def boundary(self, data: bytes) -> int:
        """Offset behind the last end of line."""
        return last_line_end(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole lines."""
        text, continued = displayed(data)
        records = self._records(text, line)
        if "printk messages dropped" in text:
            count_dropped(records)
        if ("] (" in text or "] [" in text) and _VENDOR_LINE.search(text, 0, _VENDOR_SAMPLE):
            take_off_task(records)
        if continued:
            renumber(records, [line + index for index in continued])
        return records

    def _records(self, text: str, line: int) -> list[Record]:
        return stamped(text, line)


def stamped(text: str, line: int) -> list[Record]:
    """Records of text in which most lines start with printk's time stamp."""
    records: list[Record] = []
    append = records.append
    before, levels, times, callers, pieces = _split(text)
    line, prefix = _unstamped(records, before, line)
    for level, time, caller, piece in zip(levels, times, callers, pieces, strict=False):
        message, end, rest = piece.partition("\n")
        append(Record(line, message, float(time), caller or ""))
        if level:
            _set_level(records[-1], int(level))
        if prefix:
            _resolve_prefix(records, prefix, time)
            prefix = ""
        if end:
            line += 1
            if rest:
                line, prefix = _unstamped(records, rest, line)
        elif not message:
            records.pop()  # two stamps in a row: the second is the message's own
    if prefix:
        append(alone(prefix, line))
    return records


_Columns = tuple[str, Iterable[str | None], list[str], Iterable[str | None], list[str]]


def _split(text: str) -> _Columns:
    """The text before the first time stamp; then all levels, times, callers and texts up to the next stamp."""
    if ">[" in text:
        parts = LEVEL_TIME_CALLER.split(text)
        return parts[0], parts[1::4], parts[2::4], parts[3::4], parts[4::4]
    if "][" in text or "] [" in text:
        parts = TIME_CALLER.split(text)
        return parts[0], repeat(None), parts[1::3], parts[2::3], parts[3::3]
    parts = TIME.split(text)
    return parts[0], repeat(None), parts[1::2], repeat(None), parts[2::2]


def _unstamped(records: list[Record], text: str, line: int) -> tuple[int, str]:
    """Add lines without a stamp. Gives the line number behind them, and what stands before a stamp there."""
    *lines, prefix = text.split("\n")
    records += [alone(text, number) for number, text in enumerate(lines, line)]
    return line + len(lines), prefix


def alone(text: str, line: int) -> Record:
    """The record of one line that has no printk stamp, or not the usual one."""
    if text[:1] not in STARTS:
        return Record(line, text)
    envelope = peel(text)
    return envelope.record(line, text[envelope.length :])


def _set_level(record: Record, priority: int) -> None:
    # Facility 0 is the kernel; what programs write to /dev/kmsg gets 1 at least (devkmsg_write()).
    record.level = priority & 7
    record.kernel = priority >> 3 == 0


def _resolve_prefix(records: list[Record], prefix: str, time: str) -> None:
    """Work out what stands before the stamp of the last record, on the same line: a carrier, or another writer."""
    record = records[-1]
    envelope = peel(prefix)
    other = prefix[envelope.length :]
    record.wall = envelope.wall
    if record.level is None:
        record.level = envelope.level
    dropped = DROPPED.fullmatch(other)
    if dropped:
        record.dropped = int(dropped[1])
    elif not other or other.isspace():
        record.kernel = record.kernel and envelope.kernel
    elif (not envelope.kernel and not other.startswith(STATUS)) or _QUOTING.fullmatch(other):
        # A program that quotes a kernel message in its own.
        record.text = f"{other}[{time:>12}] {record.text}"
        record.time = None
        record.kernel = False
    else:
        prompt = PROMPT.fullmatch(other) is not None
        writer = envelope.record(record.line, other)
        writer.kernel = envelope.kernel and not prompt
        records.insert(len(records) - 1, writer)


def count_dropped(records: list[Record]) -> None:
    """Move printk's `** 4491 printk messages dropped **` from the text to where it belongs."""
    for record in records:
        if record.text.startswith("** ") and (match := DROPPED.match(record.text)):
            record.dropped = int(match[1])
            record.text = record.text[match.end() :] or record.text


def take_off_task(records: list[Record]) -> None:
    """Move what some vendors' kernels print between time and text, `(3)[123:comm]`, to where it belongs."""
    for record in records:
        if record.text[:1] in ("(", "[") and record.time is not None and (match := VENDOR.match(record.text)):
            record.caller = record.caller or f"T{match['task'] or match['task2'] or match['task3']}"
            record.text = record.text[match.end() :]


def renumber(records: list[Record], continued: list[int]) -> None:
    """Give back their numbers to lines that were split at carriage returns.

    Args:
        records: with the numbers of the lines after the split.
        continued: numbers of those lines that belong to the one before them, in order.
    """
    passed = 0
    for record in records:
        while passed < len(continued) and continued[passed] <= record.line:
            passed += 1
        record.line -= passed
