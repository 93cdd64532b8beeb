"""`dmesg --json`: one document, `{"dmesg": [{"pri": 6, "time": 12.345678, "msg": "text"}, …]}` (util-linux)."""

import re

from lastwords.model import Record

from .carriers import LEVELS
from .json_text import flat_objects, json_object, line_of, object_boundary
from .terminal import LONGEST_LINE

# util-linux 2.38 and older forget, with --file or --syslog, where a message ends: all that follow it in the buffer
# come along, with their priorities.
_FOLLOWING = re.compile(r"\n<[0-9]{1,4}>")
# With the same options the caller is left in the message.
_CALLER = re.compile(r"\[ {0,8}([TC][0-9]{1,10})\] ?")


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
                records += _records(message, line_of(b'"msg"', text, number))
        return records


def _records(message: dict[str, object], line: int) -> list[Record]:
    priority, time, caller = message.get("pri"), message.get("time"), message.get("caller")
    level: int | None = None
    kernel = message.get("fac", "kern") == "kern"  # only with --decode, otherwise it is part of the number
    if isinstance(priority, str):
        level = LEVELS.get(priority)
    elif isinstance(priority, int):
        level, kernel = priority & 7, kernel and priority < 8
    texts = _own(str(message["msg"])).replace("\0", "").removesuffix("\n").split("\n")
    if not isinstance(caller, str) and (printed := _CALLER.match(texts[0])):
        caller, texts[0] = printed[1], texts[0][printed.end() :]
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
        for text in texts
    ]


def _own(text: str) -> str:
    """The text up to where the next message begins."""
    following = _FOLLOWING.search(text)
    return text[: following.start()] if following else text
