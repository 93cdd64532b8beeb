"""Stacks and code, as the rows that the written forms of the report draw.

Plain text, not yet made safe for a page.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

from lastwords.glossary.units import duration
from lastwords.model import Blame, Code, Cpu, Frame, Instruction, Listing, Machine, Oops, StackFrame, Task, Trace

_FRAMES = 120
"""Frames of one stack at most."""
_TRACES = 12
"""Traces of an oops at most."""
_CPUS = 2
_INSTRUCTIONS = 80
_EQUAL = 3
"""Equal frames in a row that are drawn once."""


_F = TypeVar("_F", Frame, StackFrame)


class Row(NamedTuple):
    """One frame.

    Attributes:
        where: offset and module; `source` file and line.
        address: of the frame, or None.
        module: it is a module's function.
        mark: `fault` for the frame to blame, or where the fault came; `doubt` for one that need not be true, `user`
            for user space, or the empty string.
        note: a few words behind it.
        times: how often it stands there in a row.
        variables: name and value each, and `registers` likewise.
    """

    function: str
    where: str = ""
    source: str = ""
    address: int | None = None
    module: bool = False
    mark: str = ""
    note: str = ""
    times: int = 1
    variables: tuple[tuple[str, str], ...] = ()
    registers: tuple[tuple[str, str], ...] = ()


class Stack(NamedTuple):
    """One stack: what it is, what the kernel did after the crash (`handling`), and the frames that led to it."""

    title: str
    rows: tuple[Row, ...]
    handling: tuple[Row, ...] = ()
    left_out: int = 0
    problem: str = ""
    line: int | None = None


class CodeRow(NamedTuple):
    """One instruction."""

    offset: str
    code: str
    text: str
    source: str = ""
    marked: bool = False
    address: int | None = None


def dump_stacks(machine: Machine | None, oops: Oops | None = None) -> list[Stack]:
    """The stacks that matter, from the dump: of the task that hangs, where one does, and of the CPUs that crashed.

    Args:
        machine: as collected, or None.
        oops: the first one of the log.
    """
    if machine is None:
        return []
    faulting = {line.address for line in machine.code.lines if line.marked} if machine.code else set()
    crashed = [cpu for cpu in machine.cpus or () if cpu.crashing and (cpu.stack or cpu.stack_error)][:_CPUS]
    hangs = oops.pid if oops is not None and oops.family == "hang" else None
    hanging = [task for task in machine.tasks or () if task.pid == hangs and task.stack]
    if hangs in {cpu.pid for cpu in crashed}:
        hanging = []
    return [_of_task(task) for task in hanging[:1]] + [_of_cpu(cpu, faulting) for cpu in crashed]


def _of_task(task: Task) -> Stack:
    state = f", state {task.state}" + (f" for {duration(task.waiting)}" if task.waiting is not None else "")
    return Stack(
        title=f"{task.comm} (PID {task.pid}), which hangs{state}, from the dump",
        rows=tuple(_rows(task.stack[:_FRAMES], False)),
        left_out=max(len(task.stack) - _FRAMES, 0),
        problem=task.stack_error or "",
    )


def _of_cpu(cpu: Cpu, faulting: set[int]) -> Stack:
    fault = next((place for place, frame in enumerate(cpu.stack) if frame.address in faulting), None)
    start = before_the_end(cpu.stack) if fault is None else fault
    who = f"{cpu.comm or '?'} (PID {cpu.pid})" if cpu.pid is not None else "task not known"
    return Stack(
        title=f"CPU {cpu.number}, {who}, from the dump",
        rows=tuple(_rows(cpu.stack[start : start + _FRAMES], fault is not None)),
        handling=tuple(_rows(cpu.stack[:start][:_FRAMES], False)),
        left_out=max(len(cpu.stack) - start - _FRAMES, 0),
        problem=cpu.stack_error or "",
    )


_ENDS = frozenset(("panic", "vpanic", "nmi_panic", "crash_kexec", "__crash_kexec", "oops_end", "die"))
_WATCHING = frozenset(
    (
        *("crash_nmi_callback", "stop_this_cpu", "nmi_handle", "ipi_cpu_crash_stop", "ipi_cpu_stop"),
        *("watchdog_timer_fn", "watchdog_overflow_callback", "watchdog_hardlockup_check", "rcu_sched_clock_irq"),
    )
)
"""What interrupts a CPU to stop it, or to see whether it hangs: what was interrupted is what matters."""


def before_the_end(stack: Sequence[StackFrame]) -> int:
    """The place of the first frame that is not the crash's own: of what panics, stops CPUs and watches over them."""
    if any(frame.function in _WATCHING for frame in stack[:60]):
        interrupted = (place for place, frame in enumerate(stack) if place and frame.interrupted and not frame.user)
        return next(interrupted, 0)
    ends = [place for place, frame in enumerate(stack[:30]) if frame.function in _ENDS]
    return min(max(ends) + 1, len(stack) - 1) if ends else 0


def _rows(frames: Iterable[StackFrame], faulted: bool) -> Iterator[Row]:
    def same(frame: StackFrame) -> tuple[object, ...]:
        return (frame.address, frame.inline, frame.function)

    first = faulted
    for _key, run in groupby(frames, key=same):
        for frame, times in _folded(run):
            yield _row(frame, first, times)
            first = False


