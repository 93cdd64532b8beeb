"""The lines of one report, read into a Draft: each line goes to the reader that knows its first word."""

import re
from collections.abc import Callable, Sequence

from lastwords.model import Record

from .draft import Draft
from .facts import FACTS, begin_code, continuation, eflags_line, eip_line, kernel_line, rcu_line, task_line, xmon_line
from .frames import frames_apart, read_arm_pair, read_frame
from .headings import heading

_STACK_MARK = re.compile(
    r"\s*<{1,2}(/?)(IRQ|SOFTIRQ|NMI|TASK|EOI|EOE|#DF|#DB|#MC|#VC2?|ENTRY_TRAMPOLINE|SYSENTER|HARDIRQ|exception stack)>{1,2}\s*"
)
_POWERPC_INTERRUPT = re.compile(r"--- interrupt: \w+ at (?P<frame>\S+\+0x.*)")
_INSTRUCTION_POINTER = re.compile(r"(?:RIP: 0010:|pc : )(?:\[<[0-9a-f]+>\]\s+)*")


def read_body(records: Sequence[Record], draft: Draft) -> None:
    """Read the lines of a report, in order.

    Args:
        records: the report's own records, behind its headline.
        draft: filled by them.
    """
    for record in records:
        text = record.text
        draft.lost |= bool(record.dropped)
        if not text or text.isspace():
            continue
        if (draft.continued and continuation(draft, text)) or (
            _indented(draft, text, record.line) if text[0] in " \t[(<" else _flush(draft, text, record.line)
        ):
            draft.first_line = min(draft.first_line or record.line, record.line)
            draft.last_line = max(draft.last_line, record.line)


def _flush(draft: Draft, text: str, line: int) -> bool:
    """A line that begins with a word; True if it belongs to the report."""
    word = text.split(None, 1)[0]
    reader = _READERS.get(word)
    if reader is not None:
        reader(draft, text, line)
        return True
    if _register(draft, text, line) or _heading(draft, text, word, line):
        return True
    if word.startswith("Caller["):
        return _sparc_caller(draft, text, line)
    if task_line(draft, text, word) or draft.ended:
        return False
    return _frame(draft, text, line)


def _indented(draft: Draft, text: str, line: int) -> bool:
    """A line that begins with a blank or a bracket: frames, stack markers, some headings and registers."""
    if "<" in text and (mark := _STACK_MARK.match(text)) is not None:
        closing, name = mark.groups()
        if draft.open_trace is not None and not closing and name not in ("EOI", "EOE"):
            draft.open_trace.contexts.append(name)
        text = text[mark.end() :]
        if not text:
            return True
    if _frame(draft, text, line):
        return True
    stripped = text.lstrip()
    if not stripped:
        return False
    if (stripped[0].isdigit() and rcu_line(draft, stripped)) or kernel_line(draft, text) or xmon_line(draft, stripped):
        return True
    return _register(draft, text, line) or _heading(draft, stripped, stripped.split(None, 1)[0], line)


def _frame(draft: Draft, text: str, line: int) -> bool:
    """A frame of a trace, in x86's way or in arm's, which names both ends of a step."""
    if " from " in text and (step := read_arm_pair(text, line)) is not None:
        draft.add_step(*step)
        return True
    if ">" in text and text.count("+0x") > 1 and len(parts := frames_apart(text)) > 1:
        return all(_frame(draft, part, line) for part in parts)
    if ("+" in text or "inline" in text) and (frame := read_frame(text, line)) is not None:
        draft.add(frame, indented=text[0] == " ")
        return True
    return False


def _register(draft: Draft, text: str, line: int) -> bool:
    """A register line; an instruction pointer inside a trace is a frame of it: where the interrupt came."""
    if not draft.registers.read(text):
        return False
    draft.pointer = text if text.startswith("RIP: ") else ""
    if not draft.pointer_text and draft.location is not None:
        draft.pointer_text = text
    trace = draft.open_trace
    if trace is not None and trace.frames and (match := _INSTRUCTION_POINTER.match(text)) is not None:
        frame = read_frame(text[match.end() :], line)
        if frame is not None:
            trace.frames.append(frame)
    return True


def _heading(draft: Draft, text: str, word: str, line: int) -> bool:
    """A line that begins a trace, or ends one."""
    if word.endswith("Call") and word != "Call":
        # A hex dump of the stack that lost its line feed: `dffffc0000000000Call Trace:`.
        text, word = text[text.index("Call") :], "Call"
    if word.endswith(":mon>"):
        # Powerpc's debugger, and the command that was given to it.
        draft.open_trace = None
        if text.split()[1:] == ["t"]:
            draft.begin_trace(text.strip(), line, "main")
        return True
    found = heading(text, word)
    if found is None:
        return False
    role, rest = found[0].role, found[1]
    if role == "none":
        draft.open_trace = None
    elif role == "code":
        begin_code(draft, text)
    elif role.startswith("next-"):
        draft.next_role = role.removeprefix("next-")
        draft.open_trace = None
    else:
        draft.begin_trace(text.rstrip().rstrip(":"), line, role)
        if role == "main" and rest.strip():
            _indented(draft, " " + rest, line)
    return True


def _interrupt(draft: Draft, text: str, line: int) -> None:
    """Powerpc's `--- interrupt: 700 at assert_slb_presence+0x2c/0x70`: where the exception came."""
    match = _POWERPC_INTERRUPT.match(text)
    if match is not None and draft.open_trace is not None:
        frame = read_frame(match["frame"], line)
        if frame is not None:
            draft.add(frame, indented=False)


def _sparc_caller(draft: Draft, text: str, line: int) -> bool:
    """Sparc's `Caller[000000000064b0e8]: bpf_check+0x1988/0x34a0`: its only trace until Linux 2.6.27, then a second one."""
    frame = read_frame(text.partition("]: ")[2], line)
    if frame is not None and not any(trace.frames for trace in draft.main_traces() if trace.title != "Caller"):
        if draft.open_trace is None or draft.open_trace.title != "Caller":
            draft.begin_trace("Caller", line, "main")
        draft.add(frame, indented=False)
    return True


def _rcu(draft: Draft, text: str, line: int) -> None:
    if not rcu_line(draft, text.removeprefix("rcu:")):
        _heading(draft, text, "rcu:", line)


def _eip(draft: Draft, text: str, line: int) -> None:
    if _register(draft, text, line):
        eip_line(draft, text)


def _eflags(draft: Draft, text: str, line: int) -> None:
    if _register(draft, text, line):
        eflags_line(draft, text)


def _status(draft: Draft, text: str, line: int) -> None:
    """Riscv's last register line, behind which its trace stands without a heading (`show_regs()`)."""
    draft.registers.read(text)
    if "badaddr:" in text and not draft.headless:
        draft.begin_trace("", line, "main")


def _fact(reader: Callable[[Draft, str], None]) -> Callable[[Draft, str, int], None]:
    return lambda draft, text, line: reader(draft, text)


_READERS: dict[str, Callable[[Draft, str, int], None]] = {
    **{word: _fact(reader) for word, reader in FACTS.items()},
    "---": _interrupt,
    "EIP:": _eip,
    "EFLAGS:": _eflags,
    "rcu:": _rcu,
    "status:": _status,
}
