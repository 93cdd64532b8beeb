"""What takes too long is ended, also a piece of what itself may not take too long."""

import contextlib
import signal
import time

import pytest

from lastwords.vmcore.machine import patience as module
from lastwords.vmcore.machine.patience import OutOfPatience, little_patience, patience

LONG = 20.0


def stubborn(seconds):
    """Catches all that it may."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def nested(outer):
    with patience(outer):
        try:
            with little_patience():
                stubborn(LONG)
        except TimeoutError:
            return signal.getitimer(signal.ITIMER_REAL)[0]
    return None


def test_what_does_not_end_is_ended_whatever_is_caught_on_the_way():
    began = time.monotonic()
    with pytest.raises(OutOfPatience, match="given up"), patience(0.1):
        stubborn(LONG)
    assert time.monotonic() - began < LONG / 2


def test_a_piece_that_does_not_end_leaves_the_rest_its_time(monkeypatch):
    monkeypatch.setattr(module, "PIECE", 0.1)
    assert 0 < (nested(60.0) or 0) < 60
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_piece_is_no_excuse_for_the_whole(monkeypatch):
    monkeypatch.setattr(module, "PIECE", LONG)
    with pytest.raises(OutOfPatience):
        nested(0.1)


def test_what_is_done_in_time_is_left_alone():
    with patience(60), little_patience():
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
