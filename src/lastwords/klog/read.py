"""One log, read for a report: its oopses, its boots, what came before and what is missing."""

from typing import NamedTuple

from msgspec import structs

from lastwords.model import Log, Record

from .boots import boots
from .gaps import gaps
from .inputs import Input
from .precursors import precursors
from .scan import Progress, scan


class Reading(NamedTuple):
    """A log and the records that are at hand of it, in the order of the file; or why it can't be read."""

    log: Log | None
    records: tuple[Record, ...] = ()
    error: str | None = None


def read(source: Input, *, boot: int | None = None, progress: Progress | None = None) -> Reading:
    """Read a log.

    Args:
        source: the log.
        boot: only the oopses of this boot: from 1, or from the end with -1 for the last.
        progress: called with the number of bytes read.
    """
    scanned = scan(source, context=True, progress=progress)
    if scanned.error is not None:
        return Reading(None, error=scanned.error)
    records = _together([scanned.first, scanned.context, *scanned.windows])
    found = boots(scanned.banners, records, scanned.lines)
    if boot is not None:
        number = boot if boot > 0 else len(found) + 1 + boot
        if not 1 <= number <= len(found) or boot == 0:
            return Reading(None, error=f"{source.path}: there is no boot {boot}; the file holds {len(found)}")
        chosen = found[number - 1]
        scanned.oopses = [oops for oops in scanned.oopses if oops.boot == number]
        records = tuple(r for r in records if chosen.line <= r.line <= chosen.last_line)
    oopses = tuple(structs.replace(oops, path=source.path) for oops in scanned.oopses)
    start = found[oopses[0].boot - 1] if oopses else None
    earlier = [r for r in records if start is None or start.line <= r.line]
    return Reading(
        Log(
            path=source.path,
            format=scanned.format,
            lines=scanned.lines,
            warning=scanned.warning,
            oopses=oopses,
            boots=found,
            precursors=precursors(oopses[0], earlier) if oopses else (),
            gaps=gaps(oopses, found, scanned.first or records[:1], records),
        ),
        records,
    )


def _together(runs: list[list[Record]]) -> tuple[Record, ...]:
    """Runs of records that may overlap, as one in order; lines that came split in two stay so."""
    result: list[Record] = []
    last = 0
    for run in sorted((run for run in runs if run), key=lambda run: run[0].line):
        result += [record for record in run if record.line > last]
        last = max(last, result[-1].line) if result else last
    return tuple(result)
