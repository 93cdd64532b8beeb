"""Logs that were pasted into something: a page of a bug tracker that was saved, a text that indents what it quotes.

What was put around the lines is taken off again, a line remains a line.
"""

import re
from collections import Counter
from collections.abc import Callable

from lastwords.model import Record

from .dialect import Dialect

OUR_REPORT = b'<meta name="generator" content="lastwords '
"""In the head of a page that `analyze --html` made (report/html/templates/page.html): it tells of a crash, and is none."""

_ENTITIES = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"', b"apos": b"'", b"nbsp": b" "}
# Only with their semicolon: lockdep prints `&gt->reset.mutex`.
ENTITY = re.compile(rb"&(?:(lt|gt|amp|quot|apos|nbsp)|#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
"""What shows that a text was written as HTML; tags do not, `<IRQ>` and `<TASK>` are the kernel's own."""
TAG = re.compile(
    rb"</?(?:html|body|pre|code|tt|samp|kbd|span|div|section|blockquote|p|br|a|b|i|u|em|strong|font|table|tbody|tr|td|th|ul|ol"
    rb"|li|h[1-6]|mark)(?:\s[^<>\n]{0,500})?/?>"
)

WHOLE = 0.9
"""Share of lines that are indented where all of a log is, and some words stand before and behind it."""
_COMMIT = re.compile(r"commit [0-9a-f]{7,64}$")


class Pasted:
    """A line-oriented dialect with something around its lines.

    Attributes:
        inner: the dialect of what is inside.
        bared: takes off what is around each line of a text.
    """

    line_oriented = True

    def __init__(self, inner: Dialect, bared: Callable[[bytes], bytes]) -> None:
        self.inner = inner
        self.bared = bared

    @property
    def name(self) -> str:
        """That of what is inside."""
        return self.inner.name

    def boundary(self, data: bytes) -> int:
        """That of what is inside: no mark goes over an end of line."""
        return self.inner.boundary(data)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole lines."""
        return self.inner.records(self.bared(data), line)


def without_markup(data: bytes) -> bytes:
    """The text that a browser shows of HTML, its lines as they are."""
    return ENTITY.sub(_character, TAG.sub(b"", data))


def _character(match: re.Match[bytes]) -> bytes:
    name, decimal, hexadecimal = match.groups()
    if name is not None:
        return _ENTITIES[name]
    code = int(decimal) if decimal is not None else int(hexadecimal, 16)
    # A line stays a line, and no surrogates.
    return match[0] if code in (10, 13) or code > 0x10FFFF or 0xD800 <= code < 0xE000 else chr(code).encode()


def indentation(lines: list[str], dialect: Callable[[str], str]) -> str:
    """What stands in front of the lines of a log that is indented as a whole; empty where it is not.

    Args:
        lines: of a sample, none of them empty.
        dialect: names the dialect of a line that begins with a message or its prefix, `text` where it does not.
    """
    votes: Counter[str] = Counter()
    stamped = False
    for line in lines:
        bare = line.lstrip(" \t")
        if dialect(line) != "text":
            return ""
        if (name := dialect(bare)) != "text":
            votes[line[: len(line) - len(bare)]] += 1
            stamped |= name != "raw"
    indent = min(votes, key=len, default="")
    if not all(other.startswith(indent) for other in votes):
        return ""
    # Without time stamps it may be a manual or a commit's message that quotes a few lines of a report.
    whole = sum(line.startswith(indent) for line in lines) >= WHOLE * len(lines)
    return indent if stamped or (whole and not any(map(_COMMIT.match, lines))) else ""


def outdented(indent: str) -> Callable[[bytes], bytes]:
    """What takes an indentation off."""
    pattern = re.compile(rb"^" + re.escape(indent.encode()), re.MULTILINE)
    return lambda data: pattern.sub(b"", data)
