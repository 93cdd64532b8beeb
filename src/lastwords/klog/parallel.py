"""Many logs, or the parts of huge ones, on several CPUs."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from msgspec import structs

from lastwords.model import Sighting, Sightings, sighting

from .boots import unseen_restarts
from .follow import tied
from .inputs import Input, recognise
from .inputs.archives import MAGIC
from .inputs.files import STDIN
from .scan import SMALL, Scanned, scan, scan_piece

PIECE = 128 << 20
"""Files from twice this size on are scanned in pieces."""

Progress = Callable[[int], None]


def scan_all(sources: Sequence[Input], jobs: int = 1, progress: Progress | None = None) -> Iterator[Sightings]:
    """The oopses of each log, in the order of `sources`.

    Args:
        sources: the logs.
        jobs: processes to use; with 1 all is done in this one.
        progress: called with the bytes done since its last call.
    """
    if jobs == 1 or (len(sources) == 1 and not _pieces(sources[0])):
        for source in sources:
            yield _one(source, progress)
        return
    # Not fork: the matcher's threads and buffers don't survive it everywhere.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        pending = [(source, _submit(pool, source)) for source in sources]
        for source, futures in pending:
            parts = [future.result() for future in futures]
            yield parts[0][0] if len(parts) == 1 else _joined(source, parts)
            if progress is not None:
                progress(sum(part.size for part, _ in parts))


def _one(source: Input, progress: Progress | None = None) -> Sightings:
    done = 0

    def count(size: int) -> None:
        nonlocal done
        if progress is not None:
            progress(size - done)
        done = size

    return _short(scan(source, progress=count))


Part = tuple[Sightings, list[int]]


def _submit(pool: ProcessPoolExecutor, source: Input) -> list[Future[Part]]:
    pieces = _pieces(source)
    if not pieces:
        return [pool.submit(_whole, source)]
    return [pool.submit(_piece, source.files[0], begin, end) for begin, end in pieces]


def _whole(source: Input) -> Part:
    return _one(source), []


def _piece(path: Path, begin: int, end: int) -> Part:
    scanned = scan_piece(path, begin, end)
    return _short(scanned), [start.line for start in scanned.starts]


def _pieces(source: Input) -> list[tuple[int, int]]:
    """Where to cut a file, or nothing where it has to be read from its start."""
    if source.error is not None or len(source.files) != 1 or source.path == STDIN:
        return []
    size = source.files[0].stat().st_size
    if size < 2 * PIECE:
        return []
    with source.files[0].open("rb") as file:
        sample = file.read(SMALL)
    if any(sample.startswith(magic) for magic, _ in MAGIC) or not recognise(sample).line_oriented:
        return []
    return [(begin, min(begin + PIECE, size)) for begin in range(0, size, PIECE)]


def _short(scanned: Scanned) -> Sightings:
    return Sightings(
        path=scanned.path,
        oopses=tuple(sighting(oops) for oops in scanned.oopses),
        format=scanned.format,
        lines=scanned.lines,
        size=scanned.size,
        error=scanned.error,
        warning=scanned.warning,
    )


def _joined(source: Input, parts: Sequence[Part]) -> Sightings:
    """The pieces of one file as one result, with line numbers of the whole."""
    oopses: list[Sighting] = []
    boots: list[int] = []
    lines = size = 0
    for part, starts in parts:
        oopses += [structs.replace(o, line=o.line + lines, last_line=o.last_line + lines) for o in part.oopses]
        if starts and lines and not boots:
            boots.append(1)
        boots += [start + lines for start in starts]
        lines += part.lines
        size += part.size
    boots = unseen_restarts(boots, [(oops.line, oops.time) for oops in oopses])
    return Sightings(
        path=source.path, oopses=tuple(tied(oopses, boots)), format=parts[0][0].format, lines=lines, size=size
    )
