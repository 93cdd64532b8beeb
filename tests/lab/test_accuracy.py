"""The honesty test's own honesty: what counts as right, as not known, and as wrong."""

import json
from pathlib import Path

import pytest

from lastwords.lab import KnownVerdict, all_cases
from lastwords.lab.accuracy.__main__ import main
from lastwords.lab.accuracy.judge import judge
from lastwords.lab.accuracy.score import scores, summary, table
from lastwords.lab.verdicts import LogVerdict, right

LOGS = Path(__file__).parent / "logs"

KNOWN = KnownVerdict(
    crash_class="memory-corruption",
    module="ring",
    function=("ring_bind", "ring_free"),
    object="struct ring",
    field="entries",
    evidence=("red ?zone",),
    log=LogVerdict(crash_class=("memory-corruption", "unknown"), module=("ring", "?"), function="?"),
)
GOOD = {"module": "ring", "function": "ring_bind", "object": "struct ring", "field": "entries"}


def judged(form="debuginfo", *, crash_class="memory-corruption", confidence=0.9, known=KNOWN, facts=(), **culprit):
    findings = [{"evidence": [{"text": text} for text in facts]}]
    verdict = {"class": crash_class, "confidence": confidence, "culprit": {**GOOD, **culprit}}
    return judge("case", "6.1", form, known, {"verdict": verdict, "findings": findings})


def test_right():
    judgement = judged(facts=["the Redzone was overwritten"])
    assert (judgement.both, judgement.confident_wrong, judgement.wrong, judgement.unseen) == (True, False, (), ())


@pytest.mark.parametrize(
    ("culprit", "grade"),
    [
        ({"function": "ring_free"}, "right"),
        ({"function": "ring_bind.constprop.0.isra.0"}, "right"),
        ({"function": "ring_poll"}, "wrong"),
        ({"function": None}, "open"),
        ({"module": "victim"}, "wrong"),
        ({"module": None}, "open"),
        ({"field": "head"}, "wrong"),
        ({"field": None}, "open"),
        ({"object": "ring", "field": "entries"}, "right"),
        ({"object": "struct victim"}, "wrong"),
    ],
)
def test_culprit(culprit, grade):
    judgement = judged(**culprit)
    assert judgement.culprit == grade
    assert judgement.confident_wrong == (grade == "wrong")


@pytest.mark.parametrize("form", ["bare", "log"])
def test_field_need_not_be_known_without_types(form):
    known = KnownVerdict(crash_class="logic-bug", module="ring", function="ring_bind", object="o", field="f")
    assert judged(form, crash_class="logic-bug", known=known, object=None, field=None).culprit == "right"
    assert judged(form, crash_class="logic-bug", known=known, object="o", field="other").culprit == "wrong"


def test_class():
    assert judged(crash_class="logic-bug").confident_wrong
    assert not judged(crash_class="logic-bug", confidence=0.79).confident_wrong
    assert judged(crash_class="unknown").crash_class == "open"
    assert not judged(crash_class="unknown").confident_wrong


def test_log_alone_may_leave_it_open():
    assert judged("log", crash_class="unknown", module=None, function=None, object=None, field=None).both
    assert judged("log", module="victim", function=None, object=None, field=None).culprit == "wrong"


def test_nobody_is_to_blame():
    known = KnownVerdict(crash_class="hardware")
    nobody = dict.fromkeys(GOOD)
    assert judged(crash_class="hardware", known=known, **nobody).both
    assert judged(crash_class="hardware", known=known, **{**nobody, "function": "memcpy"}).confident_wrong


def test_no_verdict_is_not_known_even_where_that_would_do():
    known = KnownVerdict(crash_class=("hardware", "unknown"))
    judgement = judge("case", "6.1", "bare", known, {"verdict": None, "findings": []})
    assert (judgement.crash_class, judgement.culprit, judgement.error) == ("open", "open", "no verdict")


def test_score_and_table():
    judgements = [judged(facts=["redzone"]), judged(function="other"), judged("log", crash_class="hardware")]
    dump, log = scores(judgements)
    assert (dump.total, dump.crash_class, dump.culprit, dump.both, dump.confident_wrong) == (2, 2, 1, 1, 1)
    assert (dump.evidence, log.evidence) == (1, 0)
    assert not dump.met
    assert not log.met
    assert all(score.met for score in scores(judgements[:1]))
    assert "function: other, not ring_bind or ring_free" in table(judgements)
    assert "NOT MET" in summary([dump])


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_known_verdict_fits_the_module(case):
    assert case.verdict is not None
    for known in (case.verdict, case.verdict.from_log()):
        assert known.evidence
        assert right(known.crash_class)
        functions = set(right(known.function)) - {"?"}
        modules = set(right(known.module)) - {"?"}
        if modules:
            assert modules <= set(case.sources)
            text = "".join(source.read_text() for source in case.sources.values())
            assert all(f"{function}(" in text for function in functions)


def test_command_counts_and_says_so_by_its_status(capsys):
    status = main(["--log-only", "--logs", str(LOGS), "--json", "null-field", "sysrq-crash"])
    document = json.loads(capsys.readouterr().out)
    assert [each["case"] for each in document["verdicts"]] == ["null-field", "sysrq-crash"]
    (score,) = document["scores"]
    assert score["total"] == 2
    assert status == int(score["both"] < 2)


@pytest.mark.parametrize("arguments", [["no-such-case"], ["--logs", "/nowhere"], ["--cases", "/nowhere"]])
def test_command_fails_in_one_line(arguments, capsys):
    assert main(["--log-only", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_recorded_logs_meet_the_target():
    assert main(["--log-only", "--logs", str(LOGS), "--wrong"]) == 0
