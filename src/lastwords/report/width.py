"""How wide to write."""

import os
import re
import shutil
import textwrap
from collections.abc import Iterator
from typing import IO

# What a line's text stands behind: its indentation, then a box, a number, a dash, or a word of a column of its own.
_BEFORE = re.compile(r" {0,12}(?:\[.\] |\d{1,3}\. |- |[^ ]{1,12}(?: [^ ]{1,12})? {2,12})?")
_COMMAND = re.compile(r" {0,12}\$ ")
_LEAST = 40


def asked_for() -> int | None:
    """The columns that the environment asks for in COLUMNS, which counts in a pipe too; else None."""
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text) else None


def folded(line: str, file: IO[str]) -> Iterator[str]:
    """A line as lines that fit a terminal, the later ones below the first one's text; as it is where `file` is none.

    A command (`$ …`) stays in one piece: it is there to be copied.

    Example:
        >>> list(folded("  [ ] The evidence is secured", sys.stdout))
        ['  [ ] The evidence is secured']
    """
    columns = asked_for() or (shutil.get_terminal_size().columns if file.isatty() else 0)
    if not columns or len(line) <= columns or _COMMAND.match(line):
        yield line
        return
    before = _BEFORE.match(line)
    yield from textwrap.wrap(
        line,
        max(columns, _LEAST),
        subsequent_indent=" " * (before.end() if before else 0),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [line]
