"""What can't be read, or not to its end, is named on stderr, and the status says it."""

import gzip
import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli

CRASH = Path(__file__).parents[2] / "examples" / "storage_mod.log"


def run(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.mark.parametrize("command", ["analyze", "scan", "annotate"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none.log", "No such file or directory"),
        ("empty", "no files in this directory"),
        ("program", "an ELF program or module, not a log or dump"),
    ],
)
def test_the_file_is_named(tmp_path, command, name, reason):
    (tmp_path / "empty").mkdir()
    shutil.copy(sys.executable, tmp_path / "program")
    done = run(command, tmp_path / name)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"lastwords: {tmp_path / name}: {reason}\n")


def test_what_can_be_read_is_reported_all_the_same(tmp_path):
    done = run("analyze", CRASH, tmp_path / "none.log")
    assert done.exit_code == 2
    assert done.stdout.startswith("BUG: unable to handle kernel NULL pointer dereference in storage_mod_complete\n")
    assert done.stderr == f"lastwords: {tmp_path}/none.log: No such file or directory\n"


def test_programs_without_a_dump(tmp_path):
    """Named they are an error, also packed and in JSON; beside a log in a directory they are not."""
    packed = tmp_path / "vmlinux.gz"
    packed.write_bytes(gzip.compress(Path(sys.executable).read_bytes(), 1))
    errors = json.loads(run("analyze", "--json", packed).stdout)["errors"]
    assert errors == [f"{packed}: an ELF program or module, not a log or dump"]
    done = run("analyze", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"lastwords: {tmp_path}: neither a log nor a dump in this directory\n"
    shutil.copy(CRASH, tmp_path)
    done = run("analyze", tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["analyze", "scan", "annotate"])
def test_a_truncated_archive(tmp_path, command):
    whole = gzip.compress(CRASH.read_bytes())
    cut = tmp_path / "crash.log.gz"
    cut.write_bytes(whole[:-100])
    done = run(command, cut)
    assert done.exit_code == 2
    assert "storage_mod_complete" in done.stdout
    assert done.stderr == f"lastwords: {cut}: the compressed data ends early or is damaged; read as far as it goes\n"
    cut.write_bytes(whole[:200])  # nothing found in what is left is no all-clear
    assert run(command, cut).exit_code == 2


def test_the_report_says_that_a_log_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    cut = Path("crash.log.gz")
    for size in (-100, 200):
        cut.write_bytes(gzip.compress(CRASH.read_bytes())[:size])
        text = " ".join(run("analyze", cut).stdout.split())
        assert text.count(str(cut)) >= 1
        assert "the compressed data ends early" in text


def test_directories_of_the_kernel_are_not_gone_into(tmp_path, monkeypatch):
    """Neither by the search for logs nor by the one for dumps."""
    from lastwords.klog.inputs import files as logs
    from lastwords.vmcore import files as dumps

    for name in ("proc", "var"):
        (tmp_path / name).mkdir()
        shutil.copy(CRASH, tmp_path / name / "crash.log")
    monkeypatch.setattr(logs, "_KERNELS_OWN", (str(tmp_path / "proc"),))
    monkeypatch.setattr(dumps, "_KERNELS_OWN", (str(tmp_path / "proc"),))
    told: list[str] = []
    assert [each.path for each in logs.find([str(tmp_path)], told.append)] == [f"{tmp_path}/var/crash.log"]
    assert told == [f"looking through {tmp_path}", f"looking through {tmp_path}/var"]
    assert [each.path for each in logs.find([str(tmp_path / "proc")])] == [f"{tmp_path}/proc/crash.log"]
    assert list(dumps._walk(str(tmp_path))) == [f"{tmp_path}/var/crash.log"]
