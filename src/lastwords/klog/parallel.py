"""Many logs, or the parts of huge ones, on several CPUs."""

import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from lastwords.model import Sighting, Sightings, sighting

from .boots import unseen_restarts
from .follow import tied
from .inputs import Input, recognise
from .inputs.archives import is_packed
from .inputs.backwards import newest_first
from .inputs.files import STDIN
from .scan import SMALL, Scanned, scan, scan_piece, steps

if TYPE_CHECKING:  # one process needs none of it
    from concurrent.futures import Executor, Future

PIECE = 128 << 20
"""Files from twice this size on are scanned in pieces."""
BATCH = 32
"""Small files that one process takes at a time."""
AHEAD = 4
"""Shares of work that wait for each process, so that none runs dry and results don't pile up."""

Progress = Callable[[int], None]


def scan_all(sources: Sequence[Input], jobs: int = 1, progress: Progress | None = None) -> Iterator[Sightings]:
    """The oopses of each log, in the order of `sources`.

    Args:
        sources: the logs.
        jobs: processes to use; with 1 all is done in this one.
        progress: called with the bytes done since its last call.
    """
    shares = _shares(sources)
    first = list(_take(shares, 2))
    if jobs == 1 or (len(first) == 1 and not first[0].pieces):
        for source in sources:
            yield _one(source, progress)
        return
    with _processes(jobs) as pool, _dropped_when_interrupted(pool):
        waiting: deque[tuple[_Share, list[Future[list[_Part]]]]] = deque()
        for share in chain(first, shares):
            waiting.append((share, _submit(pool, share)))
            if len(waiting) > jobs * AHEAD:
                yield from _results(*waiting.popleft(), progress)
        while waiting:
            yield from _results(*waiting.popleft(), progress)


@contextmanager
def _dropped_when_interrupted(pool: "Executor") -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


class _Share(NamedTuple):
    """Work for one process: some small files; or for several, a huge file in pieces (first and last offset)."""

    sources: list[Input]
    pieces: list[tuple[int, int]]


class _Part(NamedTuple):
    """What a process found in a file, or in a piece of one; then `boots` are the lines where boots begin."""

    found: Sightings
    boots: list[int]


def _processes(jobs: int) -> "Executor":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # A fork has all modules loaded, which saves most of a second of work on each CPU, but is only safe out of a single
    # thread (and on Linux).
    alone = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if alone else "forkserver")
    # Ctrl-C goes to all processes of the terminal's job: those of the pool have nothing to say about it.
    return ProcessPoolExecutor(
        jobs, mp_context=context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_DFL)
    )


def _shares(sources: Sequence[Input]) -> Iterator[_Share]:
    batch: list[Input] = []
    for source in sources:
        pieces = _pieces(source)
        if pieces:
            if batch:
                yield _Share(batch, [])
                batch = []
            yield _Share([source], pieces)
            continue
        batch.append(source)
        if len(batch) == BATCH or _size(source) >= PIECE // BATCH:
            yield _Share(batch, [])
            batch = []
    if batch:
        yield _Share(batch, [])


def _take(shares: Iterator[_Share], count: int) -> Iterator[_Share]:
    return (share for _, share in zip(range(count), shares, strict=False))


def _pieces(source: Input) -> list[tuple[int, int]]:
    """Where to cut a file, or nothing where it has to be read from its start."""
    if source.error is not None or len(source.files) != 1 or source.path == STDIN:
        return []
    size = _size(source)
    if size < 2 * PIECE:
        return []
    try:
        with source.files[0].open("rb") as file:
            sample = file.read(SMALL)
    except OSError:
        return []  # scan() will say why
    if is_packed(sample) or newest_first(sample) or not recognise(sample).line_oriented:
        return []
    return [(begin, min(begin + PIECE, size)) for begin in range(0, size, PIECE)]


def _size(source: Input) -> int:
    try:
        return sum(path.stat().st_size for path in source.files)
    except OSError:
        return 0


def _submit(pool: "Executor", share: _Share) -> "list[Future[list[_Part]]]":
    from concurrent.futures import BrokenExecutor

    try:
        if not share.pieces:
            return [pool.submit(_whole, share.sources)]
        return [pool.submit(_piece, share.sources[0].files[0], begin, end) for begin, end in share.pieces]
    except BrokenExecutor:
        return []


def _results(share: _Share, futures: "Sequence[Future[list[_Part]]]", progress: Progress | None) -> Iterator[Sightings]:
    from concurrent.futures import BrokenExecutor

    try:
        parts = [part for future in futures for part in future.result()]
    except BrokenExecutor:
        parts = []
    if not parts:
        # The kernel's OOM killer, most likely.
        yield from (
            Sightings(path=s.path, error=f"{s.path}: the process that read it was killed") for s in share.sources
        )
    elif share.pieces:
        yield _joined(share.sources[0], parts)
    else:
        yield from (part.found for part in parts)
    if progress is not None:
        progress(sum(part.found.size for part in parts))


def _one(source: Input, progress: Progress | None = None) -> Sightings:
    try:
        return _short(scan(source, progress=steps(progress)))
    except Exception as failure:  # a mistake of ours costs one log, not all behind it
        return Sightings(path=source.path, error=f"{source.path}: {mistake(failure)}")


def mistake(failure: Exception) -> str:
    """One line for a failure that is a bug of lastwords itself."""
    return f"a bug of lastwords, please report it with this log: {type(failure).__name__}: {failure}"


def _whole(sources: Sequence[Input]) -> list[_Part]:
    return [_Part(_one(source), []) for source in sources]


def _piece(path: Path, begin: int, end: int) -> list[_Part]:
    scanned = scan_piece(path, begin, end)
    return [_Part(_short(scanned), [start.line for start in scanned.starts])]


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


def _joined(source: Input, parts: Sequence[_Part]) -> Sightings:
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
        path=source.path,
        oopses=tuple(tied(oopses, boots)),
        format=parts[0].found.format,
        lines=lines,
        size=size,
        error=next((part.found.error for part in parts if part.found.error is not None), None),
    )
