"""`lastwords symbols`: which debuginfo a dump wants, and what there is without."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from lastwords.model import Symbols
from lastwords.report.escape import printable

from .complaint import fail, needing_drgn

_SOURCES = {
    "dwarf": "names, types and source lines from debuginfo",
    "btf": "names from the dump's kallsyms, types from its BTF",
    "kallsyms": "names from the dump's kallsyms, no types",
    "none": "none",
}


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords symbols /var/crash/202611240512/dump.202611240512\n"
    "  lastwords symbols vmcore --vmlinux /srv/debuginfo     look there\n"
    "  lastwords symbols vmcore -o vmlinux                   then: objdump -d vmlinux, gdb vmlinux\n\n"
    "Exit status: 0 debuginfo was found, 1 it is missing, 2 the dump can't be read or the vmlinux is of another kernel."
)
@click.argument("dump", type=click.Path(path_type=Path), metavar="DUMP")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write an ELF file with the symbols, text, ORC tables and types that are in the dump.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--vmlinux", type=click.Path(path_type=Path), metavar="FILE|DIR", help="Debuginfo, or where to look.")
@click.option("--modules-dir", type=click.Path(path_type=Path), metavar="DIR", help="Debuginfo of modules.")
@click.option("--no-debuginfo", is_flag=True, help="Look for none, not even through debuginfod.")
def command(
    dump: Path, output: Path | None, as_json: bool, vmlinux: Path | None, modules_dir: Path | None, no_debuginfo: bool
) -> None:
    """Say which debuginfo a dump wants and how to get it, or rebuild an ELF file from the dump."""
    with needing_drgn():
        from lastwords.vmcore.program import OpenError, open_program
    try:
        # What is written comes from the dump alone.
        kernel = open_program(
            dump, vmlinux=vmlinux, modules_dir=modules_dir, debuginfo=not no_debuginfo and output is None
        )
        written = kernel.write_vmlinux(output) if output is not None else None
    except OpenError as error:
        fail(str(error))
    if as_json:
        click.echo(msgspec.json.encode(kernel.symbols).decode())
    elif output is not None:
        click.echo(f"{printable(str(output))}: {written:,} symbols of {printable(kernel.symbols.release)}")
    else:
        click.echo("\n".join(_lines(kernel.symbols, looked=not no_debuginfo)))
    sys.exit(0 if output is not None or kernel.symbols.source == "dwarf" else 1)


def _lines(symbols: Symbols, *, looked: bool) -> Iterator[str]:
    built = f" ({symbols.distribution})" if symbols.distribution else ""
    yield f"kernel     {printable(symbols.release)}{built}"
    yield f"build ID   {symbols.build_id or 'not known'}"
    yield f"debuginfo  {printable(symbols.vmlinux) if symbols.vmlinux else 'not found' if looked else 'not looked for'}"
    yield f"symbols    {_SOURCES[symbols.source]}, in {symbols.seconds:.1f} s"
    for label, modules in (
        ("with debuginfo", symbols.module_debuginfo),
        ("with types only", symbols.module_types),
        ("with names only", symbols.module_names),
    ):
        if modules:
            yield f"modules    {label}: {printable(', '.join(modules))}"
    for refused in symbols.refused:
        yield f"refused    {printable(refused.path)} {printable(refused.reason)}"
    for cost in symbols.costs:
        yield f"missing    {printable(cost)}"
    if symbols.commands:
        yield "\nTo install the debuginfo:"
        yield from (f"  {line}" for each in symbols.commands for line in printable_lines(each))
    elif symbols.vmlinux is None:
        yield "\nWho built this kernel is not known. Take the vmlinux of its build, and name it with --vmlinux."


def printable_lines(text: str) -> list[str]:
    """The lines of a command."""
    return [printable(line) for line in text.splitlines()]
