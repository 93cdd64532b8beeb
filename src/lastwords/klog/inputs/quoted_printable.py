"""Mails as they lie in an archive: their `quoted-printable` text, which breaks lines behind an equals sign (RFC 2045)."""

import re
from collections.abc import Iterator

_SIGN_AT_END = re.compile(rb"=\r?\n")
_SOFT_BREAK = re.compile(rb"(?<!=)=[ \t]{0,8}\r?\Z")
_WIDTH = range(59, 76)
"""Characters in front of such a sign: mail programs break as late as may be, and no line has more than 76."""
_ENOUGH = 2
"""Broken lines that are no chance."""
# Only what mail programs encode: the sign itself, a blank at a line's end, a tab, and what is not ASCII.
_ENCODED = re.compile(rb"=(3D|20|09|2E|46|[89A-F][0-9A-F])")


def decoded(data: bytes) -> tuple[bytes, list[int]]:
    """The text of a mail, and where its lines stand.

    Args:
        data: a whole file.

    Returns:
        The text as it was before it was sent, and for each of its lines the number of the first one of `data` that it
        is made of, from 1. The same data and no numbers where it is no such mail.
    """
    broken = sum(1 for _ in _broken(data))
    if broken < _ENOUGH and not (broken and b"quoted-printable" in data):
        return data, []
    text = list[bytes]()
    numbers = [1]
    for number, line in enumerate(data.split(b"\n"), 1):
        end = _SOFT_BREAK.search(line, max(len(line) - 12, 0))
        text.append(_ENCODED.sub(_decode, line if end is None else line[: end.start()]))
        if end is None:
            text.append(b"\n")
            numbers.append(number + 1)
    return b"".join(text[:-1] if text[-1] == b"\n" else text), numbers


def _broken(data: bytes) -> Iterator[int]:
    """Where lines are broken. The sign itself is encoded, so that it never stands twice, as in lockdep's rulers."""
    for match in _SIGN_AT_END.finditer(data):
        end = match.start()
        if data[end - 1 : end] not in (b"=", b"") and end - data.rfind(b"\n", 0, end) - 1 in _WIDTH:
            yield end


def _decode(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())
