"""`lastwords mod`: the modules in a dump."""

import sys
from typing import Any

import click

from lastwords.model import Module, UnloadedModule

from .dump_view import dump_options, files_among, read, require, show, show_json


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords mod vmcore                    one line a module, the one loaded last first\n"
    "  lastwords mod vmcore nvme               its build ID, parameters and all\n"
    "  lastwords mod vmcore --json | jq '.modules[] | select(.taints != \"\") | .name'\n\n"
    "Exit status: 0 read, 1 no such module, 2 the dump can't be read."
)
@click.argument("dump", metavar="DUMP [VMLINUX]")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@dump_options
def command(dump: str, names: tuple[str, ...], as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """List the modules, loaded and gone, or tell everything on some of them."""
    paths, names = files_among(dump, names)
    reading = read(paths, options, ("modules", "unloaded_modules"))
    modules: tuple[Module, ...] = require(reading, "modules")
    unloaded: tuple[UnloadedModule, ...] = reading.machine.unloaded_modules or ()
    wanted = {name.replace("-", "_") for name in names}
    found = tuple(module for module in modules if not wanted or module.name in wanted)
    if as_json:
        show_json(reading, modules=found, unloaded_modules=unloaded)
    elif found or not wanted:
        from lastwords.report.machine_tables import module_details, module_table

        show(module_details(found) if wanted else module_table(found, unloaded))
    missing = wanted - {module.name for module in found}
    if missing:
        click.echo(f"lastwords: no such module: {', '.join(sorted(missing))}", err=True)
    sys.exit(1 if missing else 0)
