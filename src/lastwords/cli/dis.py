"""`lastwords dis`: the code of a function in a dump."""

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from lastwords.model import CodeLine, Listing, to_json
from lastwords.report.escape import printable
from lastwords.vmcore.session import CodeQuestion, list_code

from .dump_view import dump_options, files_among, inquire


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords dis vmcore                        the function that faulted, `=>` at the instruction\n"
    "  lastwords dis vmcore vfs_write              a function by name\n"
    "  lastwords dis vmcore vfs_write+0x57 -n 8    eight instructions before and behind\n"
    "  lastwords dis vmcore 0xffffffff8128b217     whatever function is there\n\n"
    "Exit status: 0, or 2 where the dump can't be read or there is no such code."
)
@click.argument("dump", metavar="DUMP [VMLINUX]")
@click.argument("where", nargs=-1, metavar="[SYMBOL|ADDRESS]")
@click.option("-n", "--around", type=click.IntRange(0), metavar="N", help="Only N instructions around each mark.")
@dump_options
def command(
    dump: str,
    where: tuple[str, ...],
    around: int | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Disassemble a function as it was in memory when the machine died.

    Without a name it is the function that faulted, or else the one that was interrupted, or that called panic(). The
    instruction where it stood and calls that had not returned are marked; source lines need debuginfo.
    """
    paths, places = files_among(dump, where)
    if len(places) > 1:
        raise click.UsageError(f"one symbol or address, not {len(places)}: {' '.join(places)}")
    place = places[0] if places else None
    found = inquire(paths, options, list_code, lambda files: CodeQuestion(sources=files, where=place))
    if around is not None:
        found = msgspec.structs.replace(found, lines=_near(found, around))
    click.echo(to_json(found).decode() if as_json else "\n".join(_lines(found)))


def _near(found: Listing, around: int) -> tuple[CodeLine, ...]:
    marks = [place for place, line in enumerate(found.lines) if line.marked] or [0]
    return tuple(line for place, line in enumerate(found.lines) if any(abs(place - mark) <= around for mark in marks))


def _lines(found: Listing) -> Iterator[str]:
    module = f" [{printable(found.module)}]" if found.module else ""
    yield f"{printable(found.function)}{module} at {found.address:#x}:"
    last = None
    for line in found.lines:
        source = (line.file, line.line)
        if line.file and source != last:
            yield f"{printable(line.file)}:{line.line}"
            last = source
        mark = "=>" if line.marked else "  "
        yield f"{mark} {line.address:#x} <+{line.offset:#x}>  {printable(line.text)}"
