"""The lines of one report, read into a Draft: who, where, registers, traces, modules, code."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lastwords.model import Frame, Record, Trace

from .decode.location import Location
from .decode.modules import continues
from .decode.registers import RegisterReader
from .frames import read_arm_pair, read_frame

MAX_FRAMES = 2000
"""Frames kept of one trace: more is a recursion that says no more than its first thousand frames."""
MAX_TRACES = 200
MAX_ERROR_LINES = 40
MAX_MODULES_TEXT = 64_000
_MORE_CODE = re.compile(r"\s*(?:(?:[<(]?[0-9a-fX]{8}[>)]?(?:\s|\Z)){2,16}|[#>* ]?[0-9a-f]{16}: [0-9a-f]{4,12}\s)")
"""Further lines of powerpc's `Instruction dump:` and s390's `Krnl Code:`."""


@dataclass(slots=True)
class TraceDraft:
    """A call trace while its lines come in; see `lastwords.model.Trace`."""

    title: str
    line: int
    role: str
    pid: int | None = None
    comm: str = ""
    cpu: int | None = None
    frames: list[Frame] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    dumping: bool = False

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
    """What the lines of a report have said so far."""

    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None
    taint: str | None = None
    release: str | None = None
    build: str | None = None
    hardware: str | None = None
    workqueue: str | None = None
    code: str | None = None
    modules: str | None = None
    error_lines: list[str] = field(default_factory=list)
    # The line that says where the instruction pointer stood, as long as a Code line of its own may follow directly.
    pointer: str = ""
    pointer_text: str = ""
    # What the next line may continue: `modules` or `code`.
    continued: str = ""
    registers: RegisterReader = field(default_factory=RegisterReader)
    traces: list[TraceDraft] = field(default_factory=list)
    ended: bool = False
    last_line: int = 0
    headless: bool = False
    reporter: str = ""
    # Frames that came before any heading: of somebody else's trace, where the kind always has a heading.
    strays: int = 0
    # Whose stack the next trace is, from the line above it.
    next_pid: int | None = None
    next_comm: str = ""
    next_cpu: int | None = None
    next_role: str = ""
    open_trace: TraceDraft | None = None
    # CPUs and tasks that an RCU stall names as those that it waits for.
    stalled_cpus: set[int] = field(default_factory=set)
    stalled_tasks: set[int] = field(default_factory=set)
    # RCU's own thread got no CPU: whoever blocks the grace period did not get any either.
    starved: bool = False

    @property
    def location(self) -> Location | None:
        """Where the instruction pointer stood."""
        return self.registers.location


_CPU_LINE = re.compile(
    r"CPU: *(?P<cpu>\d+) (?:UID: \d+ )?(?:PID: (?P<pid>-?\d+) )?(?:Comm: (?P<comm>.{0,64}?) )?(?:Kdump: loaded )?"
    r"(?P<taint>Not tainted|Tainted: [A-Z](?:[A-Z \]\[=_,()-]*[A-Z\]])?) +(?P<release>\d[^\s]*)(?: (?P<build>.*))?"
)
_PID_LINE = re.compile(
    r"Pid: (?P<pid>\d+), comm: (?P<comm>.{1,64}?) (?P<taint>Not tainted|Tainted: [A-Z][A-Z ]*?)(?:\s+\(?(?P<release>\d\S*))?"
    r"(?:\s(?P<build>#\d+))?(?P<hardware>.*)"
)
_TASK_LINE = re.compile(r"task:(?P<comm>.{1,64}?)\s+state:(?P<state>\w)\s.*?pid:(?P<pid>\d+)")
_OLD_TASK_LINE = re.compile(
    r"(?P<comm>\S.{0,60}?)\s+(?P<state>[RSDTtZXIPKW])\s{0,2}(?:running task\s+)?[0-9a-f]*\s+\d*\s*(?P<pid>\d+)\s+\d+ 0x"
)
_BACKTRACE_OF = re.compile(r"(?:NMI backtrace for cpu |Backtrace for cpu |CPU#)(?P<cpu>\d+)")
_STALLED_CPU = re.compile(r"\s*(?P<cpu>\d+)-[.!OoNRD]{3,6}:")
_STALLED_TASKS = re.compile(r"\s*Tasks blocked on level-\d+ rcu_node \(CPUs [^)]*\):(?P<tasks>.*)")
_STACK_MARK = re.compile(
    r"\s*<{1,2}(/?)(IRQ|SOFTIRQ|NMI|TASK|EOI|EOE|#DF|#DB|#MC|#VC2?|ENTRY_TRAMPOLINE|SYSENTER|HARDIRQ|exception stack)>{1,2}\s*"
)

# Headings of traces, and what the trace below them is for: `main` of the crash itself, `origin` of an object or lock
# involved, `other` of another task or CPU.
_HEADINGS = (
    (
        re.compile(
            r"\s*(?:Call [Tt]race|Backtrace|backtrace(?: \(crc [0-9a-f]+\))?|stack backtrace|Stack trace|Trace):"
        ),
        "main",
    ),
    (re.compile(r"\s*(?:Allocated|Freed|allocated|freed) by (?:task|thread|cpu|interrupt)? ?"), "origin"),
    (re.compile(r"\s*Last (?:potentially related work|call_rcu)"), "origin"),
    (re.compile(r"\s*(?:Uninit was |Local variable )"), "origin"),
    (re.compile(r"\s*page last allocated|\s*page allocated via"), "owner"),
    (re.compile(r"\s*\.\.\. which became \w+-irq-safe at"), "owner"),
    (
        re.compile(r"\s*page last free|\s*page freed via|\s*\.\.\. which became|\s*to a \w+-irq-unsafe lock"),
        "origin",
    ),
    (re.compile(r"\s*(?:INFO: )?(?:Allocated|Freed) in "), "origin"),
    (
        re.compile(r"\s*-> #\d+ \(|\s*(?:\{[A-Z -]+\}|\w+) state was registered at:|the existing dependency chain"),
        "origin",
    ),
    (
        re.compile(
            r"\s*\.{3} (?:acquired|key) +at:|\s*(?:\.{3} )?(?:SOFTIRQ|HARDIRQ|RECLAIM_FS|FS|INITIAL|NR)-[\w-]+ at:|\s*(?:INITIAL USE|HARDIRQ-ON-\w|SOFTIRQ-ON-\w|IN-\S+) at:"
        ),
        "origin",
    ),
    (re.compile(r"\s*(?:hardirqs|softirqs) last +(?:enabled|disabled) at|irq event stamp"), "none"),
    (
        re.compile(
            r"(?:race at unknown origin, with )?(?:read|write|read-write|assert no (?:writes|accesses))(?: \((?:marked|reordered)[^)]*\))? to 0x\S+ of \d+ bytes by "
        ),
        "main",
    ),
    (
        re.compile(r"\s*(?:Out-of-bounds|Use-after-free|Invalid|Corrupted) ?(?:read|write|free|memory)? (?:at|of) 0x"),
        "main",
    ),
    (re.compile(r"kfence-#?\S+"), "origin"),
    (re.compile(r"\s*(?:preempt|Preemption) disabled at:?"), "origin"),
    (re.compile(r"(?:rcu: )?(?:\w+ kthread|RCU grace-period kthread) stack dump"), "starved"),
    (re.compile(r"(?:rcu: )?Stack dump where RCU"), "other"),
    (re.compile(r"Stack: |Dump stacks of|Showing all locks held"), "none"),
    (re.compile(r"Instruction dump:|Krnl Code:"), "code"),
)
_HEADING_WORDS = frozenset(
    [
        "Call",
        "Backtrace:",
        "backtrace:",
        "backtrace",
        "stack",
        "Stack",
        "Trace:",
        "Allocated",
        "Freed",
        "allocated",
        "freed",
        "Last",
        "Uninit",
        "Local",
        "page",
        "page_owner",
        "INFO:",
        "->",
        "the",
        "hardirqs",
        "softirqs",
        "irq",
        "race",
        "read",
        "write",
        "read-write",
        "assert",
        "Out-of-bounds",
        "Use-after-free",
        "Invalid",
        "Corrupted",
        "preempt",
        "Preemption",
        "rcu:",
        "RCU",
        "to",
        "Stack:",
        "Dump",
        "Showing",
        "Instruction",
        "Krnl",
        "...",
    ]
)


def _cpu(draft: Draft, text: str, record: Record) -> None:
    match = _CPU_LINE.match(text)
    if match is None:
        return
    if draft.release is None:
        draft.cpu = int(match["cpu"])
        draft.pid = int(match["pid"]) if match["pid"] else None
        draft.comm = match["comm"]
        draft.taint = match["taint"]
        draft.release = match["release"].strip("()")
        draft.build = match["build"]
    draft.next_cpu = int(match["cpu"])


def _pid(draft: Draft, text: str, record: Record) -> None:
    match = _PID_LINE.match(text)
    if match is not None and draft.release is None:
        draft.pid = int(match["pid"])
        draft.comm = match["comm"]
        draft.taint = match["taint"]
        draft.release = (match["release"] or "").strip("()") or None
        draft.build = match["build"]
        draft.hardware = draft.hardware or match["hardware"].strip() or None


def _hardware(draft: Draft, text: str, record: Record) -> None:
    if draft.hardware is None and text.startswith("Hardware name: "):
        draft.hardware = text[15:].strip()


def _workqueue(draft: Draft, text: str, record: Record) -> None:
    if draft.workqueue is None and text.startswith("Workqueue: "):
        draft.workqueue = text[11:].strip()


def _code(draft: Draft, text: str, record: Record) -> None:
    # Since Linux 4.18 x86 prints the code right behind each instruction pointer, that of user mode too.
    pointer, draft.pointer = draft.pointer, ""
    if draft.code is None and (not pointer or pointer == draft.pointer_text) and not pointer.startswith("RIP: 0033"):
        draft.code = text
        draft.continued = "code"


def _modules(draft: Draft, text: str, record: Record) -> None:
    if draft.modules is None and text.startswith("Modules linked in:"):
        draft.modules = text
        draft.continued = "modules"


def _goes_on(modules: str, text: str) -> bool:
    return len(modules) < MAX_MODULES_TEXT and continues(text, modules[modules.rfind("\n") + 1 :])


def _continued(draft: Draft, text: str) -> bool:
    """A further line of the modules or of the code."""
    what = draft.continued
    if what == "modules" and draft.modules is not None and _goes_on(draft.modules, text):
        draft.modules += "\n" + text
    elif what == "code" and draft.code is not None and len(draft.code) < 4000 and _MORE_CODE.match(text) is not None:
        draft.code += "\n" + text
    else:
        draft.continued = ""
        return False
    return True


def _end(draft: Draft, text: str, record: Record) -> None:
    if text.startswith(("---[ end trace", "---[ end Kernel panic")):
        draft.ended = True
        draft.open_trace = None


# Callers of dump_stack() that report something else than a crash: their trace, in a report that they do not open,
# is somebody else's.
_OTHER_REPORTER = re.compile(r"should_fail|warn_alloc|dump_header|__dump_page|fail_dump")
_INTERRUPT = re.compile(r"--- interrupt: \w+ at (?P<frame>\S+\+0x.*)")


def _interrupt(draft: Draft, text: str, record: Record) -> None:
    """Powerpc's `--- interrupt: 700 at assert_slb_presence+0x2c/0x70`: where the exception came."""
    match = _INTERRUPT.match(text)
    if match is not None and draft.open_trace is not None:
        frame = read_frame(match["frame"], record.line)
        if frame is not None:
            _add(draft, frame, record)


