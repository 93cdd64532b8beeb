"""Stacks, tables and logs from a dump as text."""

import pytest

from lastwords.glossary.units import size
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
from lastwords.report.backtraces import cpus_one_by_one, groups_of_tasks, tasks_one_by_one
from lastwords.report.dmesg import dmesg
from lastwords.report.machine import sections
from lastwords.report.machine_tables import file_table, module_details, module_table, task_table, task_tree

SYMBOLS = Symbols(source="dwarf", release="6.1.0")


def text(lines):
    return [line.plain for line in lines]


def frame(function, address=0xFFFFFFFF81000000, **more):
    return StackFrame(function=function, address=address, offset=0x10, **more)


SLEEP = (frame("__schedule"), frame("schedule", 0xFFFFFFFF81000100))


def task(pid, comm="task", state="S", **more):
    return Task(pid=pid, tgid=more.pop("tgid", pid), comm=comm, state=state, **more)


def crashed(*stack, verbose=False, **more):
    """The lines of a CPU that crashed."""
    cpu = Cpu(number=3, pid=95, comm="insmod", context="task", crashing=True, stack=stack, **more)
    machine = Machine(
        release="6.1.0", panic=Panic(message="Fatal exception", report="BUG: unable to handle it", cpu=3), cpus=(cpu,)
    )
    return text(cpus_one_by_one(machine, (cpu,), SYMBOLS, verbose=verbose))


def test_the_crash():
    stack = (
        frame("delay_tsc", interrupted=True, registers={"rip": 1}, variables={"cycles": "(u64)1"}),
        frame("panic", variables={"buf": "x"}),
        StackFrame(function="get_desc", inline=True, file="lab.h", line=7),
        frame("lab_read", module="lab", interrupted=True, file="lab.c", line=12,
              registers={"rax": 0, "rip": 0xFFFFFFFF81000000, "cs": 16, "fs.base": 1},
              variables={"req": "(void *)0x0"}),
        frame("vfs_read", variables={"count": "(size_t)4"}),
        StackFrame(function="0x47fbe9", address=0x47FBE9, user=True, interrupted=True, registers={"rip": 0x47FBE9}),
    )  # fmt: skip
    lines = crashed(*stack)
    assert lines[:3] == [
        "6.1.0: names and lines from debuginfo",
        "BUG: unable to handle it",
        "Kernel panic: Fatal exception",
    ]
    assert lines[4] == "CPU 3  insmod (PID 95)  in the kernel, for a task  crashed here"
    # Registers and variables from the frame on that faulted; those of the panic's own work tell nothing.
    assert [line.split() for line in lines[5:]] == [
        ["#0", "delay_tsc+0x10"],
        ["#1", "panic+0x10"],
        ["#2", "get_desc", "(inlined)", "lab.h:7"],
        ["#3", "lab_read+0x10", "[lab]", "lab.c:12", "interrupted"],
        ["req", "=", "(void", "*)0x0"],
        ["rip", "ffffffff81000000", "rax", "0000000000000000"],
        ["#4", "vfs_read+0x10"],
        ["count", "=", "(size_t)4"],
        ["user", "space,", "at", "0x47fbe9"],
    ]
    everything = "\n".join(crashed(*stack, verbose=True))
    assert "cycles = (u64)1" in everything
    assert "buf = x" in everything
    assert "000000000047fbe9" in everything


def test_recursion_is_folded():
    stack = (frame("top", 1), *[frame("parse", 2)] * 60, frame("bottom", 3))
    lines = crashed(*stack)[5:]
    assert [line.split() for line in lines] == [
        ["#0", "top+0x10"],
        ["#1", "parse+0x10"],
        ["…", "and", "59", "times", "more"],
        ["#61", "bottom+0x10"],
    ]


def test_a_stack_that_ends_early_says_why():
    lines = crashed(stack_error="the page is not in the dump")
    assert lines[-1] == "    the page is not in the dump"


def test_who_else_wants_the_cpu():
    assert "among them PIDs 95, 96" in crashed(running=2, runnable=(95, 96))[-1]
    assert "among them" not in "".join(crashed(running=1, runnable=(95,)))


def test_equal_stacks_stand_together():
    tasks = [task(n, f"wait/{n}", "D", stack=SLEEP, waiting=float(n)) for n in range(1, 41)]
    tasks += [task(50, "other", stack=(frame("poll"),)), task(51, "gone", "Z", stack_error="no page")]
    lines = text(groups_of_tasks(tasks))
    assert lines[0].startswith("40 tasks in state D, the longest for 40.0 s: wait/1 (1), wait/2 (2)")
    assert lines[0].endswith("and 28 more")
    assert lines[1].split() == ["#0", "__schedule+0x10"]
    assert "1 task in state S: other (50)" in lines
    assert lines[-1] == "1 without a stack (no page): gone (51)"


