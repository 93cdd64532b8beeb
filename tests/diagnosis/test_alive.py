"""A kernel that was read while it hung: no crash is claimed, and who waits for whom is told all the same."""

import msgspec

from lastwords.diagnosis import diagnose
from lastwords.model import Diagnosis, Machine

from .facts import cpu, facts, machine, oops, task
from .test_rules import hung, waiting

STUCK = (task(90, "sh", "D", "schedule", "__mutex_lock", "ring_read"), task(91, "holder", "S", "schedule", "ring_poll"))


def alive(**parts: object) -> Machine:
    return machine(**{"uptime": 300.0, "read_by": 4711, "tasks": STUCK, "locks": waiting()} | parts)


def diagnosed(*reports: object, **parts: object) -> Diagnosis:
    found = diagnose(facts(*reports, machine=alive(**parts)))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_who_holds_what_others_wait_for():
    verdict = diagnosed().verdict
    assert verdict.crash_class == "deadlock"
    assert verdict.culprit.function == "ring_poll"
    assert "was read while it ran" in verdict.summary
    assert "ring_lock" in verdict.summary


def test_a_short_wait_is_no_hang():
    (lock,) = waiting().held
    waiter = msgspec.structs.replace(lock.waiters[0], seconds=2.0)
    short = msgspec.structs.replace(waiting(), held=(msgspec.structs.replace(lock, waiters=(waiter,)),))
    found = diagnosed(locks=short)
    assert found.verdict.crash_class == "unknown"
    assert not [finding for finding in found.findings if finding.id == "lock-holder"]


def test_a_long_wait_in_a_dump_without_a_report_is_none_either():
    """A dump may be taken of a machine that had another trouble."""
    found = diagnose(facts(machine=alive(read_by=None)))
    assert found is not None
    assert not [finding for finding in found.findings if finding.id == "lock-holder"]


def test_nothing_says_that_it_crashed_or_was_dumped():
    found = diagnosed(cpus=(cpu(0, "python3", context="task"),))
    told = msgspec.json.encode((found.timeline, found.doing, found.changed, found.verdict.summary)).decode()
    assert "dumped" not in told
    assert "crashed" not in told
    assert "the running kernel was read" in told


def test_the_reader_is_not_taken_for_load():
    cpus = (msgspec.structs.replace(cpu(0, "python3", context="task"), pid=4711), cpu(1, "sh", context="task"))
    told = [answer.text for answer in diagnosed(cpus=cpus).doing if answer.topic == "CPUs"]
    assert told[0] == "CPU 0 ran lastwords, which read this."
    assert told[1].startswith("CPU 1 ran sh")


def test_a_report_in_the_log_comes_first():
    verdict = diagnosed(hung(90, "ring_read")).verdict
    assert "hung-task" in verdict.summary
    assert "read while it ran" not in verdict.summary
    assert "read while it ran" not in diagnosed(oops("divide-error")).verdict.summary
