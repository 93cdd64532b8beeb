"""`lastwords salvage`: a damaged dump's memory behind good headers, and its kernel log."""

import os
import sys

import click
import msgspec

from lastwords.model.dump import Salvaged
from lastwords.report.escape import printable

from .complaint import fail
from .progress import meter


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords salvage vmcore-incomplete -o saved      writes saved and saved.log\n"
    "  lastwords salvage part1 part3 -o saved            two files of a split dump of three\n"
    "  lastwords salvage qemu.kdump -o plain             a whole but odd dump, made plain for drgn and crash\n\n"
    "Exit status: 0 memory or a log was saved, 2 nothing was."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP...")
@click.option("-o", "--output", required=True, metavar="OUT", help="The dump to write; the log goes to OUT.log.")
@click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
@click.option("-j", "--jobs", default=0, help="Processes; 0, the default, for one a CPU.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
def command(paths: tuple[str, ...], output: str, force: bool, jobs: int, as_json: bool) -> None:
    """Save what is left of a damaged memory dump.

    Writes a dump that opens again, with every page that survived, and the kernel log. From a file whose headers
    are lost it still gets the log, if that is anywhere in it.
    """
    from lastwords.vmcore.formats import NotADump
    from lastwords.vmcore.rewrite import NoRoom
    from lastwords.vmcore.salvage import salvage

    try:
        with meter("") as progress:
            saved = salvage(paths, output, overwrite=force, jobs=jobs or os.cpu_count() or 1, progress=progress)
    except OSError as error:
        fail(f"{error.filename or paths[0]}: {error.strerror or error}")
    except (NotADump, NoRoom) as error:
        fail(str(error))
    if as_json:
        click.echo(msgspec.json.encode(saved).decode())
    else:
        click.echo("\n".join(printable(line) for line in _lines(saved)))
    sys.exit(0 if saved.dump_path or saved.log_path else 2)


def _lines(saved: Salvaged) -> list[str]:
    lines = []
    if saved.dump_path is not None:
        lost = f", {saved.lost} lost" if saved.lost else ""
        lines.append(f"{saved.dump_path}: {saved.pages} pages of {saved.release or 'an unknown kernel'}{lost}")
    if saved.log_path is not None:
        lost = f", {saved.log_lost} more lost" if saved.log_lost else ""
        lines.append(f"{saved.log_path}: {saved.log_records} log records{lost}")
    lines += [f"  note  {note}" for note in saved.notes]
    if saved.log_path or saved.dump_path:
        lines.append(f"next: lastwords analyze {saved.dump_path or saved.log_path}")
    else:
        lines.append("nothing could be saved: neither memory nor a kernel log is left in it")
    return lines
