"""The state of the machine: tables to unfold, the same that `lastwords ps`, `mem`, `locks`, … print."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from markupsafe import Markup
from rich.text import Text

from lastwords.glossary.units import duration, size
from lastwords.model import Cpu, Listing, Machine, StackGroup, Task
from lastwords.report.load_tables import io_tables, irq_tables
from lastwords.report.lock_tables import lock_tables
from lastwords.report.machine_tables import file_table, module_table, task_table
from lastwords.report.memory_tables import memory_tables
from lastwords.report.stack_rows import before_the_end

from .shown import shortened, styled

LINES = 400
"""Lines of one table."""
TASKS = 300
GROUPS = 60
FRAMES = 40
NAMES = 12
LOCKS = 40
CPUS = 64
_WAITERS = 20
_ROWS = 40
_WAITING = re.compile(r"_{0,2}(?:io_|preempt_)?schedule(?:_|$)|context_switch|__switch_to|__?cond_resched")
# Tasks that a reader looks for come first.
_STATES = {"D": 1, "Z": 3, "S": 4, "I": 5}


class Table(NamedTuple):
    """One table: its title, a remark beside it, its lines, and the name of what was left out of them."""

    title: str
    remark: str
    lines: tuple[Markup, ...]
    left_out: str = ""


class Group(NamedTuple):
    """Tasks that stand at the same place: `at` the first function that is not the scheduler's."""

    number: int
    states: str
    waited: str
    names: tuple[str, ...]
    more: int
    at: str
    functions: tuple[str, ...]
    deeper: int


class CpuRow(NamedTuple):
    """What a CPU did; `number` names several where they did the same."""

    number: str
    task: str
    context: str
    function: str
    crashing: bool


def tables(machine: Machine) -> list[Table]:
    """Every table that has something in it."""
    return [table for make in _TABLES if (table := make(machine)) is not None and table.lines]


def _table(title: str, remark: str, lines: Iterable[Text], left_out: str = "") -> Table:
    taken = [styled(line) for line in islice(lines, LINES + 1)]
    cut = "further lines" if len(taken) > LINES else ""
    return Table(title, remark, tuple(taken[:LINES]), left_out or cut)


def _tasks(machine: Machine) -> Table | None:
    tasks = machine.tasks
    if not tasks:
        return None
    states = ", ".join(f"{count} {state}" for state, count in Counter(t.state for t in tasks).most_common(8))
    first = sorted(tasks, key=lambda t: (not t.running, _STATES.get(t.state, 2), -(t.waiting or 0.0)))
    left = f"{len(tasks) - TASKS:,} more tasks" if len(tasks) > TASKS else ""
    return _table("Tasks", f"{len(tasks):,}: {states}", task_table(first[:TASKS]), left)


def _memory(machine: Machine) -> Table | None:
    memory = machine.memory
    if memory is None:
        return None
    remark = f"{size(memory.free)} free of {size(memory.total)}" if memory.total is not None else ""
    return _table("Memory", remark, memory_tables(memory, longest=_ROWS))


def _locks(machine: Machine) -> Table | None:
    locks = machine.locks
    if locks is None or not (locks.held or locks.cycles):
        return None
    left = f"{len(locks.held) - LOCKS} more locks" if len(locks.held) > LOCKS else ""
    remark = f"{len(locks.held)} with waiters" + (f", {len(locks.cycles)} in a circle" if locks.cycles else "")
    shown = type(locks)(held=locks.held[:LOCKS], cycles=locks.cycles[:LOCKS])
    return _table("Locks", remark, lock_tables(shown, longest=_WAITERS), left)


def _io(machine: Machine) -> Table | None:
    if machine.io is None:
        return None
    return _table("Block I/O", f"{len(machine.io.requests)} requests in flight", io_tables(machine.io, longest=_ROWS))


def _interrupts(machine: Machine) -> Table | None:
    found = machine.interrupts
    if found is None:
        return None
    whole = not any(part.name == "interrupts" and (part.error or part.incomplete) for part in machine.parts)
    remark = ", ".join(
        f"{len(items)} {name}"
        for items, name in ((found.timers, "timers overdue"), (found.works, "work items"))
        if items
    )
    return _table("Interrupts, timers, work", remark, irq_tables(found, longest=_ROWS, whole=whole))


def _modules(machine: Machine) -> Table | None:
    if not machine.modules:
        return None
    tainting = sum(bool(module.taints) for module in machine.modules)
    remark = f"{len(machine.modules)}" + (f", {tainting} of them taint the kernel" if tainting else "")
    return _table("Modules", remark, module_table(machine.modules, machine.unloaded_modules or ()))


