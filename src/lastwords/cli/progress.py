"""A progress bar for work over files: on stderr, only on a terminal, only after a moment."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lastwords.klog.inputs import Input

_AFTER = 1.5
"""Seconds before the bar shows: what is done by then needs none."""


@contextmanager
def bar(sources: Sequence[Input]) -> Iterator[Callable[[int], None] | None]:
    """Gives a function to call with the bytes read since its last call, or None where nobody would see the bar."""
    if not sys.stderr.isatty():
        yield None
        return
    total = sum(_size(source) for source in sources)
    started, done, shown = time.monotonic(), 0, False

    def advance(size: int) -> None:
        nonlocal done, shown
        done += size
        if time.monotonic() - started > _AFTER:
            shown = True
            share = min(done / total, 1.0) if total else 0.0
            sys.stderr.write(f"\r[{'#' * int(30 * share):<30}] {100 * share:3.0f} %  {done >> 20} MiB ")
            sys.stderr.flush()

    try:
        yield advance
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")


def _size(source: Input) -> int:
    try:
        return sum(path.stat().st_size for path in source.files)
    except OSError:
        return 0
