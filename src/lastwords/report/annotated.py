"""The text of an oops with each line that needs it explained in its margin.

`annotate()` says what belongs beside each line; `annotated_text.render()` draws it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from lastwords.glossary import margin, values
from lastwords.glossary.margin.who import flagged_modules
from lastwords.model import Damage, Frame, Oops, Record

from . import words

Mark = Literal["headline", "blamed", "machinery", "unreliable", "foreign", "user"]


class AnnotatedLine(msgspec.Struct, frozen=True):
    """One line of the log.

    Attributes:
        line: its number in the file, from 1.
        text: without prefix.
        note: what it says, or the empty string.
        marks: `headline` opens the report; `blamed` names the function to blame; `machinery` a frame that only reports;
            `unreliable` a frame marked `?`; `foreign` printed by another CPU, task or program in between; `user` of
            the program, not of the kernel.
    """

    line: int
    text: str
    note: str = ""
    marks: tuple[Mark, ...] = ()


class Annotation(msgspec.Struct, frozen=True):
    """One oops, annotated.

    Attributes:
        path: the log.
        number: of the oops in the log, from 1; `total` how many it holds.
        title: of the oops; so are `kind`, `function`, `module` and `damage`.
        lines: in the order of the file.
    """

    path: str
    number: int
    total: int
    title: str
    kind: str
    function: str | None
    module: str | None
    lines: tuple[AnnotatedLine, ...]
    damage: tuple[Damage, ...] = ()


_USER32 = 0x23
"""x86-64's code segment of 32-bit programs (`arch/x86/include/asm/segment.h`)."""

_BEFORE = re.compile(r"-{6,}\[ cut here \]-{6,}|={20,}\s*$|\*{20,}\s*$")
_AFTER = re.compile(r"---\[ end |Kernel Offset: |Rebooting in |\s*<{0,1}/?(?:TASK|IRQ)>|note: .{1,40} exited with ")
_TAIL = 4
"""Lines behind the report's last one that may still belong to it."""


def annotate(
    oops: Oops,
    records: Sequence[Record],
    *,
    number: int,
    total: int,
    machinery: Callable[[str], bool],
    named: Callable[[str], str],
) -> Annotation:
    """What belongs beside each line of an oops.

    Args:
        oops: the oops, read.
        records: of its log, in the order of the file; at least those from its first to its last line.
        number: of the oops in its log, from 1.
        total: how many oopses the log holds.
        machinery: whether a function only reports, such as `dump_stack`.
        named: a function's name as `Oops.function` has it, without what compilers and macros add.
    """
    begin, end = _window(oops, records)
    writer = _Writer(oops, records[begin:end], machinery, named)
    lines = tuple(writer.lines())
    return Annotation(oops.path, number, total, oops.title, oops.kind, oops.function, oops.module, lines, oops.damage)


def _window(oops: Oops, records: Sequence[Record]) -> tuple[int, int]:
    begin = next((i for i, r in enumerate(records) if r.line >= oops.line), len(records))
    end = next((i for i, r in enumerate(records) if r.line > oops.last_line), len(records))
    if begin and _BEFORE.match(records[begin - 1].text):
        begin -= 1
    for i in range(end, min(end + _TAIL, len(records))):
        if _AFTER.match(records[i].text):
            end = i + 1
    return begin, max(end, begin)


