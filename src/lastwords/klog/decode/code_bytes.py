"""The `Code:` line of each architecture, as bytes with a mark at the faulting instruction.

Formats: `arch/x86/kernel/dumpstack.c: show_opcodes()`, `arch/arm64/kernel/traps.c: dump_kernel_instr()`,
`arch/arm/kernel/traps.c: dump_instr()`, `arch/powerpc/kernel/process.c: show_instructions()`,
`arch/riscv/kernel/traps.c: dump_instr()`, `arch/mips/kernel/traps.c: show_code()`,
`arch/loongarch/kernel/traps.c: show_code()`.
"""

import re
from typing import NamedTuple

MAX_UNITS = 128
"""Bytes or words of one Code line that are looked at; x86 prints 64 bytes, powerpc 16 words."""

_UNIT = re.compile(r"[<(]?([0-9a-f]{2,8})[>)]?\Z")
_UNREADABLE = re.compile(r"(?:X{8}|\?\?|\?{4,8})\Z")
_HEADING = re.compile(r"\s*(?:Code:|Instruction (?:dump|DUMP):)")
_WORD = re.compile(r"\S{1,20}")


class CodeBytes(NamedTuple):
    """What a Code line holds.

    Attributes:
        units: the bytes, halfwords or words as numbers, in order.
        width: bytes of one of them: 1, 2 or 4.
        fault: index of the marked one, or None where none is marked.
        cut: the line holds something that belongs there not, behind what has been read.
        text: what stands there instead of code, such as `Bad RIP value.`, or the empty string.
    """

    units: tuple[int, ...]
    width: int
    fault: int | None
    cut: bool = False
    text: str = ""


def code_bytes(text: str) -> CodeBytes | None:
    """Read a Code line.

    Args:
        text: the line with its label, further lines of it behind line feeds.

    Returns:
        None if the text is not of this kind.
    """
    heading = _HEADING.match(text)
    if heading is None:
        return None
    rest = text[heading.end() : heading.end() + 2000].strip()
    units: list[int] = []
    width, fault, cut = 0, None, False
    for word in _WORD.findall(rest)[:MAX_UNITS]:
        match = _UNIT.match(word)
        if match is None:
            if _UNREADABLE.match(word) and fault is None:
                # Unreadable words before the marked one: what stands before them is of no use.
                units.clear()
                continue
            cut = True
            break
        digits = match[1]
        if not width:
            width = len(digits) // 2
        if len(digits) != 2 * width:
            cut = True
            break
        if word[0] in "<(" and fault is None:
            fault = len(units)
        units.append(int(digits, 16))
    if not units or width not in (1, 2, 4):
        return CodeBytes((), 0, None, text=rest[:200].strip())
    return CodeBytes(tuple(units), width, fault, cut)
