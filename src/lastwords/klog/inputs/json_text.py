"""JSON as logs contain it: an object a line, or objects in a document that may be cut off anywhere."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from lastwords.model import Record

from .printk import Printk

_DECODER = msgspec.json.Decoder(dict[str, Any])
# A string without its closing quote ends with the line, so that the search never starts over.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*+"?|[{}]')
# More than any message; see object_boundary().
LONGEST_OBJECT = 1 << 25

_PLAIN = Printk("text")


def json_object(text: bytes) -> dict[str, Any] | None:
    """The object, or None where it isn't one. Bytes that aren't UTF-8 are replaced."""
    try:
        return _DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return _DECODER.decode(text.decode("utf-8", "replace").encode())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def lines_of_json(data: bytes, line: int, records_of: Callable[[dict[str, Any], int], list[Record]]) -> list[Record]:
    """Records of text with an object a line. Lines that hold none are decoded as console text.

    Args:
        data: whole lines.
        line: number of the first.
        records_of: makes records of an object and its line number.
    """
    records: list[Record] = []
    for number, text in enumerate(data.removesuffix(b"\n").split(b"\n") if data else (), line):
        start = text.find(b"{", 0, 16)  # json-seq, json-sse and YAML lists put something in front
        entry = json_object(text[start:]) if start >= 0 else None
        records += _PLAIN.records(text + b"\n", number) if entry is None else records_of(entry, number)
    return records


def flat_objects(data: bytes, line: int) -> Iterator[tuple[int, bytes]]:
    """All objects that hold no other object, with the numbers of the lines they start on."""
    start = -1
    counted = 0
    for token in _TOKEN.finditer(data):
        if token[0] == b"{":
            start = token.start()
        elif token[0] == b"}" and start >= 0:
            line += data.count(b"\n", counted, start)
            counted = start
            yield line, data[start : token.end()]
            start = -1


def line_of(key: bytes, text: bytes, line: int) -> int:
    """The line on which a key of an object stands.

    Args:
        key: with its quotes.
        text: the object.
        line: number of the line it starts on.
    """
    return line + text.count(b"\n", 0, max(text.find(key), 0))


def object_boundary(data: bytes) -> int:
    """Offset behind the last complete object that holds no other object."""
    end = 0
    start = -1
    for token in _TOKEN.finditer(data):
        if token[0] == b"{":
            start = token.start()
        elif token[0] == b"}" and start >= 0:
            end, start = token.end(), -1
    # Whatever this is, it holds no objects; don't let it pile up.
    return end or (data.rfind(b"\n") + 1 if len(data) > LONGEST_OBJECT else 0)
