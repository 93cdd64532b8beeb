"""What the lines of a report mean: the fields of an oops that need decoding, each by its own decoder."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lastwords.glossary.taints import from_letters
from lastwords.model import AddressSense, Code, ErrorCode, Frame, LinkedModule, MemoryOperand, Taint

from .catalogue import Kind
from .decode import layout
from .decode.address import Fault, sense
from .decode.architecture import architecture
from .decode.code import POINTERS, Asked, code
from .decode.context import below_tick, context
from .decode.error_code import error_code
from .decode.hypervisor import hypervisor
from .decode.modules import linked_modules
from .decode.reported import Reported, checked_address, kasan_range, reported_address
from .decode.source import place_behind_symbol, place_of_check
from .draft import Draft, TraceDraft

_FAULTS = frozenset(("fault", "bug"))
"""Families of which the registers, the code and the error code are those of the crash itself."""
_WITH_CODE = frozenset(("warning", "hang"))
"""Further families whose code is their own; a watchdog's shows where the CPU stood."""
_FOUND_BY_FAULT = frozenset(("kfence", "ubsan", "cfi"))
"""Further kinds that are found by a fault or a trap."""
_ABORTS = frozenset(("external-abort", "serror"))
"""Kinds of the hardware's family that are arm64's exceptions like others, with a syndrome and an instruction."""
_OTHERS_REGISTERS = frozenset(("hung-task",))
"""Kinds whose registers, if any, are of the CPUs that were asked what they do, not of the task that hangs."""


_CHECKS_IN_PLACE = frozenset(("warning", "kernel-bug", "ubsan"))
"""Kinds whose headline has the source line of the function to blame."""
_CHECKED_IN = re.compile(r" ([A-Za-z_][\w.]{0,200})\+0x")

_LONGEST = 1000
"""Characters of a headline that are looked at."""


class Detail(NamedTuple):
    """The decoded fields of `lastwords.model.Oops`, by the same names."""

    architecture: str | None
    context: str | None
    hypervisor: str | None
    taints: tuple[Taint, ...]
    modules: tuple[LinkedModule, ...]
    error_code: ErrorCode | None
    address: AddressSense | None
    code: Code | None
    file: str | None
    source_line: int | None


def decode(draft: Draft, headlines: Sequence[str], kind: Kind, frame: Frame | None) -> Detail:
    """Decode what the lines of a report have said.

    Args:
        draft: the lines, read.
        headlines: the messages that open the report, the one that names it first.
        kind: the catalogue's entry that names it.
        frame: the frame of the function to blame, where it stands on a trace.
    """
    # Registers of user mode say nothing about the kernel's crash.
    registers = {} if draft.registers.user else draft.registers.registers
    texts = [*(text[:_LONGEST] for text in headlines), *draft.error_lines]
    main = _main_trace(draft, frame)
    frames = main.frames if main is not None else []
    machine = architecture(
        draft.registers.architecture,
        draft.registers.registers,
        texts,
        [f.function for f in reversed(frames[-6:])],
        draft.release,
        draft.hardware,
    )
    # In other reports, registers and error codes are of something else: of a fault that followed, of another CPU.
    faulted = kind.family in _FAULTS or kind.name in _ABORTS
    error = error_code(machine, texts, registers) if faulted else None
    reported = None if _late(error) else _reported(draft, texts, kind, registers, error)
    asked = Asked(
        machine or "",
        registers,
        reported.value if reported else None,
        reported.page_only if reported else False,
        error.value if error and machine == "s390x" else None,
        kind.family != "hang",
        _fetched(error, reported, registers),
    )
    decoded = None
    own = faulted or kind.family in _WITH_CODE or kind.name in _FOUND_BY_FAULT
    if draft.code and machine and registers and own and kind.name not in _OTHERS_REGISTERS:
        decoded = code(draft.code, asked)
    place = _place(draft, headlines, kind, frame)
    return Detail(
        architecture=machine,
        context=_context(draft, texts, main, kind, machine),
        hypervisor=hypervisor(draft.hardware, draft.registers.registers),
        taints=from_letters(draft.taint or ""),
        modules=linked_modules(draft.modules),
        error_code=error,
        address=_address(machine, texts, asked, reported, decoded, error),
        code=decoded,
        file=place[0] if place else None,
        source_line=place[1] if place else None,
    )