def test_tasks_one_by_one():
    shown = task(7, "kswapd0", "D", cpu=2, waiting=125.0, address=0xFFFF888000001000, stack=SLEEP)
    lines = text(tasks_one_by_one([shown, task(8, running=True, cpu=1)]))
    assert lines[0] == "PID 7  kswapd0  D for 2 min 5 s last on CPU 2  task 0xffff888000001000"
    assert lines[-1] == "PID 8  task  S on CPU 1"


def test_names_from_the_dump_are_made_harmless():
    evil = "\x1b[2Jx\n"
    tasks = [task(1, evil, stack=(StackFrame(function=evil, module=evil, file=evil, line=1, address=5),))]
    module = Module(name=evil, version=evil, parameters={evil: evil}, users=(evil,))
    lines = [
        *text(groups_of_tasks(tasks)), *text(tasks_one_by_one(tasks)), *text(task_table(tasks)),
        *text(task_tree(tasks)),
        *text(module_table([module], [UnloadedModule(name=evil)])), *text(module_details([module])),
        *text(file_table([OpenFile(pid=1, fd=0, path=evil)])), *dmesg([Record(1, evil)]),
    ]  # fmt: skip
    assert not [line for line in lines if "\x1b" in line]
    assert all("\n" not in line.strip("\n") for line in lines)


def test_task_table():
    lines = text(task_table([task(95, "insmod", "R", ppid=1, cpu=0, running=True, rss=929792),
                             task(2, "kthreadd", ppid=0, cpu=1, kernel_thread=True, waiting=1.5)]))  # fmt: skip
    assert lines[1].split() == [">", "95", "1", "0", "R", "-", "908", "KiB", "insmod"]
    assert lines[2].split() == ["2", "0", "1", "S", "1.5", "s", "-", "[kthreadd]"]
    assert len({line.rindex(name) for line, name in zip(lines, ("COMMAND", "insmod", "[kthreadd]"), strict=True)}) == 1


def test_task_tree():
    tasks = [
        task(1, "init", ppid=0),
        task(10, "sh", ppid=1),
        task(11, "thread", ppid=0, tgid=10),
        task(12, "ls", ppid=10),
    ]
    assert [line.split("-  ")[-1] for line in text(task_tree(tasks))[1:]] == ["init", "  sh", "    thread", "    ls"]
    # Of a damaged dump: each the other's parent. All are shown.
    loop = [task(1, "a", ppid=2), task(2, "b", ppid=1), task(3, "c", ppid=3)]
    assert sorted(line.split()[-1] for line in text(task_tree(loop))[1:]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, "-"), (0, "0 B"), (512, "512 B"), (4096, "4.00 KiB"), (1703936, "1.62 MiB"), (300 << 30, "300 GiB")],
)
def test_size(number, shown):
    assert size(number) == shown


def test_modules():
    lab = Module(name="lab", address=0xFFFFFFFFC0524000, size=16384, version="1.0", taints="OE", state="coming",
                 references=1, users=("user",), parameters={"on": "Y"}, build_id="ab")  # fmt: skip
    lines = text(module_table([lab, Module(name="virtio")], [UnloadedModule(name="gone", taints="P")]))
    assert lines[1].split() == [
        "lab",
        "0xffffffffc0524000",
        "16.0",
        "KiB",
        "1",
        "OE",
        "coming",
        "1.0",
        "used",
        "by",
        "user",
    ]
    assert lines[2].split() == ["virtio", "-", "-", "-"]
    assert lines[3] == "\nunloaded before: gone (P)"
    assert "    on = Y" in text(module_details([lab]))


def test_dmesg():
    line = Record(1, "BUG: bad", time=2.895912, caller="T95", level=1, wall="2026-11-24T05:49:32Z")
    assert list(dmesg([line])) == ["[    2.895912] BUG: bad\n"]
    assert list(dmesg([line], wall=True)) == ["[2026-11-24T05:49:32Z] BUG: bad\n"]
    assert list(dmesg([line], raw=True)) == ["<1>[    2.895912][   T95] BUG: bad\n"]
    assert list(dmesg([line], colour=True)) == ["\x1b[32m[    2.895912]\x1b[0m \x1b[1;31mBUG: bad\x1b[0m\n"]
    assert list(dmesg([Record(1, "no time")], raw=True)) == ["no time\n"]


@pytest.mark.parametrize("source", ["none", "btf"])
def test_what_is_lost_with_the_types_is_told_once(source):
    parts = tuple(Part(name=name, seconds=0.1, error=f"{name}_list is not known") for name in ("tasks", "modules"))
    machine = Machine(release="6.1.0", symbols=Symbols(source=source, release="6.1.0"), parts=parts)
    (lines,) = [text(lines) for title, lines in sections(machine) if title == "The machine"]
    told = [line for line in lines if line.startswith("could not be read: ")]
    if source == "none":
        assert told == ["could not be read: tasks, modules: the kernel's types are not in the dump"]
    else:
        assert [line.split(": ")[1] for line in told] == ["tasks", "modules"]
