"""`lastwords shell` as a process: what it prints, and how it ends."""

import os
import subprocess
import sys

import pytest

from tests.vmcore.small_dump import small_dump


@pytest.fixture
def dump(tmp_path):
    small_dump(tmp_path / "vmcore")
    return str(tmp_path / "vmcore")


def shell(*arguments, stdin="", program=("-m", "lastwords")):
    return subprocess.run(
        [sys.executable, *program, "shell", *arguments, "--no-debuginfo"],
        input=stdin, capture_output=True, text=True, timeout=120, env={**os.environ, "PAGER": "false"},
    )  # fmt: skip


def test_commands(dump):
    done = shell(dump, "-c", "p 1; p 2", "-c", "print(3)")
    assert (done.stdout, done.stderr, done.returncode) == ("1 = (long)1\n2 = (long)2\n3\n", "", 0)
    done = shell(dump, "-c", "sym nothing; p 2")
    assert (done.stdout, done.stderr, done.returncode) == ("2 = (long)2\n", "no symbol nothing\n", 1)
    assert shell(dump, "-c", "quit; p 1").stdout == ""


def test_standard_input(dump):
    done = shell(dump, stdin="p 1\nfor x in [5]:\n    print(x)\np 2\n")
    assert (done.stdout, done.stderr, done.returncode) == ("1 = (long)1\n5\n2 = (long)2\n", "", 0)
    assert shell(dump, stdin="sym nothing\n").returncode == 1
    assert shell(dump, stdin="raise SystemExit(0)\n").returncode == 0


def test_a_script(dump, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print(prog['init_task'].comm.string_())\n")
    done = shell(dump, str(script))
    assert (done.stdout, done.stderr, done.returncode) == ("b'swapper/0'\n", "", 0)
    done = shell(dump, str(tmp_path / "none"))
    assert (done.stderr, done.returncode) == (f"lastwords: {tmp_path / 'none'}: no such file\n", 2)


def test_a_dump_whose_headers_are_broken(tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(b"\x7fELF" + bytes(100))
    done = shell(str(path), "-c", "bt")
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["lastwords", "lastwords"]
    assert f"lastwords salvage {path} -o OUT" in done.stderr


@pytest.mark.parametrize("content", [b"", b"just text\n" * 100])
def test_what_is_no_dump(tmp_path, content):
    path = tmp_path / "thing"
    path.write_bytes(content)
    done = shell(str(path), "-c", "bt")
    assert done.returncode == 2
    assert done.stderr.startswith(f"lastwords: {path}: ")
    assert done.stderr.count("\n") == 1


def test_a_crash_of_the_libraries_is_one_line(dump):
    code = (
        "import os, sys; sys.argv[0] = 'lastwords'\n"
        "import lastwords.vmcore.shell.opening as opening\n"
        "opening.open_shell = lambda *a, **k: os.kill(os.getpid(), 11)\n"
        "from lastwords.__main__ import main; main()"
    )
    done = shell(dump, program=("-c", code))
    assert done.returncode == 2
    assert done.stderr.startswith(f"lastwords: {dump}: the libraries that read it crashed (SIGSEGV)")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_enough(dump):
    done = subprocess.run(
        f"{sys.executable} -m lastwords shell {dump} --no-debuginfo -c 'sym -l' | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1
