"""The commands bt, ps, mod, files and log: what they ask for, print, and end with."""

import importlib
import json

import pytest
from click.testing import CliRunner

from lastwords.cli import dump_view
from lastwords.model import (
    Cpu,
    Machine,
    Module,
    OpenFile,
    Panic,
    Part,
    Record,
    StackFrame,
    Symbols,
    Task,
    UnloadedModule,
)
from lastwords.vmcore.session import DumpError, Reading, Sources

STACK = (StackFrame(function="panic", address=0xFFFFFFFF81000010, offset=16),)
CPUS = (
    Cpu(number=0, pid=0, comm="swapper/0", context="idle", stack=STACK),
    Cpu(number=1, pid=95, comm="insmod", context="task", crashing=True, stack=STACK, registers={"rip": 1 << 63}),
)
TASKS = (
    Task(pid=95, tgid=95, comm="insmod", state="R", running=True, rss=5 << 20, stack=STACK),
    Task(pid=1, tgid=1, comm="init", state="S", waiting=2.0, rss=9 << 20, stack=STACK),
    Task(pid=7, tgid=7, comm="7up", state="D", waiting=9.0, stack=STACK, address=0xFFFF888000001000),
)
MACHINE = Machine(
    release="6.1.0",
    panic=Panic(message="Fatal exception", cpu=1),
    cpus=CPUS,
    tasks=TASKS,
    modules=(Module(name="lab_null", taints="OE"), Module(name="virtio")),
    unloaded_modules=(UnloadedModule(name="dummy"),),
    files=(OpenFile(pid=95, fd=3, path="/m/lab.ko"),),
)
LOG = (Record(1, "fine", time=1.0, level=6), Record(2, "bad", time=2.0, level=3))


@pytest.fixture
def run(monkeypatch):
    """Runs a command on a reading; remembers the question."""

    def command(name, *arguments, machine=MACHINE, error=None, **fields):
        def read_dump(question, **_):
            command.question = question
            if error is not None:
                raise DumpError(error)
            return Reading(machine=machine, symbols=Symbols(source="btf", release="6.1.0"), **fields)

        monkeypatch.setattr(dump_view, "sources_of", lambda paths, **more: Sources(dump=tuple(paths)))
        monkeypatch.setattr(dump_view, "read_dump", read_dump)
        module = importlib.import_module(f"lastwords.cli.{name}")
        return CliRunner().invoke(module.command, ["vmcore", *arguments])

    return command


def pids(result):
    return [task["pid"] for task in json.loads(result.stdout)["tasks"]]


def test_bt_shows_the_crash(run):
    result = run("bt")
    assert result.exit_code == 0
    assert "CPU 1  insmod (PID 95)" in result.stdout
    assert "CPU 0" not in result.stdout
    assert run.question.parts == ("cpus", "panic")


def test_bt_of_cpus(run):
    assert "CPU 0" in run("bt", "-a").stdout
    assert "CPU 1" not in run("bt", "-c", "0").stdout
    result = run("bt", "-c", "9")
    assert (result.exit_code, result.stderr) == (1, "lastwords: no such CPU\n")


def test_bt_of_a_machine_that_lives(run):
    result = run("bt", machine=Machine(release="6.1.0", cpus=CPUS[:1]))
    assert result.exit_code == 0
    assert "no CPU had crashed" in result.stderr
    assert "CPU 0" in result.stdout


def test_bt_of_tasks(run):
    assert run("bt", "95").stdout.startswith("PID 95  insmod")
    assert run("bt", "init").stdout.startswith("PID 1  init")
    assert run.question.parts == ("tasks",)
    assert "1 task in state D for 9.0 s: 7up (7)" in run("bt", "--state", "D").stdout
    assert "3 tasks in state DRS" in run("bt", "--all-tasks").stdout
    assert "PID 1  init" in run("bt", "--all-tasks", "--each").stdout
    result = run("bt", "nobody")
    assert (result.exit_code, result.stderr) == (1, "lastwords: no such task\n")
    assert run("bt", "-a", "95").exit_code == 2


def test_bt_json(run):
    document = json.loads(run("bt", "--json").stdout)
    assert (document["schema"], document["dump"], document["release"]) == ("lastwords.view/1", "vmcore", "6.1.0")
    assert document["symbols"]["source"] == "btf"
    (cpu,) = document["cpus"]
    assert cpu["registers"] == {"rip": "0x8000000000000000"}
    assert cpu["stack"][0]["address"] == "0xffffffff81000010"
    assert "modules" not in document
    assert json.loads(run("bt", "--all-tasks", "--json").stdout)["stacks"][0]["pids"] == [95, 1, 7]


def test_ps(run):
    assert pids(run("ps", "--json")) == [1, 7, 95]
    assert pids(run("ps", "--json", "--sort", "wait")) == [7, 1, 95]
    assert pids(run("ps", "--json", "--sort", "rss")) == [1, 95, 7]
    assert pids(run("ps", "--json", "--state", "DR")) == [7, 95]
    assert "insmod" in run("ps", "--tree").stdout
    assert run("ps", "nobody").exit_code == 1


def test_mod(run):
    assert "unloaded before: dummy" in run("mod").stdout
    assert "virtio" not in run("mod", "lab-null").stdout
    result = run("mod", "nvme", "virtio")
    assert (result.exit_code, result.stderr) == (1, "lastwords: no such module: nvme\n")


def test_files(run):
    assert "/m/lab.ko" in run("files").stdout
    result = run("files", "7", files=(OpenFile(pid=7, fd=0, path="/dev/null"),), files_missing="file 3: not there")
    assert (run.question.files_of, run.question.parts) == (7, ())
    assert "/dev/null" in result.stdout
    assert "file 3: not there" in result.stderr
    assert run("files", machine=Machine(release="6.1.0")).exit_code == 1


def test_log(run):
    assert run("log", log=LOG).stdout == "[    1.000000] fine\n[    2.000000] bad\n"
    assert run.question.log
    assert run("log", "--level", "err", log=LOG).stdout == "[    2.000000] bad\n"
    assert run("log", "-r", "--level", "3", log=LOG).stdout == "<3>[    2.000000] bad\n"
    assert run("log", "--level", "0", log=LOG).exit_code == 1
    assert run("log", "--level", "loud", log=LOG).exit_code == 2
    assert [line["text"] for line in json.loads(run("log", "--json", log=LOG).stdout)["log"]] == ["fine", "bad"]


@pytest.mark.parametrize("name", ["bt", "ps", "mod", "files", "log"])
def test_what_can_not_be_read_is_one_line(run, name):
    result = run(name, error="vmcore: no \x1bdump")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "lastwords: vmcore: no \\x1bdump\n")


@pytest.mark.parametrize(("name", "part"), [("bt", "cpus"), ("ps", "tasks"), ("mod", "modules"), ("files", "files")])
def test_a_part_that_is_missing_says_why(run, name, part):
    result = run(name, machine=Machine(release="6.1.0", parts=(Part(name=part, seconds=0.1, error="page lost"),)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"lastwords: the {part} can't be read: page lost\n"


def test_an_empty_log_says_why(run):
    result = run("log", log_missing="the page is lost")
    assert (result.exit_code, result.stderr) == (2, "lastwords: no kernel log: the page is lost\n")


def test_what_is_not_whole_is_said(run):
    parts = (Part(name="tasks", seconds=0.1, incomplete="the list breaks off"),)
    result = run("ps", machine=Machine(release="6.1.0", tasks=TASKS, parts=parts))
    assert result.exit_code == 0
    assert result.stderr == "lastwords: not everything can be read: the list breaks off\n"
