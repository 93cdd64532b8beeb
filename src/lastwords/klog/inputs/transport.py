"""What mail programs and web servers do to a text on its way, undone.

Two forms: `quoted-printable` (RFC 2045), in which mails lie in archives, and the source of a web page. Both move lines, so
that each line of the text comes with its number in the file.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .pasted import TAG

_SIGN_AT_END = re.compile(rb"=\r?\n")
_SOFT_BREAK = re.compile(rb"(?<!=)=[ \t]{0,8}\r?\Z")
_WIDTH = range(59, 76)
"""Characters in front of such a sign: mail programs break as late as may be, and no line has more than 76."""
_ENOUGH = 2
"""Broken lines that are no chance."""
# Only what mail programs encode: the sign itself, a blank at a line's end, a tab, and what is not ASCII.
_ENCODED = re.compile(rb"=(3D|20|09|2E|46|[89A-F][0-9A-F])")

_TAGGED = re.compile(rb"<(?:br|div|pre|p)(?: [^<>\n]{0,300}| ?/)?>")
_LINE_ENDS = re.compile(rb"<(?:br(?: [^<>\n]{0,300}| ?/)?|/(?:div|p|pre|tr|li|h\d))>")


class Sent(NamedTuple):
    """A text as it was written.

    Attributes:
        text: the text.
        numbers: for each of its lines the number of the first line of the file that it is made of, from 1; empty where
            these are the file's own lines.
        page: it stood in a web page.
    """

    text: bytes
    numbers: Sequence[int] = ()
    page: bool = False


def decoded(data: bytes) -> Sent:
    """The text of a file as it was written, and where its lines stand.

    Args:
        data: the whole file.
    """
    text, numbers = data, list[int]()
    broken = sum(1 for _ in _broken(data))
    if broken >= _ENOUGH or (broken and b"quoted-printable" in data):
        text, numbers = _of_a_mail(data)
    if (b"&lt;" in text or b"<br" in text) and _TAGGED.search(text) is not None:
        return Sent(*_of_a_page(text, numbers), page=True)
    return Sent(text, numbers)


def _broken(data: bytes) -> Iterator[int]:
    """Where lines are broken. The sign itself is encoded, so that it never stands twice, as in lockdep's rulers."""
    for match in _SIGN_AT_END.finditer(data):
        end = match.start()
        if data[end - 1 : end] not in (b"=", b"") and end - data.rfind(b"\n", 0, end) - 1 in _WIDTH:
            yield end


def _of_a_mail(data: bytes) -> tuple[bytes, list[int]]:
    lines = [bytearray()]
    numbers = [1]
    for number, line in enumerate(data.split(b"\n"), 1):
        end = _SOFT_BREAK.search(line, max(len(line) - 12, 0))
        lines[-1] += _ENCODED.sub(_byte, line if end is None else line[: end.start()])
        if end is None:
            lines.append(bytearray())
            numbers.append(number + 1)
    if numbers[-1] > data.count(b"\n") + 1:
        lines.pop()
        numbers.pop()
    return _in_utf8(b"\n".join(lines)), numbers


def _in_utf8(text: bytes) -> bytes:
    """Western mails of the time before UTF-8 are in Latin-1: its hard blank stands between columns."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    return text


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())


def _of_a_page(data: bytes, numbers: Sequence[int]) -> tuple[bytes, list[int]]:
    """The text of a page's source: tags taken out, with the ends of lines that they stand for. Entities stay."""
    lines: list[bytes] = []
    places: list[int] = []
    for index, line in enumerate(data.split(b"\n")):
        parts = _LINE_ENDS.split(line)
        if len(parts) > 1 and not parts[-1].strip():
            parts.pop()
        lines += [TAG.sub(b"", part) for part in parts]
        places += [numbers[index] if index < len(numbers) else index + 1] * len(parts)
    return b"\n".join(lines), places
