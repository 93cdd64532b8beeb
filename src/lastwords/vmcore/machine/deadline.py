"""An end to what a damaged dump may make endless.

Lists of ours are bounded, but drgn's helpers have loops of their own, and a corrupted list can run in a circle that
never comes back to its head.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 30
"""Far more than a part takes in any whole dump."""


class _Rang(BaseException):
    """Not an Exception: nothing on the way may take it for a page that is not in the dump."""


@contextmanager
def deadline(seconds: float = SECONDS) -> Iterator[None]:
    """Stop what is inside after some time. Only in the main thread, which is where dumps are read.

    Raises:
        TimeoutError: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _Rang

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Rang:
        raise TimeoutError(f"given up after {seconds:g} s: a damaged list, most likely") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
