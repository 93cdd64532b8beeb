"""The commands bt, ps, mod, files and log: what they ask for, print, and end with."""

import importlib
import json
import os
import sys
from types import SimpleNamespace

import click
import msgspec
import pytest
from click.testing import CliRunner

from lastwords.cli import dump_view
from lastwords.cli.main import LazyCommands, run
from lastwords.model import (
    BlockIo,
    Cpu,
    Locks,
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
from lastwords.model.dump import Dump, DumpCheck
from lastwords.vmcore import verify
from lastwords.vmcore.session import DumpError, Reading, Rescued, Sources

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
def dumps(monkeypatch):
    """Runs a command on a reading; remembers the question."""

    asked = SimpleNamespace(question=None)

    def command(name, *arguments, machine=MACHINE, error=None, **fields):
        def read_dump(question, **_):
            asked.question = question
            if error is not None:
                raise DumpError(error)
            return Reading(
                machine=machine,
                dump=Dump(format="elf", paths=("vmcore",)),
                symbols=Symbols(source="btf", release="6.1.0"),
                **fields,
            )

        monkeypatch.setattr(
            dump_view, "sources_of", lambda paths, *, vmlinux, **_: Sources(dump=tuple(paths), vmlinux=vmlinux)
        )
        monkeypatch.setattr(dump_view, "read_dump", read_dump)
        module = importlib.import_module(f"lastwords.cli.{name}")
        return CliRunner().invoke(module.command, ["vmcore", *arguments])

    asked.run = command
    return asked


def pids(result):
    return [task["pid"] for task in json.loads(result.stdout)["tasks"]]


def test_bt_shows_the_crash(dumps):
    result = dumps.run("bt")
    assert result.exit_code == 0
    assert "CPU 1  insmod (PID 95)" in result.stdout
    assert "CPU 0" not in result.stdout
    assert dumps.question.parts == ("cpus", "panic")


def test_bt_of_cpus(dumps):
    assert "CPU 0" in dumps.run("bt", "-a").stdout
    assert "CPU 1" not in dumps.run("bt", "-c", "0").stdout
    result = dumps.run("bt", "-c", "9")
    assert (result.exit_code, result.stderr) == (1, "lastwords: no such CPU\n")


def test_bt_of_a_machine_that_lives(dumps):
    result = dumps.run("bt", machine=Machine(release="6.1.0", cpus=CPUS[:1]))
    assert result.exit_code == 0
    assert "no CPU had crashed" in result.stderr
    assert "CPU 0" in result.stdout


def test_bt_of_stacks_that_are_not_in_the_dump(dumps):
    """Where a CPU stood is shown, and is no stack."""
    lost = tuple(
        Cpu(number=number, stack=STACK, stack_error="ends at 0x1: not in the dump", crashing=number == 1)
        for number in (0, 1)
    )
    for arguments in ((), ("-a",), ("-c", "0")):
        result = dumps.run("bt", *arguments, machine=Machine(release="6.1.0", cpus=lost))
        assert result.exit_code == 2
        assert "#0  panic+0x10" in result.stdout
        assert result.stderr.splitlines()[-1] == "lastwords: no stack can be read: ends at 0x1: not in the dump"
    one_left = (lost[0], Cpu(number=1, stack=STACK, crashing=True))
    assert dumps.run("bt", "-a", machine=Machine(release="6.1.0", cpus=one_left)).exit_code == 0
    tasks = (Task(pid=5, comm="sh", state="S", stack_error="not in the dump"),)
    assert dumps.run("bt", "5", machine=Machine(release="6.1.0", tasks=tasks)).exit_code == 2
    assert dumps.run("bt", "--all-tasks", machine=Machine(release="6.1.0", tasks=(*TASKS, *tasks))).exit_code == 0


def test_bt_of_tasks(dumps):
    assert dumps.run("bt", "95").stdout.startswith("PID 95  insmod")
    assert dumps.run("bt", "init").stdout.startswith("PID 1  init")
    assert dumps.question.parts == ("tasks",)
    assert "1 task in state D for 9.0 s: 7up (7)" in dumps.run("bt", "--state", "D").stdout
    assert "3 tasks in state DRS" in dumps.run("bt", "--all-tasks").stdout
    assert "PID 1  init" in dumps.run("bt", "--all-tasks", "--each").stdout
    result = dumps.run("bt", "nobody")
    assert (result.exit_code, result.stderr) == (1, "lastwords: no such task\n")
    for view in ("bt", "ps"):
        result = dumps.run(view, "--state", "X")
        assert (result.exit_code, result.stderr) == (1, "lastwords: no task in state X\n")
    assert dumps.run("bt", "-a", "95").exit_code == 2


def test_bt_json(dumps):
    document = json.loads(dumps.run("bt", "--json").stdout)
    assert (document["schema"], document["dump"], document["release"]) == ("lastwords.view/1", "vmcore", "6.1.0")
    assert document["symbols"]["source"] == "btf"
    (cpu,) = document["cpus"]
    assert cpu["registers"] == {"rip": "0x8000000000000000"}
    assert cpu["stack"][0]["address"] == "0xffffffff81000010"
    assert "modules" not in document
    assert json.loads(dumps.run("bt", "--all-tasks", "--json").stdout)["stacks"][0]["pids"] == [95, 1, 7]


def test_ps(dumps):
    assert pids(dumps.run("ps", "--json")) == [1, 7, 95]
    assert pids(dumps.run("ps", "--json", "--sort", "wait")) == [7, 1, 95]
    assert pids(dumps.run("ps", "--json", "--sort", "rss")) == [1, 95, 7]
    assert pids(dumps.run("ps", "--json", "--state", "DR")) == [7, 95]
    assert "insmod" in dumps.run("ps", "--tree").stdout
    assert dumps.run("ps", "nobody").exit_code == 1


def test_mod(dumps):
    assert "unloaded before: dummy" in dumps.run("mod").stdout
    assert "virtio" not in dumps.run("mod", "lab-null").stdout
    result = dumps.run("mod", "nvme", "virtio")
    assert (result.exit_code, result.stderr) == (1, "lastwords: no such module: nvme\n")


def test_files(dumps):
    known = msgspec.structs.replace(MACHINE, panic=Panic(cpu=1, pid=95, comm="insmod"))
    assert dumps.run("files", machine=known).stdout.startswith("insmod (PID 95), which crashed\n  FD  MODE")
    assert "/m/lab.ko" in dumps.run("files").stdout
    assert dumps.run("files", "8", files=()).stdout == "PID 8: no open files\n"
    lost = Machine(release="6.1.0", files=(), panic=None)
    assert dumps.run("files", machine=lost).stdout == "the task that crashed: no open files\n"
    result = dumps.run(
        "files", "7", files=(OpenFile(pid=7, fd=0, path="/dev/null"),), files_missing="file 3: not there"
    )
    assert (dumps.question.files_of, dumps.question.parts) == (7, ())
    assert "/dev/null" in result.stdout
    assert "file 3: not there" in result.stderr
    assert dumps.run("files", machine=Machine(release="6.1.0")).exit_code == 1


def test_log(dumps):
    assert dumps.run("log", log=LOG).stdout == "[    1.000000] fine\n[    2.000000] bad\n"
    assert dumps.question.log
    assert dumps.run("log", "--level", "err", log=LOG).stdout == "[    2.000000] bad\n"
    assert dumps.run("log", "-r", "--level", "3", log=LOG).stdout == "<3>[    2.000000] bad\n"
    assert dumps.run("log", "--level", "0", log=LOG).exit_code == 1
    assert dumps.run("log", "--level", "loud", log=LOG).exit_code == 2
    assert [line["text"] for line in json.loads(dumps.run("log", "--json", log=LOG).stdout)["log"]] == ["fine", "bad"]


@pytest.mark.parametrize("name", ["bt", "ps", "mod", "files", "log"])
def test_what_can_not_be_read_is_one_line(dumps, monkeypatch, name):
    if name == "log":
        module = importlib.import_module("lastwords.cli.log")
        monkeypatch.setattr(module, "rescue_log", lambda paths, **_: Rescued())
    result = dumps.run(name, error="vmcore: no \x1bdump")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "lastwords: vmcore: no \\x1bdump\n")


