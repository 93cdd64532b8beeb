r"""Console text that something wrapped into JSON, a line each.

Docker's json-file driver (`{"log": "text\n", "stream": "stdout", "time": "…"}`) and LAVA, the rig of KernelCI
(`- {"dt": "…", "lvl": "target", "msg": "text"}`).
"""

from lastwords.model import Record

from .dialect import last_line_end
from .json_text import lines_of_json
from .printk import Printk

TEXT = ("log", "msg", "message")
WALL = ("time", "dt", "timestamp", "@timestamp")

_CONSOLE = Printk("console")


class Wrapped:
    """Lines of JSON that hold a line of console text each. Other lines are tried as console text."""

    name = "docker-json"
    line_oriented = True

    def boundary(self, data: bytes) -> int:
        """Offset behind the last end of line."""
        return last_line_end(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole lines."""
        return lines_of_json(data, line, _records)


def _records(entry: dict[str, object], line: int) -> list[Record]:
    text = _first_text(entry, TEXT)
    wall = _first_text(entry, WALL)
    records = _CONSOLE.records(text.encode("utf-8", "replace"), line)
    for record in records:
        record.line = line
        record.wall = record.wall or wall
    return records


def _first_text(entry: dict[str, object], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := entry.get(name), str)), "")
