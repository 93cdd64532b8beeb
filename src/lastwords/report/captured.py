"""What `capture` secured, as a table: what was taken, and of everything else why it was not."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lastwords.model import Capture, Evidence

from . import width
from .escape import printable

PLAIN_WIDTH = 120
_MOST_LINES = 8
"""Items of one collector told of in lines of their own."""
_STYLES = {"taken": "green", "failed": "bold red", "refused": "yellow", "skipped": "dim", "absent": "dim"}
_MARKS = {"taken": "+", "failed": "!", "refused": "!", "skipped": "-", "absent": "-"}


def render_capture(capture: Capture, file: IO[str]) -> None:
    """Write the table.

    Args:
        capture: what was secured.
        file: where to; colour is used if it is a terminal.
    """
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=file, highlight=False, markup=False, emoji=False, width=width.asked_for() or PLAIN_WIDTH)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, items in _by_collector(capture.evidence):
        _add_rows(table, name, items)
    with console.capture() as captured:
        console.print(table)
    file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    file.write("".join(f"{printable(line)}\n" for line in _summary(capture)))


def _by_collector(evidence: Sequence[Evidence]) -> list[tuple[str, list[Evidence]]]:
    groups: dict[str, list[Evidence]] = {}
    for item in evidence:
        groups.setdefault(item.id.partition("/")[0], []).append(item)
    return list(groups.items())


def _add_rows(table: Table, name: str, items: list[Evidence]) -> None:
    taken = [item for item in items if item.state == "taken"]
    others = [item for item in items if item.state != "taken"]
    if taken:
        count = f"{len(taken)} item{'s' if len(taken) > 1 else ''}"
        size = human(sum(item.size or 0 for item in taken))
        notes = "; ".join(f"{item.origin.rpartition('/')[2]}: {item.note}" for item in taken if item.note)
        _add_row(table, "taken", name, "taken", count, size, notes[:300])
    for item in others[:_MOST_LINES]:
        _add_row(
            table, item.state, name, item.state, "", "", f"{item.origin}: {item.note}" if item.note else item.origin
        )
    if len(others) > _MOST_LINES:
        more = Counter(item.state for item in others[_MOST_LINES:])
        told = ", ".join(f"{count} {state}" for state, count in more.items())
        _add_row(table, "absent", name, "and", "", "", f"{told}; --json tells of all")


def _add_row(table: Table, state: str, name: str, *cells: str) -> None:
    style = _STYLES[state]
    first, *rest = (printable(cell) for cell in cells)
    table.add_row(Text(f"{_MARKS[state]} {printable(name)}", style), Text(first, style), *(Text(cell) for cell in rest))


def _summary(capture: Capture) -> list[str]:
    states = Counter(item.state for item in capture.evidence)
    size = human(sum(item.size or 0 for item in capture.evidence if item.state == "taken"))
    lines = ["", f"{states['taken']} items, {size}, in {capture.case}   ({capture.seconds:.1f} s)"]
    if capture.boot_began is not None:
        began = datetime.fromtimestamp(capture.boot_began, UTC)
        which = "The running boot" if capture.boot_source == "/proc/stat" else "The boot that crashed"
        # A tree does not tell whether the machine came up once more after its crash.
        later = "" if capture.root == "/" else " or later"
        lines.append(f"{which} began {began:%Y-%m-%d %H:%M:%S} UTC{later} ({capture.boot_source}).")
    if any(item.state == "refused" and "no right" in item.note for item in capture.evidence):
        lines.append("What was refused may be there for root: run it again as root, into the same case.")
    if states["failed"]:
        lines.append("What failed is tried again by the same command; what was taken is not taken twice.")
    if capture.cleared:
        lines.append(f"Removed from pstore, as asked: {len(capture.cleared)} records.")
    return lines


def human(size: int) -> str:
    """Bytes for a reader: `12.3 MiB`."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
