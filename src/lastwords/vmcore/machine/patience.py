"""An end to what never ends: a damaged dump leads every walk into circles that nobody thought of."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PIECE = 20.0
"""Seconds that a piece of a part may take: far more than it does in any whole dump."""
_AT_ONCE = 0.001


class OutOfPatience(BaseException):
    """A part took too long. Not an Exception, because readers go on after those."""


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Interrupt what runs inside after some time; without effect outside of the main thread.

    Raises:
        OutOfPatience: it was not done.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfPatience(f"not done after {seconds:g} s, given up")

    outer, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < outer <= seconds:  # whoever waits for us gives up first
        yield
        return
    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - began), _AT_ONCE))


def patience_left() -> float:
    """Seconds until what runs is interrupted; without end where nobody will."""
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    return left or math.inf


@contextmanager
def little_patience() -> Iterator[None]:
    """For a piece of a part, so that the pieces that can be read are not lost with the one that never ends.

    Raises:
        TimeoutError: it was not done.
    """
    outer, _ = signal.getitimer(signal.ITIMER_REAL)
    try:
        with patience(PIECE):
            yield
    except OutOfPatience as failure:
        if 0 < outer <= PIECE:
            raise
        raise TimeoutError(str(failure)) from None
