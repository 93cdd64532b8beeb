"""The directory of a case: plain files, changed at one stroke, by one writer at a time, and yours to edit."""

import os
import subprocess
import sys
import threading
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lastwords.case import atomic
from lastwords.case.directory import CaseDirectory
from lastwords.case.errors import CaseError
from lastwords.case.store import all_cases, case_id, cases_directory, find_case, new_case
from lastwords.case.toml_files import as_value, change_toml
from lastwords.model import Analysis

HAND_WRITTEN = """\
# db7's third crash
id = "c1"   # do not change
title = "frozen"
ticket = "OPS-4711"

created = 2024-11-24T06:02:11Z

[owner]
name = "ada"

[[note]]
at = 2024-11-24 08:00:00
who = "ada"
text = \"\"\"
status = "resolved"
is not a line of the table above\"\"\"
"""


@pytest.fixture
def case(tmp_path):
    return new_case(tmp_path, title="frozen", host="db7.example.org", crashed=1732426680.0)


def test_a_new_case(case):
    found = case.read()
    assert case.root.name == found.id == "20241124-0538-db7"
    assert (found.title, found.host, found.status, found.crashed) == ("frozen", "db7.example.org", "open", 1732426680.0)
    assert {path.name for path in case.root.iterdir()} == {"case.toml", "case.lock", "evidence", "results"}
    assert case.root.stat().st_mode & 0o077 == 0


def test_two_crashes_in_a_minute(tmp_path):
    names = [new_case(tmp_path, host="db7", crashed=1732426680.0).root.name for _ in range(3)]
    assert names == ["20241124-0538-db7", "20241124-0538-db7-2", "20241124-0538-db7-3"]


@pytest.mark.parametrize("host", ["../../etc", "a/b", ".", "-rf", "x" * 300, "\N{SNOWMAN}", "\n", ""])
def test_a_hosts_name_can_not_lead_out(tmp_path, host):
    name = case_id(host, 0)
    assert name.startswith("19700101-0000-")
    assert "/" not in name
    assert len(name) < 60
    assert new_case(tmp_path, host=host, crashed=0.0).root.parent == tmp_path


def test_what_people_wrote_stays(tmp_path):
    (tmp_path / "case.toml").write_text(HAND_WRITTEN)
    case = CaseDirectory(tmp_path, "c1")
    case.note('line one\nline "two" \x1b[2J \\', "bob")
    case.resolve("DIMM replaced", "bob")
    text = (tmp_path / "case.toml").read_text()
    for line in HAND_WRITTEN.splitlines():
        assert line in text
    found = case.read()
    assert (found.status, found.resolution) == ("resolved", "DIMM replaced")
    assert [note.text for note in found.notes[1:]] == ['line one\nline "two" \x1b[2J \\', "resolved: DIMM replaced"]
    assert tomllib.loads(text)["owner"] == {"name": "ada"}
    case.reopen("ada")
    assert case.read().status == "open"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id = ", "Invalid value"),
        ('id = "c"\n', "missing required field `created`"),
        ('id = "c"\ncreated = "noon"\n', "Invalid RFC3339"),
        ('id = "c"\ncreated = 2024-11-24T06:02:11Z\nstatus = "odd"\n', "neither open nor resolved"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("\xff", "not UTF-8"),
        ("#" * (5 << 20), "larger than"),
    ],
    ids=["syntax", "key missing", "no time", "status", "deep", "bytes", "huge"],
)
def test_a_damaged_case_toml_is_told_in_one_line(tmp_path, text, message):
    (tmp_path / "case.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(CaseError, match=message) as caught:
        CaseDirectory(tmp_path, "c").read()
    assert "\n" not in str(caught.value)
    assert "case.toml" in str(caught.value)


def test_a_file_that_can_not_be_changed_line_by_line_is_left_alone(tmp_path):
    path = tmp_path / "case.toml"
    text = 'id = "c"\ntext = """\nstatus = "x"\n"""\nstatus = "open"\n'
    path.write_text(text)
    with pytest.raises(CaseError, match="can't be changed"):
        change_toml(path, {"status": "resolved"})
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text", ["", 'a"b\\c', "tab\tnew\nline\r", "\x00\x1f\x7f", "\N{SNOWMAN}\U0001f600", "'''", '"""']
)
def test_values_come_back_as_they_were(text):
    assert tomllib.loads(f"key = {as_value(text)}")["key"] == text


