"""The prompt on a pseudo-terminal, and completion."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time

import pytest

from lastwords.vmcore.shell.prompt import Completer, default_pager
from tests.vmcore.small_dump import small_dump


def matches(shell, line):
    before, _, word = line.rpartition(" ")
    return Completer(shell).matches(before + " " if before else "", word)


def test_completion(shell):
    assert matches(shell, "fore") == ["foreach"]
    assert "struct" in matches(shell, "st")
    assert "help" in matches(shell, "help he")
    assert matches(shell, "p init_tas") == ["init_task"]
    assert "schedule" in matches(shell, "bt -a | grep x; dis sched") or "schedule" in matches(shell, "dis sched")
    assert matches(shell, "dis s") == []
    assert "prog.symbol(" in matches(shell, "x = prog.symbo")
    assert matches(shell, "x = nothing.") == []


def test_the_pager_is_the_users(monkeypatch):
    monkeypatch.setenv("PAGER", "more")
    assert default_pager() == "more"
    monkeypatch.delenv("PAGER")
    monkeypatch.setenv("PATH", "/nothing")
    assert default_pager() is None


class Terminal:
    """Someone who types."""

    def __init__(self, arguments, environment):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lastwords", "shell", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "dumb", **environment},
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def until(self, text, seconds=60.0, nudge=lambda: None):
        """What came before `text`; `nudge` is called after five seconds of silence."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.master], [], [], 5)[0]:
                try:
                    self.seen += os.read(self.master, 4096).decode()
                except OSError:
                    break
            else:
                nudge()
        assert text in self.seen, self.seen
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.master, text.encode())

    def interrupt(self):
        self.type("\x03")


@pytest.fixture
def terminal(tmp_path):
    small_dump(tmp_path / "vmcore")
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "PAGER": "cat"}
    opened = Terminal([str(tmp_path / "vmcore"), "--no-debuginfo"], state)
    yield opened
    opened.process.kill()
    opened.process.wait()
    os.close(opened.master)


def test_a_session(terminal, tmp_path):
    assert "RELEASE: 6.1.0-56-cloud-amd64" in terminal.until("lastwords> ")
    terminal.type("p 1 + 1\n")
    assert "1 + 1 = (long)2" in terminal.until("lastwords> ")
    terminal.type("sym nothing\n")
    assert "no symbol nothing" in terminal.until("lastwords> ")
    terminal.type("for x in range(2):\n")
    terminal.until("...> ")
    terminal.type("    print('got', x)\n")
    terminal.until("...> ")
    terminal.type("\n")
    assert "got 0\r\ngot 1" in terminal.until("lastwords> ")
    terminal.type("nonsense")
    terminal.until("nonsense")
    terminal.interrupt()
    # CPython's readline loses a signal that comes while it still takes in the characters before.
    terminal.until("lastwords> ", nudge=terminal.interrupt)
    terminal.type("1/0\n")
    assert "ZeroDivisionError" in terminal.until("lastwords> ")
    terminal.type("p init_ta\t\n")
    assert "init_task = (struct task_struct)" in terminal.until("lastwords> ")
    terminal.type("quit\n")
    assert terminal.process.wait(30) == 0
    history = tmp_path / "state" / "lastwords" / "shell_history"
    assert "p 1 + 1" in history.read_text()
    assert history.stat().st_mode & 0o77 == 0


def test_an_end_of_input_leaves(terminal):
    terminal.until("lastwords> ")
    terminal.type("\x04")
    assert terminal.process.wait(30) == 0
