"""An end to what never ends: a damaged dump leads every walk into circles that nobody thought of."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
