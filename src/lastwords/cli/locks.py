"""`lastwords locks`: locks that tasks wait for in a dump."""

import sys
from typing import Any

import click

from .dump_view import dump_options, read, require, show, show_json


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords locks vmcore\n"
    "  lastwords locks vmcore --json | jq .locks.cycles\n\n"
    "Exit status: 0 no deadlock, 1 at least one, 2 the dump can't be read."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX]")
@click.option("-n", "longest", type=click.IntRange(min=1), default=20, show_default=True, help="Lines of each list.")
@dump_options
def command(paths: tuple[str, ...], longest: int, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Tell which locks tasks wait for, who holds them and who waits, and every deadlock.

    Mutexes, rwsems, semaphores, rt_mutexes, per-CPU rwsems and spinlocks.
    """
    reading = read(paths, options, ("locks",))
    found = require(reading, "locks", empty=lambda locks: not locks.held)
    if as_json:
        show_json(reading, locks=found)
    else:
        from lastwords.report.lock_tables import lock_tables

        show(lock_tables(found, longest=longest))
    sys.exit(1 if found.cycles else 0)
