"""The code of a function, with names and source lines."""

import re
from typing import TYPE_CHECKING

from lastwords.model import CodeLine, Listing
from lastwords.vmcore.machine.panic import crashed_frames
from lastwords.vmcore.machine.strings import in_words

from .callers import Stack
from .fault import PANIC, find_fault, panic_frames
from .function import Symbol
from .instruction import Line
from .program_dump import ProgramDump
from .x86 import THUNK

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_CODE_MAX = 256 << 10
_WHERE = re.compile(r"([^\s+]{1,512}?)(?:\+(0x[0-9a-f]{1,8}|\d{1,9}))?", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r"(?:0x)?[0-9a-f]{1,16}", re.ASCII | re.IGNORECASE)


class NotFoundError(Exception):
    """There is no such code; one line that says why."""


def listing(kernel: "Kernel", where: str | None, *, faults_only: bool = False) -> Listing:
    """The code of a function.

    Args:
        kernel: an opened dump.
        where: a symbol, `symbol+0x12`, or an address; None for the function that faulted, or else the one that was
            interrupted, or that called panic().
        faults_only: of a crash that was no fault, nothing is marked.

    Raises:
        NotFoundError: no function is there, its code is not in the dump, or the machine is of another kind.
    """
    try:
        dump = ProgramDump(kernel)
    except LookupError as error:
        raise NotFoundError(str(error.args[0])) from None
    marks = _marks(kernel, dump, faults_only)
    if where is None:
        if not marks:
            raise NotFoundError(f"{_why_no_mark(kernel)}: name a symbol or an address")
        address = min(marks, key=lambda mark: marks[mark])
    else:
        address = _find(dump, where)
        if "+" in where or dump.symbol(address) is None or _ADDRESS.fullmatch(where):
            marks = {**marks, address: 0}
    symbol = dump.symbol(address)
    if symbol is None:
        raise NotFoundError(f"{where or hex(address)}: no function is there")
    code = dump.read(symbol.start, min(max(symbol.end - symbol.start, 1), _CODE_MAX))
    if code is None:
        raise NotFoundError(f"{symbol.name}: its code is not in the dump")
    lines = tuple(
        _line(dump, symbol, code[line.address - symbol.start :][: line.length], line, marks)
        for line in dump.architecture.outline(code, symbol.start)
        if line.part == 0
    )
    return Listing(function=symbol.name, address=symbol.start, module=symbol.module, lines=lines)


def _line(dump: ProgramDump, symbol: Symbol, code: bytes, line: Line, marks: dict[int, int]) -> CodeLine:
    address = line.address
    place = source_line(dump, address)
    return CodeLine(
        address=address,
        offset=address - symbol.start,
        code=code.hex(" "),
        text=_named(dump, line),
        marked=address in marks,
        file=place[0] if place else None,
        line=place[1] if place else None,
    )


def _named(dump: ProgramDump, line: Line) -> str:
    """An instruction with the name of what it jumps to, or of the memory that it names by itself."""
    text = f"{line.mnemonic} {line.operands}".strip()
    target = dump.architecture.named_address(line)
    if target is None:
        return text
    thunk = dump.architecture.thunk_register(dump, target)
    if thunk is not None:
        return f"{text}  <{THUNK}{thunk}>"
    target = dump.architecture.real_target(dump, target)
    found = dump.symbol(target)
    if found is None:
        return f"{text}  <{target:#x}>"
    offset = target - found.start
    return f"{text}  <{found.name}{f'+{offset:#x}' if offset else ''}>"


def _marks(kernel: "Kernel", dump: ProgramDump, faults_only: bool) -> dict[int, int]:
    """Where the crashed task stood: what faulted or was interrupted, and the calls above it, with their depths.

    Where there was neither, the call of panic() is the first.
    """
    try:
        _, frames = crashed_frames(kernel)
    except Exception:  # no such task, or its stack is not in the dump
        return {}
    fault = find_fault(dump, frames)
    inner = fault.frames if fault is not None else [] if faults_only else panic_frames(dump, frames)
    if not inner:
        return {}
    stack = Stack(dump, inner)
    marks = {}
    pc = inner[0].pc if fault is None else fault.registers[dump.architecture.program_counter]
    found = dump.symbol(pc)
    if found is not None and found.name.split(".")[0] not in PANIC:
        marks[pc] = 0
    for depth in range(1, min(len(inner), 16)):
        site = stack.call_site(depth)
        if site is not None:
            marks.setdefault(site[0].instruction(site[1]).address, depth)
    return marks


def _why_no_mark(kernel: "Kernel") -> str:
    try:
        _, frames = crashed_frames(kernel)
    except Exception as error:  # drgn raises what fits
        return f"where it crashed is not known ({in_words(' '.join(str(error).split())[:200])})"
    if len(frames) < 2:
        return "where it crashed is not known (its stack is not in the dump)"
    return "no exception and no panic() is on the stack of the task that crashed"


def _find(dump: ProgramDump, where: str) -> int:
    match = _WHERE.fullmatch(where)
    if match is None:
        raise NotFoundError(f"{where}: neither a symbol nor an address")
    name, offset = match[1], int(match[2] or "0", 0)
    found = dump.named(name)
    if found:
        if len(found) > 1 and len({symbol.start for symbol in found}) > 1:
            places = ", ".join(f"{symbol.start:#x}" for symbol in found[:8])
            raise NotFoundError(f"{name}: there are {len(found)} of this name; give one's address: {places}")
        return found[0].start + offset
    if _ADDRESS.fullmatch(name):
        return int(name, 16) + offset
    raise NotFoundError(f"{name}: no such symbol")


def source_line(dump: ProgramDump, address: int) -> tuple[str, int] | None:
    """File and line of an address, where there is DWARF."""
    symbol, entry = dump.symbol(address), dump.architecture.tracing_entry
    if symbol is not None and address < symbol.start + entry:
        address = symbol.start + entry
    try:
        first = dump.prog.source_location(address)[0]
        return (str(first.filename), int(first.line)) if first.filename else None
    except Exception:  # no debuginfo for it
        return None
