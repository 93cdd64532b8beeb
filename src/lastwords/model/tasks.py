"""Tasks, CPUs and their stacks."""

from .oops import Struct


class StackFrame(Struct, frozen=True, kw_only=True):
    """One frame of a stack.

    Attributes:
        function: the symbol, without clone suffixes that a compiler added; or `0x…` where none is known.
        address: program counter (of a caller: the return address), None for inlined frames without one.
        offset: bytes from the symbol's start, None for inlined frames.
        stack_bytes: how much of the stack it takes, None for inlined frames and where another stack begins; only for
            stacks of CPUs.
        module: module name, or None for the kernel's own text.
        inline: the function was inlined into the next frame's; known only from DWARF.
        file: source file and `line`, known only from DWARF.
        interrupted: an exception or interrupt came here: all registers of this frame are known.
        user: not the kernel's: where the task was in user space when it entered the kernel.
        registers: those known in this frame, by lower-case name; only kept for frames that matter (the crash's own).
        variables: arguments and locals as `name: value` texts where DWARF allows; only for the crash's own frames.
    """

    function: str
    address: int | None = None
    offset: int | None = None
    stack_bytes: int | None = None
    module: str | None = None
    inline: bool = False
    file: str | None = None
    line: int | None = None
    interrupted: bool = False
    user: bool = False
    registers: dict[str, int] = {}
    variables: dict[str, str] = {}


class Task(Struct, frozen=True, kw_only=True):
    """One task (`include/linux/sched.h: struct task_struct`).

    Attributes:
        pid: thread id; `tgid` the process; `ppid` its parent.
        comm: its name, as the kernel has it: may hold anything.
        state: one letter as in /proc/PID/stat: R, S, D, T, t, X, Z, P, I.
        cpu: the CPU that it ran on last.
        running: it was on that CPU when the dump was taken.
        kernel_thread: it has no memory of its own.
        waiting: seconds since it was last switched out, or None where it runs or the clock is not known.
        address: of its task_struct.
        blocked_on: address of the mutex that it waits for, or None.
        rss: resident bytes, or None for kernel threads.
        stack: innermost frame first; `stack_error` says why it is missing or ends early.
    """

    pid: int
    comm: str
    state: str
    tgid: int | None = None
    ppid: int | None = None
    cpu: int | None = None
    running: bool = False
    kernel_thread: bool = False
    waiting: float | None = None
    address: int | None = None
    blocked_on: int | None = None
    rss: int | None = None
    stack: tuple[StackFrame, ...] = ()
    stack_error: str | None = None


class SystemCall(Struct, frozen=True, kw_only=True):
    """A system call: its `number` and `name` (empty where the number is not known), and six `arguments`.

    How many of them the call takes, and what they are, its manual page says (section 2).
    """

    number: int
    name: str
    arguments: tuple[int, ...] = ()


class StackGroup(Struct, frozen=True, kw_only=True):
    """Tasks that stand at the same place: `pids`, their common `state` letters and the functions of their stack."""

    pids: tuple[int, ...]
    states: str
    functions: tuple[str, ...]


class Cpu(Struct, frozen=True, kw_only=True):
    """One CPU.

    Attributes:
        number: its number.
        online: whether it was online.
        pid: the task on it, and that task's `comm`.
        context: what it was doing: `idle`, `user`, `task`, `softirq`, `hardirq`, `nmi`, or None where not known; before
            the crash stopped it, where the stack shows that.
        crashing: it is the one that panicked.
        stack: its stack with registers, innermost first; `stack_error` why it is missing.
        registers: as the dump's notes have them at the time of the dump.
        running: tasks on its run queue (`kernel/sched/sched.h: struct rq`), of which `runnable` lists pids.
    """

    number: int
    online: bool = True
    pid: int | None = None
    comm: str | None = None
    context: str | None = None
    crashing: bool = False
    stack: tuple[StackFrame, ...] = ()
    stack_error: str | None = None
    registers: dict[str, int] = {}
    running: int | None = None
    runnable: tuple[int, ...] = ()
