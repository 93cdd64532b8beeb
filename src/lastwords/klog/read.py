"""One log, read for a report: its oopses, its boots, what came before and what is missing."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from lastwords.model import Boot, Gap, Log, Oops, Precursor, Record

from .boots import boots
from .culprit.never import entry, never_to_blame
from .excerpt import excerpt
from .gaps import gaps
from .inputs import Input
from .precursors import precursors
from .scan import CONTEXTS, Progress, Scanned, scan
from .sieve import hits
from .wall_clock import WallClock, timed


class Reading(NamedTuple):
    """A log, its oopses and the records that are at hand of it, in the order of the file; or why it can't be read.

    `binary` where it begins with bytes of no text.
    """

    log: Log | None
    oopses: tuple[Oops, ...] = ()
    records: tuple[Record, ...] = ()
    error: str | None = None
    binary: bool = False


def prepare() -> None:
    """Make what the first crash would make, a twentieth of a second; for a time when there is nothing else to do."""
    hits(b"")
    for makes_its_pattern in (never_to_blame, entry):
        makes_its_pattern("")


def read(source: Input, *, boot: int | None = None, progress: Progress | None = None) -> Reading:
    """Read a log.

    Args:
        source: the log.
        boot: only the oopses of this boot: from 1, or from the end with -1 for the last.
        progress: called with the number of bytes read.
    """
    scanned = scan(source, context=True, progress=progress)
    if scanned.error is not None:
        named = scanned.error.startswith(source.path)
        return Reading(None, error=scanned.error if named else f"{source.path}: {scanned.error}")
    found = boots(scanned.starts, scanned.lines)
    records = _together([scanned.first, *scanned.contexts.values(), *scanned.windows])
    wall = WallClock(records)
    oopses = tuple(structs.replace(oops, path=source.path, clock=wall.at(oops.wall)) for oops in scanned.oopses)
    chosen: Boot | None = None
    if boot is not None:
        chosen = _chosen(found, boot)
        if chosen is None:
            return Reading(None, error=f"{source.path}: there is no boot {boot}; the file holds {len(found)}")
        oopses = _of_boot(oopses, chosen.number)
        records = _within(records, chosen)
    crashed = found[oopses[0].boot - 1] if oopses else None
    about = crashed or chosen or found[-1]
    before = tuple(
        precursor
        for oops in _crashes(oopses)
        for precursor in _before(oops, _within(records, found[oops.boot - 1]), found[oops.boot - 1], wall)
        if not any(o.line <= precursor.line <= o.last_line for o in oopses if o.family not in _INCIDENTS)
    )
    return Reading(
        Log(
            path=source.path,
            format=scanned.format,
            lines=scanned.lines,
            host=scanned.host or _host(found, crashed),
            warning=scanned.warning,
            boots=found,
            precursors=before,
            listed=scanned.listings.told(about.line, about.last_line),
            gaps=_mixed(scanned, oopses)
            + gaps(oopses, found, scanned.starts, chosen, scanned.format, records, scanned.listings),
            excerpt=excerpt(oopses, before, records, wall),
        ),
        oopses,
        records,
        binary=scanned.binary,
    )


def _mixed(scanned: Scanned, oopses: Sequence[Oops]) -> tuple[Gap, ...]:
    """Several machines' lines in one file, as a central syslog server writes them: they are read as one log."""
    names = scanned.machines
    if not names:
        return ()
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        Gap(
            kind="several-machines",
            text=f"Lines of {len(names)} machines stand between each other's ({', '.join(names[:3])}{more}), and were read as "
            "one log: what belongs to whom is not sure.",
            advice=f"Give it those of one machine alone: grep -F ' {names[0]} ' FILE | lastwords analyze -",
            line=oopses[0].line if oopses else None,
        ),
    )


_INCIDENTS = frozenset({"hardware", "storage", "filesystem"})
"""Families of reports that may be the first signs of what comes after them."""
_MILD = _INCIDENTS | {"warning", "lockdep", "other"}
"""With them, those that a kernel survives."""


def _crashes(oopses: Sequence[Oops]) -> list[Oops]:
    """Of each boot the oops of which it is told what came before: the first that is grave, else the first."""
    boots: dict[int, list[Oops]] = {}
    for oops in oopses:
        boots.setdefault(oops.boot, []).append(oops)
    some = [*boots][:1] + [*boots][1:][-CONTEXTS:]  # of more, what came before is not at hand
    return [_gravest(boots[number]) for number in some]


def _gravest(oopses: Sequence[Oops]) -> Oops:
    for mild in (_MILD, _INCIDENTS):
        if (found := next((o for o in oopses if o.family not in mild or o.panic is not None), None)) is not None:
            return found
    return oopses[0]


def _before(oops: Oops, records: Sequence[Record], boot: Boot, wall: WallClock) -> tuple[Precursor, ...]:
    """What came before an oops; by the wall clock, where the kernel's own is not in the log."""
    stamped = {record.line: record.time for record in records}
    if oops.time is None and oops.wall and not any(record.time is not None for record in records):
        records = timed(records, began=boot.banner is not None)
        own = next((record.time for record in records if record.line == oops.line), None)
        oops = structs.replace(oops, time=own)
    walls = {record.line: record.wall for record in records if record.wall}
    return tuple(
        structs.replace(p, boot=boot.number, time=stamped.get(p.last_line), clock=wall.at(walls.get(p.last_line)))
        for p in precursors(oops, records)
    )


def _host(found: Sequence[Boot], crashed: Boot | None) -> str | None:
    """The name that systemd gave the machine, where it is one only."""
    names = {boot.host for boot in ([crashed] if crashed is not None and crashed.host else found) if boot.host}
    return names.pop() if len(names) == 1 else None


def _chosen(boots: tuple[Boot, ...], number: int) -> Boot | None:
    index = number - 1 if number > 0 else len(boots) + number
    return boots[index] if number and 0 <= index < len(boots) else None


def _of_boot(oopses: tuple[Oops, ...], boot: int) -> tuple[Oops, ...]:
    """The oopses of one boot; what `follows` counts is counted anew."""
    places = [place for place, oops in enumerate(oopses) if oops.boot == boot]
    new = {old: place for place, old in enumerate(places)}
    return tuple(
        structs.replace(oopses[old], follows=None if (lead := oopses[old].follows) is None else new.get(lead))
        for old in places
    )


def _within(records: tuple[Record, ...], boot: Boot) -> tuple[Record, ...]:
    return tuple(record for record in records if boot.line <= record.line <= boot.last_line)


def _together(runs: list[list[Record]]) -> tuple[Record, ...]:
    """Runs of records that may overlap, as one in order; lines that came split in two stay so."""
    result: list[Record] = []
    last = 0
    for run in sorted((run for run in runs if run), key=lambda run: (run[0].line, -len(run))):
        result += [record for record in run if record.line > last]
        last = max(last, max(record.line for record in run))
    return tuple(result)
