"""The checklist: each step is bound to something, a step is done only where the case shows it, and times come out."""

import msgspec
import pytest

from lastwords.case.checklist import new_entry, read_checklist, record, step_named, steps, times
from lastwords.case.errors import CaseError
from lastwords.case.evidence import add_files, manifest_of
from lastwords.case.keep import analyze_case
from lastwords.case.steps import PERFORMERS, Outcome, Work, perform
from lastwords.case.store import new_case
from lastwords.case.walk import mark, run_steps
from lastwords.model import Analysis, Case, DumpCheck, Entry, HardwareError, Readiness, StepStatus, Verdict
from lastwords.report.checklist import checklist_lines, checklist_markdown, command_of

CRASHED = 1732426680.0
CRASH = """\
[    1.500000] BUG: kernel NULL pointer dereference, address: 0000000000000018
[    1.500001] Oops: 0000 [#1] PREEMPT SMP PTI
[    1.500002] CPU: 1 PID: 97 Comm: insmod Tainted: G           OE      6.1.0-56-amd64 #1
[    1.500003] RIP: 0010:ring_get+0xc/0x20 [ring]
[    1.500004] Call Trace:
[    1.500005]  <TASK>
[    1.500006]  ring_submit+0xb/0x20 [ring]
[    1.500007]  do_one_initcall+0x59/0x220
[    1.500008]  </TASK>
"""


@pytest.fixture
def case(tmp_path):
    (tmp_path / "console.log").write_text(CRASH)
    found = new_case(tmp_path / "store", title="frozen", host="db7", crashed=CRASHED)
    add_files(found, [str(tmp_path / "console.log")])
    return found


def states(case):
    return {status.step.id: status.state for status in read_checklist(case).steps if status.state != "open"}


def test_every_step_is_complete():
    assert len({step.id for step in steps()}) == len(steps()) > 12
    assert {step.phase for step in steps()} == {"immediate", "post-mortem"}
    for step in steps():
        assert step.title
        assert step.why.endswith(".")
        assert step.todo.endswith((".", "Z."))
        assert step.run is None or step.run in PERFORMERS
        assert step.run is not None or not step.confirm
    assert PERFORMERS.keys() == {step.run for step in steps() if step.run is not None}


def test_the_steps_of_both_phases_are_in_order():
    phases = [step.phase for step in steps()]
    assert phases == sorted(phases)


def test_run(case):
    outcomes = {step.id: outcome for step, outcome in run_steps(case, read_checklist(case).steps, analyze_case)}
    assert states(case) == {
        "crash-time-known": "done",
        "evidence-secured": "done",
        "evidence-whole": "done",
        "dump-verified": "skipped",
        "symbols-found": "skipped",
        "log-read": "done",
        "trace-read": "done",
    }
    assert "ring_get of ring" in outcomes["trace-read"].note
    assert outcomes["hardware-looked-at"].state == "open"
    assert outcomes["cause-named"].note.startswith("proposed, with confidence")
    before = (case.root / "checklist.toml").read_text()
    run_steps(case, read_checklist(case).steps, analyze_case)
    assert (case.root / "checklist.toml").read_text() == before


def test_an_analysis_is_made_once_and_only_where_it_is_needed(case):
    made = []

    def analyst(each):
        made.append(each)
        return analyze_case(each)

    statuses = read_checklist(case).steps
    run_steps(case, [status for status in statuses if status.step.id == "evidence-secured"], analyst)
    assert made == []
    run_steps(case, statuses, analyst)
    run_steps(case, statuses, analyst)
    assert len(made) == 1


def test_evidence_that_was_touched_fails_the_step_again(case):
    run_steps(case, read_checklist(case).steps, analyze_case)
    (case.evidence / "stray").write_text("x")
    run_steps(case, read_checklist(case).steps, analyze_case)
    assert states(case)["evidence-whole"] == "failed"
    entries = next(s.entries for s in read_checklist(case).steps if s.step.id == "evidence-whole")
    assert [entry.state for entry in entries] == ["done", "failed"]


def test_what_a_person_decided_is_not_run_again(case):
    mark(case, step_named("log-read"), Outcome("skipped", "read by hand"))
    run_steps(case, read_checklist(case).steps, analyze_case)
    assert states(case)["log-read"] == "skipped"


