r"""Text inside of a document: JSON as a whole (not a line each), a table of CSV, base64.

Clouds give a console's text as one string of JSON (`aws ec2 get-console-output`, `gcloud compute instances
get-serial-port-output --format json`) or in base64; stores of logs export documents with an object an entry, and tables.
What comes out is the text, a line an entry, with the entry's wall clock in front; lines are counted in it.
"""

import base64
import binascii
import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

import msgspec

from lastwords.compressed import BLOCK, compression

from .carriers import WALL as CLOCK
from .containers import TEXT, WALL, clock_of

Lines = Callable[[BinaryIO], Iterator[bytes]]

COLUMNS = (*TEXT, "@message", "Line", "SyslogMessage", "Content", "content")
"""How tables call the column of the text."""
_TIMES = (*WALL, "TimeGenerated", "Date", "Timestamp")

LONGEST_STRING = 1 << 24
"""More than any console's text in JSON."""
_DEEPEST = 64
_TEXT_LINES = 3
"""A string with so many ends of lines is a text, whatever its field is called."""

_HEAD = 4096
_NOT_HERE = re.compile(rb'\s*\{\s*"(?:dmesg"|_{0,2}[A-Z][A-Z_]{1,63}"\s*:)')  # dmesg.py and journal.py read those
_STAMPED = re.compile(rb"\[ {0,8}[0-9]{1,12}\.[0-9]|\[[A-Z]")
_PAIR = re.compile(rb'\[\s{0,99}"[0-9]{16,20}",\s{0,99}"')  # Loki's
_ENTRY = re.compile(
    rb'"(?:' + "|".join(TEXT).encode() + rb')"\s{0,9}:\s{0,9}"'  # an object an entry
    rb"|" + _PAIR.pattern + rb'|"(?:[^"\\\n]|\\.){1,4000}\\n'  # a text
    rb'|"[A-Za-z]{1,40}"\s{0,9}:\s{0,9}"[A-Za-z0-9+/]{100}'  # in base64
)
_BASE64 = bytes([*range(48, 58), *range(65, 91), *range(97, 123), *b"+/=\r\n"])
_LEAST_BASE64 = 80


def text_within(head: bytes) -> Lines | None:
    """How to get the text out of a document that begins so; None where it is none, or its lines can be read as they are."""
    head = head.removeprefix(b"\xef\xbb\xbf")[:_HEAD]
    start = head.lstrip()[:1]
    if start in (b"{", b"[", b'"') and _is_json_document(head):
        return _json_text
    if (table := _table(head)) is not None:
        return table
    if _unbase64(head) is not None:
        return _base64_text
    return None


def _is_json_document(head: bytes) -> bool:
    if _NOT_HERE.match(head) or _STAMPED.match(head) or _ENTRY.search(head) is None:
        return False
    first, end, _ = head.lstrip().partition(b"\n")
    if not end or first.count(b"\\n") >= _TEXT_LINES or first.rstrip().endswith((b"{", b"[", b",")):
        return True
    return _PAIR.search(first) is not None


class _Frame:
    """An object or list that is not over yet, and what is known of the entry that it may be."""

    __slots__ = ("is_object", "key", "pair", "text", "wall")

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.key: str | None = None
        self.text = ""
        self.wall = ""
        self.pair: list[str] = []

    def take(self, value: str) -> None:
        """A string or number of it."""
        if not self.is_object:
            if len(self.pair) < 3:
                self.pair.append(value)
        elif self.key is None:
            self.key = value
            return
        elif self.key in TEXT:
            self.text = self.text or value
        elif self.key in WALL:
            self.wall = self.wall or value
        self.key = None

    def entry(self) -> bytes:
        """Its line, empty if it is no entry."""
        if not self.is_object and len(self.pair) == 2 and self.pair[0].isdigit() and len(self.pair[0]) > 15:
            self.wall, self.text = self.pair
        if not self.text:
            return b""
        wall = self.wall
        with suppress(ValueError):
            wall = clock_of(float(wall))
        front = f"{wall} " if re.fullmatch(CLOCK, wall) else ""
        return f"{front}{self.text.rstrip()}\n".encode("utf-8", "replace")


_TOKEN = re.compile(rb'"((?:[^"\\]++|\\.)*+)("?)|([{}\[\]])|(-?[0-9][0-9.eE+-]{0,40})|(,)|(true|false|null)', re.DOTALL)


