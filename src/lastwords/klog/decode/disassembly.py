"""Bytes into instructions, by capstone; what it does not know stays a word."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from . import loongarch
from .code_bytes import CodeBytes


class Line(NamedTuple):
    """One instruction: bytes from the faulting one, its own bytes, mnemonic and operands."""

    offset: int
    data: bytes
    mnemonic: str
    operands: str


# Architecture, mode and byte order of capstone. The words of a Code line are printed as numbers, so that the machine's
# own byte order does not matter but where an instruction has several words.
_ENGINES = {
    "x86_64": ("X86", ("64",), "little"),
    "i386": ("X86", ("32",), "little"),
    "arm64": ("ARM64", ("ARM",), "little"),
    "arm": ("ARM", ("ARM",), "little"),
    "thumb": ("ARM", ("THUMB",), "little"),
    "ppc64": ("PPC", ("64", "BIG_ENDIAN"), "big"),
    "ppc": ("PPC", ("32", "BIG_ENDIAN"), "big"),
    "riscv64": ("RISCV", ("RISCV64", "RISCVC"), "little"),
    "mips": ("MIPS", ("MIPS64", "BIG_ENDIAN"), "big"),
    "sparc64": ("SPARC", ("V9", "BIG_ENDIAN"), "big"),
    "m68k": ("M68K", ("M68K_040", "BIG_ENDIAN"), "big"),
}
_OWN = {"loongarch64": loongarch.instruction}
"""Readers of our own for what capstone has not."""
UNKNOWN = ".word"
"""The mnemonic of what no reader knows."""
_ADDRESSES = (1 << 64) - 1
_JUMPS = re.compile(r"j\w+|call|loop\w*|bl?|b\.\w+|t?c?bn?z")
"""Mnemonics of jumps and calls, on x86 and arm64."""
_FIXED = re.compile(r"((?:[wx]\d{1,2}, )?(?:#\d{1,2}, )?)#?(0x[0-9a-f]{1,16}|[0-9])")
_STARTS = 16
"""Longest x86 instruction, and one: from one of so many starts decoding falls into step."""
_CHAINS = 4
"""Ways of decoding that must agree; they mostly fall into step after two or three instructions."""


@lru_cache(maxsize=16)
def engine(architecture: str) -> Any:  # noqa: ANN401 - capstone has no types
    """The disassembler of an architecture, or None where capstone knows none.

    Made once a process: the import costs 70 ms, an instruction 0.2 µs.
    """
    if architecture not in _ENGINES:
        return None
    import capstone  # type: ignore[import-untyped]

    name, modes, _order = _ENGINES[architecture]
    mode = 0
    for word in modes:
        mode |= getattr(capstone, f"CS_MODE_{word}")
    return capstone.Cs(getattr(capstone, f"CS_ARCH_{name}"), mode)


def known(architecture: str) -> bool:
    """Whether there is a disassembler for an architecture; without one, instructions stay words."""
    return architecture in _ENGINES or architecture in _OWN


def disassemble(code: CodeBytes, architecture: str) -> list[Line]:
    """The instructions of a Code line: those from the marked one on, and those before it that are certain.

    Args:
        code: the line; without a mark nothing can be told from it.
        architecture: as in `Code.architecture`, or `thumb`.
    """
    if code.fault is None:
        return []
    machine = engine(architecture)
    if machine is None:
        return [_word(unit, code.width, at - code.fault, _OWN.get(architecture)) for at, unit in enumerate(code.units)]
    data = b"".join(unit.to_bytes(code.width, _order(architecture)) for unit in code.units)
    start = code.fault * code.width
    before = _before_x86(machine, data[:start]) if code.width == 1 else _before_words(machine, data[:start], code.width)
    found = _lines(machine, data[start:], 0)
    if not found and code.width > 1:
        found = [_marked(data[start:], code.units[code.fault], code.width, architecture)]
    return before + found


def _word(unit: int, width: int, place: int, read: Callable[[int], tuple[str, str] | None] | None) -> Line:
    found = read(unit) if read is not None else None
    mnemonic, operands = found if found is not None else (UNKNOWN, f"{unit:#0{2 + 2 * width}x}")
    return Line(place * width, unit.to_bytes(width, "big"), mnemonic, operands)


def _marked(data: bytes, unit: int, width: int, architecture: str) -> Line:
    """The marked instruction as a number: of halfwords, the first tells whether there is a second."""
    long = (unit & 3 == 3) if architecture == "riscv64" else unit >> 11 >= 0x1D
    own = data[: 4 if width == 2 and long else width]
    return Line(0, own, UNKNOWN, f"{int.from_bytes(own, _order(architecture)):#0{2 + 2 * len(own)}x}")


def _order(architecture: str) -> Any:  # noqa: ANN401 - a Literal that mypy would have to follow through the table
    return _ENGINES[architecture][2]


def _lines(machine: Any, data: bytes, offset: int) -> list[Line]:  # noqa: ANN401
    # Addresses count from the faulting instruction, so that targets of jumps read as the offsets beside them do.
    lines = []
    at = 0
    for _address, size, mnemonic, operands in machine.disasm_lite(data, offset & _ADDRESSES):
        lines.append(Line(offset + at, data[at : at + size], mnemonic, _target(mnemonic, operands)))
        at += size
    return lines


def _target(mnemonic: str, operands: str) -> str:
    """The operands; of a jump or call to a fixed place, its distance from the faulting instruction: `<-8>`."""
    match = _FIXED.fullmatch(operands)
    if match is None or _JUMPS.fullmatch(mnemonic) is None:
        return operands
    place = int(match[2], 16)
    for bits in (32, 64):
        if place >> (bits - 1) == 1:
            place -= 1 << bits
    return f"{match[1]}<{place:+d}>"


def _before_words(machine: Any, data: bytes, width: int) -> list[Line]:  # noqa: ANN401
    """Instructions of fixed length; of halfwords, as many as decode without a rest from the latest start that does."""
    if width == 4:
        found: list[Line] = []
        for at in range(0, len(data), 4):
            one = _lines(machine, data[at : at + 4], at - len(data))
            # A word that is none (data between functions) parts what stands before it from what counts.
            found = found + one if one else []
        return found
    chains = [chain for at in range(0, min(len(data), 8), width) if (chain := _chain(machine, data, at))]
    return _common(chains)


def _before_x86(machine: Any, data: bytes) -> list[Line]:  # noqa: ANN401
    chains: list[list[Line]] = []
    seen: set[int] = set()
    for at in range(min(_STARTS, len(data))):
        if at - len(data) in seen:
            continue  # An earlier way has passed here: the rest is the same.
        chain = _chain(machine, data, at)
        if chain:
            chains.append(chain)
            seen.update(line.offset for line in chain)
            if len(chains) == _CHAINS:
                break
    return _common(chains)


def _chain(machine: Any, data: bytes, at: int) -> list[Line]:  # noqa: ANN401
    """The instructions from a start on, or none if they do not end where the data does."""
    lines = _lines(machine, data[at:], at - len(data))
    return lines if lines and not lines[-1].offset + len(lines[-1].data) else []


def _common(chains: list[list[Line]]) -> list[Line]:
    """What all ways of decoding have in common."""
    if not chains:
        return []
    agreed = set.intersection(*({line.offset for line in chain} for chain in chains))
    return [line for line in chains[0] if line.offset in agreed]