def _reported(
    draft: Draft, texts: Sequence[str], kind: Kind, registers: dict[str, int], error: ErrorCode | None
) -> Reported | None:
    if kind.family == "fault":
        return reported_address(texts, registers) or _jumped_on_s390(texts, registers, error)
    if kind.name == "kasan":
        return checked_address(texts)
    if kind.name == "kfence":
        return checked_address([*texts, *(trace.title for trace in draft.traces[:3])])
    return None


_UNTAGGED = (1 << 56) - 1
_LENGTH = re.compile(r".{0,80}: [0-9a-f]{4} ilc:([1-3]) \[#")


def _jumped_on_s390(texts: Sequence[str], registers: dict[str, int], error: ErrorCode | None) -> Reported | None:
    """Where the kernel jumped to, where the PSW is behind what is no instruction in the first page."""
    length = next((int(match[1]) for text in texts if (match := _LENGTH.match(text)) is not None), 0)
    psw = registers.get("psw_addr", _FIRST_PAGE)
    if error is None or error.value & 0x7F != _OPERATION or not length or psw >= _FIRST_PAGE:
        return None
    return Reported(psw - 2 * length)


def _instruction_pointer(registers: dict[str, int]) -> int | None:
    return next((registers[name] for name in POINTERS if name in registers), None)


_FIRST_PAGE = 0x1000
"""No kernel has code there."""
_FETCHES = ("instruction fetch", "instruction abort")
_PPC_INSTRUCTION_STORAGE = (0x400, 0x480)


def _fetched(error: ErrorCode | None, reported: Reported | None, registers: dict[str, int]) -> bool:
    """Whether the CPU faulted because it wanted to execute what lies at an address."""
    if error is not None and error.meaning and error.meaning[0].startswith(_FETCHES):
        return True
    if registers.get("trap") in _PPC_INSTRUCTION_STORAGE:
        return True
    pointer = _instruction_pointer(registers)
    if error is not None and reported is not None and pointer is not None and pointer < _FIRST_PAGE:
        return True
    return reported is not None and reported.value == pointer


def _late(error: ErrorCode | None) -> bool:
    """Whether the CPU went on before it heard that an access had failed: the address beside it is of something else."""
    return error is not None and "asynchronous external abort" in error.meaning


def _main_trace(draft: Draft, frame: Frame | None) -> TraceDraft | None:
    """The crash's own trace: that with the function to blame, or the first."""
    traces = [trace for trace in draft.main_traces() if trace.frames]
    if frame is not None and frame.line:
        for trace in traces:
            if any(f.line == frame.line for f in trace.frames):
                return trace
    return traces[0] if traces else None


_OPERATION = 1
_SPECIFICATION = 6
_SPARC_PAGE = 0x2000
_WORD = 4
"""What instructions that s390 refuses for their alignment need at least."""
_HEADLESS = ("---[ end trace", "RIP: 0010:", "Kernel panic - not syncing: Fatal exception")
_PAGE_FAULT = re.compile(r"#PF: |Oops: [0-9a-f]{4} \[#?\d")


def _page_fault(texts: Sequence[str]) -> bool:
    """An x86 page fault, of which CR2 is the address; a general protection fault has another oops line."""
    return any(_PAGE_FAULT.match(text[:40]) is not None for text in texts)


