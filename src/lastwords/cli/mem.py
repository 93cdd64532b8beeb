"""`lastwords mem`: who holds the memory in a dump."""

from typing import Any

import click

from .dump_view import dump_options, read, require, show, show_json


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords mem vmcore\n"
    "  lastwords mem vmcore -n 50              longer lists\n"
    "  lastwords mem vmcore --json | jq .memory.unaccounted\n\n"
    "Exit status: 0 read, 2 the dump can't be read."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX]")
@click.option("-n", "longest", type=click.IntRange(min=1), default=10, show_default=True, help="Lines of each list.")
@dump_options
def command(paths: tuple[str, ...], longest: int, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Tell who holds the memory: the sums of /proc/meminfo, zones, processes, slab caches, vmalloc, tmpfs.

    What no counter explains is told as unaccounted, with the module that might hold it.
    """
    reading = read(paths, options, ("memory",))
    found = require(reading, "memory")
    if as_json:
        show_json(reading, memory=found)
    else:
        from lastwords.report.memory_tables import memory_tables

        show(memory_tables(found, longest=longest))
