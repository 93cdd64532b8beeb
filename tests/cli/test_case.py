"""`lastwords case` and `lastwords checklist`, as an engineer on call would use them."""

import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.model import (
    Case,
    CaseCheck,
    CaseTimes,
    CaseView,
    Checklist,
    Entry,
    Evidence,
    Note,
    Step,
    StepStatus,
)

CRASH = "[    1.500000] BUG: kernel NULL pointer dereference, address: 0000000000000018\n"
SEL = "   1 | 11/24/2026 | 05:38:11 | Memory CPU1_DIMM_A1 | Uncorrectable ECC | Asserted\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("LASTWORDS_CASES", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crash").mkdir()
    (tmp_path / "crash/console.log").write_text(CRASH)
    (tmp_path / "crash/sel.txt").write_text(SEL)

    def invoke(*words, status=0):
        result = CliRunner().invoke(cli, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == status, result.output
        return result

    return invoke


def test_from_the_crash_to_the_end(run, tmp_path):
    made = run("case", "new", "--title", "frozen", "--host", "db7", "--crashed", "2024-11-24T05:38:00Z", "crash")
    name = "20241124-0538-db7"
    assert made.stdout == f"{tmp_path}/store/{name}\n"
    assert run("case", "list").stdout == f"{name}  open      2024-11-24 05:38  db7  frozen\n"
    assert "not analysed yet" in run("case", "show", "2024").stdout
    run("analyze", name)
    assert json.loads((tmp_path / "store" / name / "results/analysis.json").read_text())["hardware_errors"]
    run("checklist", name, "--run", status=1)
    run("checklist", name, "--done", "service-restored", "--note", "to db8", status=1)
    for step in ("screen-kept", "ready", "trace", "state", "change", "cause", "fix", "case-shared"):
        run("checklist", name, "--skip", step, "--why", "a test", status=1)
    run("case", "note", name, "second \x1b[31mtime")
    assert run("case", "resolve", name, "DIMM replaced").stderr == ""
    assert "[x] The case is resolved" in run("checklist", name, "--run").stdout
    shown = run("case", "show", name).stdout
    assert "resolved" in shown
    assert r"second \x1b[31mtime" in shown
    assert "time to restore" in shown
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "store" / name, name)
    opened = run("case", "open", "c.tar.gz", "--cases", "other")
    assert opened.stdout == f"other/{name}\n"
    assert (
        run("case", "verify", name, "--cases", "other").stdout == f"other/{name}: whole: 2 files are what was taken\n"
    )
    assert run("case", "list", "--status", "open", "--cases", "other").stdout == ""
    run("case", "open", name, "--cases", "other")
    view = json.loads(run("case", "show", name, "--cases", "other", "--json").stdout)
    assert view["case"]["status"] == "open"
    assert [item["kind"] for item in view["evidence"]] == ["log", "sel"]
    assert view["oops"].startswith("BUG: unable to handle kernel NULL pointer dereference")
    assert view["verdict_current"]
    assert view["verdict"]["summary"]
    assert run("case", "open", name, "--cases", "other", status=1).stderr.endswith("is open\n")


def test_a_tar_is_read_and_its_paths_are_the_users(run, tmp_path):
    run("case", "new", "--at", "c1", "crash")
    with tarfile.open(tmp_path / "c1.tar", "w") as tar:
        tar.add("c1")
    found = json.loads(run("analyze", "--json", "c1.tar").stdout)
    assert found["oopses"][0]["path"] == "c1.tar/evidence/log/console.log"
    assert run("case", "verify", "c1.tar").stdout == "c1.tar: whole: 2 files are what was taken\n"
    assert run("case", "note", "c1.tar", "x", status=2).stderr == (
        "lastwords: c1.tar: a tar is not written to; first: lastwords case open c1.tar\n"
    )


