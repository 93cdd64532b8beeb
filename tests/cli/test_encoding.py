"""Output in an encoding that does not have all characters of a report."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lastwords.cli.encoding import NEAR, take_near_characters

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("command", ["analyze", "annotate"])
def test_no_traceback(command, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "lastwords", command, "examples/storage_mod.log"],
        cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert 'reported "BUG: unable to handle' in text if command == "analyze" else "`- < the function to blame" in text


def test_characters_that_have_no_near_one():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    take_near_characters(stream)
    stream.write("“a” → \u65e5")
    stream.flush()
    assert raw.getvalue() == b'"a" -> ?'


def test_utf_8_is_left_alone():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    take_near_characters(stream)
    assert stream.errors == "surrogateescape"


def test_near_ones_are_plain():
    assert all(near.isascii() for near in NEAR.values())