def _address(
    machine: str | None,
    texts: Sequence[str],
    asked: Asked,
    reported: Reported | None,
    decoded: Code | None,
    error: ErrorCode | None,
) -> AddressSense | None:
    if machine is None:
        return None
    operand = decoded.operand if decoded else None
    if reported is None and asked.fault and not _late(error):
        reported = _worked_out(machine, texts, asked, operand)
    elif reported is not None and operand is not None and operand.agrees and operand.address is not None:
        # s390 tells the page, the instruction and its registers where in it; of what is no pointer, arm64 may leave the
        # highest byte out.
        wild = machine == "arm64" and layout.region(reported.value, machine, {}).kind == "non-canonical"
        if reported.page_only or (wild and operand.address & _UNTAGGED == reported.value & _UNTAGGED):
            reported = Reported(operand.address)
    if reported is None:
        return None
    return sense(
        Fault(
            value=reported.value,
            architecture=machine,
            registers=asked.registers,
            operand=_agreeing(operand),
            paging=reported.paging,
            kasan=any("KASAN" in text for text in texts),
            original=kasan_range(texts),
            big_endian=machine in ("s390x", "ppc") or (machine == "ppc64" and any(t.startswith("BE ") for t in texts)),
            page_only=reported.page_only,
            fetch=asked.fetch,
        )
    )


def _worked_out(machine: str, texts: Sequence[str], asked: Asked, operand: MemoryOperand | None) -> Reported | None:
    """The operand's address where the report has none.

    s390 reports none for an operand that is not aligned, sparc none for NULL. Linux before 5.6 printed none for a
    general protection fault; a page fault's headline may be cut off, and CR2 is good where the operand confirms it.
    """
    if operand is None or operand.address is None:
        return None
    if machine == "s390x":
        unaligned = asked.interruption == _SPECIFICATION and operand.address % _WORD
        return Reported(operand.address, paging=False) if unaligned else None
    if machine == "sparc64":
        # `unhandled_fault()` says NULL, and not where.
        null = operand.address < _SPARC_PAGE and any(text.endswith("NULL pointer dereference") for text in texts)
        return Reported(operand.address) if null else None
    if machine != "x86_64":
        return None
    if not any("general protection fault" in text for text in texts):
        # Where the beginning is gone, nothing else says that it was a page fault.
        confirmed = (_page_fault(texts) or texts[0].startswith(_HEADLESS)) and asked.registers.get(
            "cr2"
        ) == operand.address
        return Reported(operand.address) if confirmed else None
    refused = layout.non_canonical(operand.address, asked.registers)
    return Reported(operand.address, paging=False) if refused is not False else None


def _agreeing(operand: MemoryOperand | None) -> MemoryOperand | None:
    """The operand where it explains the address: either the report says so, or the address is its own."""
    return None if operand is None or operand.agrees is False else operand


def _context(
    draft: Draft, texts: Sequence[str], main: TraceDraft | None, kind: Kind, machine: str | None
) -> str | None:
    if main is None or draft.foreign:
        return context(texts, (), (), machine)
    if kind.family == "hang" and (below := below_tick(main.frames)) is not None:
        return context((), below)
    return context(texts, main.frames, main.contexts, machine)


def _place(draft: Draft, headlines: Sequence[str], kind: Kind, frame: Frame | None) -> tuple[str, int] | None:
    """The source line of the frame to blame, or of the check that failed in it."""
    if frame is not None and frame.file and frame.source_line is not None:
        return frame.file, frame.source_line
    location = draft.location
    here = location is not None and frame is not None and location.function == frame.function
    if here and (behind := place_behind_symbol(draft.pointer_text)) is not None:
        return behind
    if kind.name not in _CHECKS_IN_PLACE:
        return None
    checked = _CHECKED_IN.search(headlines[0][:600])
    # A check in machinery such as lib/string_helpers.c is not where the function to blame is wrong.
    elsewhere = frame is not None and not here and (checked is None or checked[1] != frame.function)
    return None if elsewhere and kind.name != "ubsan" else place_of_check(headlines[0])