def test_analyze_makes_a_case_only_if_asked(run, tmp_path):
    run("analyze", "crash/console.log")
    assert not (tmp_path / "store").exists()
    run("analyze", "--case", "c1", "crash/console.log")
    assert {path.name for path in (tmp_path / "c1").iterdir()} == {
        "case.toml",
        "case.lock",
        "evidence",
        "results",
    }
    assert (tmp_path / "c1/results/analysis.json").exists()
    before = (tmp_path / "c1/results/analysis.json").read_bytes()
    run("analyze", "c1", "--boot", "7", status=2)
    assert (tmp_path / "c1/results/analysis.json").read_bytes() == before
    run("analyze", "--case", "c1", "crash/sel.txt")
    assert len(json.loads((tmp_path / "c1/results/analysis.json").read_text())["evidence"]) == 2
    assert "standard input" in run("analyze", "--case", "c2", "-", status=2).stderr


def test_a_case_that_can_not_be_written_to_is_read_all_the_same(run, tmp_path):
    run("case", "new", "--at", "c1", "crash")
    (tmp_path / "c1/case.lock").unlink()
    (tmp_path / "c1/case.lock").mkdir()  # stands for a file system that is read-only, which root would not notice
    assert "the result is not kept" in run("analyze", "c1").stderr


def test_evidence_that_was_changed(run, tmp_path):
    run("case", "new", "--at", "c1", "crash")
    (tmp_path / "c1/evidence/stray").write_text("x")
    assert run("case", "verify", "c1", status=1).stdout == (
        "c1: NOT whole: 2 files are what was taken\n  not listed stray\n"
    )
    check = json.loads(run("case", "verify", "c1", "--json", status=1).stdout)
    assert (check["good"], check["surplus"]) == (False, ["stray"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("case", "show", "nothing"), "nothing: no such case"),
        (("case", "show", "crash"), "there is no case.toml in it"),
        (("case", "new", "missing"), "missing: no such file"),
        (("case", "new", "--crashed", "yesterday"), "--crashed: no time: 'yesterday'"),
        (("case", "open", "crash/sel.txt"), "no such case"),
        (("checklist", "nothing"), "no such case"),
        (("checklist", "c", "--done", "a", "--skip", "b"), "one of --done, --fail and --skip"),
        (("checklist", "c", "--skip", "b"), "--skip wants a reason"),
        (("checklist", "c", "--fail", "b"), "--fail wants to know"),
    ],
)
def test_mistakes(run, words, message):
    assert message in run(*words, status=2).stderr


def test_a_damaged_case_does_not_hide_the_others(run, tmp_path):
    run("case", "new", "--host", "db7")
    (tmp_path / "store/broken").mkdir()
    (tmp_path / "store/broken/case.toml").write_text("=")
    result = run("case", "list", status=2)
    assert "db7" in result.stdout
    assert "broken/case.toml" in result.stderr


def test_checklist_as_json_and_markdown(run):
    run("case", "new", "--at", "c1", "crash")
    found = json.loads(run("checklist", "c1", "--json", "--phase", "immediate", status=1).stdout)
    assert found["schema"] == "lastwords.checklist/1"
    assert {status["step"]["phase"] for status in found["steps"]} == {"immediate"}
    paper = run("checklist", "c1", "--markdown", status=1).stdout
    assert paper.startswith("# Crash (c1)\n")
    assert "`lastwords case verify c1`" in paper


def test_notes_as_json(run):
    run("case", "new", "--at", "c1")
    noted = json.loads(run("case", "note", "c1", "first", "--json").stdout)
    assert [note["text"] for note in noted["notes"]] == ["first"]
    assert json.loads(run("case", "add", "c1", "crash/sel.txt", "--json").stdout)["id"] == "c1"
    assert json.loads(run("case", "resolve", "c1", "done", "--json").stdout)["resolution"] == "done"


DOCUMENTS = {
    "case": (Case, CaseCheck, CaseView, Note, Evidence),
    "checklist": (Checklist, StepStatus, Entry, CaseTimes, Step),
}


@pytest.mark.parametrize(("page", "kind"), [(page, kind) for page, kinds in DOCUMENTS.items() for kind in kinds])
def test_the_manual_has_every_field(page, kind):
    text = (Path(__file__).parents[2] / f"docs/{page}.md").read_text()
    assert {name for name in kind.__struct_encode_fields__ if f"`{name}`" not in text} == set()