def test_a_broken_performer_costs_one_step(case, monkeypatch):
    def broken(name, work):
        if name == "log_read":
            raise RuntimeError("oh")
        return perform(name, work)

    monkeypatch.setattr("lastwords.case.walk.perform", broken)
    outcomes = {step.id: outcome for step, outcome in run_steps(case, read_checklist(case).steps, analyze_case)}
    assert outcomes["log-read"] == Outcome("open", "could not be run: RuntimeError: oh")
    assert "trace-read" in states(case)


def performed(case, name, analysis):
    return perform(name, Work(case, manifest_of(case), analysis))


def test_nothing_is_done_that_the_case_does_not_show(case, tmp_path):
    empty = new_case(tmp_path / "empty")
    for name in PERFORMERS:
        assert performed(empty, name, Analysis()).state in ("open", "skipped"), name
        assert performed(empty, name, None).state in ("open", "skipped"), name


def test_a_dump_that_is_cut_off_fails(case):
    dump = DumpCheck(path="vmcore", verdict="incomplete", summary="half of it is missing")
    assert performed(case, "dump_verified", Analysis(dump=dump)) == Outcome(
        "failed", "incomplete: half of it is missing"
    )
    assert performed(case, "symbols_found", Analysis(dump=dump)).state == "failed"


def test_hardware(case):
    error = HardwareError(source="rasdaemon", kind="memory", severity="fatal", text="DIMM A1", path="ras")
    outcome = performed(case, "hardware_looked_at", Analysis(hardware_errors=(error,)))
    assert outcome == Outcome("done", "looked at rasdaemon: 1 events, 1 grave: DIMM A1")


def test_a_cause_is_proposed_and_never_decided(case):
    verdict = Verdict(summary="it was the ring", crash_class="logic-bug", confidence=0.99)
    outcome = performed(case, "cause_named", Analysis(verdict=verdict))
    assert outcome == Outcome("open", "proposed, with confidence 99%: it was the ring")


def test_times(case):
    for step, after in (("service-restored", 60), ("cause-named", 7200)):
        record(case, msgspec.structs.replace(new_entry(step, "done", "ada"), at=CRASHED + after))
    record(case, msgspec.structs.replace(new_entry("cause-named", "done", "ada", "surer"), at=CRASHED + 9999))
    found = read_checklist(case).times
    assert (found.since, found.since_crash, found.restore, found.cause) == (CRASHED, True, 60, 7200)
    assert (found.evidence, found.resolved) == (None, None)
    record(case, new_entry("cause-named", "failed", "ada", "it was not that"))
    assert read_checklist(case).times.cause is None


def test_times_without_the_crash():
    at = 100.0
    entry = Entry(step="evidence-secured", state="done", at=at + 30, who="ada")
    status = StepStatus(step=step_named("evidence-secured"), state="done", entries=(entry,))
    found = times(Case(id="c", created=at), [status])
    assert (found.since_crash, found.evidence) == (False, 30)


@pytest.mark.parametrize(
    "text",
    [
        "[[entry]]\nstep = 3\n",
        '[[entry]]\nstep = "log-read"\nstate = "odd"\nat = 2024-11-24T06:00:00Z\n',
        "entry = 3\n",
        "==",
    ],
)
def test_a_damaged_checklist_is_told_and_not_written_to(case, text):
    (case.root / "checklist.toml").write_text(text)
    with pytest.raises(CaseError, match=r"checklist\.toml: "):
        mark(case, step_named("log-read"), Outcome("done", ""))
    assert (case.root / "checklist.toml").read_text() == text


def test_entries_of_steps_that_are_gone_stay(case):
    record(case, new_entry("of-another-version", "done", "ada"))
    mark(case, step_named("log-read"), Outcome("done", "yes"))
    assert "of-another-version" in (case.root / "checklist.toml").read_text()


def test_names_of_steps():
    assert step_named("evidence-s").id == "evidence-secured"
    with pytest.raises(CaseError, match="could be one of evidence-secured, evidence-whole"):
        step_named("evidence")
    with pytest.raises(CaseError, match="no step; there are crash-time-known"):
        step_named("x" * 5000)


