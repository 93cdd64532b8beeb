"""`lastwords irq`: interrupts, softirqs, timers and work in a dump."""

from typing import Any

import click

from .dump_view import dump_options, missing, read, require, show, show_json


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords irq vmcore\n"
    "  lastwords irq vmcore --json | jq .interrupts.works\n\n"
    "Exit status: 0 read, 2 the dump can't be read."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX]")
@click.option("-n", "longest", type=click.IntRange(min=1), default=30, show_default=True, help="Lines of each list.")
@dump_options
def command(paths: tuple[str, ...], longest: int, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Tell what is overdue and how often interrupts came: timers, workqueues, softirqs, interrupts by CPU."""
    reading = read(paths, options, ("interrupts",))
    found = require(reading, "interrupts")
    if as_json:
        show_json(reading, interrupts=found)
    else:
        from lastwords.report.load_tables import irq_tables

        show(irq_tables(found, longest=longest, whole=missing(reading, "interrupts") is None))
