"""`lastwords scan`: every oops in many or huge logs."""

import os
import sys

import click
import msgspec

from lastwords.model import Sighting, Sightings
from lastwords.report.escape import printable

from .progress import activity, bar


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords scan /var/log                       one line an oops: file:line, title\n"
    "  lastwords scan --json /srv/netconsole | jq -r '.oopses[].title' | sort | uniq -c\n"
    "  lastwords scan -j 0 huge.log.zst other.log    on all CPUs\n\n"
    "Exit status: 0 no oops, 1 at least one, 2 something could not be read, or not to its end."
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="FILE|DIR...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, also for files without an oops.")
@click.option("-j", "--jobs", default=1, show_default=True, help="Processes; 0 for one a CPU.")
@click.option("--first", is_flag=True, help="Leave out what follows from an earlier oops.")
def command(paths: tuple[str, ...], as_json: bool, jobs: int, first: bool) -> None:
    """List every oops in logs of any size and format.

    Plain and compressed logs, syslog, journal, netconsole, pstore; a directory is read with everything below
    it, `-` is standard input. Memory stays constant however large a log is.
    """
    from lastwords.klog.inputs import find
    from lastwords.klog.parallel import scan_all

    with activity() as tell:
        sources = find(paths, tell)
    found = failed = False
    with bar(sources) as progress:
        for result in scan_all(sources, jobs or os.cpu_count() or 1, progress):
            if result.error is not None or result.warning is not None:
                problem = printable(result.error or result.warning or "")
                click.echo(f"lastwords: {_named(result.path, problem)}", err=True)
                failed = True
            if first:
                result = msgspec.structs.replace(
                    result, oopses=tuple(oops for oops in result.oopses if oops.follows is None)
                )
            found = found or bool(result.oopses)
            if result.error is None or as_json:
                sys.stdout.write(_json(result) if as_json else _lines(result))
    sys.exit(2 if failed else int(found))


def _named(path: str, problem: str) -> str:
    path = printable(path)
    return problem if problem.startswith(path) else f"{path}: {problem}"


def _json(result: Sightings) -> str:
    return msgspec.json.encode(result).decode() + "\n"


def _lines(result: Sightings) -> str:
    return "".join(
        f"{printable(result.path)}:{oops.line}: {printable(oops.title)}{_notes(oops)}\n" for oops in result.oopses
    )


def _notes(oops: Sighting) -> str:
    """What tempers the title."""
    notes = []
    if oops.follows is not None:
        notes.append("follows from an earlier one")
    if not oops.intact:
        notes.append("text damaged")
    return f"  ({', '.join(notes)})" if notes else ""
