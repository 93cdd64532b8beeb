"""What functions of x86-64 return, and whether who calls them looks at it: eax, followed forwards through the code."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from lastwords.glossary.errno import BY_NUMBER, MAX_ERRNO

from .function import Dump, Symbol
from .instruction import Line
from .x86_code import is_register, outline, whole

_FUNCTION_MAX = 64 << 10
_STEPS_MAX = 20_000
_LOOK_AHEAD = 64
"""Instructions behind a call within which its result is used if it is used at all."""

_STORE = re.compile(r"qword ptr \[(\w{2,3}) \+ (0x[0-9a-f]{1,8}|\d{1,8})\], (r\w{1,3})$")
_COPY = re.compile(r"(r\w{1,2}), (r\w{1,2})$")
_NUMBER = re.compile(r"(?:rax|eax), (-?(?:0x[0-9a-f]{1,16}|\d{1,20}))$")
_RESULT = re.compile(r"\b(?:rax|eax|ax|al|ah)\b")
_SETS = re.compile(r"(?:rax|eax)(?:,|$)")
_ZEROED = ("eax, eax", "rax, rax")
_WRITERS = frozenset({"mov", "movabs", "movzx", "movsx", "movsxd", "lea", "pop"})
_READERS = frozenset({"cmp", "test", "push", "call", "jmp", "bt"})
# They use or change rax without naming it.
_SILENT_NAMES = "cdqe cwde cbw cdq cqo cwd mul imul div idiv cpuid rdtsc rdtscp rdmsr wrmsr syscall xlatb lahf sahf"
_SILENT = frozenset(_SILENT_NAMES.split())
_ENDS = frozenset({"ud0", "ud1", "ud2", "int3", "hlt", "(bad)"})
_ARGUMENTS = frozenset({"rdi", "rsi", "rdx", "rcx", "r8", "r9"})


class Code(NamedTuple):
    """A function: its symbol, its instructions, and the index of each by its address."""

    symbol: Symbol
    lines: Sequence[Line]
    places: dict[int, int]

    def after(self, place: int) -> Iterator[int | None]:
        """Where it goes on behind an instruction that is no return; None for what is not among these instructions."""
        line = self.lines[place]
        if line.mnemonic.startswith("j"):
            target = target_of(line)
            yield self.places.get(target) if target is not None else None
        if line.mnemonic != "jmp":
            yield place + 1 if place + 1 < len(self.lines) else None


def code_of(dump: Dump, symbol: Symbol) -> Code | None:
    """The instructions of a function; None where they are not in the dump."""
    data = dump.read(symbol.start, min(symbol.end - symbol.start, _FUNCTION_MAX))
    if not data:
        return None
    lines = outline(data, symbol.start)
    return Code(symbol, lines, {line.address: place for place, line in enumerate(lines)})


def target_of(line: Line) -> int | None:
    """The address that a call or jump names."""
    return int(line.operands, 16) if line.operands.startswith("0x") else None


class _Result(Enum):
    """What eax holds at a return, where it is no error number of the function's own."""

    UNKNOWN = auto()
    SET = auto()


def failure(dump: Dump, code: Code, offset: int) -> str | None:
    """The error that a function can return before it sets a field of an object that it was given.

    Args:
        dump: to tell returns from jumps.
        code: the function.
        offset: of the field.

    Returns:
        The error's macro, as `-ENOMEM`. None where it sets no such field, has no such error, or may return nothing: the
        way on which it sets the field must give eax a value too.
    """
    stores = _stores(code, offset)
    if not stores:
        return None
    found: set[tuple[int | _Result, bool]] = set()
    todo: list[tuple[int, int | _Result, bool]] = [(0, _Result.UNKNOWN, False)]
    seen = set(todo)
    while todo:
        place, result, stored = todo.pop()
        if len(seen) > _STEPS_MAX:
            return None
        line = code.lines[place]
        if line.mnemonic in _ENDS:
            continue
        if _returns(dump, line):
            found.add((result, stored))
            continue
        result, stored = _behind(line, result), stored or place in stores
        for following in code.after(place):
            state = (following, result, stored) if following is not None else None
            if state is not None and state not in seen:
                seen.add(state)
                todo.append(state)
    errors = sorted(result for result, stored in found if isinstance(result, int) and not stored)
    return f"-{BY_NUMBER[errors[0]].name}" if errors and (_Result.SET, True) in found else None


