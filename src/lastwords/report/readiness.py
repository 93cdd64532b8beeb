"""A machine's readiness on a terminal: the summary first, then what is not well, chapter by chapter."""

import re
from collections.abc import Iterator
from typing import IO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from lastwords.model.readiness import Check, CheckStatus, Readiness

from . import width
from .escape import printable

_MARKS: dict[CheckStatus, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warn": ("warn", "yellow"),
    "fail": ("FAIL", "bold red"),
    "not-applicable": ("-", "dim"),
    "unknown": ("?", "magenta"),
}
_WIDTH = 6
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_PLAIN_WIDTH = 120


def render_readiness(found: Readiness, titles: dict[str, str], file: IO[str], *, verbose: bool = False) -> None:
    """Write it to a file; in colour if that is a terminal.

    Args:
        found: what the checks found.
        titles: of the areas, in order.
        file: where to.
        verbose: tell the checks that are well, and those that do not apply, too.
    """
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        columns = width.asked_for() or _PLAIN_WIDTH
        console = Console(file=file, highlight=False, markup=False, emoji=False, width=columns)
    with console.capture() as captured:
        for part in _parts(found, titles, verbose=verbose):
            # Fixes stay in one piece, however long: they are there to be copied.
            console.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap is True)
    file.write(_TRAILING.sub("", captured.get()))


def _parts(found: Readiness, titles: dict[str, str], *, verbose: bool) -> Iterator[RenderableType]:
    yield Text(printable(found.summary), style="bold green" if found.ready else "bold red")
    where = [found.host, found.distribution, f"kernel {found.release}" if found.release else ""]
    yield Text(printable(", ".join(part for part in where if part)), style="dim")
    areas = dict.fromkeys(check.area for check in found.checks)
    for area in sorted(areas, key=lambda area: list(titles).index(area) if area in titles else len(titles)):
        checks = [check for check in found.checks if check.area == area]
        shown = [check for check in checks if verbose or check.status in ("warn", "fail", "unknown")]
        if not shown:
            continue
        yield Text("")
        yield Text.assemble((titles.get(area, area), "bold"), f": {_counts(checks)}")
        for check in shown:
            yield from _check(check, verbose=verbose)
    yield Text("")
    yield Text(_counts(found.checks) + ("" if verbose else "; -v tells them all"), style="dim")


def _check(check: Check, *, verbose: bool) -> Iterator[RenderableType]:
    mark, style = _MARKS[check.status]
    told = Text(printable(f"{check.id}: {check.value or check.title}"))
    row = Table.grid(padding=0)
    row.add_column(width=_WIDTH + 2, no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(f"  {mark}", style=style), told)
    if check.source and (verbose or check.status in ("fail", "unknown")):
        row.add_row("", Text(printable(f"read in {check.source}"), style="dim"))
    if check.why and (verbose or check.status in ("fail", "warn")):
        row.add_row("", Text(printable(check.why), style="dim"))
    yield row
    if check.fix:
        indent = " " * (_WIDTH + 2)
        yield Text(printable(f"{indent}fix: {check.fix}"), style="cyan", no_wrap=True)


def _counts(checks: tuple[Check, ...] | list[Check]) -> str:
    words = {"ok": "ok", "warn": "to improve", "fail": "failed", "unknown": "not known", "not-applicable": "n/a"}
    counted = ((sum(check.status == status for check in checks), word) for status, word in words.items())
    return ", ".join(f"{count} {word}" for count, word in counted if count)
