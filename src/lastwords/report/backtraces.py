"""Stacks from a dump, as text: what `lastwords bt` prints."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile

from rich.text import Text

from lastwords.glossary.units import duration
from lastwords.model import Cpu, Machine, StackFrame, Symbols, Task, stack_groups

from .escape import printable

_FOLDED = 4
"""Equal frames in a row that are worth one line for all behind the first."""
_PIDS = 12
"""Tasks named of a group, unless there are only a few more."""
_CONTEXTS = {
    "idle": "idle",
    "user": "in user space",
    "task": "in the kernel, for a task",
    "softirq": "in a softirq",
    "hardirq": "in an interrupt",
    "nmi": "in an NMI",
}
_SOURCES = {
    "dwarf": "names and lines from debuginfo",
    "btf": "names from the dump itself; no debuginfo, so no lines and variables",
    "kallsyms": "names from the dump itself; no types",
    "none": "no names: the dump's symbol table can't be read",
}
# Registers in the order in which a crash report prints them; others follow as they come.
_REGISTERS = ("rip", "rsp", "rflags", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp")
_ROW = 4
_WIDE = 46
"""Columns for a frame's function, so that source lines stand below each other."""


def cpus_one_by_one(
    machine: Machine, cpus: Sequence[Cpu], symbols: Symbols, *, verbose: bool = False
) -> Iterator[Text]:
    """The stacks of CPUs.

    Args:
        machine: for the panic's message.
        cpus: those to show.
        symbols: where the names come from.
        verbose: registers and variables of all frames; else of those that were interrupted, and those behind them.
    """
    yield Text(f"{printable(machine.release)}: {_SOURCES.get(symbols.source, symbols.source)}", "dim")
    if machine.panic is not None:
        message = f"Kernel panic: {machine.panic.message}" if machine.panic.message else ""
        yield from (Text(printable(each), "bold red") for each in (machine.panic.report, message) if each)
    for cpu in cpus:
        yield Text()
        yield _cpu_title(cpu)
        yield from _frames(cpu.stack, cpu.stack_error, detailed=cpu.crashing or verbose, verbose=verbose)
        if cpu.runnable and (len(cpu.runnable) > 1 or cpu.pid not in cpu.runnable):
            yield Text(f"    {cpu.running} runnable, among them PIDs {_pids(cpu.runnable)}", "dim")


def _cpu_title(cpu: Cpu) -> Text:
    who = f"  {printable(cpu.comm or '?')} (PID {cpu.pid})" if cpu.pid is not None else "  task not known"
    parts = [_CONTEXTS.get(cpu.context or "", "")] if cpu.context else []
    parts += [] if cpu.online else ["offline"]
    title = Text.assemble((f"CPU {cpu.number}", "bold"), who, f"  {', '.join(parts)}" if parts else "")
    return title + Text("  crashed here", "bold red") if cpu.crashing else title


def tasks_one_by_one(tasks: Iterable[Task]) -> Iterator[Text]:
    """The stacks of tasks, one after the other."""
    for number, task in enumerate(tasks):
        if number:
            yield Text()
        yield Text.assemble((f"PID {task.pid}", "bold"), f"  {printable(task.comm)}  {_state(task)}")
        yield from _frames(task.stack, task.stack_error)


def _state(task: Task) -> str:
    cpu = f" {'on' if task.running else 'last on'} CPU {task.cpu}" if task.cpu is not None else ""
    waiting = f" for {duration(task.waiting)}" if task.waiting is not None else ""
    address = f"  task {task.address:#x}" if task.address else ""
    return f"{task.state}{waiting}{cpu}{address}"


def groups_of_tasks(tasks: Sequence[Task]) -> Iterator[Text]:
    """Stacks of tasks, equal ones together, the most frequent first."""
    by_pid = {task.pid: task for task in tasks}
    groups = stack_groups(tasks)
    for number, group in enumerate(groups):
        members = [by_pid[pid] for pid in group.pids]
        if number:
            yield Text()
        count = f"{len(members)} task{'s' if len(members) > 1 else ''}"
        yield Text.assemble((count, "bold"), f" in state {group.states}{_longest(members)}: ", _named(members))
        yield from _frames(members[0].stack, members[0].stack_error)
    yield from _without_stack([task for task in tasks if not task.stack])