def _files(machine: Machine) -> Table | None:
    if not machine.files:
        return None
    return _table("Open files of the task that crashed", str(len(machine.files)), file_table(machine.files))


def _settings(machine: Machine) -> Table | None:
    if not machine.sysctls:
        return None
    lines = (Text(shortened(f"{name} = {value}")) for name, value in sorted(machine.sysctls.items()))
    return _table("Settings that decide what happens in a crash", "", lines)


_TABLES: tuple[Callable[[Machine], Table | None], ...] = (
    _tasks,
    _memory,
    _locks,
    _io,
    _files,
    _interrupts,
    _modules,
    _settings,
)


def groups(machine: Machine) -> tuple[list[Group], int]:
    """Tasks grouped by equal stacks, and how many groups are left out.

    Blocked tasks come first, then what runs, then the largest groups.
    """
    found = machine.stacks or ()
    by_pid = {task.pid: task for task in machine.tasks or ()}
    first = sorted(found, key=lambda group: ("D" not in group.states, not _runs_something(group), -len(group.pids)))
    return [_group(group, by_pid) for group in first[:GROUPS]], max(len(found) - GROUPS, 0)


def _runs_something(group: StackGroup) -> bool:
    """Idle tasks are always runnable, and PID 0."""
    return "R" in group.states and any(group.pids)


def _group(group: StackGroup, tasks: dict[int, Task]) -> Group:
    members = [tasks[pid] for pid in group.pids if pid in tasks]
    waits = [task.waiting for task in members if task.waiting is not None]
    names = [f"{tasks[pid].comm} ({pid})" if pid in tasks else f"PID {pid}" for pid in group.pids[:NAMES]]
    return Group(
        number=len(group.pids),
        states=group.states,
        waited=duration(max(waits)) if waits else "",
        names=tuple(names),
        more=max(len(group.pids) - NAMES, 0),
        at=next((name for name in group.functions if not _WAITING.match(name)), "".join(group.functions[:1])),
        functions=group.functions[:FRAMES],
        deeper=max(len(group.functions) - FRAMES, 0),
    )


_CONTEXTS = {
    "idle": "idle",
    "user": "in user space",
    "task": "in the kernel",
    "softirq": "in a softirq",
    "hardirq": "in an interrupt",
    "nmi": "in an NMI",
}


def cpu_rows(machine: Machine) -> tuple[list[CpuRow], int]:
    """What each CPU did, those that were idle in one row; and how many are left out."""
    cpus = machine.cpus or ()
    idle = [cpu for cpu in cpus if cpu.online and not cpu.crashing and (cpu.context == "idle" or cpu.pid == 0)]
    busy = [cpu for cpu in cpus if cpu not in idle]
    busy.sort(key=lambda cpu: not cpu.crashing)
    rows = [_cpu(cpu, machine.code if cpu.crashing else None) for cpu in busy[:CPUS]]
    if idle:
        rows.append(CpuRow(_ranges([cpu.number for cpu in idle]), "", "idle", "", False))
    return rows, max(len(busy) - CPUS, 0)


def _cpu(cpu: Cpu, code: Listing | None) -> CpuRow:
    task = f"{cpu.comm or '?'} ({cpu.pid})" if cpu.pid is not None else "not known"
    context = _CONTEXTS.get(cpu.context or "", "") if cpu.online else "offline"
    at = next((line for line in code.lines if line.marked), None) if code else None
    stood = (
        f"{code.function}+{at.offset:#x}{f' [{code.module}]' if code.module else ''}" if code and at else _stood(cpu)
    )
    return CpuRow(str(cpu.number), task, context, stood, cpu.crashing)


def _stood(cpu: Cpu) -> str:
    """Where the CPU was before the crash stopped it."""
    if not cpu.stack:
        return cpu.stack_error or ""
    frame = cpu.stack[before_the_end(cpu.stack)]
    if frame.user:
        return ""
    offset = f"+{frame.offset:#x}" if frame.offset is not None else ""
    return f"{frame.function}{offset}{f' [{frame.module}]' if frame.module else ''}"


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in a row as `4-7`."""
    return ", ".join(_runs(sorted(numbers)))


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    start = None
    for place, number in enumerate(numbers):
        start = number if start is None else start
        if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
            yield str(start) if start == number else f"{start}-{number}"
            start = None
