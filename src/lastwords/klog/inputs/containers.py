r"""Kernel or console text that something wrapped into JSON, a line each.

Docker's json-file driver (`{"log": "text\n", "stream": "stdout", "time": "…"}`), LAVA, the rig of KernelCI
(`- {"dt": "…", "lvl": "target", "msg": "text"}`), what log shippers write (Vector, Fluent Bit, Logstash, syslog-ng,
NXLog), and what the stores of logs give back, an entry a line (Elasticsearch, Splunk, Loki, Google's Cloud Logging).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lastwords.model import Record

from .dialect import last_line_end
from .journal import entry_records
from .json_text import lines_of_json
from .printk import Printk

TEXT = ("log", "msg", "message", "MESSAGE", "Message", "textPayload", "line", "_raw", "text", "body")
"""What the field of the text is called: the first that there is."""
INSIDE = ("_source", "result", "jsonPayload", "fields", "event", "data")
"""Objects in which the fields of an entry stand, where it is not the entry itself."""
WALL = (
    *("time", "dt", "timestamp", "@timestamp", "_time", "Time", "date", "datetime", "ISODATE", "EventTime", "DATE"),
    *("EventReceivedTime", "receiveTimestamp", "ts"),
)
PROGRAM = ("PROGRAM", "program", "programname", "appname", "app_name", "ident", "SYSLOG_IDENTIFIER", "SourceName")

_CONSOLE = Printk("console")
# Clocks that are a number count seconds since 1970, or their thousandths: up to the year 2286.
_EARLIEST, _LATEST = 10**8, 10**10


class Wrapped:
    """Lines of JSON that hold a line of console text each. Other lines are tried as console text."""

    name = "json-lines"
    line_oriented = True

    def boundary(self, data: bytes) -> int:
        """Offset behind the last end of line."""
        return last_line_end(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole lines."""
        return lines_of_json(data, line, wrapped)


def wrapped(entry: dict[str, Any], line: int) -> list[Record]:
    """The records of one entry, which stands on line `line`."""
    if "_TRANSPORT" in entry:
        return entry_records(entry, line)
    fields = next((each for each in _places(entry) if _first_text(each, TEXT)), entry)
    text, wall, program = _first_text(fields, TEXT), _wall(fields) or _wall(entry), _first_text(fields, PROGRAM)
    records = _CONSOLE.records(text.encode("utf-8", "replace"), line)
    for record in records:
        record.line = line
        if program and record.time is None:
            record.kernel = record.kernel and program.lower() == "kernel"
        record.wall = record.wall or wall
        record.time = _since_boot(fields) if record.time is None else record.time
    return records


def _places(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The object itself, and those in it that may hold its fields."""
    yield entry
    for name in INSIDE:
        inner = entry.get(name)
        if isinstance(inner, dict):
            yield inner


def _first_text(entry: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := entry.get(name), str) and value), "")


def _since_boot(entry: dict[str, Any]) -> float | None:
    """As Fluent Bit's reader of /dev/kmsg has it."""
    seconds, fraction = entry.get("sec"), entry.get("usec")
    if isinstance(seconds, int) and isinstance(fraction, int) and 0 <= seconds < 10**9 and 0 <= fraction < 10**6:
        return seconds + fraction / 1_000_000
    return None


def _wall(entry: dict[str, Any]) -> str:
    for name in WALL:
        value = entry.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | float) and (clock := clock_of(value)):
            return clock
    return ""


def clock_of(since_1970: float) -> str:
    """A number of seconds since 1970, or of thousandths, millionths or billionths of them, as ISO 8601 has it."""
    if not since_1970 > _EARLIEST:
        return ""
    try:
        for _ in range(3):
            if since_1970 >= _LATEST:
                since_1970 /= 1000
        return datetime.fromtimestamp(since_1970, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (OverflowError, ValueError, OSError):
        return ""
