"""COLUMNS is honoured in a pipe too; without it nothing of a log line is broken."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli

ROOT = Path(__file__).parents[2]
CRASH = "examples/storage_mod.log"
COMMAND = "     scripts/"
"""How a step's command begins: it is not broken, so that it can be copied."""


@pytest.fixture(autouse=True)
def _short_paths(monkeypatch):
    monkeypatch.chdir(ROOT)


def widest(*arguments, columns=None):
    done = CliRunner(env={"COLUMNS": columns}).invoke(cli, list(arguments))
    assert done.exit_code == 0
    return max(len(line) for line in done.stdout.splitlines() if not line.startswith(COMMAND))


@pytest.mark.parametrize("command", ["analyze", "annotate", "explain"])
def test_columns(command):
    argument = "RCU stall" if command == "explain" else CRASH
    assert 40 < widest(command, argument, columns="60") <= 60
    assert widest(command, argument, columns="80") > 60


@pytest.mark.parametrize("columns", ["", "0", "-3", "wide", "9" * 50])
def test_nonsense_is_no_width(columns):
    assert widest("analyze", CRASH, columns=columns) == widest("analyze", CRASH)


def test_annotate_in_a_pipe_leaves_log_lines_whole():
    assert widest("annotate", CRASH) > 125
    assert widest("annotate", "--width", "60", CRASH) <= 60


def test_a_command_is_left_whole():
    done = CliRunner(env={"COLUMNS": "60"}).invoke(cli, ["analyze", CRASH])
    commands = [line for line in done.stdout.splitlines() if line.startswith(COMMAND)]
    assert commands
    assert all("# in the kernel's source" in line for line in commands)