def test_the_terminal_and_the_paper(case):
    mark(case, step_named("service-restored"), Outcome("done", "to *db8*\x1b[2J|"))
    checklist = read_checklist(case)
    commands = {s.step.id: text for s in checklist.steps if (text := command_of(s.step, "'a case'", None))}
    lines = list(checklist_lines(checklist, commands, {"log-read": "nothing"}, "'a case'"))
    assert "  [x] The service is back  (service-restored)" in lines
    assert "      found: nothing" in lines
    assert "      $ lastwords case verify 'a case'" in lines
    assert "What you did:  lastwords checklist 'a case' --done STEP --note '...'   (or --fail, --skip)" in lines
    paper = list(checklist_markdown(checklist, commands))
    assert "- [x] **The service is back** `service-restored`  " in paper
    assert any(r"to \*db8\*" in line and r"\|" in line for line in paper)
    assert sum(line.startswith("- [") for line in paper) == len(steps())


def test_without_a_dump_its_steps_come_last_and_say_how_to_get_one(case):
    checklist = read_checklist(case)
    later = [status for status in checklist.steps if status.step.phase == "post-mortem"]
    assert [status.step.id for status in later if not status.applies] == ["dump-verified", "symbols-found"]
    assert [status.step.id for status in later[-2:]] == ["dump-verified", "symbols-found"]
    assert {status.state for status in later[-2:]} == {"skipped"}
    commands = {s.step.id: text for s in checklist.steps if (text := command_of(s.step, "c", None))}
    assert not any("DUMP" in command for command in commands.values())
    assert commands["trace-read"] == "lastwords annotate c/evidence"
    lines = list(checklist_lines(checklist, commands, {}, "c"))
    place = lines.index("  [-] The dump is verified  (dump-verified)")
    assert "has no dump" in lines[place + 1]
    assert "lastwords doctor --fix" in lines[place + 1]
    paper = list(checklist_markdown(checklist, commands))
    assert sum("Not applicable: the case has no dump." in line for line in paper) == 2


def test_a_dump_that_comes_later_brings_its_steps_back(case, tmp_path):
    run_steps(case, read_checklist(case).steps, analyze_case)
    assert [s.step.id for s in read_checklist(case).steps if not s.applies] == ["dump-verified", "symbols-found"]
    (tmp_path / "vmcore").write_bytes(b"KDUMP   " + b"\0" * 8192)
    add_files(case, [str(tmp_path / "vmcore")])
    steps_now = read_checklist(case).steps
    assert all(status.applies for status in steps_now)
    assert [s.step.id for s in steps_now if s.step.phase == "post-mortem"][:3] == [
        "evidence-whole",
        "dump-verified",
        "symbols-found",
    ]


def test_an_empty_case_may_still_get_a_dump(tmp_path):
    empty = new_case(tmp_path / "store")
    assert all(status.applies and status.state == "open" for status in read_checklist(empty).steps)


def test_what_a_person_said_of_a_dump_stands(case):
    mark(case, step_named("dump-verified"), Outcome("done", "on the other machine"))
    (status,) = [status for status in read_checklist(case).steps if status.step.id == "dump-verified"]
    assert (status.applies, status.state) == (True, "done")


@pytest.mark.parametrize(("ready", "state"), [(True, "done"), (False, "failed")])
def test_doctor_is_asked_on_the_machine_itself(case, monkeypatch, ready, state):
    asked: list[object] = []

    def readiness(root):
        asked.append(root)
        return Readiness(ready=ready, summary="what doctor says")

    monkeypatch.setattr("lastwords.case.steps.readiness", readiness)
    monkeypatch.setattr("socket.gethostname", lambda: "web1")
    assert performed(case, "ready_for_the_next", None) == Outcome("open", "to be asked on db7 itself, not on web1")
    assert asked == []
    monkeypatch.setattr("socket.gethostname", lambda: "db7.example.org")
    assert performed(case, "ready_for_the_next", None) == Outcome(state, "what doctor says")


def test_a_dump_that_is_there_and_not_read_is_told_with_the_reason(case):
    why = "reading dumps takes drgn, which is not installed: pip install 'lastwords[vmcore]'"
    check = DumpCheck(path="vmcore", verdict="whole", summary="all there")
    outcome = performed(case, "state_read", Analysis(version="0", oopses=(), logs=(), dump=check, errors=(why,)))
    assert (outcome.state, outcome.note) == ("open", f"the dump is not read: {why}")
