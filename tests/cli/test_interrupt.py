"""Ctrl-C and readers that go away: the statuses that shells expect, and nothing on stderr."""

import signal
import subprocess
import sys

import pytest

DURING_IMPORTS = """
import sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == {name!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
sys.argv = ["lastwords", "explain", "RIP"]
from lastwords.__main__ import main
main()
"""


@pytest.mark.parametrize("command", [["analyze"], ["scan"], ["scan", "-j", "2"], ["annotate"]], ids=" ".join)
def test_while_reading(command):
    process = subprocess.Popen(
        [sys.executable, "-m", "lastwords", *command, "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(b"[    1.000000] a line\n" * 50_000)  # more than the pipe holds: behind this, it is reading
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")


@pytest.mark.parametrize("name", ["lastwords.cli.main", "click", "lastwords.cli.explain", "lastwords.glossary.book"])
def test_while_importing(name):
    done = subprocess.run(
        [sys.executable, "-c", DURING_IMPORTS.format(name=name)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_goes_away():
    done = subprocess.run(
        f"{sys.executable} -m lastwords explain --list | true; exit ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, "")
