"""The `Code:` line: what the CPU was about to execute, and which memory it wanted for it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from lastwords.model import Code, Instruction, MemoryOperand

from .code_bytes import CodeBytes, code_bytes
from .disassembly import UNKNOWN, Line, disassemble, known
from .esr import arm64_break
from .krnl_code import krnl_code
from .operand import memory_operand


class Asked(NamedTuple):
    """What is known beside the line itself.

    Attributes:
        architecture: as in `Code.architecture`.
        registers: values when the fault came, by name.
        reported: the address that the kernel reported as faulting, or None.
        page_only: only the page of that address is known.
        interruption: s390's program interruption code, or None.
        fault: the report is of a fault at this code; otherwise, as in a stall, the CPU only stood there.
        fetch: the fault came because the code itself is none, or must not be executed.
    """

    architecture: str
    registers: Mapping[str, int] = {}
    reported: int | None = None
    page_only: bool = False
    interruption: int | None = None
    fault: bool = True
    fetch: bool = False


def code(text: str, asked: Asked) -> Code:
    """The Code line, disassembled.

    Args:
        text: the line with its label, further lines of it behind line feeds.
        asked: what is known beside it.
    """
    architecture = asked.architecture
    if asked.fetch:
        # Disassembled, data would look like instructions that nobody ever ran.
        return Code(architecture=architecture, note=_jumped(asked))
    if text.lstrip().startswith("Krnl Code:"):
        lines = krnl_code(text, asked.interruption, asked.registers.get("psw_addr"))
        return _finished(lines, asked, "" if lines else "no instruction of it is known to be the faulting one")
    read = code_bytes(text)
    if read is None or not read.units:
        return Code(architecture=architecture, note=_unreadable(asked, read.text if read else ""))
    machine = _machine(read, asked)
    if (read.width == 1) != (architecture in ("x86_64", "i386")):
        return Code(architecture=architecture, note="the line is not one of this architecture")
    if read.fault is None:
        return Code(architecture=architecture, note="the line breaks off before the faulting instruction")
    if not any(read.units):
        return Code(architecture=architecture, note="all bytes are zero: this is no code")
    lines = disassemble(read, machine)
    note = _note(lines, architecture)
    if not note and read.cut:
        note = "the line is damaged behind the instructions shown"
    return _finished(lines, asked, note)


def _machine(read: CodeBytes, asked: Asked) -> str:
    return "thumb" if asked.architecture == "arm" and read.width == 2 else asked.architecture


def _finished(lines: list[Line], asked: Asked, note: str) -> Code:
    faulting = next((line for line in lines if not line.offset), None)
    instructions = tuple(
        Instruction(
            offset=line.offset,
            data=line.data.hex(),
            text=f"{line.mnemonic} {line.operands}".rstrip(),
            faulting=line is faulting,
        )
        for line in lines
    )
    if not note and faulting is None:
        note = "the marked bytes are no instruction"
    if not note and faulting is not None and faulting.mnemonic == UNKNOWN:
        note = "the marked word is no instruction that the disassembler knows"
        if not known(asked.architecture):
            note = "there is no disassembler for this architecture"
    if not asked.fault and faulting is not None:
        note = "no fault: the instruction at which the CPU stood"
    return Code(
        architecture=asked.architecture,
        instructions=instructions,
        operand=_operand(faulting, asked) if faulting is not None and asked.fault else None,
        note=note,
    )


def _operand(line: Line, asked: Asked) -> MemoryOperand | None:
    return memory_operand(
        asked.architecture,
        line.mnemonic,
        line.operands,
        len(line.data),
        asked.registers,
        asked.reported,
        asked.page_only,
    )


def _jumped(asked: Asked) -> str:
    """Why there is no instruction to show."""
    at = asked.reported if asked.reported is not None else _pointer(asked)
    if at is not None and at < _PAGE:
        return (
            "no code: the CPU jumped to NULL, a call through a NULL function pointer"
            if not at
            else (f"no code: the CPU jumped to NULL + {at:#x}")
        )
    return "no code: the CPU jumped to data or to memory that is not mapped, and executed none of it"


def _pointer(asked: Asked) -> int | None:
    return next((asked.registers[name] for name in POINTERS if name in asked.registers), None)


_PAGE = 4096
POINTERS = ("rip", "eip", "pc", "nip", "epc", "era", "psw_addr", "tpc", "iaoq", "eret")


def _unreadable(asked: Asked, text: str) -> str:
    """Why the kernel could not print its own code: it had jumped to where there is none."""
    at = _pointer(asked)
    if at is None:
        return f"no code: {text!r}" if text else "the line is empty"
    if not at:
        return "the kernel jumped to 0: a call through a NULL function pointer"
    return f"the kernel could not read code at {at:#x}: that is no address of code that is mapped"


# What an instruction says by itself. None of them is the cause: a check in front of it failed.

_TRAPS = (
    (
        ("x86_64", "i386"),
        re.compile(r"ud2"),
        "ud2: the kernel's own trap, behind BUG(), WARN() or a check of the compiler",
    ),
    (("x86_64", "i386"), re.compile(r"ud1"), "ud1: the trap of UBSAN or another check of the compiler"),
    (("x86_64", "i386"), re.compile(r"int3"), "int3: a breakpoint, or padding that is never reached"),
    (("x86_64", "i386"), re.compile(r"hlt"), "hlt: the CPU was idle, or had been stopped"),
    (("arm",), re.compile(r"udf #0x12\b|udf #18\b"), "udf #0x12: the trap of BUG()"),
    (("arm",), re.compile(r"udf #2\b"), "udf #2: the trap of BUG() in Thumb code"),
    (("riscv64",), re.compile(r"(?:c\.)?ebreak"), "ebreak: the trap of BUG() or WARN()"),
    (("loongarch64",), re.compile(r"break"), "a trap of BUG() or WARN(), or a check of the compiler"),
    (("mips",), re.compile(r"break|t(?:eq|ne|ge|lt)"), "a trap of BUG() or WARN(), or a check of the compiler"),
    (("ppc64", "ppc"), re.compile(r"t[wd]\w*|trap"), "a trap of BUG() or WARN()"),
)


def _note(lines: list[Line], architecture: str) -> str:
    faulting = next((line for line in lines if not line.offset), None)
    if faulting is None:
        return ""
    text = f"{faulting.mnemonic} {faulting.operands}".rstrip()
    if architecture == "arm64" and faulting.mnemonic == "brk":
        who = arm64_break(int(faulting.operands.lstrip("#") or "0", 0))
        return f"{text}: the trap of {who}" if who else ""
    for architectures, pattern, note in _TRAPS:
        if architecture in architectures and pattern.match(text) is not None:
            return note
    rest = b"".join(line.data for line in lines if line.offset >= 0)
    if architecture in ("x86_64", "i386") and len(rest) >= 8 and not any(rest[:8]):
        return "the bytes from the faulting one on are zero: this is hardly code"
    return ""