def _task(draft: Draft, text: str, record: Record) -> None:
    match = _TASK_LINE.match(text)
    if match is not None:
        draft.next_pid, draft.next_comm = int(match["pid"]), match["comm"]


def _backtrace_of(draft: Draft, text: str, record: Record) -> None:
    match = _BACKTRACE_OF.match(text)
    if match is not None:
        draft.next_cpu = int(match["cpu"])
        if draft.next_role == "starved":
            draft.next_role = ""
        draft.open_trace = None


def _chain(draft: Draft, text: str, record: Record) -> None:
    if len(draft.error_lines) < MAX_ERROR_LINES:
        draft.error_lines.append(text[:1000])


def _foreign_report(draft: Draft, text: str, record: Record) -> None:
    """A message that brings a trace of its own, from another task or CPU."""
    draft.strays += 1


def _rcu(draft: Draft, text: str, record: Record) -> bool:
    """`rcu:  1-...!: (10499 ticks this GP)` and `rcu:  Tasks blocked on level-0 rcu_node (CPUs 0-1): P2270`."""
    rest = text.removeprefix("rcu:")
    if " kthread starved for " in rest:
        draft.starved = True
    if (match := _STALLED_CPU.match(rest)) is not None:
        draft.stalled_cpus.add(int(match["cpu"]))
    elif (match := _STALLED_TASKS.match(rest)) is not None:
        draft.stalled_tasks.update(int(pid) for pid in re.findall(r"P(\d{1,9})\b", match["tasks"][:2000]))
    else:
        return _heading(draft, text, "rcu:", record)
    return True


