"""What findings come to, which report the crash is about, and that a broken rule costs nothing else."""

import json

import msgspec
import pytest

from lastwords.diagnosis import KnownIssue, diagnose, rule
from lastwords.diagnosis.crash import crash_among
from lastwords.diagnosis.known import check, within
from lastwords.diagnosis.rule import _DECLARED
from lastwords.model import Analysis, Culprit, Damage, Diagnosis, Facts, Finding, Verdict, from_json, to_json

from .facts import address, blame, facts, machine, oops, sign

NULL = address("null-offset", 0x18, "NULL + 0x18", 0x18)


def null(**rest):
    return oops("null-dereference", address=NULL, **rest)


def diagnosed(*reports, **rest):
    diagnosis = diagnose(facts(*reports, **rest))
    assert diagnosis is not None
    return diagnosis


@pytest.fixture
def another_rule():
    """Declares rules for one test."""
    before = dict(_DECLARED)
    yield lambda name, judge: rule(name, "x", why="x.", sure="x")(judge)
    _DECLARED.clear()
    _DECLARED.update(before)


def finding(name, confidence, crash_class="hardware", **rest):
    from lastwords.model import Fact

    return Finding(
        id=name, title=name, confidence=confidence, crash_class=crash_class, evidence=(Fact(text="seen"),), **rest
    )


def test_the_package_of_rules_does_not_hide_the_function():
    diagnose(facts(oops("divide-error")))
    from lastwords.diagnosis import rules

    assert "null-pointer" in {known.id for known in rules()}


def test_nothing_crashed():
    assert diagnose(Facts()) is None
    assert diagnose(facts()) is None


def test_a_verdict_names_class_and_culprit():
    verdict = diagnosed(null(panic="Kernel panic - not syncing: Fatal exception")).verdict
    assert verdict.crash_class == "logic-bug"
    assert (verdict.culprit.module, verdict.culprit.function) == ("ring", "read_ring")
    assert verdict.culprit.origin == "out-of-tree"
    assert verdict.findings[0] == "null-pointer"
    assert "Linux 6.1.0-56-cloud-amd64" in verdict.summary
    assert "Fatal exception" in verdict.summary
    assert "Probably: " in verdict.summary


def test_what_no_rule_knows_is_not_known():
    verdict = diagnosed(oops("no-such-kind", function=None, module=None)).verdict
    assert verdict.crash_class == "unknown"
    assert verdict.confidence == 0
    assert verdict.culprit.function is None
    assert "not known" in verdict.summary


def test_a_rule_that_raises_costs_nothing_else(another_rule):
    def broken(crash):
        yield finding("broken", 0.1)
        raise KeyError("x")

    another_rule("broken", broken)
    diagnosis = diagnosed(null())
    assert [b.id for b in diagnosis.broken] == ["broken"]
    assert "KeyError" in diagnosis.broken[0].error
    assert {"broken", "null-pointer"} <= {f.id for f in diagnosis.findings}


def test_a_rival_makes_a_verdict_unsure(another_rule):
    sure = diagnosed(oops("divide-error")).verdict
    assert sure.confidence >= 0.8
    another_rule("rival", lambda crash: [finding("rival", 0.85)])
    verdict = diagnosed(oops("divide-error")).verdict
    assert verdict.confidence < 0.8
    assert any(reason.startswith("against: ") for reason in verdict.reasons)


def test_a_damaged_log_makes_a_verdict_unsure():
    torn = oops("divide-error", intact=False, damage=(Damage(kind="interleaved", text="x"),))
    verdict = diagnosed(torn).verdict
    assert verdict.confidence < 0.8
    assert any("interleaved" in reason for reason in verdict.reasons)


def test_a_typed_text_makes_a_verdict_less_sure_than_a_torn_one():
    torn = diagnosed(oops("divide-error", intact=False, damage=(Damage(kind="cut-off", text="x"),))).verdict
    typed = diagnosed(oops("divide-error", intact=False, damage=(Damage(kind="typed", text="x"),))).verdict
    assert typed.confidence < torn.confidence
    assert "against: the text looks typed by hand" in typed.reasons
    assert not any("damaged" in reason for reason in typed.reasons)


def test_an_empty_culprit_is_not_filled_up(another_rule):
    another_rule("nobody", lambda crash: [finding("nobody", 0.9, "logic-bug", culprit=Culprit(), weight=1.0)])
    assert diagnosed(oops("divide-error")).verdict.culprit.function is None


def test_steps_come_once_and_in_order():
    diagnosis = diagnosed(oops("machine-check", function=None, module=None), oops("edac-uncorrected", line=160))
    commands = [step.command for step in diagnosis.next if step.command]
    assert len(commands) == len(set(commands))
    phases = [step.phase for step in diagnosis.next]
    assert phases == sorted(phases)


