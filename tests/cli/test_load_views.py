"""The commands mem, locks, io and irq: what they ask for, print, and end with."""

import importlib
import json

import pytest
from click.testing import CliRunner

from lastwords.cli import dump_view
from lastwords.model import BlockIo, Interrupts, Lock, LockCycle, Locks, Machine, Memory, Part, Symbols, Waiter
from lastwords.vmcore.session import DumpError, Reading, Sources

WAITER = Waiter(pid=1, comm="flush", state="D")
LOCK = Lock(kind="mutex", address=0xA0, name="table_lock", owner=1, waiters=(WAITER,))
MACHINE = Machine(
    release="6.1.0",
    memory=Memory(total=1 << 30, free=0),
    locks=Locks(held=(LOCK,), cycles=(LockCycle(pids=(1,), locks=(0xA0,)),)),
    io=BlockIo(),
    interrupts=Interrupts(cpus=(0,), softirqs={"TIMER": (7,)}),
)
VIEWS = {"mem": "memory", "locks": "locks", "io": "io", "irq": "interrupts"}


@pytest.fixture
def run(monkeypatch):
    def command(name, *arguments, machine=MACHINE, error=None):
        def read_dump(question, **_):
            assert question.parts == (VIEWS[name],)
            if error is not None:
                raise DumpError(error)
            return Reading(machine=machine, symbols=Symbols(source="btf", release="6.1.0"))

        monkeypatch.setattr(dump_view, "sources_of", lambda paths, **more: Sources(dump=tuple(paths)))
        monkeypatch.setattr(dump_view, "read_dump", read_dump)
        module = importlib.import_module(f"lastwords.cli.{name}")
        return CliRunner().invoke(module.command, ["vmcore", *arguments])

    return command


@pytest.mark.parametrize(
    ("name", "shown"),
    [("mem", "MEMORY"), ("locks", "DEADLOCK of 1 tasks"), ("io", "no disks"), ("irq", "TIMER")],
)
def test_text(run, name, shown):
    result = run(name)
    assert shown in result.stdout
    assert result.exit_code == (1 if name == "locks" else 0)


@pytest.mark.parametrize("name", VIEWS)
def test_json_has_the_part_and_nothing_else_of_the_machine(run, name):
    found = json.loads(run(name, "--json").stdout)
    assert found["schema"] == "lastwords.view/1"
    assert set(found) & {"memory", "locks", "io", "interrupts", "tasks"} == {VIEWS[name]}


def test_no_deadlock_is_no_failure(run):
    result = run("locks", machine=Machine(release="6.1.0", locks=Locks(held=(LOCK,))))
    assert result.exit_code == 0
    assert "table_lock" in result.stdout


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_missing_is_one_line(run, name):
    part = Part(name=VIEWS[name], seconds=0.0, error="address is not mapped: 0x10")
    result = run(name, machine=Machine(release="6.1.0", parts=(part,)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"lastwords: {VIEWS[name]}: not known: address is not mapped: 0x10\n"
    assert run(name, error="vmcore: no dump").stderr == "lastwords: vmcore: no dump\n"


def test_what_is_not_whole_is_said_beside_what_is_there(run):
    part = Part(name="memory", seconds=0.0, incomplete="swap: not in the dump")
    result = run("mem", machine=Machine(release="6.1.0", memory=Memory(total=1), parts=(part,)))
    assert (result.exit_code, result.stderr) == (
        0, "lastwords: not everything can be read: swap: not in the dump\n",
    )  # fmt: skip