def test_other_values():
    assert as_value(True) == "true"
    assert as_value(3) == "3"
    assert as_value(datetime(2024, 11, 24, 5, 38, tzinfo=UTC)) == "2024-11-24T05:38:00Z"
    name = os.fsdecode(b"x\xff")
    assert tomllib.loads(f"key = {as_value(name)}")["key"] == "x\N{REPLACEMENT CHARACTER}"


def test_two_writers(case):
    lock = case.root / "case.lock"
    told = pytest.raises(CaseError, match=rf"PID {os.getpid()}\) is writing")
    with atomic.writing(lock), told, atomic.writing(lock, patience=0.1):
        pass
    case.note("afterwards it works", "ada")


def test_many_writers_lose_nothing(case):
    threads = [threading.Thread(target=case.note, args=(f"note {number}", "ada")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(note.text for note in case.read().notes) == [f"note {number}" for number in range(8)]


def test_a_writer_that_is_killed_leaves_the_old_file_and_no_lock(case):
    """Killed between the new file and its renaming."""
    code = (
        "import os, signal, sys; from pathlib import Path; from lastwords.case.directory import CaseDirectory\n"
        "Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "CaseDirectory(Path(sys.argv[1]), 'c').note('lost', 'ada')"
    )
    assert subprocess.run([sys.executable, "-c", code, str(case.root)], check=False).returncode == -9
    assert case.read().notes == ()
    case.note("kept", "ada")
    assert [note.text for note in case.read().notes] == ["kept"]


def test_a_full_disk_leaves_the_old_file(case, monkeypatch):
    def full(_file):
        raise OSError(28, "No space left on device")

    before = (case.root / "case.toml").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CaseError, match="No space left on device"):
        case.note("lost", "ada")
    monkeypatch.undo()
    assert (case.root / "case.toml").read_bytes() == before
    assert [path.name for path in case.root.iterdir() if path.name.startswith(".")] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_root_does_not_take_a_users_case_away(case):
    os.chown(case.root, 65534, 65534)
    case.note("by root", "root")
    found = (case.root / "case.toml").stat()
    assert (found.st_uid, found.st_gid) == (65534, 65534)


def test_results_go_nowhere_else(case, tmp_path):
    assert case.analysis() is None
    case.write_analysis(Analysis(version="1"))
    assert case.analysis() == Analysis(version="1")
    for name in ("../case.toml", "a/b", ".hidden", ""):
        with pytest.raises(CaseError, match="no name for a result"):
            case.write_result(name, b"")
    (case.results / "analysis.json").unlink()
    case.results.rmdir()
    (tmp_path / "elsewhere").mkdir()
    case.results.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CaseError, match="symbolic link"):
        case.write_result("report.md", b"")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_analysis_that_can_not_be_read_is_none(case):
    (case.results / "analysis.json").write_text('{"oopses": 3}')
    assert case.analysis() is None


def test_where_cases_live(monkeypatch, tmp_path):
    monkeypatch.delenv("LASTWORDS_CASES", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cases_directory() == Path("/var/lib/lastwords/cases")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert cases_directory() == tmp_path / "lastwords/cases"
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")
    assert cases_directory() == Path.home() / ".local/share/lastwords/cases"
    monkeypatch.setenv("LASTWORDS_CASES", "/srv/cases")
    assert cases_directory() == Path("/srv/cases")
    assert cases_directory("here") == Path("here")


def test_names_of_cases(tmp_path):
    one = new_case(tmp_path, host="db7", crashed=1732426680.0)
    two = new_case(tmp_path, host="web1", crashed=1732426680.0)
    assert [case.root.name for case in all_cases(tmp_path)] == [two.root.name, one.root.name]
    assert find_case(one.root.name, tmp_path).root == one.root
    assert find_case("20241124-0538-w", tmp_path).root == two.root
    assert find_case(str(one.root), Path("/nowhere")).root == one.root
    with pytest.raises(CaseError, match="could be 20241124-0538-web1, 20241124-0538-db7"):
        find_case("2024", tmp_path)
    with pytest.raises(CaseError, match="no such case"):
        find_case("2025", tmp_path)
    with pytest.raises(CaseError, match="there is no case"):
        find_case(str(tmp_path), tmp_path)
    assert list(all_cases(tmp_path / "nothing here")) == []
