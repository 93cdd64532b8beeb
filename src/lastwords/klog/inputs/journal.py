"""What `journalctl -o json` and `-o export` write: all fields of each entry.

The fields are those of systemd.journal-fields(7), the formats those of systemd's JOURNAL_EXPORT_FORMATS document.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from lastwords.model import Record

from .dialect import last_line_end
from .json_text import flat_objects, json_object, line_of, lines_of_json, object_boundary
from .printk import Printk
from .terminal import LONGEST_LINE

# journald refuses larger fields (DATA_SIZE_MAX in journal-importer.h is 768 MiB); a log message never comes near.
LONGEST_FIELD = 1 << 24
LONGEST_ENTRY = 1 << 25

_FIELD = re.compile(rb"[A-Z0-9_]{1,64}")
WANTED = frozenset(
    (
        "MESSAGE",
        "PRIORITY",
        "SYSLOG_IDENTIFIER",
        "_TRANSPORT",
        "_SOURCE_MONOTONIC_TIMESTAMP",
        "__MONOTONIC_TIMESTAMP",
        "__REALTIME_TIMESTAMP",
    )
)

_PLAIN = Printk("text")


def entry_records(entry: dict[str, object], line: int) -> list[Record]:
    """The records of one entry: one for each line of its message.

    Args:
        entry: fields by name. Values are text, lists of byte values (what isn't UTF-8), or lists of either.
        line: where the entry stands in the file: the line of its message, if the entry has several lines.
    """
    message = _text(entry.get("MESSAGE"))
    transport = entry.get("_TRANSPORT")
    # Who wrote it is not said where `--output-fields` has left it out.
    kernel = transport == "kernel" or (transport is None and entry.get("SYSLOG_IDENTIFIER", "kernel") == "kernel")
    # _SOURCE_… is printk's stamp; the other is when journald got hold of the message.
    time = _number(entry.get("_SOURCE_MONOTONIC_TIMESTAMP", entry.get("__MONOTONIC_TIMESTAMP")))
    level = _number(entry.get("PRIORITY"))
    realtime = _number(entry.get("__REALTIME_TIMESTAMP"))
    return [
        Record(
            line,
            text[:LONGEST_LINE],
            None if time is None else time / 1_000_000,
            "",
            level if level is not None and level < 8 else None,
            "" if realtime is None else _wall(realtime),
            kernel,
        )
        for text in message.replace("\0", "").removesuffix("\n").split("\n")
    ]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        if all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0])
    return ""


def _number(value: object) -> int | None:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str) and len(value) < 19 and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and 0 <= value < 10**18 else None


def _wall(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    start = _second(seconds)
    return f"{start}.{fraction:06}Z" if start else ""


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return ""


class JournalJson:
    """`journalctl -o json`, `json-seq` and `json-sse`: an object a line. Other lines are tried as console text."""

    name = "journal-json"
    line_oriented = True

    def boundary(self, data: bytes) -> int:
        """Offset behind the last end of line."""
        return last_line_end(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole lines."""
        return lines_of_json(data, line, entry_records)


class JournalPretty:
    """`journalctl -o json-pretty`: objects over many lines."""

    name = "journal-json"
    line_oriented = False

    def boundary(self, data: bytes) -> int:
        """Offset behind the last complete object."""
        return object_boundary(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole objects."""
        records: list[Record] = []
        for number, text in flat_objects(data, line):
            entry = json_object(text)
            if entry is not None:
                records += entry_records(entry, line_of(b'"MESSAGE"', text, number))
        return records


class JournalExport:
    """`journalctl -o export`: `FIELD=text` lines, binary fields with their length, a blank line behind each entry.

    Lines that are no fields are tried as console text.
    """

    name = "journal-export"
    line_oriented = False

    def boundary(self, data: bytes) -> int:
        """Offset behind the last blank line that ends an entry."""
        at = end = 0
        while (field := _field(data, at)) is not None:
            if data[at : field[0]] == b"\n":
                end = field[0]
            at = field[0]
        # Whatever this is, it is not an export; don't let it pile up.
        return end or (last_line_end(data) if len(data) > LONGEST_ENTRY else 0)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole entries; the last may be cut off."""
        if not data.endswith(b"\n"):
            data += b"\n"
        records: list[Record] = []
        entry: dict[str, object] = {}
        start = line
        at = 0
        while at < len(data):
            end, name, value = _field(data, at) or (len(data), "MESSAGE", data[at:].partition(b"\n")[2][8:])
            if name in WANTED:
                entry[name] = value.decode("utf-8", "replace")
                if name == "MESSAGE":
                    start = line
            elif not name and end - at == 1:
                if "MESSAGE" in entry:
                    records += entry_records(entry, start)
                entry = {}
            elif not name:
                records += _PLAIN.records(data[at:end], line)
            line += data.count(b"\n", at, end)
            at = end
        if "MESSAGE" in entry:
            records += entry_records(entry, start)
        return records


def _field(data: bytes, at: int) -> tuple[int, str, bytes] | None:
    """The field at an offset: where it ends, its name ("" if it is none), its value. None if it is cut off."""
    end = data.find(b"\n", at) + 1
    if not end:
        return None
    name = _FIELD.match(data, at, end - 1)
    if not name:
        return end, "", b""
    if data[name.end()] == ord("="):
        return end, name[0].decode("ascii"), data[name.end() + 1 : end - 1]
    if name.end() != end - 1:
        return end, "", b""
    size = int.from_bytes(data[end : end + 8], "little")
    if size > LONGEST_FIELD:
        return end, "", b""
    value = end + 8
    if len(data) <= value + size:
        return None
    if data[value + size] != ord("\n"):
        return end, "", b""
    return value + size + 1, name[0].decode("ascii"), data[value : value + size]
