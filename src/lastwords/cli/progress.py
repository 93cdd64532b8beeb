"""A progress bar for work over files: on stderr, only on a terminal, only after a moment."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lastwords.klog.inputs import Input


_AFTER = 1.5
"""Seconds before the bar shows: what is done by then needs none."""
CLEAR = "\r\x1b[K"
"""Takes away the line that the cursor is on."""


@contextmanager
def bar(sources: Sequence["Input"]) -> Iterator[Callable[[int], None] | None]:
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
            _draw(done, total, f"{done >> 20} MiB")

    try:
        yield advance
    finally:
        if shown:
            sys.stderr.write(CLEAR)


@contextmanager
def meter(unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """Gives a function to call with what is done and what there is to do, or None where nobody would see the bar.

    Args:
        unit: of both: `bytes`, or what else is counted.
    """
    if not sys.stderr.isatty():
        yield None
        return
    started, last, shown = time.monotonic(), 0.0, False

    def show(done: int, total: int) -> None:
        nonlocal last, shown
        now = time.monotonic()
        if now - started > _AFTER and (now - last > 0.1 or done >= total):
            last, shown = now, True
            _draw(done, total, f"{done >> 20} MiB" if unit == "bytes" else f"{done} {unit}")

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write(CLEAR)


@contextmanager
def activity() -> Iterator[Callable[[str], None] | None]:
    """Gives a function to call with what is being done, or None where nobody would see it.

    The line comes after 2 seconds and goes on counting them, also while nothing is told for long.
    """
    if not sys.stderr.isatty():
        yield None
        return
    started, told, over = time.monotonic(), "", threading.Event()

    def tell(text: str) -> None:
        nonlocal told
        told = text

    def draw() -> None:
        wait = 2.0
        while not over.wait(wait):
            sys.stderr.write(f"\r{told} … {time.monotonic() - started:.0f} s\x1b[K")
            sys.stderr.flush()
            wait = 0.5
        if wait < 2.0:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()

    drawer = threading.Thread(target=draw, daemon=True)
    drawer.start()
    try:
        yield tell
    finally:
        over.set()
        drawer.join()


def _draw(done: int, total: int, text: str) -> None:
    share = min(done / total, 1.0) if total else 0.0
    sys.stderr.write(f"\r[{'#' * int(30 * share):<30}] {100 * share:3.0f} %  {text} ")
    sys.stderr.flush()


def _size(source: "Input") -> int:
    try:
        return sum(path.stat().st_size for path in source.files)
    except OSError:
        return 0