def _folded(run: Iterable[_F]) -> list[tuple[_F, int]]:
    """Equal frames, once with their number where there are several: a recursion."""
    equal = list(run)
    return [(equal[0], len(equal))] if len(equal) >= _EQUAL else [(frame, 1) for frame in equal]


def _row(frame: StackFrame, faulted: bool, times: int) -> Row:
    if frame.user:
        return Row("user space", f" at {frame.address:#x}" if frame.address is not None else "", mark="user")
    offset = f"+{frame.offset:#x}" if frame.offset is not None else ""
    module = f" [{frame.module}]" if frame.module else ""
    note = "the fault came here" if faulted else "interrupted" if frame.interrupted else ""
    return Row(
        function=frame.function,
        where=offset + module,
        source=source(frame.file, frame.line),
        address=frame.address,
        module=bool(frame.module),
        mark="fault" if faulted else "",
        note=", ".join(filter(None, ("inlined" if frame.inline else "", note))),
        times=times,
        variables=tuple(frame.variables.items()),
        registers=tuple((name, f"{value:016x}") for name, value in frame.registers.items() if "." not in name),
    )


def source(file: str | None, line: int | None) -> str:
    """A place in the source: `fs/ext4/inode.c:120`; empty where the file is not known."""
    return f"{file}:{line}" if file and line else file or ""


def log_stacks(oops: Oops) -> list[Stack]:
    """The traces of an oops as the log has them, that with the function to blame first."""
    traces = sorted(oops.traces[:_TRACES], key=lambda trace: oops.frame not in trace.frames)
    return [_of_trace(trace, oops.frame, first=not number) for number, trace in enumerate(traces)]


def _of_trace(trace: Trace, blamed: Frame | None, *, first: bool) -> Stack:
    frames: Sequence[Frame] = trace.frames[:_FRAMES]
    if first and blamed is not None and not blamed.line:
        # x86 leaves the function where the instruction pointer stood out of the trace.
        frames = (blamed, *frames)
    whose = f" of {trace.comm} (PID {trace.pid})" if trace.pid is not None else ""
    whose += f" on CPU {trace.cpu}" if trace.cpu is not None else ""
    return Stack(
        title=f"{trace.title or 'Call Trace'}{whose}, from the log",
        rows=tuple(_log_rows(frames, blamed)),
        left_out=max(len(trace.frames) - _FRAMES, 0),
        line=trace.line,
    )


def _log_rows(frames: Iterable[Frame], blamed: Frame | None) -> Iterator[Row]:
    for _key, run in groupby(frames, key=lambda frame: (frame.function, frame.offset, frame.reliable)):
        yield from (_log_row(frame, frame == blamed, times) for frame, times in _folded(run))


def _log_row(frame: Frame, blamed: bool, times: int) -> Row:
    offset = f"+{frame.offset:#x}" if frame.offset is not None else ""
    offset += f"/{frame.size:#x}" if offset and frame.size is not None else ""
    notes = ("inlined" if frame.inline else "", "" if frame.reliable else "found on the stack, need not be true")
    return Row(
        function=frame.function,
        where=offset + (f" [{frame.module}]" if frame.module else ""),
        source=source(frame.file, frame.source_line),
        module=bool(frame.module),
        mark="fault" if blamed else "" if frame.reliable else "doubt",
        note=", ".join(filter(None, notes)),
        times=times,
    )


def listing(found: Listing) -> list[CodeRow]:
    """The code of the function that faulted, as the dump has it."""
    return [
        CodeRow(f"+{each.offset:#x}", each.code, each.text, source(each.file, each.line), each.marked, each.address)
        for each in found.lines[:_INSTRUCTIONS]
    ]


def code(found: Code, at: Frame | None) -> list[CodeRow]:
    """The log's `Code:` bytes, disassembled, as far as they are in the function where the instruction pointer stood."""
    return [
        CodeRow(f"{each.offset:+d}", each.data, each.text, marked=each.faulting)
        for each in of_function(found.instructions, at)[:_INSTRUCTIONS]
    ]


def of_function(instructions: Sequence[Instruction], at: Frame | None) -> Sequence[Instruction]:
    """The instructions that are in the same function as the faulting one; all, where its bounds are not known."""
    if at is None or at.offset is None:
        return instructions
    first = -at.offset
    end = (at.size or at.offset + 4096) - at.offset
    return [each for each in instructions if first <= each.offset < end or each.faulting]


def blame_place(blame: Blame) -> str:
    """The instruction that faulted, in its function."""
    module = f" [{blame.module}]" if blame.module else ""
    instruction = f": {blame.instruction}" if blame.instruction else ""
    return f"{blame.function}{module}{instruction}"


class BlameRow(NamedTuple):
    """One step on the way back from the fault; `checked` where the dump confirms it."""

    function: str
    text: str
    source: str
    checked: bool


def blame_rows(blame: Blame) -> list[BlameRow]:
    """The steps behind the fault itself."""
    return [
        BlameRow(
            f"{step.function}{f' [{step.module}]' if step.module else ''}",
            step.text,
            source(step.file, step.line),
            step.checked,
        )
        for step in blame.steps
        if step.kind != "fault"
    ]
