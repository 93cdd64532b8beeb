"""The order of what happened: the dump comes last, whatever its clock says."""

import pytest

from lastwords.diagnosis import diagnose
from lastwords.model import Event

from .facts import facts, machine, oops

PANIC = "Kernel panic - not syncing: Fatal exception"


def dumped(uptime: float | None) -> list[Event]:
    diagnosis = diagnose(facts(oops("null-dereference", time=4.489, panic=PANIC), machine=machine(uptime=uptime)))
    assert diagnosis is not None
    assert [event.kind for event in diagnosis.timeline[:2]] == ["oops", "panic"]
    return [event for event in diagnosis.timeline if event.kind == "dump"]


@pytest.mark.parametrize(
    ("uptime", "time", "text"),
    [
        (5.0, 5.0, "the memory was dumped"),
        (4.48, 4.489, "the memory was dumped"),
        (3.2, 4.489, "the memory was dumped; its clock had stopped 1.3 s before"),
        (4.489, 4.489, "the memory was dumped"),
    ],
)
def test_the_dump_comes_after_the_panic(uptime: float, time: float, text: str) -> None:
    (event,) = dumped(uptime)
    assert (event.time, event.text) == (time, text)


def test_a_log_that_goes_on_long_after_the_dump_is_doubted() -> None:
    crash = oops("null-dereference", time=9000.0, panic=PANIC)
    diagnosis = diagnose(facts(crash, machine=machine(uptime=50.0)))
    assert diagnosis is not None
    last = diagnosis.timeline[-1]
    assert (last.kind, last.time) == ("dump", 9000.0)
    assert "is the log of another boot?" in last.text


def test_a_dump_without_a_clock_has_no_place() -> None:
    assert dumped(None) == []