def _behind(line: Line, result: int | _Result) -> int | _Result:
    """What eax holds behind an instruction."""
    if line.mnemonic == "call" or line.mnemonic in _SILENT:
        return _Result.UNKNOWN
    if not _SETS.match(line.operands) or line.mnemonic in _READERS:
        return result
    if line.mnemonic == "xor" and line.operands in _ZEROED:
        return _Result.SET
    if line.mnemonic not in ("mov", "movabs"):
        return _Result.UNKNOWN
    match = _NUMBER.match(line.operands)
    if match is None:
        return _Result.SET if is_register(line.operands.partition(", ")[2]) else _Result.UNKNOWN
    number = _errno(int(match[1], 0))
    return _Result.SET if number is None else number


def _errno(value: int) -> int | None:
    """The error number, positive, of a constant in eax or rax."""
    for bits in (32, 64):
        number = (1 << bits) - (value & (1 << bits) - 1)
        if 0 < number <= MAX_ERRNO and number in BY_NUMBER and (value < 0 or value >> bits == 0):
            return number
    return None


def sets(code: Code, offset: int) -> bool:
    """It stores a register into that offset of an object that it was given."""
    return bool(_stores(code, offset))


def _stores(code: Code, offset: int) -> frozenset[int]:
    """Where it stores a register into that offset of an object that one of its arguments points to.

    The object of a function that allocates it itself is none that is left without the field.
    """
    if not any(match and int(match[2], 0) == offset for match in map(_store, code.lines)):
        return frozenset()
    arguments, copies, written = set(_ARGUMENTS), dict[str, int](), dict[str, int]()
    direct: dict[int, str] = {}
    for place, line in enumerate(code.lines):
        if (match := _store(line)) and int(match[2], 0) == offset:
            direct[place] = match[1] if match[1] in arguments else ""
        if line.mnemonic == "call" and place:  # the first is ftrace's, which keeps all registers
            arguments.clear()
        first, comma, _rest = line.operands.partition(", ")
        if line.mnemonic in _READERS or line.mnemonic in _ENDS or not is_register(first):
            continue
        target = whole(first)
        copy = _COPY.match(line.operands) if comma and line.mnemonic == "mov" else None
        if copy and copy[2] in arguments:
            copies[target] = place
        if line.mnemonic != "pop":
            written[target] = written.get(target, 0) + 1
        arguments.discard(target)
    kept = {register for register in copies if written[register] == 1 and register not in _ARGUMENTS}
    return frozenset(
        place
        for place, given in direct.items()
        if given or ((match := _store(code.lines[place])) and match[1] in kept and copies[match[1]] < place)
    )


def _store(line: Line) -> re.Match[str] | None:
    return _STORE.match(line.operands) if line.mnemonic == "mov" else None


def ignored(dump: Dump, code: Code, call: int) -> bool:
    """On every way behind a call, its result is overwritten before anything reads it, copies it or returns it."""
    todo, seen = [call + 1], set[int]()
    while todo:
        place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        if len(seen) > _LOOK_AHEAD or place >= len(code.lines):
            return False
        line = code.lines[place]
        if line.mnemonic in _ENDS:
            continue
        if line.mnemonic in _SILENT or _returns(dump, line):
            return False  # used, or handed on
        if line.mnemonic == "call":
            if _through_result(dump, line):
                return False
            continue
        if _RESULT.search(line.operands):
            if not _overwrites(line):
                return False
            continue
        for following in code.after(place):
            if following is None:
                return False  # it goes where it is not followed
            todo.append(following)
    return True


def _overwrites(line: Line) -> bool:
    if line.mnemonic == "xor":
        return line.operands in _ZEROED
    source = line.operands.partition(", ")[2]
    return line.mnemonic in _WRITERS and _SETS.match(line.operands) is not None and not _RESULT.search(source)


def _through_result(dump: Dump, line: Line) -> bool:
    """It calls what the result points to, also by way of a retpoline."""
    if _RESULT.search(line.operands):
        return True
    target = target_of(line)
    return target is not None and dump.architecture.thunk_register(dump, target) == "rax"


def _returns(dump: Dump, line: Line) -> bool:
    if line.mnemonic.startswith("ret"):
        return True
    target = target_of(line) if line.mnemonic == "jmp" else None
    symbol = dump.symbol(target) if target is not None else None
    return symbol is not None and dump.architecture.is_return_thunk(symbol.name)