class _Writer:
    """Walks through the lines of one oops, and remembers what has been said."""

    def __init__(
        self,
        oops: Oops,
        records: Sequence[Record],
        machinery: Callable[[str], bool],
        named: Callable[[str], str],
    ) -> None:
        self.oops = oops
        self.records = records
        self.machinery = machinery
        self.named = named
        self.said: set[str] = set()
        self.user = False
        self.compat = False
        self.frames: dict[int, list[Frame]] = {}
        for trace in oops.traces:
            for frame in trace.frames:
                self.frames.setdefault(frame.line, []).append(frame)
        self.headline = oops.line
        self.caller = next((r.caller for r in records if r.line == oops.line), "")
        self.bits = 64 if any(value >> 32 for value in oops.registers.values()) or not oops.registers else 32
        self.telling = _telling(oops, self.bits)
        self.modules = next((m for r in records if (m := flagged_modules(r.text))), {})
        self.blamed = self._blamed_line()

    def lines(self) -> Iterator[AnnotatedLine]:
        for record in self.records:
            if self._foreign(record):
                yield AnnotatedLine(record.line, record.text, "", ("foreign",))
                continue
            marks: list[Mark] = ["headline"] if record.line == self.headline else []
            self._follow_mode(record.text)
            frames = self.frames.get(record.line, [])
            if record.line == self.blamed:
                marks.append("blamed")
            elif frames:
                marks += self._frame_marks(frames)
            if self.user:
                marks.append("user")
            yield AnnotatedLine(record.line, record.text, self._note(record, frames, marks), tuple(marks))

    def _foreign(self, record: Record) -> bool:
        if not record.kernel:
            return True
        return bool(self.caller) and record.caller != self.caller and self.oops.family != "hang"

    def _follow_mode(self, text: str) -> None:
        """The registers at the end of a trace are the program's: nothing in them tells of the kernel's bug."""
        segment = re.match(r"\s{0,8}[RE]IP: ([0-9a-f]{4}):", text)
        if segment is not None:
            self.user = int(segment[1], 16) & 3 == 3
            self.compat = int(segment[1], 16) == _USER32
        elif self.user and re.match(r"\s{0,8}(?:</?TASK>|---\[ |Modules linked|Call Trace|Kernel panic|CPU: \d)", text):
            self.user = False

    def _blamed_line(self) -> int | None:
        """The line that names the function to blame: the instruction pointer's, or the first such frame."""
        function = self.oops.function
        if not function:
            return None
        pointer = re.compile(
            rf"\s*(?:[RE]?IP:|[RE]IP|pc :|PC is at|NIP|epc|Krnl PSW|ERA|era).{{0,120}}?\b{re.escape(function)}[.+]"
        )
        for record in self.records:
            if pointer.match(record.text[:400]) and not self._foreign(record):
                return record.line
            if any(self.named(f.function) == function and f.reliable for f in self.frames.get(record.line, ())):
                return record.line
        # Who jumped into nothing stands on no trace; the link register has the way back to it.
        link = re.compile(rf"\s*(?:lr :|LR is at|ra :|LR \[).{{0,120}}?\b{re.escape(function)}[.+]")
        for record in self.records:
            if link.match(record.text[:400]) and not self._foreign(record):
                return record.line
        headline = next((r for r in self.records if r.line == self.headline), None)
        return headline.line if headline is not None and function in headline.text else None

    def _frame_marks(self, frames: Sequence[Frame]) -> list[Mark]:
        frame = frames[0]
        if not frame.reliable:
            return ["unreliable"]
        return ["machinery"] if self.machinery(frame.function) else []

    def _note(self, record: Record, frames: Sequence[Frame], marks: Sequence[Mark]) -> str:
        """The line's note, without what has been said before."""
        notes = [self._of_blame()] if "blamed" in marks else []
        if frames and "blamed" not in marks:
            notes += self._of_frame(frames[0], marks)
        else:
            notes += [self._of_text(record.text), self._of_registers(record.text)]
        return "; ".join(note for note in notes if note)

    def _once(self, note: str) -> str:
        """The parts of a note that were not said yet."""
        fresh = [part for part in note.split("; ") if part not in self.said]
        self.said.update(fresh)
        return "; ".join(part for part in fresh if part)

    def _of_blame(self) -> str:
        flag = self.modules.get(self.oops.module or "")
        return "◀ the function to blame" + (f", in {self.oops.module}, {flag}" if flag else "")

    def _of_frame(self, frame: Frame, marks: Sequence[Mark]) -> list[str]:
        if not frame.reliable:
            return [self._once("`?`: found on the stack, perhaps left over from an earlier call")]
        entry = margin.frame(frame.function)
        if entry:
            return [self._once(entry)]
        if "machinery" in marks:
            return [self._once("reporting machinery, not to blame")]
        flag = self.modules.get(frame.module)
        return [self._once(f"in {frame.module}, {flag}")] if flag and frame.module else []

    def _of_text(self, text: str) -> str:
        if text.lstrip().startswith(("Code:", "Krnl Code:", "Instruction dump:")):
            return self._of_code(text)
        return self._of_address(text) or self._of_line(text)

    def _of_line(self, text: str) -> str:
        # A 32-bit program numbers its system calls differently.
        if self.user and not re.match(r"\s{0,8}RIP: " if self.compat else r"\s{0,8}(?:[RE]IP|RSP): ", text):
            return ""
        return self._once(margin.note(text))

    def _of_address(self, text: str) -> str:
        """The faulting address, in the words of whoever knew the instruction and the registers."""
        address = self.oops.address
        if (
            address is None
            or address.kind in ("kernel", "unknown")
            or self.user
            or not _NAMES_ADDRESS.search(text[:300])
        ):
            return ""
        if address.value in (self.oops.registers.get(name) for name in _INSTRUCTION_POINTERS):
            return self._once("the CPU jumped there: a bad function pointer or return address")
        digits = {f"{address.value:x}", f"{address.value:08x}", f"{address.value:016x}"}
        if not digits & set(_HEXADECIMAL.findall(text[:300])):
            return ""
        return self._once(words.sense(address))

    def _of_code(self, text: str) -> str:
        """The faulting instruction, where it has been worked out."""
        code = self.oops.code
        if self.user or self.oops.family == "hang":
            return ""
        if code is None:
            return self._once(margin.note(text))
        faulting = next((i.text for i in code.instructions if i.faulting), "")
        operand = code.operand
        parts = [f"at the mark: {faulting}"] if faulting else []
        if operand is not None and operand.base and operand.base_value is not None:
            parts.append(f"that is {'a write to' if operand.write else 'an access to'} {operand.expression}")
        if not parts or code.note:
            return self._once(f"at the mark: {code.note}" if faulting else code.note or margin.note(text))
        # Of a failed check the instruction says nothing; of a bad access it says how the address came about.
        return self._once(", ".join(parts)) if self._accessed() else ""

    def _accessed(self) -> bool:
        """The report is about an access to memory."""
        return self.oops.address is not None or self.oops.kind in _ACCESSES

    def _of_registers(self, text: str) -> str:
        if self.user or not self.telling or not _REGISTERS.match(text):
            return ""
        found = [
            f"{name} = {words}"
            for name, (digits, words) in self.telling.items()
            if digits in text and re.search(rf"(?i)\b(?:{name}|{name[0]}0{name[1:]}|gpr\d\d|\$ ?\d+|krnl gprs)\b", text)
        ]
        return self._once("; ".join(found))


