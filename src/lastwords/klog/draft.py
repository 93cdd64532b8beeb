"""A report while its lines come in: what they have said so far, and the traces among them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lastwords.model import Frame, Trace

from .decode.location import Location
from .decode.registers import RegisterReader

MAX_FRAMES = 2000
"""Frames kept of one trace: more is a recursion that says no more than its first thousand frames."""
MAX_TRACES = 200
MAX_ERROR_LINES = 40
MAX_MODULES_TEXT = 64_000

# Callers of dump_stack() that report something else than a crash, failed allocations and injected faults: where they
# stand in a report that they didn't open, two reports are mixed.
_OTHER_REPORTERS = ("should_fail", "warn_alloc", "dump_header", "__dump_page", "fail_dump")


@dataclass(slots=True)
class TraceDraft:
    """A call trace while its lines come in; see `lastwords.model.Trace`.

    Attributes:
        role: `main` of the crash itself, `origin` of where an object or lock got its state, `owner` of an object that
            names the crash, `other` of a CPU shown for comparison, `starved` of RCU's own thread.
    """

    title: str
    line: int
    role: str
    pid: int | None = None
    comm: str = ""
    cpu: int | None = None
    frames: list[Frame] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    below_dump_stack: bool = False

    def finished(self) -> Trace:
        """The frozen trace."""
        return Trace(
            title=self.title,
            line=self.line,
            frames=tuple(self.frames),
            pid=self.pid,
            comm=self.comm,
            cpu=self.cpu,
            contexts=tuple(self.contexts),
        )


@dataclass(slots=True)
class Draft:
    """What the lines of a report have said so far.

    Attributes:
        headless: the kind's main trace has no heading, so a frame may open a trace.
        reporter: the function that prints this kind's trace, where others of its sort print another report's.
        lost: printk lost messages before the first trace: its heading may be among them.
        unwoven: caller ids told the lines of this report from those of others.
        task_named: the headline says which task it is about, so that `CPU:` lines, which are of whoever prints, do not.
        speaker: PID of the last `CPU:` or `task:` line.
        code: the `Code:` or `Instruction dump:` lines; `modules` the `Modules linked in:` lines.
        continued: which of the two the next line may continue: `modules`, `code` or nothing.
        pointer: the last line, if it was one that says where the instruction pointer stood: a Code line of its own may
            follow. `pointer_text` is the first such line that counts.
        error_lines: lines like `Oops: 0002 [#1]` that say more about the exception.
        traces: in the order of the report; `open_trace` is the one that the next frame belongs to.
        foreign: signs that lines of another report, which can't be told apart, stand among these.
        speakers: CPU and PID of each `CPU:` line.
        ended: "end trace" has been seen; what follows is no part of the report.
        first_line: the first line that was understood as a part of the report; 0 before that.
        last_line: the last line that was understood as a part of the report.
        next_pid: whose stack the next trace is, from the line above it; likewise `next_comm`, `next_cpu`, `next_role`.
        stalled_cpus: CPUs that an RCU stall names as those that it waits for; `stalled_tasks` likewise, by PID.
        starved: RCU's own thread got no CPU, so whoever blocks the grace period may not have got any either;
            `starved_cpu` is the CPU on which it should run, if the report says so.
    """

    headless: bool = False
    lost: bool = False
    unwoven: bool = False
    reporter: str = ""
    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None
    taint: str | None = None
    release: str | None = None
    build: str | None = None
    hardware: str | None = None
    workqueue: str | None = None
    task_named: bool = False
    speaker: int | None = None
    code: str | None = None
    modules: str | None = None
    continued: str = ""
    pointer: str = ""
    pointer_text: str = ""
    error_lines: list[str] = field(default_factory=list)
    registers: RegisterReader = field(default_factory=RegisterReader)
    traces: list[TraceDraft] = field(default_factory=list)
    open_trace: TraceDraft | None = None
    foreign: int = 0
    speakers: set[tuple[int, int | None]] = field(default_factory=set)
    ended: bool = False
    first_line: int = 0
    last_line: int = 0
    next_pid: int | None = None
    next_comm: str = ""
    next_cpu: int | None = None
    next_role: str = ""
    stalled_cpus: set[int] = field(default_factory=set)
    stalled_tasks: set[int] = field(default_factory=set)
    starved: bool = False
    starved_cpu: int | None = None

    @property
    def location(self) -> Location | None:
        """Where the instruction pointer stood."""
        return self.registers.location

    def main_traces(self) -> Iterator[TraceDraft]:
        """The traces of the crash itself, not those of where an object was allocated or of other tasks."""
        return (trace for trace in self.traces if trace.role == "main")

    def begin_trace(self, title: str, line: int, role: str) -> None:
        """Open a trace, in the name of the task and CPU that the lines above it named."""
        if self.ended or len(self.traces) >= MAX_TRACES:
            self.open_trace = None
            return
        if role == "main" and self.next_role:
            role, self.next_role = self.next_role, ""
        trace = TraceDraft(title[:200], line, role, self.next_pid, self.next_comm, self.next_cpu)
        self.next_pid, self.next_comm, self.next_cpu = None, "", None
        self.traces.append(trace)
        self.open_trace = trace

    def add(self, frame: Frame, *, indented: bool) -> None:
        """Add a frame to the open trace.

        Args:
            frame: the frame.
            indented: its line begins with a blank, as those of x86, arm64 and riscv do.
        """
        if self.ended:
            return
        if self.open_trace is None:
            if self.lost and not self.traces:
                self.registers.passed()
            elif not self.headless:
                # Without a heading, and before the report's first trace: the rest of somebody else's.
                self.foreign += not self.unwoven and not self.traces and indented
                return
            self.begin_trace("", frame.line, "main")
        trace = self.open_trace
        if trace is None or len(trace.frames) >= MAX_FRAMES:
            return
        if frame.reliable:
            other = trace.below_dump_stack and frame.function.startswith(_OTHER_REPORTERS)
            if other and trace.role == "main" and frame.function != self.reporter:
                self.foreign += not self.unwoven
            trace.below_dump_stack = frame.function.startswith("dump_stack")
        trace.frames.append(frame)

    def add_step(self, callee: Frame, caller: Frame) -> None:
        """Add arm's `a from b`, `b from c`: b counts once, with the offset of its first mention."""
        if self.open_trace is None:
            # Until Linux 4.15 arm printed no heading where it has no frame pointers.
            self.begin_trace("", callee.line, "main")
        frames = self.open_trace.frames if self.open_trace is not None else []
        if not frames:
            self.add(callee, indented=False)
        elif frames[-1].function != callee.function:
            # A call that never returns (panic, a failed assertion) leaves a return address behind the function's end,
            # where kallsyms finds the next function at +0x0: the next line names the real one.
            if frames[-1].offset == 0:
                frames.pop()
            self.add(callee, indented=False)
        self.add(caller, indented=False)
