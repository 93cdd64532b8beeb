"""Stack traces."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.common.stack import print_registers
from drgn.helpers.linux.sched import cpu_curr

from lastwords.model import Task
from lastwords.vmcore.machine.clock import per_cpu_offsets
from lastwords.vmcore.machine.panic import crashing_cpu
from lastwords.vmcore.machine.strings import one_line
from lastwords.vmcore.shell.command import CommandError, argument, command, flag, out
from lastwords.vmcore.shell.symbols import in_module, slab_cache_of, symbolic
from lastwords.vmcore.shell.tasks import all_tasks, header, task_object

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell

_MOST_FRAMES = 1000
_LARGEST_STACK = 1 << 16
_USER = 1 << 63

_OPTIONS = (
    flag("-l", text="source file and line of each frame, where there is debuginfo"),
    flag("-s", text="the offset into each function"),
    flag("-f", text="the stack's memory of each frame"),
    flag("-F", text="as -f, with symbols and the slab caches of objects"),
    flag("-V", text="arguments and variables, where there is debuginfo"),
    flag("-t", text="all words on the stack that are addresses in functions, also left-over ones"),
)


@command(
    "bt",
    "stack traces",
    flag("-a", text="of the tasks on all CPUs"),
    argument("-c", text="of the tasks on these CPUs: 0,2-4", metavar="CPUS"),
    flag("-p", text="of the task that panicked"),
    flag("-g", text="of all threads of the task's group"),
    flag("-n", text="with -a: not of idle CPUs"),
    *_OPTIONS,
    argument("tasks", nargs="*", metavar="PID|TASK", text="a task's PID or address; by default the one that is set"),
)
def bt(shell: "Shell", given: argparse.Namespace) -> None:
    """Print the stack of a task, innermost frame first: the stack pointer, the function, where it stands.

    Where an exception came in, all registers of the interrupted code are known and shown.
    """
    for place, task in enumerate(_tasks(shell, given)):
        if place:
            out()
        print_stack(shell, task, given)


def of_each(shell: "Shell", tasks: Sequence[Task], words: Sequence[str]) -> None:
    """`foreach bt`: of many tasks."""
    from lastwords.vmcore.shell.command import COMMANDS

    given = COMMANDS["bt"].parser().parse_args(words)
    for place, task in enumerate(tasks):
        if place:
            out()
        print_stack(shell, drgn.Object(shell.prog, "struct task_struct *", value=task.address), given)


def _tasks(shell: "Shell", given: argparse.Namespace) -> Iterator[drgn.Object]:
    prog = shell.prog
    cpus: Iterable[int] | None = None
    if given.a:
        cpus = sorted(cpu.number for cpu in shell.cpus())
    elif given.c is not None:
        cpus = cpu_numbers(given.c, per_cpu_offsets(shell.kernel))
    elif given.p:
        number = crashing_cpu(shell.kernel)
        if number is None:
            raise CommandError("no task panicked: the machine was still alive, or that is not in the dump")
        cpus = (number,)
    if cpus is not None:
        tasks = (cpu_curr(prog, number).read_() for number in cpus)
        yield from (task for task in tasks if not given.n or task.pid.value_())
        return
    named = [task_object(shell.kernel, word) for word in given.tasks] or [shell.task]
    for task in named:
        if given.g:
            group = task.tgid.value_()
            members = (each.address for each in all_tasks(shell.kernel) if each.tgid == group)
            yield from (drgn.Object(prog, "struct task_struct *", value=address) for address in members)
        else:
            yield task


def cpu_numbers(text: str, possible: Iterable[int]) -> list[int]:
    """The CPUs of `0,2-4`, `a` or `all`.

    Raises:
        CommandError: no list, or a CPU that the machine doesn't have.
    """
    there = set(possible)
    if text in ("a", "all"):
        return sorted(there)
    found: list[int] = []
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        if not first.isdecimal() or not (last or "0").isdecimal() or len(piece) > 11:
            raise CommandError(f"{text}: not a list of CPUs")
        found += (number for number in range(int(first), int(last or first) + 1) if number in there)
    if not found:
        raise CommandError(f"{text}: no such CPU")
    return found


def print_stack(shell: "Shell", task: drgn.Object, given: argparse.Namespace) -> None:
    """One task's stack, in the way that bt's options say."""
    out(header(task))
    if given.t:
        _print_text_addresses(shell, task)
        return
    below: int | None = None
    inlined = False
    try:
        for number, frame in enumerate(islice(shell.kernel.frames(task), _MOST_FRAMES)):
            if frame.interrupted and not inlined:
                _print_exception(shell, frame)
                if number and frame.pc < _USER and _sp(frame) < _USER:
                    return
            inlined = frame.is_inline
            if given.f or given.F:
                _print_memory(shell, below, _sp(frame), symbols=given.F)
            out(_line(shell, number, frame, with_offset=given.s))
            if given.l:
                _print_source(frame)
            if given.V:
                _print_variables(frame)
            below = _sp(frame) or below
    except Exception as failure:  # registers or pages that are not in the dump
        out(f"    (no further: {one_line(failure)})")


def _sp(frame: drgn.StackFrame) -> int:
    try:
        return int(frame.sp)
    except LookupError:
        return 0


def _line(shell: "Shell", number: int, frame: drgn.StackFrame, *, with_offset: bool) -> str:
    name = frame.name
    if frame.is_inline:
        return f"{f'#{number}':>3} {'(inline)':18} {name}"
    pc = frame.pc if frame.interrupted else frame.pc - 1
    if with_offset:
        name = symbolic(shell.prog, frame.pc, inside=pc) or name
    sp = f"{_sp(frame):016x}" if _sp(frame) else "?" * 16
    return f"{f'#{number}':>3} [{sp}] {name} at {frame.pc:x}{in_module(shell.prog, pc)}"


def _print_exception(shell: "Shell", frame: drgn.StackFrame) -> None:
    if frame.pc >= _USER or _sp(frame) >= _USER:
        out(f"    [exception RIP: {symbolic(shell.prog, frame.pc) or hex(frame.pc)}]")
    print_registers(shell.prog, frame.registers())


def _print_source(frame: drgn.StackFrame) -> None:
    try:
        file, line, _ = frame.source()
    except LookupError:
        return
    out(f"    {file}: {line}")


def _print_variables(frame: drgn.StackFrame) -> None:
    from lastwords.vmcore.machine.variables import variables

    for name, value in variables(frame).items():
        out(f"    {name} = {value}")


def _print_memory(shell: "Shell", below: int | None, sp: int, *, symbols: bool) -> None:
    """The stack between two frames; nothing where the stacks differ, as at an interrupt."""
    if below is None or not 0 < sp - below <= _LARGEST_STACK:
        return
    word = shell.prog.address_size()
    data = shell.prog.read(below, (sp - below) // word * word)
    words = [int.from_bytes(data[at : at + word], shell.byte_order) for at in range(0, len(data), word)]
    for at in range(0, len(words), 2):
        shown = (_word(shell, value, symbols) for value in words[at : at + 2])
        out(f"    {below + at * word:016x}: {' '.join(shown)}")


def _word(shell: "Shell", value: int, symbols: bool) -> str:
    plain = f"{value:016x}"
    if not symbols or value < _USER:
        return plain
    found = symbolic(shell.prog, value)
    if found is None and (cache := slab_cache_of(shell.prog, value)):
        found = f"[{cache}]"
    return f"{found:<16}" if found else plain


def _print_text_addresses(shell: "Shell", task: drgn.Object) -> None:
    """Whatever on the stack may be a return address, from the stack pointer to the stack's end."""
    prog = shell.prog
    start = task.stack.value_()
    size, word = int(prog["THREAD_SIZE"]), prog.address_size()
    data = prog.read(start, min(size, _LARGEST_STACK))
    first = next((_sp(frame) for frame in shell.kernel.frames(task) if start <= _sp(frame) < start + size), start)
    for at in range(first - start, len(data) - word + 1, word):
        value = int.from_bytes(data[at : at + word], shell.byte_order)
        if value < _USER:
            continue
        try:
            symbol = prog.symbol(value)
        except LookupError:
            continue
        if symbol.kind == drgn.SymbolKind.FUNC and value > symbol.address:
            out(f"      [{start + at:016x}] {symbol.name} at {value:x}{in_module(prog, value)}")