def _status(draft: Draft, text: str, record: Record) -> None:
    """Riscv's last register line, behind which its trace stands without a heading (`show_regs()`)."""
    draft.registers.read(text)
    if "badaddr:" in text and not draft.headless:
        _open(draft, "", record, "main")


_FIELDS: dict[str, Callable[[Draft, str, Record], object]] = {
    "CPU:": _cpu,
    "Pid:": _pid,
    "Hardware": _hardware,
    "Workqueue:": _workqueue,
    "Code:": _code,
    "Modules": _modules,
    "---[": _end,
    "---": _interrupt,
    "rcu:": _rcu,
    "status:": _status,
    "FAULT_INJECTION:": _foreign_report,
    "NMI": _backtrace_of,
    "Oops:": _chain,
    "#PF:": _chain,
    "Internal": _chain,
    "ESR": _chain,
    "KASAN:": _chain,
    "Read": _chain,
    "Write": _chain,
    "Failing": _chain,
    "Unhandled": _chain,
    "LE": _chain,
    "BE": _chain,
    "preempt_count:": _chain,
}


def read_body(records: Sequence[Record], draft: Draft) -> None:
    """Read the lines of a report, in order.

    Args:
        records: the report's own records, behind its headline.
        draft: filled by them.
    """
    for record in records:
        text = record.text
        if not text or text.isspace():
            continue
        if draft.continued and _continued(draft, text):
            draft.last_line = record.line
            continue
        if text[0] in " \t[(<" and _indented(draft, text, record):
            draft.last_line = record.line
            continue
        word = text.split(None, 1)[0]
        reader = _FIELDS.get(word)
        if reader is not None:
            reader(draft, text, record)
            draft.last_line = record.line
        elif _registers(draft, text, record) or _heading(draft, text, word, record):
            draft.last_line = record.line
        elif word.startswith("task:"):
            _task(draft, text, record)
        elif draft.ended:
            continue
        elif " from " in text and (pair := read_arm_pair(text, record.line)) is not None:
            _add_pair(draft, *pair, record)
        elif "+0x" in text and (frame := read_frame(text, record.line)) is not None:
            _add(draft, frame, record)
            draft.last_line = record.line
        elif (match := _OLD_TASK_LINE.match(text)) is not None:
            draft.next_pid, draft.next_comm = int(match["pid"]), match["comm"]


