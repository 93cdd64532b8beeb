"""s390's `Krnl Code:`, which the kernel has disassembled itself (`arch/s390/kernel/dis.c: show_code()`)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

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


def krnl_code(text: str, interruption: int | None, psw: int | None = None) -> list[Line]:
    """The instructions of a `Krnl Code:` block, offsets counted from the faulting one.

    Args:
        text: its lines.
        interruption: the program interruption code, which says whether the PSW points to the instruction or behind it;
            None of a warning, which is a monitor call.
        psw: the address in the PSW. Where it is known it tells more than the marks, which mail readers swallow.

    Returns:
        Nothing if no line is the faulting one.
    """
    lines: list[_Marked] = []
    for line in text[:_LONGEST].split("\n"):
        match = _INSTRUCTION.match(line)
        if match is not None and len(match["data"]) % 4 == 0:
            operands = (match["operands"] or "").strip()
            data = bytes.fromhex(match["data"])
            lines.append(_Marked(match["mark"], int(match["address"], 16), data, match["mnemonic"], operands))
    fault = _fault(lines, interruption, psw)
    if fault is None:
        return []
    return [Line(line.address - fault, line.data, line.mnemonic, line.operands) for line in lines]


class _Marked(NamedTuple):
    mark: str
    address: int
    data: bytes
    mnemonic: str
    operands: str


def _fault(lines: Sequence[_Marked], interruption: int | None, psw: int | None) -> int | None:
    """The address of the faulting instruction."""
    rewound = interruption is not None and interruption & 0x7F in _REWOUND
    for line in lines:
        if psw is not None:
            here = psw == (line.address if rewound else line.address + len(line.data))
        else:
            here = line.mark == (">" if rewound else "#")
        if here:
            # Without a code there is no fault but where the instruction itself says why the kernel stopped.
            return line.address if interruption is not None or line.mnemonic == "mc" else None
    return None
