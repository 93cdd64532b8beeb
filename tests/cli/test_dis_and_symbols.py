"""`lastwords dis` and `lastwords symbols`: read in a child process, vmlinux among the arguments, errors in one line."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lastwords.cli.main import cli
from lastwords.vmcore import child
from tests.vmcore.small_dump import RELEASE, small_dump


@pytest.fixture
def dump(tmp_path: Path) -> str:
    small_dump(tmp_path / "vmcore")
    return str(tmp_path / "vmcore")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def error(result: Result) -> str:
    """What the user is told; the small dump lacks most of its memory, which is a line of its own."""
    told, *more = result.stderr.splitlines()
    assert result.exit_code == 2
    assert [line.startswith("lastwords: the dump is ") for line in more] in ([], [True])
    return told


@pytest.mark.parametrize("command", ["dis", "symbols"])
def test_no_dump(command: str, tmp_path: Path) -> None:
    path = tmp_path / "vmcore"
    path.write_bytes(b"no dump at all" * 100)
    result = run(command, str(path))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"lastwords: {path}: ")
    assert result.stderr.count("\n") == 1


def test_symbols(dump: str) -> None:
    result = run("symbols", dump, "--no-debuginfo")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith(f"kernel     {RELEASE}")
    found = json.loads(run("symbols", dump, "--no-debuginfo", "--json").stdout)
    assert (found["release"], found["source"]) == (RELEASE, "btf")


def test_symbols_written(dump: str, tmp_path: Path) -> None:
    result = run("symbols", dump, "-o", str(tmp_path / "vmlinux"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "vmlinux").read_bytes()[:4] == b"\x7fELF"
    again = run("symbols", dump, "-o", str(tmp_path / "vmlinux"))
    assert error(again) == f"lastwords: {dump}: {tmp_path}/vmlinux: File exists"
    assert (tmp_path / "vmlinux").exists()


def test_nothing_half_written_is_left(dump: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> object:
        (tmp_path / "vmlinux").write_bytes(b"\x7fELF")
        raise child.ChildError("the libraries that read it crashed (SIGSEGV)")

    monkeypatch.setattr("lastwords.vmcore.child._listen", killed)
    result = run("symbols", dump, "-o", str(tmp_path / "vmlinux"))
    assert "crashed (SIGSEGV)" in error(result)
    assert not (tmp_path / "vmlinux").exists()


@pytest.mark.parametrize("command", ["dis", "symbols"])
def test_vmlinux_in_any_order(command: str, dump: str, tmp_path: Path) -> None:
    """One of another kernel is refused, so it was looked at."""
    other = tmp_path / "elf"
    other.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + bytes(200))
    for paths in ((dump, str(other)), (str(other), dump)):
        result = run(command, *paths)
        assert error(result).startswith(f"lastwords: {other}")
        assert result.stderr.count("\n") == 1


def test_no_such_code(dump: str) -> None:
    result = run("dis", dump, "no_such_function", "--no-debuginfo")
    assert error(result) == f"lastwords: {dump}: no_such_function: no such symbol"
    assert run("dis", dump, "one", "two").stderr.endswith("one symbol or address, not 2: one two\n")


@pytest.mark.parametrize("command", ["dis", "symbols"])
def test_the_death_of_the_child_is_one_line(command: str, dump: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started = subprocess.Popen

    def crashing(arguments: list[str], **options: object) -> object:
        return started(["/bin/sh", "-c", "kill -SEGV $$"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", crashing)
    told = error(run(command, dump))
    assert told.startswith(f"lastwords: {dump}: the libraries that read it crashed (SIGSEGV)")
