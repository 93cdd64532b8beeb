"""Mails as they lie in an archive: their `quoted-printable` text, which breaks lines behind an equals sign (RFC 2045)."""

import re

# Such lines have 76 characters at the most, and are broken as late as may be. The sign itself is encoded, so that it never
# stands twice, as in lockdep's rulers.
_BROKEN = re.compile(rb"^[^\n]{59,74}[^\n=]=\r?$", re.MULTILINE)
_SOFT_BREAK = re.compile(rb"(?<!=)=[ \t]{0,8}\r?\n")
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
    if b"=\n" not in data and b"=\r\n" not in data:
        return data, []
    if len(_BROKEN.findall(data)) < (1 if b"quoted-printable" in data else _ENOUGH):
        return data, []
    text = bytearray()
    numbers = [1]
    number = 1
    for line in data.splitlines(keepends=True):
        number += 1
        broken = _SOFT_BREAK.search(line, max(len(line) - 12, 0))
        text += _ENCODED.sub(_decode, line if broken is None else line[: broken.start()])
        if broken is None:
            numbers.append(number)
    return bytes(text), numbers


def _decode(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())