def test_the_first_damage_counts_not_the_last():
    first, last = null(line=100, time=5.0), oops("kernel-bug", line=200, time=300.0)
    crash = crash_among(facts(first, last))
    assert crash.oops == first
    assert crash.after == (last,)


def test_an_old_warning_is_not_the_crash():
    warning = oops("warning", module="fan", function="check_fan", line=10, time=1.0, pid=7)
    crash = crash_among(facts(warning, null(line=100, time=500.0)))
    assert crash.oops is not None
    assert crash.oops.kind == "null-dereference"
    assert crash.before == (warning,)


def test_a_warning_of_the_same_module_right_before_is_the_first_sign():
    warning = oops("warning", line=90, time=4.0)
    assert crash_among(facts(warning, null(line=100, time=5.0))).oops == warning


def test_trouble_of_a_disk_is_not_the_crash_but_before_it():
    disk = oops("medium-error", function=None, module=None, line=10, time=1.0)
    crash = crash_among(facts(disk, null(line=100, time=5.0)))
    assert crash.oops is not None
    assert crash.oops.kind == "null-dereference"


def test_the_boot_that_panicked_counts():
    early = null(boot=1, line=10)
    late = oops("divide-error", boot=2, line=500, panic="Kernel panic - not syncing: Fatal exception")
    assert crash_among(facts(early, late)).oops == late


def test_the_time_line():
    diagnosis = diagnosed(
        null(panic="Kernel panic - not syncing: Fatal exception"), signs=(sign("ring: DMA mapping error"),)
    )
    assert [event.kind for event in diagnosis.timeline] == ["sign", "oops", "panic"]
    assert diagnosis.timeline[0].count == 10


def test_who_ignored_the_error_is_the_culprit():
    from lastwords.model import Unchecked

    trail = blame("NULL", field_offset=8, unchecked=(Unchecked(caller="write_ring", callee="m", address=1, text="t."),))
    verdict = diagnosed(null(), machine=machine(blame=trail)).verdict
    assert verdict.culprit.function == "write_ring"
    assert verdict.confidence >= 0.8


def test_json_goes_both_ways():
    diagnosis = diagnosed(null(panic="Kernel panic - not syncing: Fatal exception"))
    data = to_json(diagnosis)
    assert json.loads(data)["verdict"]["class"] == "logic-bug"
    assert from_json(data, Diagnosis) == diagnosis


def test_an_analysis_has_the_fields_of_facts_and_diagnosis():
    """A struct has one base, and the order of its fields is the document's: so they stand there again."""
    both = {field.name: field.type for struct in (Facts, Diagnosis) for field in msgspec.structs.fields(struct)}
    own = {"schema": str, "version": str, "verdict": Verdict | None}
    assert {field.name: field.type for field in msgspec.structs.fields(Analysis)} == both | own


def issue(**conditions):
    return KnownIssue(id="BUG-1", explanation="A known one.", fix="Update.", **conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        {"title": "null-deref.* in read_"},
        {"function": "read_ring"},
        {"module": "ring"},
        {"releases": ">=6.1, <6.2"},
        {"log": "DMA mapping"},
        {"module": "ring", "releases": ">=6.1", "log": "mapping error"},
    ],
)
def test_a_known_issue_is_found(conditions):
    known = issue(**conditions)
    check(known)
    diagnosis = diagnose(facts(null(), signs=(sign("ring: DMA mapping error"),)), [known])
    assert diagnosis is not None
    found = next(f for f in diagnosis.findings if f.id == "known:BUG-1")
    assert "Update." in found.text
    assert found.evidence


@pytest.mark.parametrize("conditions", [{"module": "fan"}, {"module": "ring", "releases": "<6.1"}, {"title": "x"}])
def test_a_known_issue_that_does_not_fit(conditions):
    diagnosis = diagnose(facts(null()), [issue(**conditions)])
    assert diagnosis is not None
    assert not [f for f in diagnosis.findings if f.id.startswith("known:")]


@pytest.mark.parametrize(
    ("release", "bounds", "expected"),
    [
        ("6.1.55-generic", ">=6.1.20, <6.1.60", True),
        ("6.1.60", "<6.1.60", False),
        ("6.10.0", ">6.9", True),
        ("5.14.0-362.8.1.el9", ">=5.14.0-362, <5.14.0-400", True),
        ("6.1", "==6.1", True),
    ],
)
def test_ranges_of_releases(release, bounds, expected):
    assert within(release, bounds) is expected


def test_corrupted_is_no_function_of_the_kernel():
    diagnosis = diagnose(facts(oops("null-dereference", title="BUG: NULL in corrupted", function=None, module=None)))
    assert diagnosis is not None
    told = f"{diagnosis.verdict} {diagnosis.timeline} {[finding.title for finding in diagnosis.findings]}"
    assert "corrupted" not in told.replace("memory-corruption", "")
