"""`dmesg --json`: one document, `{"dmesg": [{"pri": 6, "time": 12.345678, "msg": "text"}, …]}` (util-linux)."""

from lastwords.model import Record

from .carriers import LEVELS
from .json_text import flat_objects, json_object, object_boundary
from .terminal import LONGEST_LINE


class DmesgJson:
    """The objects are read one by one, so that a document may be cut off."""

    name = "dmesg-json"
    line_oriented = False

    def boundary(self, data: bytes) -> int:
        """Offset behind the last complete message."""
        return object_boundary(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole messages."""
        records: list[Record] = []
        for number, text in flat_objects(data, line):
            message = json_object(text)
            if message is not None and isinstance(message.get("msg"), str):
                records += _records(message, number)
        return records


def _records(message: dict[str, object], line: int) -> list[Record]:
    priority, time, caller = message.get("pri"), message.get("time"), message.get("caller")
    level: int | None = None
    kernel = message.get("fac", "kern") == "kern"  # only with --decode, otherwise it is part of the number
    if isinstance(priority, str):
        level = LEVELS.get(priority)
    elif isinstance(priority, int):
        level, kernel = priority & 7, kernel and priority < 8
    return [
        Record(
            line,
            text[:LONGEST_LINE],
            float(time) if isinstance(time, int | float) and abs(time) < 1e15 else None,
            caller if isinstance(caller, str) else "",
            level,
            time if isinstance(time, str) else "",
            kernel,
        )
        for text in str(message["msg"]).replace("\0", "").removesuffix("\n").split("\n")
    ]