def _registers(draft: Draft, text: str, record: Record) -> bool:
    """A register line; an instruction pointer inside a trace is a frame of it: where the interrupt came."""
    reader = draft.registers
    if not reader.read(text):
        return False
    draft.pointer = text if text.startswith("RIP: ") else ""
    if draft.pointer_text == "" and reader.location is not None:
        draft.pointer_text = text
    trace = draft.open_trace
    if trace is not None and trace.frames and text.startswith(("RIP: 0010:", "RIP: 0010:[", "pc : ")):
        frame = read_frame(re.sub(r"^(?:RIP: 0010:|pc : )(?:\[<[0-9a-f]+>\]\s+)*", "", text), record.line)
        if frame is not None:
            trace.frames.append(frame)
    return True


def _indented(draft: Draft, text: str, record: Record) -> bool:
    """Lines that begin with a blank or a bracket: frames, stack markers, some headings and registers."""
    if "<" in text and (mark := _STACK_MARK.match(text)) is not None:
        _mark(draft, mark[2], bool(mark[1]))
        text = text[mark.end() :]
        if not text:
            return True
    if " from " in text and (pair := read_arm_pair(text, record.line)) is not None:
        _add_pair(draft, *pair, record)
        return True
    if "+" in text or "inline" in text:
        frame = read_frame(text, record.line)
        if frame is not None:
            _add(draft, frame, record)
            return True
    stripped = text.lstrip()
    if stripped[:1].isdigit() and _STALLED_CPU.match(text) is not None:
        return _rcu(draft, text, record)
    word = stripped.split(None, 1)[0] if stripped else ""
    return _registers(draft, text, record) or _heading(draft, text, word, record)


