"""Who should have checked: calls that can fail, set a field where they do not, and whose result nobody looks at.

A field that holds NULL was never set. In the module's own code stands who sets it: a function that stores into that
offset. If that function can return an error before it does, a caller that does not look at the result is the bug.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lastwords.glossary.errno import BY_NUMBER, MAX_ERRNO
from lastwords.model import Unchecked

from .program_dump import ProgramDump

_LOOK_AHEAD = 24
"""Instructions behind a call within which its result is used if it is used at all."""
_MODULE_MAX = 4 << 20
"""Bytes of a module's text that are looked at."""
_FUNCTION_MAX = 64 << 10

_STORE = re.compile(r"qword ptr \[(\w{2,3}) \+ (0x[0-9a-f]{1,8}|\d{1,8})\], (r\w{1,3})$")
_ERROR = re.compile(r"(?:eax, (0xffff[0-9a-f]{4})|rax, (-0x[0-9a-f]{1,3}|-\d{1,4}|0xffffffffffff[0-9a-f]{4}))$")
_RESULT = re.compile(r"\b(?:rax|eax|ax|al|ah)\b")
_WRITTEN_FIRST = re.compile(r"(?:rax|eax)(?:,|$)")
_STACK = frozenset({"rsp", "rbp"})


class _Instruction(NamedTuple):
    address: int
    end: int
    mnemonic: str
    operands: str


class _Code(NamedTuple):
    name: str
    start: int
    instructions: Sequence[_Instruction]


def unchecked(dump: ProgramDump, module: str, offset: int) -> tuple[Unchecked, ...]:
    """Calls in a module whose failure leaves a field unset, and whose result is ignored (x86-64).

    Args:
        dump: that the module is read from.
        module: its name.
        offset: of the field in its object, bytes.

    Returns:
        One for each such call, by address; nothing where the code has none.
    """
    functions = list(_functions(dump, module))
    setters = {code.start: code for code in functions if _sets(code, offset)}
    errors = {start: error for start, code in setters.items() if (error := _error(code)) is not None}
    return tuple(
        Unchecked(
            caller=code.name,
            callee=setters[target].name,
            module=module,
            address=call.address,
            error=errors[target],
            text=f"{code.name}() calls {setters[target].name}(), which sets the field at {offset:#x} and can fail with "
            f"{errors[target]} before it does, and does not look at what it returns.",
        )
        for code in functions
        for place, call in enumerate(code.instructions)
        if call.mnemonic == "call"
        and (target := _number(call.operands)) in errors
        and _ignored(code.instructions, place + 1)
    )


def _functions(dump: ProgramDump, module: str) -> Iterator[_Code]:
    import capstone  # type: ignore[import-untyped]

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for start, end in dump.ranges(module):
        address = start
        while address < min(end, start + _MODULE_MAX):
            symbol = dump.symbol(address)
            if symbol is None or symbol.data or symbol.end <= address:
                address = (address + 16) & ~15
                continue
            size = min(symbol.end - symbol.start, _FUNCTION_MAX)
            code = dump.read(symbol.start, size)
            if code is not None:
                found = [
                    _Instruction(at, at + length, mnemonic, operands)
                    for at, length, mnemonic, operands in engine.disasm_lite(code, symbol.start)
                ]
                yield _Code(symbol.source_name, symbol.start, found)
            address = max(symbol.end, address + 1)


def _sets(code: _Code, offset: int) -> bool:
    """It stores a register into that offset of some object."""
    for instruction in code.instructions:
        match = _STORE.match(instruction.operands) if instruction.mnemonic == "mov" else None
        if match and int(match[2], 0) == offset and match[1] not in _STACK:
            return True
    return False


def _error(code: _Code) -> str | None:
    """An error number that it can return, by its macro; None where it returns none of its own."""
    for instruction in code.instructions:
        if instruction.mnemonic == "mov" and (match := _ERROR.match(instruction.operands)):
            value = int(match[1] or match[2], 0)
            number = (1 << 32) - value if match[1] else -value if value < 0 else (1 << 64) - value
            if 0 < number <= MAX_ERRNO and (known := BY_NUMBER.get(number)) is not None:
                return f"-{known.name}"
    return None


def _ignored(instructions: Sequence[_Instruction], place: int) -> bool:
    """Behind a call its result is overwritten before anything reads it, on the straight way and on jumps forward."""
    for instruction in instructions[place : place + _LOOK_AHEAD]:
        mnemonic, operands = instruction.mnemonic, instruction.operands
        if mnemonic == "call":
            return True
        if mnemonic.startswith("ret") or mnemonic == "jmp":
            return False  # it may be handed on
        if not _RESULT.search(operands):
            continue
        written = _WRITTEN_FIRST.match(operands) is not None and mnemonic in ("mov", "movzx", "lea", "xor", "pop")
        return written and (mnemonic != "xor" or operands in ("eax, eax", "rax, rax")) and not _read(mnemonic, operands)
    return False


def _read(mnemonic: str, operands: str) -> bool:
    source = operands.partition(", ")[2]
    return mnemonic != "xor" and _RESULT.search(source) is not None


def _number(operands: str) -> int | None:
    return int(operands, 16) if operands.startswith("0x") else None
