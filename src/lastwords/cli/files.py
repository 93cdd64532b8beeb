"""`lastwords files`: open files of a task in a dump."""

import sys
from typing import Any

import click
from rich.text import Text

from lastwords.model import Panic
from lastwords.report.escape import printable

from .dump_view import dump_options, files_among, note, read, require, show, show_json


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords files vmcore               of the task that crashed\n"
    "  lastwords files vmcore 4711          of that one\n\n"
    "Exit status: 0 read, 1 no task had crashed and no PID was given, 2 the dump can't be read."
)
@click.argument("dump", metavar="DUMP [VMLINUX]")
@click.argument("names", nargs=-1, metavar="[PID]")
@dump_options
def command(dump: str, names: tuple[str, ...], as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """List the files that a task had open: number, mode, position, path."""
    paths, pids = files_among(dump, names)
    if len(pids) > 1 or any(not each.isdecimal() for each in pids):
        raise click.UsageError(f"one PID, a number, not {' '.join(pids)}")
    pid = int(pids[0]) if pids else None
    reading = read(paths, options, () if pid is not None else ("files", "panic"), files_of=pid)
    files = reading.files if pid is not None else require(reading, "files")
    note(reading.files_missing)
    if files is None:
        click.echo("lastwords: no task had crashed in this dump: name a PID", err=True)
        sys.exit(1)
    if as_json:
        show_json(reading, files=files, missing=reading.files_missing)
        return
    from lastwords.report.machine_tables import file_table

    whose = printable(_whose(pid, reading.machine.panic))
    show([Text(whose, "bold"), *file_table(files)] if files else [Text(f"{whose}: no open files")])


def _whose(pid: int | None, panic: Panic | None) -> str:
    if pid is not None:
        return f"PID {pid}"
    if panic is None or panic.pid is None:
        return "the task that crashed"
    return f"{panic.comm or 'a task'} (PID {panic.pid}), which crashed"