def _mark(draft: Draft, name: str, closing: bool) -> None:
    trace = draft.open_trace
    if trace is not None and not closing and name not in ("EOI", "EOE"):
        trace.contexts.append(name)


def _heading(draft: Draft, text: str, word: str, record: Record) -> bool:
    """A line that begins a trace, or ends one."""
    if word.endswith("Call") and word != "Call":
        # A hex dump of the stack that lost its line feed: `dffffc0000000000Call Trace:`.
        text, word = text[text.index("Call") :], "Call"
    if word not in _HEADING_WORDS and not word.startswith(("kfence-", "{", "HARDIRQ", "SOFTIRQ", "INITIAL", "IN-")):
        return False
    for pattern, role in _HEADINGS:
        match = pattern.match(text)
        if match is None:
            continue
        if role == "none":
            draft.open_trace = None
        elif role == "code":
            if draft.code is None:
                draft.code = text
                draft.continued = "code"
        elif role in ("starved", "other"):
            draft.next_role = role
            draft.open_trace = None
        else:
            rest = text[match.end() :]
            _open(draft, text.strip().rstrip(":"), record, role)
            if role == "main" and rest.strip():
                _indented(draft, " " + rest, record)
        return True
    return False


def _open(draft: Draft, title: str, record: Record, role: str) -> None:
    if draft.ended or len(draft.traces) >= MAX_TRACES:
        draft.open_trace = None
        return
    if role == "main" and draft.next_role:
        role = draft.next_role
        draft.next_role = ""
    trace = TraceDraft(title[:200], record.line, role, draft.next_pid, draft.next_comm, draft.next_cpu)
    draft.next_pid, draft.next_comm, draft.next_cpu = None, "", None
    draft.traces.append(trace)
    draft.open_trace = trace


def _add(draft: Draft, frame: Frame, record: Record) -> None:
    if draft.ended:
        return
    if draft.open_trace is None:
        if not draft.headless:
            draft.strays += not draft.traces and record.text[0] == " "
            return
        _open(draft, "", record, "main")
    trace = draft.open_trace
    if trace is not None and len(trace.frames) < MAX_FRAMES:
        if frame.reliable:
            other = trace.role == "main" and trace.dumping and _OTHER_REPORTER.match(frame.function) is not None
            if other and frame.function != draft.reporter:
                draft.strays += 1
            trace.dumping = frame.function.startswith("dump_stack")
        trace.frames.append(frame)


def _add_pair(draft: Draft, callee: Frame, caller: Frame, record: Record) -> None:
    """Arm's `a from b`, `b from c`: b counts once, with the offset of its first mention."""
    draft.last_line = record.line
    if draft.open_trace is None:
        # Until Linux 4.15 arm printed no heading where it has no frame pointers.
        _open(draft, "", record, "main")
    trace = draft.open_trace
    if trace is None or not trace.frames:
        _add(draft, callee, record)
    elif trace.frames[-1].function != callee.function:
        # A call that never returns (panic, a failed assertion) leaves a return address behind the function's end,
        # where kallsyms finds the next function at +0x0: the next line names the real one.
        if trace.frames[-1].offset == 0:
            trace.frames.pop()
        _add(draft, callee, record)
    _add(draft, caller, record)
