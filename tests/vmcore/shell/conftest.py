"""A shell over a made-up kernel: few types, few symbols, no tasks."""

import pytest

from lastwords.report.escape import printable
from lastwords.vmcore.program import open_program
from lastwords.vmcore.shell import Shell
from tests.vmcore.small_dump import small_dump


@pytest.fixture
def shell(tmp_path):
    path = tmp_path / "vmcore"
    small_dump(path)
    return Shell(open_program(path, debuginfo=False), str(path), printable)


@pytest.fixture
def run(shell, capsys):
    """Run a line; gives what it printed and what it complained of."""

    def run(line):
        shell.run(line)
        said = capsys.readouterr()
        return said.out, said.err

    return run
