"""Tasks that are blocked by the log's own lists: who waits for whom, and how sure that is."""

from typing import Any

import pytest

from lastwords.diagnosis import diagnose
from lastwords.model import Diagnosis, Facts, Finding, ListedTask

from .facts import facts, listed, oops

LOCK = ("schedule", None, "__mutex_lock", None)
DISK = ("schedule", None, "io_schedule", None, "folio_wait_bit_common", None)


def told(found: Facts) -> Diagnosis:
    diagnosis = diagnose(found)
    assert diagnosis is not None
    assert diagnosis.broken == ()
    return diagnosis


def finding(diagnosis: Diagnosis, name: str) -> Finding:
    return next(each for each in diagnosis.findings if each.id == name)


def waiter(pid: int, function: str = "ring_read", **rest: Any) -> ListedTask:
    return listed(pid, *LOCK, function, "ring", **rest)


def test_a_list_alone_makes_a_diagnosis():
    diagnosis = told(facts(tasks=(waiter(90), waiter(91, "ring_write")), release="6.1.0-18-amd64"))
    assert diagnosis.verdict.crash_class == "deadlock"
    assert "Linux 6.1.0-18-amd64 listed 2 blocked tasks; no report of a crash" in diagnosis.verdict.summary
    assert "ABBA" in diagnosis.verdict.summary
    assert diagnosis.doing[0].text == (
        "task-90 (90) waits for a mutex in ring_read() of ring; at the same place in 2 lists over 10.0 s (line 90)."
    )


@pytest.mark.parametrize("state", ["S", "R", "I"])
def test_tasks_that_only_sleep_make_none(state):
    assert diagnose(facts(tasks=(listed(90, *LOCK, "ring_read", "ring", state=state),))) is None


def test_one_list_makes_it_less_sure_and_asks_for_another():
    once = told(facts(tasks=(waiter(90, seen=1, seconds=None), waiter(91, "ring_write", seen=1, seconds=None))))
    twice = told(facts(tasks=(waiter(90), waiter(91, "ring_write"))))
    assert once.verdict.confidence < 0.5 < twice.verdict.confidence
    assert "sleep 10; echo w" in (once.next[0].command or "")
    assert not any("sleep 10" in (step.command or "") for step in twice.next)


def test_two_lists_within_a_moment_are_as_one():
    once = told(facts(tasks=(waiter(90, seconds=0.1),)))
    assert "listed-once" in {each.id for each in once.findings}


def test_who_crashed_a_hung_machine_is_not_the_answer():
    crash = oops("sysrq-crash", function="sysrq_handle_crash", module=None)
    diagnosis = told(facts(crash, tasks=(waiter(90), waiter(91, "ring_write"))))
    assert diagnosis.verdict.crash_class == "deadlock"
    assert (diagnosis.verdict.culprit.function, diagnosis.verdict.culprit.module) == ("ring_read", "ring")
    assert not any("not in the log" in step.text for step in diagnosis.next)
    assert told(facts(crash)).verdict.crash_class == "deliberate"


def test_who_sleeps_in_the_same_module_may_hold_the_lock():
    asleep = listed(95, "schedule", None, "msleep", None, "ring_reset", "ring", state="S")
    found = finding(told(facts(tasks=(waiter(90), asleep))), "hung-lock")
    assert (found.culprit.function, found.culprit.module) == ("ring_reset", "ring") if found.culprit else False
    assert "task-95 (95) sleeps in ring_reset() of ring, does not wait for it, and may hold it" in found.text
    assert found.confidence < 0.8


def test_of_several_who_may_hold_it_none_is_accused():
    asleep = [listed(pid, "msleep", None, "ring_reset", "ring", state="S") for pid in (95, 96)]
    found = finding(told(facts(tasks=(waiter(90), *asleep))), "hung-lock")
    assert "one of them may hold it" in found.text
    assert found.culprit is not None
    assert found.culprit.function is None


def test_a_cycle_of_owners_is_a_deadlock():
    diagnosis = told(facts(tasks=(waiter(90, blocked_by=91), waiter(91, "ring_write", blocked_by=90))))
    found = finding(diagnosis, "blocked-by")
    assert found.confidence > 0.8
    assert "wait for each other's locks" in found.title
    assert "hung-lock" not in {each.id for each in diagnosis.findings}


def test_the_end_of_a_chain_is_to_blame():
    last = listed(92, *DISK, "ring_sync", "ring")
    tasks = (waiter(90, blocked_by=91), waiter(91, "ring_write", blocked_by=92), last)
    found = finding(told(facts(tasks=tasks)), "blocked-by")
    assert found.title == "task-92 (92) holds what the others wait for"
    assert "is blocked itself in ring_sync() of ring" in found.text


def test_an_owner_that_is_not_listed_is_no_chain():
    diagnosis = told(facts(tasks=(waiter(90, blocked_by=4711),)))
    assert "blocked-by" not in {each.id for each in diagnosis.findings}
    assert "which PID 4711 holds" in diagnosis.doing[0].text


def test_tasks_that_wait_for_a_disk():
    diagnosis = told(facts(tasks=(listed(90, *DISK, "ext4_sync_file", None),)))
    assert "hung-behind-io" in {each.id for each in diagnosis.findings}
    assert "waits for I/O" in diagnosis.doing[0].text


def test_who_waits_for_an_event_is_found_among_those_who_wait_for_locks():
    event = listed(95, "schedule", None, "schedule_timeout", None, "__wait_for_common", None, "dev_reset", "dev")
    found = finding(told(facts(tasks=(waiter(90), event))), "waiting")
    assert (found.culprit.function, found.culprit.module) == ("dev_reset", "dev") if found.culprit else False


def test_a_list_behind_another_crash_is_told_but_changes_nothing():
    crash = oops("null-dereference")
    with_list, without = told(facts(crash, tasks=(waiter(90),))), told(facts(crash))
    assert with_list.verdict == without.verdict
    assert any("waits for a mutex" in answer.text for answer in with_list.doing)


def test_who_was_reported_and_listed_counts_once():
    reported = oops("hung-task", pid=90, comm="task-90", function="ring_read", module="ring")
    diagnosis = told(facts(reported, tasks=(waiter(90), waiter(91))))
    found = finding(diagnosis, "hung-lock")
    assert found.title.count("(90)") <= 1
    assert "(91)" in found.title


def test_many_places_are_cut():
    diagnosis = told(facts(tasks=tuple(waiter(pid, f"ring_{pid}") for pid in range(100, 140))))
    assert len(diagnosis.doing) == 9
    assert diagnosis.doing[-1].text == "32 more tasks were blocked at other places."