_INSTRUCTION_POINTERS = ("rip", "eip", "pc", "nip", "epc", "era")
_NAMES_ADDRESS = re.compile(r"(?i)address|dereference|paging request|\bat 0?x?[0-9a-f]{8}|for kernel")
_HEXADECIMAL = re.compile(r"(?<![0-9a-z])(?:0x)?([0-9a-f]{1,16})\b")
_REGISTERS = re.compile(
    r"\s{0,8}(?:[RE][A-Z0-9]{1,2}|x\d{1,2}|r\d{1,2}|[astg]p?\d{0,2}|GPR\d\d|\$ ?\d{1,2}|Krnl GPRS|lr|pc|epc|fp)\s{0,4}:"
)


_ACCESSES = frozenset({"double-fault", "general-protection-fault", "null-dereference", "paging-request"})
_WITH_REGISTERS = frozenset({"fault", "bug", "warning", "memory", "sanitizer"})
"""Families whose registers have to do with the bug: in a lockup they are whatever the CPU was at."""
_BY_ACCIDENT = frozenset({"corrupted-stack-end", "kernel-stack-overflow"})
"""Kinds where the instruction was an accident, and so its registers."""


def _telling(oops: Oops, bits: int) -> dict[str, tuple[str, str]]:
    """Registers whose value says something, with the digits as printed and the words."""
    result: dict[str, tuple[str, str]] = {}
    if oops.family not in _WITH_REGISTERS or oops.kind in _BY_ACCIDENT:
        return result
    fault = oops.address.value if oops.address is not None else None
    operand = oops.code.operand if oops.code is not None else None
    base = operand.base if operand is not None else ""
    for name, value in oops.registers.items():
        if name in _NOT_POINTERS:
            continue
        words = values.telling(value, bits)
        if fault is None and values.ascii_text(value, bits):
            continue  # A piece of a message that was just printed, or of a path: nothing was done through it.
        if name == base and not value:
            words = "NULL, the pointer that was used"
        elif not words and value == fault and 0x10000 <= value < (1 << bits) - 1 and value != values.KASAN_SHADOW:
            words = "the bad address"
        elif words and name == base:
            words += ", the pointer that was used"
        if words:
            result[name] = (f"{value:0{bits // 4}x}", words)
    return result


_NOT_POINTERS = frozenset(
    {
        *("rip", "eip", "eflags", "orig_rax", "cr0", "cr2", "cr3", "cr4", "cs", "ds", "es", "fs", "gs", "ss", "pstate"),
        *("fs_base", "gs_base", "kernel_gs_base", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7", "pkru", "esr", "dar"),
        *("dsisr", "msr", "status", "cause", "badaddr", "psw_mask", "badvaddr", "cpsr", "control", "table", "dac"),
    }
)
