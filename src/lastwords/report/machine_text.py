"""A whole machine as plain text: what the report shows of it, then every task."""

from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.text import Text

from lastwords.model import Machine

from .backtraces import groups_of_tasks
from .machine import sections
from .machine_tables import task_table

_WIDTH = 1000
"""Columns: lines are not broken."""


def machine_text(machine: Machine) -> str:
    """All there is to show of a machine, without colours; what comes from the kernel is escaped."""
    file = StringIO()
    console = Console(file=file, color_system=None, width=_WIDTH, highlight=False, markup=False, emoji=False)
    for line in _lines(machine):
        console.print(line, soft_wrap=True)
    return file.getvalue()


def _lines(machine: Machine) -> Iterator[Text]:
    for title, lines in _sections(machine):
        yield Text(title)
        yield Text("=" * len(title))
        yield from lines
        yield Text()


def _sections(machine: Machine) -> Iterator[tuple[str, list[Text]]]:
    yield from sections(machine, verbose=True)
    tasks = machine.tasks or ()
    yield "Tasks", list(task_table(tasks))
    yield "Stacks, equal ones together", list(groups_of_tasks(tasks))