def _longest(tasks: Iterable[Task]) -> str:
    """How long the longest has waited."""
    waited = [task.waiting for task in tasks if task.waiting is not None]
    if not waited:
        return ""
    return f", the longest for {duration(max(waited))}" if len(waited) > 1 else f" for {duration(waited[0])}"


def _named(tasks: Sequence[Task]) -> str:
    shown = tasks if len(tasks) <= _PIDS + 2 else tasks[:_PIDS]
    more = f" and {len(tasks) - len(shown)} more" if len(shown) < len(tasks) else ""
    return ", ".join(f"{printable(task.comm)} ({task.pid})" for task in shown) + more


def _without_stack(tasks: Sequence[Task]) -> Iterator[Text]:
    reasons: dict[str, list[Task]] = {}
    for task in tasks:
        reasons.setdefault(task.stack_error or "no stack", []).append(task)
    for reason, members in reasons.items():
        yield Text()
        yield Text(f"{len(members)} without a stack ({printable(reason)}): {_named(members)}", "yellow")


def _pids(pids: Sequence[int]) -> str:
    more = f" and {len(pids) - _PIDS} more" if len(pids) > _PIDS else ""
    return ", ".join(map(str, pids[:_PIDS])) + more


def _frames(
    stack: Sequence[StackFrame], problem: str | None, *, detailed: bool = False, verbose: bool = False
) -> Iterator[Text]:
    # What the CPU did after the fault is the panic's own; variables there tell nothing of the cause.
    interrupted = [place for place, frame in enumerate(stack) if frame.interrupted and not frame.user]
    telling = interrupted[1] if len(interrupted) > 1 else interrupted[0] if interrupted else 0
    innermost = next((place for place, frame in enumerate(stack) if not frame.inline), 0)
    place = 0
    while place < len(stack):
        frame = stack[place]
        yield _frame(place, frame, innermost=place <= innermost)
        if detailed and (verbose or place >= telling):
            yield from (Text(f"         {printable(name)} = {printable(v)}") for name, v in frame.variables.items())
            if frame.registers and (verbose or not frame.user):
                yield from _registers(frame.registers)
        again = _repeated(stack, place)
        if again >= _FOLDED:
            yield Text(f"         … and {again} times more", "dim")
            place += again
        place += 1
    if problem:
        yield Text(f"    {printable(problem)}", "yellow")


def _repeated(stack: Sequence[StackFrame], place: int) -> int:
    """How often a frame's place in the code follows again right behind it: recursion."""
    address = stack[place].address
    behind = islice(stack, place + 1, None)
    return sum(1 for _ in takewhile(lambda frame: address is not None and frame.address == address, behind))


def _frame(place: int, frame: StackFrame, *, innermost: bool) -> Text:
    if frame.user:
        return Text(f"    user space, at {frame.address or 0:#x}", "dim")
    name = printable(frame.function)
    offset = f"+{frame.offset:#x}" if frame.offset is not None else ""
    module = f" [{printable(frame.module)}]" if frame.module else ""
    source = f"{printable(frame.file)}:{frame.line}" if frame.file and frame.line else printable(frame.file or "")
    text = f"{name}{offset}{module}{'  (inlined)' if frame.inline else ''}"
    style = "bold" if frame.module else ""
    line = Text.assemble((f"    #{place:<3}", "dim"), (f"{text:<{_WIDE}}" if source else text, style))
    line.append(f"  {source}" if source else "", "cyan")
    return line.append("  interrupted" if frame.interrupted and not innermost else "", "yellow")


def _registers(registers: dict[str, int]) -> Iterator[Text]:
    first = [name for name in _REGISTERS if name in registers]
    # Segment registers and their bases say nothing in a kernel's stack.
    others = [name for name in registers if name not in first and "." not in name and not name.endswith("s")]
    names = first + others
    width = max(len(name) for name in names) if names else 0
    for start in range(0, len(names), _ROW):
        row = names[start : start + _ROW]
        yield Text("         " + "  ".join(f"{name:>{width}} {registers[name]:016x}" for name in row), "dim")
