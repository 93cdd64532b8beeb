"""Whose records are whose, and when somebody falls silent."""

from lastwords.klog import voices
from lastwords.klog.voices import Voices
from lastwords.model import Record


def record(number: int, caller: str, time: float | None) -> Record:
    return Record(number, str(number), time=time, caller=caller)


RECORDS = [
    record(0, "C0", 1.0),
    record(1, "T7", 2.0),
    record(2, "C1", 3.0),
    record(3, "T7", None),
    record(4, "C0", 4.0),
    record(5, "T7", 100.0),
    record(6, "C0", 200.0),
    record(7, "T7", 250.0),
]


def test_the_records_of_a_caller() -> None:
    told = Voices(RECORDS)
    assert [each.line for each in told.of("T7", 0, 8)] == [1, 3, 5, 7]
    assert [each.line for each in told.of("T7", 2, 7)] == [3, 5]
    assert [each.line for each in told.of("T7", 3, 3)] == []
    assert told.of("T8", 0, 8) == []


def test_other_cpus_one_behind_the_other() -> None:
    told = Voices(RECORDS)
    assert [each.line for each in told.other_cpus("T7", 0, 8)] == [0, 4, 6, 2]
    assert [each.line for each in told.other_cpus("C0", 0, 8)] == [2]


def test_the_search_for_other_cpus_has_an_end(monkeypatch) -> None:
    monkeypatch.setattr(voices, "_OTHERS_MAX", 8)
    told = Voices(RECORDS)
    assert told.other_cpus("T7", 0, 8)
    assert told.other_cpus("T7", 0, 8) == []


def test_silence() -> None:
    told = Voices(RECORDS)
    assert told.falls_silent(0, 8) == 6
    assert told.falls_silent(1, 8) == 5
    assert told.falls_silent(1, 4) == 4
    assert told.falls_silent(3, 8) == 8  # without a time of its own
    assert told.falls_silent(5, 8) == 7
    assert told.falls_silent(6, 8) == 8


def test_another_kernel_speaks() -> None:
    """One that prints callers' ids did not print the records without."""
    told = Voices([record(0, "", 1.0), record(1, "", None), record(2, "T7", None), record(3, "T7", 2.0)])
    assert told.falls_silent(0, 4) == 3
    assert told.falls_silent(3, 4) == 4


def test_another_boot_speaks() -> None:
    told = Voices([record(0, "T7", 500.0), record(1, "T7", 499.0), record(2, "T7", 5.0)])
    assert told.falls_silent(0, 3) == 2
