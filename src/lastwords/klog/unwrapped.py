"""Texts that a mail program or a bug tracker wrapped at a certain width, put back into the lines that they had.

Such a program breaks a line at the last blank in front of its width, so that the first word of the next line would not have
fitted. In a log without such a width nothing is joined: the kernel's own lines are longer than mails are wide. What was
wrapped by hand, `wrapped` reads.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

FORMATS = frozenset(("text", "raw", "dmesg", "syslog"))
"""Dialects that people paste: others have no lines to wrap, or end them themselves."""
_WIDEST = 84
"""Characters, without the marks of a quotation. Mails have 70 to 80, bug trackers 80."""
_NARROWEST = 50
# No such program leaves such a line, unless it stands in a quotation or has no blank.
_LONG = re.compile(rb"\n.{101}")
_FEW = 2
"""Lines without a blank that are wider."""
_QUOTATION = re.compile(rb"(?:(?: {0,2}>){1,16} ?)?")
# What stands in front of the kernel's messages, but not of what was broken off them.
_STAMP = re.compile(
    rb"(?:<\d{1,3}>)?(?:\[ {0,8}\d{1,12}\.\d{3,6}\]|\[[A-Z][a-z]{2} [A-Z][a-z]{2} |[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[ {0,8}\+\d|\d\d:\d\d:\d\d \S|kernel: )"
)
# How the lines of a report begin that have no stamp.
_BEGINNING = re.compile(
    rb"[^A-Za-z0-9+<]|<(?![0-9a-f]{2}> )|[0-9a-f]{8,16}\b|[A-Za-z_][\w.]{0,100}\+0x|[A-Za-z0-9_]{2,10}:\s|#PF|PGD|Oops|\*p|---|==|\*\*|printing"
    rb"|Call |Modules |Hardware |Process |CPU|Kernel|BUG|WARNING|INFO|RIP|RSP|EIP|Stack|Code|note|Disabling|last |general|\.\.\."
)
_ENOUGH = 3
"""Lines with a stamp that make a log, and lines broken in two that are no chance."""
_BREAKABLE = 40


def unwrapped(text: bytes, numbers: Sequence[int], tells: Callable[[bytes], object]) -> tuple[bytes, Sequence[int]]:
    """The text with its wrapped lines put together, and the numbers of its lines.

    Args:
        text: a whole file.
        numbers: of its lines in the file; empty where they are just counted.
        tells: whether a line holds words of a crash: such a line stays one.

    Returns:
        The same text and numbers where nothing was wrapped.
    """
    quoted = b"\n>" in text
    if not quoted and _LONG.search(text) is not None:
        return text, numbers
    parts = text.split(b"\n")
    if not quoted and sum(length > _WIDEST for length in map(len, parts)) > _FEW:
        return text, numbers
    lines = [_Line.of(part) for part in parts]
    widths = _widths(lines)
    if not widths:
        return text, numbers
    broken = _broken(lines, widths, tells)
    if len(broken) < _ENOUGH:
        return text, numbers
    whole: list[bytes] = []
    places: list[int] = []
    for index, line in enumerate(lines):
        if index in broken:
            glue = b"" if line.rest.startswith(b"+0x") else b" "
            whole[-1] = whole[-1].rstrip() + glue + line.rest.strip()
        else:
            whole.append(line.text)
            places.append(numbers[index] if index < len(numbers) else index + 1)
    return b"\n".join(whole), places


class _Line(NamedTuple):
    """A line of the text.

    Attributes:
        text: all of it.
        quotation: the marks of a quotation in front of it, `rest` what stands behind them.
        stamped: it begins with what stands in front of the kernel's messages.
    """

    text: bytes
    quotation: bytes
    rest: bytes
    stamped: bool

    @classmethod
    def of(cls, text: bytes) -> Self:
        match = _QUOTATION.match(text)
        mark = match.end() if match is not None else 0
        return cls(text, text[:mark].rstrip(), text[mark:], _STAMP.match(text, mark) is not None)


def _broken(lines: Sequence[_Line], widths: dict[bytes, int], tells: Callable[[bytes], object]) -> set[int]:
    """Positions of the lines that were broken off the one before."""
    stamps = Counter(line.quotation for line in lines if line.stamped)
    found: set[int] = set()
    of_log = False  # the line before is of a log, or was broken off one
    for index, (before, line) in enumerate(pairwise(lines), 1):
        of_log = before.stamped or (of_log and index - 1 in found)
        if before.quotation != line.quotation or not _reaches(before, line, widths.get(line.quotation)):
            continue
        if of_log if stamps[line.quotation] >= _ENOUGH else _may_go_on(before, line, tells):
            found.add(index)
    return found


def _reaches(before: _Line, line: _Line, width: int | None) -> bool:
    """Whether the first word of a line would not have fitted into the one before."""
    stripped = line.rest.lstrip()
    if width is None or line.stamped or not stripped:
        return False
    return len(before.rest) + 1 + len(line.rest) - len(stripped) + len(stripped.split(None, 1)[0]) > width


def _may_go_on(before: _Line, line: _Line, tells: Callable[[bytes], object]) -> bool:
    """Whether a line without a stamp may be the rest of one that has none either."""
    return _BEGINNING.match(line.rest) is None and before.rest.strip() != b"" and not tells(line.rest)


def _widths(lines: Sequence[_Line]) -> dict[bytes, int]:
    """To what width the lines of each quotation are broken, where they are."""
    longest: dict[bytes, int] = {}
    for line in lines:
        length = len(line.rest.rstrip())
        if length > longest.get(line.quotation, 0) and b" " in line.rest[_BREAKABLE:].rstrip():
            longest[line.quotation] = length
    return {quotation: length for quotation, length in longest.items() if _NARROWEST <= length <= _WIDEST}
