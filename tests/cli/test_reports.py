"""`analyze --html` and `--markdown`: where they go, and what is left where they can't."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli import whole_file
from lastwords.cli.main import cli

ROOT = Path(__file__).parents[2]
LOG = str(ROOT / "examples/storage_mod.log")
QUIET = str(ROOT / "tests/klog/cases/none/boot-arm64-board-6.6.log")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["analyze", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_html_to_a_file_says_nothing_more(tmp_path):
    report = tmp_path / "report.html"
    assert run("--html", str(report), LOG) == (0, "", "")
    page = report.read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "storage_mod_complete" in page
    assert list(tmp_path.iterdir()) == [report]


def test_html_to_standard_output():
    status, page, _ = run("--html", "-", LOG)
    assert status == 0
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>")


def test_html_beside_another_form(tmp_path):
    report = tmp_path / "report.html"
    status, text, _ = run("--html", str(report), "--markdown", LOG)
    assert status == 0
    assert text.startswith("# `BUG: unable to handle")
    assert "storage_mod_complete" in report.read_text()


def test_a_log_without_a_crash_has_reports_too(tmp_path):
    report = tmp_path / "report.html"
    status, text, _ = run("--html", str(report), "--markdown", QUIET)
    assert status == 1
    assert text.startswith("# No crash found\n")
    assert "No crash found" in report.read_text()


@pytest.mark.parametrize("forms", [("--json", "--markdown"), ("--json", "--html", "-"), ("--markdown", "--html", "-")])
def test_standard_output_holds_one_form(forms):
    status, _, told = run(*forms, LOG)
    assert status == 2
    assert "only one of" in told


@pytest.mark.parametrize("target", ["missing/report.html", "."])
def test_where_it_cannot_be_written_is_told_in_one_line(tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    status, text, told = run("--html", target, LOG)
    assert (status, text) == (2, "")
    assert told.startswith(f"lastwords: {target}: ")
    assert len(told.splitlines()) == 1


def test_a_pipe_gets_it_as_it_is():
    # /dev/stdout is a pipe here, which no new file can take the place of.
    done = subprocess.run(
        (sys.executable, "-m", "lastwords", "analyze", "--html", "/dev/stdout", LOG), capture_output=True, check=True
    )
    assert done.stdout.startswith(b"<!DOCTYPE html>")


def test_the_old_file_stays_where_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_bytes(b"old")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        whole_file.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_rights_and_links_are_kept(tmp_path):
    path, link = tmp_path / "report.html", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    whole_file.write(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        whole_file.write(tmp_path / "fresh", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


WARNING = """\
[ 4210.100002] WARNING: CPU: 2 PID: 812 at net/sched/sch_generic.c:525 dev_watchdog+0x259/0x270
[ 4210.100003] CPU: 2 PID: 812 Comm: ksoftirqd/2 Not tainted 5.15.0-91-generic #101-Ubuntu
[ 4210.100004] RIP: 0010:dev_watchdog+0x259/0x270
[ 4210.100005] Call Trace:
[ 4210.100007]  call_timer_fn+0x29/0x100
[ 4210.100010] ---[ end trace 8c0a7b6c5d4e3f20 ]---
"""
CRASH = """\
[ 9210.112233] BUG: kernel NULL pointer dereference, address: 0000000000000028
[ 9210.112246] Oops: 0000 [#1] PREEMPT SMP NOPTI
[ 9210.112249] CPU: 5 PID: 23811 Comm: kworker/u64:3 Not tainted 5.15.0-91-generic #101-Ubuntu
[ 9210.112258] RIP: 0010:ext4_finish_bio+0x9d/0x2a0
[ 9210.112279] Call Trace:
[ 9210.112283]  ext4_release_io_end+0x48/0xf0
[ 9210.112332] ---[ end trace 8c0a7b6c5d4e3f21 ]---
"""


def test_the_reports_tell_the_oops_that_the_verdict_is_about(tmp_path):
    """A warning hours before the crash is not what killed the kernel."""
    log = tmp_path / "crash.log"
    log.write_text(WARNING + CRASH)
    _, text, _ = run(str(log))
    assert text.startswith("BUG: unable to handle kernel NULL pointer dereference in ext4_finish_bio\n")
    assert "function  ext4_finish_bio+0x9d/0x2a0" in text
    assert "Reported before\n  line 1  WARNING in dev_watchdog  1 h 23 min before" in text
    assert "And then" not in text
    _, markdown, _ = run("--markdown", str(log))
    assert markdown.startswith("# `BUG: unable to handle")
    assert "> ext4_finish_bio" in markdown
    assert "## Reported before\n\n- `WARNING in dev_watchdog` (line 1)" in markdown
    _, page, _ = run("--html", "-", str(log))
    assert "<title>BUG: unable to handle" in page
    assert "1 h 23 min before" in page


def test_the_other_reports_of_a_log_with_several_boots(tmp_path):
    log = tmp_path / "boots.log"
    boot = "[    0.000000] Linux version 5.15.0-91-generic (buildd@lcy) (gcc 11.4.0) #101-Ubuntu SMP\n"
    log.write_text(boot + WARNING + boot + CRASH)
    _, text, _ = run(str(log))
    assert text.startswith("BUG: unable to handle kernel NULL pointer dereference in ext4_finish_bio\n")
    assert "boot 2 of 2" in text
    assert "line 2  WARNING in dev_watchdog  in boot 1" in text


def test_a_broken_file_of_known_issues_does_not_keep_the_report_back(tmp_path):
    (tmp_path / "slip.yaml").write_text("- id: [\n")
    (tmp_path / "team.yaml").write_text("- id: OPS-7\n  explanation: known to us.\n  module: storage_mod\n")
    status, text, complaint = run("--known", str(tmp_path), LOG)
    assert status == 2
    assert text.startswith("BUG: unable to handle kernel NULL pointer dereference in storage_mod_complete")
    assert "[known:OPS-7]" in text
    assert complaint.count("\n") == 1
    assert "slip.yaml" in complaint


def test_a_file_or_a_slip_in_place_of_a_command(tmp_path):
    answer = CliRunner().invoke(cli, [LOG])
    assert answer.exit_code == 2
    assert "lastwords analyze FILE" in answer.stderr
    answer = CliRunner().invoke(cli, ["analyse"])
    assert answer.exit_code == 2
    assert "Did you mean 'analyze'?" in answer.stderr


def test_a_trace_of_which_only_the_headline_is_left_has_no_section(tmp_path):
    log = tmp_path / "typed.log"
    log.write_text("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\nCall Trace:\n do_exit\n")
    _, text, _ = run(str(log))
    assert "\nCall Trace" not in text
    assert "breaks off before its call trace" in text


def test_a_page_of_ours_is_no_log_of_a_crash():
    """It tells of one, in the words of the log, and lies beside it in many a directory."""
    page = ROOT / "examples" / "storage_mod.html"
    assert CliRunner().invoke(cli, ["scan", str(page)]).stdout == ""
