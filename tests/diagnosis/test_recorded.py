"""What had been recorded counts as far as it is near the crash and its clock can be trusted."""

import pytest

from lastwords.diagnosis import diagnose
from lastwords.model import Facts, Reboot, Sample

from .facts import CRASHED, GONE, facts, oops, recorded, with_records


def found(known, rule):
    diagnosis = diagnose(known)
    assert diagnosis is not None
    assert diagnosis.broken == ()
    return next((finding for finding in diagnosis.findings if finding.id == rule), None)


def crashed(*errors):
    return with_records(facts(oops("divide-error")), hardware_errors=errors)


@pytest.mark.parametrize(
    ("after", "zone", "confidence"),
    [
        (-30, True, 0.75),
        (60, True, 0.75),
        (-3000, True, 0.55),
        (-30, False, 0.55),
        (-4000, True, None),
        (600, True, None),
    ],
)
def test_how_near_an_error_is(after, zone, confidence):
    finding = found(crashed(recorded("memory", "fatal", after, zone=zone)), "recorded-error")
    assert (finding.confidence if finding else None) == confidence
    assert finding is None or ("if the clocks agree" in finding.title) is not zone


@pytest.mark.parametrize(
    ("kind", "severity"), [("memory", "corrected"), ("power", "fatal"), ("os", "fatal"), ("watchdog", "fatal")]
)
def test_what_comes_of_a_crash_is_no_cause_of_it(kind, severity):
    assert found(crashed(recorded(kind, severity, 10)), "recorded-error") is None


def test_without_the_time_of_the_crash_an_error_is_a_hint():
    known = Facts(oopses=facts(oops("divide-error")).oopses, hardware_errors=(recorded("memory", "fatal", 0),))
    finding = found(known, "recorded-error")
    assert finding is not None
    assert finding.confidence == 0.4
    diagnosis = diagnose(known)
    assert diagnosis is not None
    assert diagnosis.verdict.crash_class == "logic-bug"


def test_a_grave_error_beside_a_bug_is_said_with_care():
    diagnosis = diagnose(crashed(recorded("memory", "fatal", -5)))
    assert diagnosis is not None
    assert diagnosis.verdict.confidence < 0.8  # two explanations: neither is said without hedging


def test_few_corrected_errors_are_normal():
    assert found(crashed(recorded("memory", "corrected", -60, label="A1", count=9)), "corrected-errors") is None
    assert found(crashed(recorded("memory", "corrected", -90000, label="A1", count=99)), "corrected-errors") is None


def test_nothing_crashed_and_nothing_vanished():
    assert diagnose(Facts(reboots=(Reboot(ending="clean", path="wtmp", started=0.0),))) is None


def test_a_machine_that_was_gone_without_a_word():
    diagnosis = diagnose(Facts(reboots=(GONE, Reboot(ending="running", path="wtmp", started=CRASHED))))
    assert diagnosis is not None
    assert diagnosis.verdict.crash_class == "lockup"
    assert diagnosis.verdict.summary.startswith("A boot of the machine ended without a shutdown, and no log or dump")
    assert diagnosis.verdict.confidence <= 0.6
    assert "ipmitool" not in str(diagnosis.next[0].command)


def test_nobody_knows_why_it_vanished():
    gone = Reboot(ending="vanished", path="wtmp", started=CRASHED, explanation="nothing is known")
    diagnosis = diagnose(Facts(reboots=(gone, gone)))
    assert diagnosis is not None
    assert (diagnosis.verdict.crash_class, diagnosis.verdict.confidence) == ("unknown", 0.0)
    assert "2 of 2 recorded boots" in diagnosis.findings[0].title
    assert "ipmitool sel elist" in {step.command for step in diagnosis.next}


def test_beside_a_crash_that_left_a_report_a_vanished_boot_is_a_circumstance():
    diagnosis = diagnose(with_records(facts(oops("divide-error")), reboots=(GONE,)))
    assert diagnosis is not None
    assert diagnosis.verdict.crash_class == "logic-bug"
    assert "vanished" in {finding.id for finding in diagnosis.findings}


def test_what_sar_saw_last():
    samples = (
        Sample(time=CRASHED - 1200, path="sar", idle=90.0),
        Sample(
            time=CRASHED - 300, path="sar", idle=2.0, iowait=40.0, load_1=31.0, blocked=12, memory_available=1 << 20
        ),
        Sample(time=CRASHED + 300, path="sar", idle=99.0),
        Sample(time=CRASHED - 10, path="sar", zone=False, idle=50.0),
    )
    diagnosis = diagnose(with_records(facts(oops("divide-error")), samples=samples))
    assert diagnosis is not None
    (answer,) = [answer for answer in diagnosis.doing if answer.topic == "load before"]
    assert answer.text == (
        "sar, 5 min 0 s before the crash: CPUs 98 % busy, 40 % waiting for I/O, load 31.0, 12 tasks blocked, "
        "1.00 MiB of memory available."
    )
