"""s390's `Krnl Code:`, which the kernel has disassembled itself (`arch/s390/kernel/dis.c: show_code()`)."""

import re

from .disassembly import Line

_LONGEST = 4000
# `>` stands before the instruction that the PSW points to, `#` before the one in front of it. A tab may have become
# blanks on the way.
_INSTRUCTION = re.compile(
    r"\s{0,40}(?:Krnl Code:\s?)?\s{0,20}(?P<mark>[#>* ]?)(?P<address>[0-9a-f]{16}): (?P<data>[0-9a-f]{4,12})[ \t]{1,20}"
    r"(?P<mnemonic>[\w.]{1,16})(?:[ \t]{1,20}(?P<operands>.{0,120}))?"
)
_REWOUND = frozenset((0x04, 0x10, 0x11, 0x12, 0x38, 0x39, 0x3A, 0x3B, 0x3D))
"""Interruption codes after which the PSW points to the instruction itself; after all others, behind it."""


def krnl_code(text: str, interruption: int | None) -> list[Line]:
    """The instructions of a `Krnl Code:` block, offsets counted from the faulting one.

    Args:
        text: its lines.
        interruption: the program interruption code, which says whether the PSW points to the instruction or behind it.

    Returns:
        Nothing if no line is marked or the interruption code is not known.
    """
    lines: list[tuple[str, int, bytes, str, str]] = []
    for line in text[:_LONGEST].split("\n"):
        match = _INSTRUCTION.match(line)
        if match is not None and len(match["data"]) % 4 == 0:
            operands = (match["operands"] or "").strip()
            data = bytes.fromhex(match["data"])
            lines.append((match["mark"], int(match["address"], 16), data, match["mnemonic"], operands))
    if interruption is None:
        return []
    mark = ">" if interruption & 0x7F in _REWOUND else "#"
    fault = next((address for sign, address, *_rest in lines if sign == mark), None)
    if fault is None:
        return []
    return [Line(address - fault, data, mnemonic, operands) for _sign, address, data, mnemonic, operands in lines]
