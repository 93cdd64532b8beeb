"""What a case holds goes to who can read it; what was changed or leads out is told."""

import json

import pytest

from lastwords.case import analyze
from lastwords.case.errors import CaseError
from lastwords.case.evidence import add_files, check_case, evidence_files, holdings, kind_of, manifest_of
from lastwords.case.keep import analyze_case
from lastwords.case.store import new_case
from lastwords.host.vault import Vault

CRASH = "[    1.500000] BUG: kernel NULL pointer dereference, address: 0000000000000018\n"
SEL = "   1 | 11/24/2026 | 05:38:11 | Memory CPU1_DIMM_A1 | Uncorrectable ECC | Asserted\n"


@pytest.fixture
def case(tmp_path):
    (tmp_path / "files/deep").mkdir(parents=True)
    (tmp_path / "files/console.log").write_text(CRASH)
    (tmp_path / "files/deep/sel.txt").write_text(SEL)
    (tmp_path / "files/link").symlink_to("/etc/passwd")
    found = new_case(tmp_path / "store", host="db7")
    taken, errors = add_files(found, [str(tmp_path / "files"), str(tmp_path / "missing")])
    assert [(item.kind, item.path) for item in taken] == [
        ("log", "log/console.log"),
        ("sel", "sel/deep/sel.txt"),
    ]
    assert errors == [f"{tmp_path}/missing: no such file"]
    return found


def test_files_are_copied_and_can_not_be_written(case, tmp_path):
    log = case.evidence / "log/console.log"
    assert log.read_text() == CRASH
    assert log.stat().st_mode & 0o222 == 0
    assert (tmp_path / "files/console.log").stat().st_mode & 0o200
    (tmp_path / "files/console.log").write_text("rewritten")
    assert log.read_text() == CRASH
    assert manifest_of(case)[0].origin == str(tmp_path / "files/console.log")


def test_a_second_file_of_a_name(case, tmp_path):
    taken, _errors = add_files(case, [str(tmp_path / "files/console.log")])
    assert [item.path for item in taken] == ["log/console.log-2"]
    assert check_case(case).good


def test_each_file_goes_to_its_reader(case):
    found = holdings([str(case.root)])
    assert found.paths == (str(case.evidence / "log/console.log"),)
    assert [(past.form, past.path) for past in found.pasts] == [("sel", case.evidence / "sel/deep/sel.txt")]
    assert [item.kind for item in found.evidence] == ["log", "sel"]


def test_evidence_that_is_no_log_is_not_read_as_one(case):
    """A list of packages or a script may hold the words of a crash."""
    with Vault(case.evidence) as vault:
        vault.put("packages/list", kind="packages", origin="dpkg -l", data=CRASH.encode())
    analysis = analyze([str(case.root)])
    assert [oops.path for oops in analysis.oopses] == [str(case.evidence / "log/console.log")]
    assert len(analysis.evidence) == 3


def test_an_analysis_of_a_case_has_all_of_it_and_is_kept(case):
    assert not case.analysis_is_current()
    analysis = analyze_case(case)
    assert [error.kind for error in analysis.hardware_errors] == ["memory"]
    assert case.analysis() == analysis
    assert case.analysis_is_current()
    assert case.read().title == analysis.oopses[0].title
    assert json.loads((case.results / "analysis.json").read_text())["schema"] == analysis.schema


def test_records_of_the_past_beside_bare_files(tmp_path):
    (tmp_path / "console.log").write_text(CRASH)
    (tmp_path / "sel.txt").write_text(SEL)
    analysis = analyze([str(tmp_path / "console.log"), str(tmp_path / "sel.txt")])
    assert len(analysis.logs) == 1
    assert len(analysis.hardware_errors) == 1
    assert analysis.errors == ()