@pytest.mark.parametrize(("name", "part"), [("bt", "cpus"), ("ps", "tasks"), ("mod", "modules"), ("files", "files")])
def test_a_part_that_is_missing_says_why(dumps, name, part):
    result = dumps.run(name, machine=Machine(release="6.1.0", parts=(Part(name=part, seconds=0.1, error="page lost"),)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"lastwords: {part}: not known: page lost\n"


@pytest.mark.parametrize("lost", [{"log_missing": "the page is lost"}, {"error": "the page is lost"}])
def test_a_log_that_can_not_be_found_is_searched_for(dumps, monkeypatch, lost):
    module = importlib.import_module("lastwords.cli.log")
    monkeypatch.setattr(module, "rescue_log", lambda paths, **_: Rescued(text="[ 1.0] one\n[ 2.0] two"))
    result = dumps.run("log", **lost)
    assert (result.exit_code, result.stdout) == (0, "[ 1.0] one\n[ 2.0] two\n")
    assert result.stderr == "lastwords: the page is lost; this was found by searching the dump\n"
    document = json.loads(dumps.run("log", "--json", **lost).stdout)
    assert [(line["time"], line["text"]) for line in document["log"]] == [(1.0, "one"), (2.0, "two")]
    assert document["missing"] == "the page is lost"
    monkeypatch.setattr(module, "rescue_log", lambda paths, **_: Rescued())
    result = dumps.run("log", **lost)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "lastwords: the page is lost\n")


def test_a_wrong_vmlinux_is_no_reason_to_go_without_the_log(dumps, monkeypatch):
    module = importlib.import_module("lastwords.cli.log")
    ask = module.ask

    def choosy(files, *rest, **wanted):
        if files.vmlinux is not None:
            raise DumpError("vmlinux: is of another kernel")
        return ask(files, *rest, **wanted)

    monkeypatch.setattr(module, "ask", choosy)
    result = dumps.run("log", "--vmlinux", "vmlinux", log=LOG)
    assert (result.exit_code, result.stdout) == (0, dumps.run("log", log=LOG).stdout)
    assert result.stderr == "lastwords: vmlinux: is of another kernel; the log takes no debuginfo\n"


def test_what_is_not_whole_is_said(dumps):
    parts = (Part(name="tasks", seconds=0.1, incomplete="the list breaks off"),)
    result = dumps.run("ps", machine=Machine(release="6.1.0", tasks=TASKS, parts=parts))
    assert result.exit_code == 0
    assert result.stderr == "lastwords: not everything can be read: the list breaks off\n"


@pytest.mark.parametrize(("name", "part", "value"), [("locks", "locks", Locks()), ("io", "io", BlockIo())])
def test_nothing_found_is_no_news_where_not_everything_was_read(dumps, name, part, value):
    parts = (Part(name=part, seconds=0.1, incomplete="the list breaks off"),)
    result = dumps.run(name, machine=Machine(release="6.1.0", parts=parts, **{part: value}))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"lastwords: {part}: not known: the list breaks off\n"
    assert dumps.run(name, machine=Machine(release="6.1.0", **{part: value})).exit_code == 0


def test_bt_where_the_crashing_cpu_is_not_known(dumps):
    parts = (Part(name="panic", seconds=0.1, incomplete="the page is lost"),)
    result = dumps.run("bt", machine=Machine(release="6.1.0", cpus=CPUS[:1], parts=parts))
    assert result.exit_code == 2
    assert "not known: the page is lost" in result.stderr


def test_a_damaged_dump_says_so_and_where_to_go_on(dumps, monkeypatch):
    advice = ("lastwords salvage vmcore -o OUT makes a dump of what is left",)
    check = DumpCheck(path="vmcore", verdict="incomplete", summary="half is missing", advice=advice)
    monkeypatch.setattr(verify, "check", lambda paths: check)
    parts = (Part(name="tasks", seconds=0.1, error="page lost"),)
    result = dumps.run("ps", machine=Machine(release="6.1.0", parts=parts))
    assert "lastwords verify vmcore" in result.stderr
    assert "lastwords salvage vmcore -o OUT" in result.stderr


def test_the_vmlinux_may_stand_anywhere(dumps, tmp_path):
    vmlinux = tmp_path / "vmlinux"
    vmlinux.write_bytes(b"\x7fELF\2\1\1" + bytes(9) + b"\2\0" + bytes(100))
    assert dumps.run("bt", str(vmlinux), "95").exit_code == 0
    assert dumps.question.sources.dump == ("vmcore", str(vmlinux))  # as they were handed to be sorted


def test_a_closed_pipe_is_told_apart(monkeypatch):
    class Closed(click.Command):
        def invoke(self, ctx):
            raise BrokenPipeError

    monkeypatch.setattr(LazyCommands, "get_command", lambda *_: Closed("ps"))
    monkeypatch.setattr(sys, "argv", ["lastwords", "ps"])
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 141
