"""`lastwords dis`: the code of a function in a dump."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from lastwords.model import Listing, to_json
from lastwords.report.escape import printable

from .complaint import needing_drgn


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords dis vmcore                        the function that faulted, `=>` at the instruction\n"
    "  lastwords dis vmcore vfs_write              a function by name\n"
    "  lastwords dis vmcore vfs_write+0x57 -n 8    eight instructions before and behind\n"
    "  lastwords dis vmcore 0xffffffff8128b217     whatever function is there\n\n"
    "Exit status: 0, or 2 where the dump can't be read or there is no such code."
)
@click.argument("dump", type=click.Path(path_type=Path), metavar="DUMP")
@click.argument("where", required=False, metavar="[SYMBOL|ADDRESS]")
@click.option("-n", "--around", type=click.IntRange(0), metavar="N", help="Only N instructions around each mark.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--vmlinux", type=click.Path(path_type=Path), metavar="FILE|DIR", help="Debuginfo, or where to look.")
@click.option("--modules-dir", type=click.Path(path_type=Path), metavar="DIR", help="Debuginfo of modules.")
@click.option("--no-debuginfo", is_flag=True, help="Look for none.")
def command(
    dump: Path,
    where: str | None,
    around: int | None,
    as_json: bool,
    vmlinux: Path | None,
    modules_dir: Path | None,
    no_debuginfo: bool,
) -> None:
    """Disassemble a function as it was in memory when the machine died.

    The instruction that faulted and calls that had not returned are marked; source lines need debuginfo.
    """
    with needing_drgn():
        from lastwords.vmcore.blame.listing import NotFoundError, listing
        from lastwords.vmcore.program import OpenError, open_program
    try:
        kernel = open_program(dump, vmlinux=vmlinux, modules_dir=modules_dir, debuginfo=not no_debuginfo)
        found = listing(kernel, where)
    except (OpenError, NotFoundError) as error:
        from .dump_view import fail

        fail(str(error), [str(dump)])
    if around is not None:
        found = msgspec.structs.replace(found, lines=_near(found, around))
    click.echo(to_json(found).decode() if as_json else "\n".join(_lines(found)))


def _near(found: Listing, around: int) -> tuple:  # type: ignore[type-arg]
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
