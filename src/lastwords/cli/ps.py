"""`lastwords ps`: the tasks in a dump."""

import sys
from typing import Any

import click

from lastwords.model import Task

from .complaint import complain
from .dump_view import dump_options, files_among, read, require, show, show_json

_ORDERS = {
    "pid": lambda task: task.pid,
    "wait": lambda task: -(task.waiting or 0.0),
    "rss": lambda task: -(task.rss or 0),
}


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords ps vmcore\n"
    "  lastwords ps vmcore --state D --sort wait     what hangs, the longest first\n"
    "  lastwords ps vmcore --sort rss | head         who holds the memory\n"
    "  lastwords ps vmcore --json | jq '.tasks[] | select(.running)'\n\n"
    "Exit status: 0 something to show, 1 no such task, 2 the dump can't be read."
)
@click.argument("dump", metavar="DUMP [VMLINUX]")
@click.argument("names", nargs=-1, metavar="[PID|COMM]...")
@click.option("--state", metavar="LETTERS", help="Tasks in these states: R, S, D, T, t, X, Z, P, I.")
@click.option("--sort", "order", type=click.Choice(list(_ORDERS)), default="pid", show_default=True)
@click.option("--tree", is_flag=True, help="Children below their parents.")
@dump_options
def command(
    dump: str,
    names: tuple[str, ...],
    state: str | None,
    order: str,
    tree: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """List the tasks: PID, parent, CPU, state, how long since it last ran, resident memory, name."""
    paths, names = files_among(dump, names)
    reading = read(paths, options, ("tasks",))
    tasks: tuple[Task, ...] = require(reading, "tasks")
    pids = {int(name) for name in names if name.isdecimal()}
    found = [
        task
        for task in tasks
        if (not names or task.pid in pids or task.comm in names) and (state is None or task.state in state)
    ]
    found.sort(key=_ORDERS[order])
    if as_json:
        show_json(reading, tasks=tuple(found))
    elif found:
        from lastwords.report.machine_tables import task_table, task_tree

        show(task_tree(found) if tree else task_table(found))
    if not found:
        complain("no such task" if names or state is None else f"no task in state {state}")
    sys.exit(0 if found else 1)
