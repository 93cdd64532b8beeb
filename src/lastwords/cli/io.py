"""`lastwords io`: disks and the block requests in flight in a dump."""

from typing import Any

import click

from .dump_view import dump_options, read, require, show, show_json


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords io vmcore\n"
    "  lastwords io vmcore --json | jq '.io.requests[] | select(.age > 30)'\n\n"
    "Exit status: 0 read, 2 the dump can't be read."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX]")
@click.option("-n", "longest", type=click.IntRange(min=1), default=50, show_default=True, help="Lines of each list.")
@dump_options
def command(paths: tuple[str, ...], longest: int, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Tell the disks and the block requests in flight, the oldest first."""
    reading = read(paths, options, ("io",))
    found = require(reading, "io", empty=lambda io: not io.disks)
    if as_json:
        show_json(reading, io=found)
    else:
        from lastwords.report.load_tables import io_tables

        show(io_tables(found, longest=longest))
