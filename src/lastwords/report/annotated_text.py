"""An annotated oops on a terminal: the notes in a column of their own where it is wide, below their lines where not."""

from collections.abc import Iterator
from typing import IO

from rich.console import Console
from rich.text import Text

from .annotated import AnnotatedLine, Annotation, Mark
from .escape import printable
from .width import asked_for

WIDE = 125
"""Columns from which on notes stand beside the lines."""
PLAIN_WIDTH = 110
"""Columns where there is no terminal to ask."""
_STYLES: dict[Mark, str] = {
    "foreign": "dim",
    "machinery": "dim",
    "unreliable": "dim",
    "user": "dim",
    "blamed": "bold red",
    "headline": "bold",
}
_NOTE = "cyan"
_MOST_ROWS = 6
"""Rows that one line may take on a terminal: lists of modules are long."""


def render(annotation: Annotation, file: IO[str], *, width: int | None = None) -> None:
    """Draw an annotated oops.

    Args:
        annotation: what to draw.
        file: where to; colour is used if it is a terminal and NO_COLOR is not set.
        width: columns; by default those of COLUMNS, or the terminal's. Where nothing says how wide it is, log lines
            are left whole.
    """
    console = Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=True)
    terminal = console.is_terminal
    width = width or asked_for() or (console.width if terminal else None)
    columns = max(width or PLAIN_WIDTH, 40)
    console.print(_head(annotation, width))
    digits = len(str(annotation.lines[-1].line)) if annotation.lines else 1
    wide = columns >= WIDE
    for line in annotation.lines:
        for row in _beside(line, digits, columns) if wide else _below(line, digits, columns, crop=width is not None):
            row.rstrip()
            console.print(row)


def _head(annotation: Annotation, width: int | None) -> Text:
    title = printable(annotation.title)
    head = Text("\n".join(_wrapped(title, max(width, 40)) if width else [title]), "bold")
    first = annotation.lines[0].line if annotation.lines else 0
    head.append(f"\n{printable(annotation.path)}:{first}", "dim")
    if annotation.total > 1:
        head.append(f", oops {annotation.number} of {annotation.total}", "dim")
    for damage in annotation.damage:
        where = f"line {damage.line}: " if damage.line else ""
        text = where + printable(damage.text)
        head.append("\n" + "\n".join(_wrapped(text, max(width or PLAIN_WIDTH, 40))), "yellow")
    return head.append("\n")


def _style(line: AnnotatedLine) -> str:
    return next(
        (
            _STYLES[mark]
            for mark in ("foreign", "blamed", "machinery", "unreliable", "user", "headline")
            if mark in line.marks
        ),
        "",
    )


def _gutter(line: AnnotatedLine, digits: int) -> tuple[str, str]:
    sign = "|" if "foreign" in line.marks else " "
    return f"{line.line:>{digits}} {sign} ", "dim"


def _wrapped(text: str, width: int) -> list[str]:
    """Cut into rows, at blanks where there are some."""
    rows = []
    while len(text) > width:
        at = text.rfind(" ", width // 2, width + 1)
        at = at if at > 0 else width
        rows.append(text[:at])
        text = text[at:].lstrip()
    return [*rows, text]


def _rows(text: str, width: int) -> list[str]:
    """A log line in rows, cropped where it is very long."""
    rows = _wrapped(printable(text).expandtabs(4)[: width * (_MOST_ROWS + 1)], width)
    if len(rows) > _MOST_ROWS:
        rows = [*rows[: _MOST_ROWS - 1], "…"]
    return rows


def _beside(line: AnnotatedLine, digits: int, columns: int) -> Iterator[Text]:
    """Line and note in two columns."""
    room = columns - digits - 3 - 3
    note_width = max(44, room * 2 // 5)
    left = _rows(line.text, room - note_width)
    right = _wrapped(printable(line.note), note_width) if line.note else []
    for i in range(max(len(left), len(right))):
        text = Text()
        text.append(*(_gutter(line, digits) if i == 0 else (" " * (digits + 3), "")))
        text.append(f"{left[i] if i < len(left) else '':<{room - note_width}}", _style(line))
        if i < len(right):
            text.append(" ┊ ", "dim").append(right[i], "bold red" if "blamed" in line.marks and i == 0 else _NOTE)
        yield text


def _below(line: AnnotatedLine, digits: int, columns: int, *, crop: bool) -> Iterator[Text]:
    """The note under its line."""
    room = columns - digits - 3
    rows = _rows(line.text, room) if crop else [printable(line.text)]
    for i, row in enumerate(rows):
        text = Text()
        text.append(*(_gutter(line, digits) if i == 0 else (" " * (digits + 3), "")))
        yield text.append(row, _style(line))
    for i, row in enumerate(_wrapped(printable(line.note), room - 6) if line.note else []):
        yield Text(" " * (digits + 3)).append("    └ " if i == 0 else "      ", "dim").append(row, _NOTE)
