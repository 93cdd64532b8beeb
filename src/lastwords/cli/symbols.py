"""`lastwords symbols`: which debuginfo a dump wants, and what there is without."""

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from lastwords.model import Symbols
from lastwords.report.escape import printable
from lastwords.vmcore.session import SymbolsQuestion, find_symbols

from .dump_view import dump_options, inquire

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
    "  lastwords symbols vmcore vmlinux                      is it the right one?\n"
    "  lastwords symbols vmcore -o vmlinux                   then: objdump -d vmlinux, gdb vmlinux\n\n"
    "Exit status: 0 debuginfo was found, 1 it is missing, 2 the dump can't be read or the vmlinux is of another kernel."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX]")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write an ELF file with the symbols, text, ORC tables and types that are in the dump.",
)
@dump_options
def command(
    paths: tuple[str, ...],
    output: str | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Say which debuginfo a dump wants and how to get it, or rebuild an ELF file from the dump."""
    found = inquire(paths, options, find_symbols, lambda files: SymbolsQuestion(sources=files, output=output))
    symbols = found.symbols
    if as_json:
        click.echo(msgspec.json.encode(symbols).decode())
    elif output is not None:
        click.echo(f"{printable(output)}: {found.written:,} symbols of {printable(symbols.release)}")
    else:
        click.echo("\n".join(_lines(symbols, looked=not options["no_debuginfo"])))
    sys.exit(0 if output is not None or symbols.source == "dwarf" else 1)


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
