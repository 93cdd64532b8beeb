"""What `journalctl -o verbose` prints: a line with the entry's cursor, then its fields, indented."""

import re

from lastwords.model import Record

from .dialect import last_line_end
from .journal import LONGEST_ENTRY, WANTED, entry_records
from .printk import Printk

# Thu 2023-11-23 10:00:02.900000 UTC [s=93f8…;i=1;b=4f1c…;m=2c4020;t=60acee6422820;x=bd15…]
# src/shared/logs-show.c: output_verbose(). `m` and `t` are the two clocks, in microseconds.
HEADER = re.compile(
    rb"^[A-Z][a-z]{2} [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,15} \S{1,16} "
    rb"\[s=[0-9a-f]{1,32};i=[0-9a-f]{1,16};b=[0-9a-f]{1,32};m=([0-9a-f]{1,15});t=([0-9a-f]{1,15});x=[0-9a-f]{1,16}\]\r?$",
    re.MULTILINE,
)
FIELD = re.compile(r" {4}([A-Z0-9_]{1,64})=(.*)")
# The further lines of a message stand below its first.
MORE = " " * len("    MESSAGE=")

_PLAIN = Printk("text")


class JournalVerbose:
    """Entries of many lines each. Lines that belong to none are tried as console text."""

    name = "journal-verbose"
    line_oriented = False

    def boundary(self, data: bytes) -> int:
        """Offset of the last entry's start."""
        last = 0
        for header in HEADER.finditer(data):
            last = header.start()
        return last or (last_line_end(data) if len(data) > LONGEST_ENTRY else 0)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole entries; the last may be cut off."""
        records: list[Record] = []
        start = 0
        header: re.Match[bytes] | None = None
        for following in HEADER.finditer(data):
            records += _entry(header, data[start : following.start()], line)
            line += data.count(b"\n", start, following.start())
            header, start = following, following.start()
        return records + _entry(header, data[start:], line)


def _entry(header: re.Match[bytes] | None, data: bytes, line: int) -> list[Record]:
    if header is None:
        return _PLAIN.records(data, line) if data else []
    entry: dict[str, object] = {
        "__MONOTONIC_TIMESTAMP": int(header[1], 16),
        "__REALTIME_TIMESTAMP": int(header[2], 16),
    }
    message: list[str] = []
    start = line
    others: list[Record] = []
    for number, text in enumerate(data.decode("utf-8", "replace").replace("\r", "").split("\n")[1:], line + 1):
        field = FIELD.match(text)
        if field is None:
            if message and text.startswith(MORE):
                message.append(text[len(MORE) :])
            elif text:
                others += _PLAIN.records(text.encode() + b"\n", number)
        elif field[1] == "MESSAGE":
            message, start = [field[2]], number
        elif field[1] in WANTED:
            entry[field[1]] = field[2]
    if not message:
        return others
    entry["MESSAGE"] = "\n".join(message)
    return entry_records(entry, start) + others