def _json_text(file: BinaryIO) -> Iterator[bytes]:
    """The entries of a document, or the texts in its strings, as far as it goes."""
    data, at, step = file.read(BLOCK), 0, BLOCK
    final = len(data) < BLOCK
    stack: list[_Frame] = []
    while True:
        token = _TOKEN.search(data, at)
        if token is None or (not final and (token.end() == len(data))):
            if final:
                break
            # A long string is read in steps that double, so that nothing is looked at often.
            begin = token.start() if token is not None else len(data)
            data, at = data[begin:], 0
            step = min(step * 2, LONGEST_STRING) if begin == 0 else BLOCK
            if len(data) > LONGEST_STRING:
                data = b""
            more = file.read(step)
            final = len(more) < step
            data += more
            continue
        at = token.end()
        yield from _told(stack, token)
    for frame in reversed(stack):
        yield frame.entry()


def _told(stack: list[_Frame], token: re.Match[bytes]) -> Iterator[bytes]:
    string, _closed, bracket, number, comma, _word = token.groups()
    top = stack[-1] if stack else None
    if bracket in (b"{", b"["):
        if len(stack) < _DEEPEST:
            stack.append(_Frame(bracket == b"{"))
    elif bracket is not None:
        if stack:
            yield stack.pop().entry()
            if stack:
                stack[-1].key = None
    elif string is not None:
        if (top is None or not top.is_object or top.key is not None) and string.count(b"\\n") >= _TEXT_LINES:
            yield _string(string).encode("utf-8", "replace").removesuffix(b"\n") + b"\n"
            if top is not None:
                top.key = None
        elif (plain := _unbase64(string)) is not None:
            yield base64.b64decode(string[: len(string) // 4 * 4]) if plain else b""
        elif top is not None:
            top.take(_string(string))
    elif comma is not None or top is None:
        if top is not None and top.is_object:
            top.key = None
    elif number is not None:
        top.take(number.decode())


def _string(content: bytes) -> str:
    try:
        return msgspec.json.decode(b'"' + content + b'"', type=str)
    except (msgspec.MsgspecError, ValueError):
        pass
    text = content.decode("utf-8", "replace")
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:  # cut off in the middle of an escape
        return text.replace("\\r", "").replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def _table(head: bytes) -> Lines | None:
    """A table whose first line names its columns, one of which has the text."""
    first, end, _ = head.partition(b"\n")
    title = first.decode("utf-8", "replace").strip("\r")
    for delimiter in (",", "\t", ";"):
        try:
            names = next(csv.reader([title], delimiter=delimiter), [])
        except csv.Error:
            continue
        column = next((names.index(name) for name in COLUMNS if name in names), None)
        if column is None or not end or (len(names) < 2 and title.strip('"') not in ("_raw", "@message")):
            continue
        time = next((names.index(name) for name in _TIMES if name in names), None)
        return lambda file, column=column, time=time, delimiter=delimiter: _rows(file, column, time, delimiter)  # type: ignore[misc]
    return None


def _rows(file: BinaryIO, column: int, time: int | None, delimiter: str) -> Iterator[bytes]:
    rows = csv.reader(_text_lines(file), delimiter=delimiter)
    with suppress(StopIteration):
        next(rows)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:  # a field of more than 128 KiB: a quote that nothing closes
            continue
        if len(row) > column and row[column]:
            frame = _Frame(True)
            frame.text, frame.wall = row[column], row[time] if time is not None and time < len(row) else ""
            yield frame.entry()


def _text_lines(file: BinaryIO) -> Iterator[str]:
    while line := file.readline(BLOCK):
        yield line.decode("utf-8", "replace").replace("\0", "")


def _unbase64(data: bytes) -> bytes | None:
    """The beginning of what is packed in base64: text, or what is compressed; None if that is nothing of the kind."""
    if len(data) < _LEAST_BASE64 or data[:_HEAD].translate(None, _BASE64):
        return None
    packed = data[:_HEAD].replace(b"\n", b"").replace(b"\r", b"")
    try:
        plain = base64.b64decode(packed[: len(packed) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    is_text = b" " in plain and not plain.translate(None, bytes([*range(32, 127), 9, 10, 13, 27]))
    return plain if is_text or compression(plain) is not None else None


def _base64_text(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while data := file.read(BLOCK):
        rest += data.replace(b"\n", b"").replace(b"\r", b"")
        whole = len(rest) // 4 * 4
        yield base64.b64decode(rest[:whole])
        rest = rest[whole:]
    if rest:
        raise EOFError