def test_mcelogs_lines_in_a_syslog_do_not_hide_the_kernels(tmp_path):
    event = ("Hardware event. This is not a software error.", "CPU 3 BANK 7", "STATUS 9c00004001010090 MCGSTATUS 0")
    lines = [f"Nov 24 05:38:10 db7 mcelog[22]: {line}\n" for line in event]
    (tmp_path / "messages").write_text("".join(lines) + f"Nov 24 05:38:11 db7 kernel: {CRASH}")
    analysis = analyze([str(tmp_path / "messages")])
    assert [error.cpu for error in analysis.hardware_errors] == [3]
    assert len(analysis.oopses) == 1
    case = new_case(tmp_path / "store")
    add_files(case, [str(tmp_path / "messages")])
    assert len(analyze([str(case.root)]).oopses) == 1


def test_what_sysrq_printed_during_a_hang_is_a_log(case):
    with Vault(case.evidence) as vault:
        vault.put("hang/kmsg-after-sysrq-w", kind="hang", origin="/dev/kmsg", data=CRASH.encode())
        vault.put("hang/state.txt", kind="hang", origin="/proc", data=CRASH.encode())
    paths = holdings([str(case.root)]).paths
    assert str(case.evidence / "hang/kmsg-after-sysrq-w") in paths
    assert str(case.evidence / "hang/state.txt") not in paths


def test_a_journal_of_which_there_is_no_text(case):
    with Vault(case.evidence) as vault:
        vault.put("journal/system.journal", kind="journal-file", origin="/var/log/journal", data=b"LPKSHHRH")
    assert [error for error in holdings([str(case.root)]).errors if "journalctl --file" in error]
    with Vault(case.evidence) as vault:
        vault.put("journal/boot-1.export", kind="journal", origin="journalctl", data=b"MESSAGE=x\n")
    assert holdings([str(case.root)]).errors == ()


def test_a_case_without_evidence(tmp_path):
    case = new_case(tmp_path)
    analysis = analyze([str(case.root)])
    assert (analysis.oopses, analysis.errors) == ((), ())
    assert not check_case(case).good


def test_what_was_changed(case):
    (case.evidence / "log/console.log").chmod(0o600)
    (case.evidence / "log/console.log").write_text(CRASH.replace("18", "19"))
    (case.evidence / "sel/deep/sel.txt").unlink()
    (case.evidence / "stray.log").write_text(CRASH)
    check = check_case(case)
    assert (check.good, check.whole) == (False, ())
    assert (check.changed, check.missing, check.surplus) == (
        ("log/console.log",),
        ("sel/deep/sel.txt",),
        ("stray.log",),
    )
    files, errors = evidence_files(case)
    assert [(path.name, kind) for path, kind in files] == [("console.log", "log"), ("stray.log", "log")]
    assert any("nobody knows where it comes from" in error for error in errors)


@pytest.mark.parametrize("path", ["../../outside.log", "/etc/passwd", "link/outside.log", "a//b"])
def test_a_manifest_from_elsewhere_can_not_lead_out(case, tmp_path, path):
    (tmp_path / "outside.log").write_text(CRASH)
    (case.evidence / "link").symlink_to(tmp_path)
    with (case.evidence / "manifest.jsonl").open("a") as manifest:
        manifest.write(json.dumps({"id": "x", "kind": "log", "state": "taken", "origin": "", "path": path}) + "\n")
    files, errors = evidence_files(case)
    assert [str(file.relative_to(case.evidence)) for file, _kind in files] == ["log/console.log", "sel/deep/sel.txt"]
    assert len(errors) == 1
    assert not check_case(case).good


def test_two_at_once(case, tmp_path):
    with Vault(case.evidence), pytest.raises(CaseError, match="another process is writing"):
        add_files(case, [str(tmp_path / "files")])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"KDUMP   " + bytes(4096), "dump"),
        (CRASH.encode(), "log"),
        (SEL.encode(), "sel"),
        (bytes(range(256)) * 64, "file"),
        (b"", "file"),
    ],
    ids=["dump", "log", "sel", "binary", "empty"],
)
def test_kinds(tmp_path, content, kind):
    (tmp_path / "x").write_bytes(content)
    assert kind_of(tmp_path / "x") == kind
