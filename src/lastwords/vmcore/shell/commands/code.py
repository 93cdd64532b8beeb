"""Machine code."""

import argparse
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import drgn

from lastwords.vmcore.shell.command import CommandError, argument, command, flag, out
from lastwords.vmcore.shell.symbols import address_of, symbolic

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell

_LARGEST_FUNCTION = 1 << 16
_LONGEST_INSTRUCTION = 16
_TARGET = re.compile(r"(?<![\w$(])0x[0-9a-f]{8,16}\b")
_BESIDE_RIP = re.compile(r"(-?0x[0-9a-f]+|-?\d+)?\(%rip\)")


@command(
    "dis",
    "machine code",
    flag("-l", text="source file and line, where there is debuginfo"),
    flag("-r", text="from the function's start up to the address"),
    flag("-f", text="from the address to the function's end"),
    flag("-x", text="offsets in hexadecimal"),
    flag("-d", text="offsets in decimal, as by default"),
    flag("-u", text="the address is one of user space, of the task that is set"),
    argument("where", metavar="ADDRESS|SYMBOL", text="where to begin; `schedule+0x20` and `(expression)` too"),
    argument(
        "count",
        nargs="?",
        type=int,
        metavar="COUNT",
        text="how many instructions; by default the whole function, or the one at an address within",
    ),
)
def dis(shell: "Shell", given: argparse.Namespace) -> None:
    """Disassemble, in AT&T's notation as crash does."""
    address = address_of(shell.prog, given.where)
    start, end = _function(shell.prog, address)
    first, stop, most = address, end, given.count
    if given.r:
        first, stop = start, min(address + 1, end)
    elif given.f or (address == start and given.count is None):
        pass
    else:
        most = given.count or 1
        stop = address + most * _LONGEST_INSTRUCTION
    if stop <= first:
        raise CommandError(f"dis: nothing is known of the function at {address:#x}; try a count")
    instructions = list(_decoded(shell, first, stop, user=given.u))
    if given.r and given.count:
        instructions = instructions[-given.count :]
    elif most is not None:
        instructions = instructions[:most]
    if not instructions:
        raise CommandError(f"dis: no instruction at {first:#x}")
    last = ""
    for instruction in instructions:
        if given.l:
            last = _print_source(shell.prog, instruction.address, last)
        out(_line(shell.prog, instruction, hexadecimal=given.x))


def _function(prog: drgn.Program, address: int) -> tuple[int, int]:
    try:
        symbol = prog.symbol(address)
    except LookupError:
        return address, address
    return symbol.address, symbol.address + min(symbol.size or _LONGEST_INSTRUCTION, _LARGEST_FUNCTION)


def _decoded(shell: "Shell", first: int, stop: int, *, user: bool) -> Iterator[Any]:
    """Instructions that begin in a range, as capstone has them."""
    size = stop - first + _LONGEST_INSTRUCTION
    import capstone  # type: ignore[import-untyped]

    prog = shell.prog
    machines = {
        drgn.Architecture.X86_64: (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        drgn.Architecture.I386: (capstone.CS_ARCH_X86, capstone.CS_MODE_32),
        drgn.Architecture.AARCH64: (capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN),
    }
    machine = machines.get(prog.platform.arch) if prog.platform else None
    if machine is None:
        raise CommandError("dis: machine code of this architecture can't be read here")
    disassembler = capstone.Cs(*machine)
    if machine[0] == capstone.CS_ARCH_X86:
        disassembler.syntax = capstone.CS_OPT_SYNTAX_ATT
    if user:
        from drgn.helpers.linux.mm import access_process_vm

        data = access_process_vm(shell.task, first, size)
    else:
        data = prog.read(first, size)
    yield from takewhile(lambda instruction: instruction.address < stop, disassembler.disasm(data, first))


def _line(prog: drgn.Program, instruction: Any, *, hexadecimal: bool) -> str:  # noqa: ANN401
    place = symbolic(prog, instruction.address)
    if place and "+" in place and hexadecimal:
        name, _, offset = place.rpartition("+")
        place = f"{name}+{int(offset):#x}"
    operands = _TARGET.sub(lambda match: _with_name(prog, match[0]), instruction.op_str)
    if match := _BESIDE_RIP.search(operands):
        target = (instruction.address + instruction.size + int(match[1] or "0", 0)) & (1 << 64) - 1
        operands += f"        # {_with_name(prog, hex(target))}"
    return f"{instruction.address:#x}{f' <{place}>' if place else ''}:\t{instruction.mnemonic:<6} {operands}".rstrip()


def _with_name(prog: drgn.Program, text: str) -> str:
    name = symbolic(prog, int(text, 16))
    return f"{text} <{name}>" if name else text


def _print_source(prog: drgn.Program, address: int, last: str) -> str:
    """The source line of an address, where it is another than the last one's."""
    try:
        location = prog.source_location(address)[0]
    except (LookupError, IndexError):
        return last
    here = f"{location.filename}: {location.line}"
    if here != last:
        out(here)
    return here
