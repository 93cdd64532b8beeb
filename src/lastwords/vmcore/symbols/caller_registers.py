"""Where drgn's unwinder takes a wrong turn, and the registers to go on with."""

import re
import struct
from typing import Any, NamedTuple

import drgn

_WORD = (1 << 64) - 1
# arch/x86/include/asm/ptrace.h: struct pt_regs. drgn has no name for orig_ax.
_PT_REGS = (
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi"),
    *("orig_rax", "rip", "cs", "rflags", "rsp", "ss"),
)
_NEEDED = ("rip", "rsp", "rbp", "rax", "r15")
_CALL_MAX = 7
# The end of a call: to a fixed place, or through a register or memory.
_CALL = re.compile(
    rb"(?:\xe8.{4}|\xff[\xd0-\xd7\x10-\x13\x16\x17]|\xff[\x50-\x53\x55-\x57].|\xff\x54..|\xff[\x90-\x97].{4}|\xff\x15.{4}"
    rb"|\xff\x14.|\xff\x14\x25.{4})\Z",
    re.DOTALL,
)
# arch/arm64/kernel/entry.S: exceptions that came in kernel mode; the last three names are those before Linux 5.14.
_ARM64_EXCEPTION = re.compile(r"el1[ht]_64_(?:sync|irq|fiq|error)|el1_(?:sync|irq|error)")
_ARM64_REGISTERS = 34
_X29, _X30, _PC = 29, 30, 32


class Next(NamedTuple):
    """Where to go on with.

    Attributes:
        registers: as `pr_reg` of NT_PRSTATUS has them; of a caller, in the midst of its call.
        returns_to: for a caller, the address behind the call.
    """

    registers: bytes
    returns_to: int | None = None


class Caller:
    """The frame of a caller that a trace began with, as if the trace had come to it: drgn takes it for interrupted."""

    def __init__(self, frame: drgn.StackFrame, pc: int) -> None:
        self._frame = frame
        self.pc = pc
        self.interrupted = False

    def registers(self) -> dict[str, int]:
        """As drgn's, with the address that will be returned to."""
        found = dict(self._frame.registers())
        return {name: self.pc if name in ("pc", "rip") else value for name, value in found.items()}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._frame, name)

    def __getitem__(self, name: str) -> drgn.Object:
        return self._frame[name]

    def __contains__(self, name: str) -> bool:
        return name in self._frame


def better_registers(prog: drgn.Program, frame: drgn.StackFrame) -> Next | None:
    """How to go on from a frame, where drgn would take the wrong way; None where it does not.

    Args:
        prog: the program.
        frame: the last one that is right.
    """
    platform = prog.platform
    try:
        if platform is not None and platform.arch == drgn.Architecture.AARCH64:
            return _of_caller_of_leaf(prog, frame) if frame.interrupted else _of_exception(prog, frame)
        return _of_bad_call(prog, frame) if frame.interrupted else None
    except (LookupError, drgn.FaultError, OverflowError, ValueError):  # no such symbol, type, register or page
        return None


def _of_bad_call(prog: drgn.Program, frame: drgn.StackFrame) -> Next | None:
    """On x86-64, of the caller where a call went to a variable.

    There is no ORC entry for such a place, so drgn guesses. The call has pushed its return address, and nothing else
    has changed since: the caller's registers are those of the fault.
    """
    if frame.symbol().kind != drgn.SymbolKind.OBJECT:
        return None
    registers = frame.registers()
    if not all(name in registers for name in _NEEDED):
        return None
    stack = registers["rsp"]
    (address,) = struct.unpack("<Q", prog.read(stack, 8))
    prog.symbol(address)
    if not _CALL.search(prog.read(address - _CALL_MAX, _CALL_MAX)):
        return None
    changed = {**registers, "rip": address - 1, "rsp": stack + 8}
    return Next(struct.pack(f"<{len(_PT_REGS)}Q", *(changed.get(name, 0) & _WORD for name in _PT_REGS)), address)


def _of_exception(prog: drgn.Program, frame: drgn.StackFrame) -> Next | None:
    """On arm64, of the code that an exception interrupted.

    The entry code puts a frame record into the registers that it saves (`struct pt_regs`, arch/arm64/include/asm/
    ptrace.h), so that a walk by frame pointers passes through it, but sees no more than the program counter.
    """
    if not _ARM64_EXCEPTION.fullmatch(frame.symbol().name):
        return None
    kind = prog.type("struct pt_regs")
    (record,) = (member for member in kind.members if member.name == "stackframe")
    saved = frame.register("x29") - record.bit_offset // 8
    registers = prog.read(saved, 8 * _ARM64_REGISTERS)
    passed_through = prog.read_u64(frame.register("x29") + 8)
    return Next(registers) if passed_through == struct.unpack_from("<Q", registers, 8 * _PC)[0] else None


def _of_caller_of_leaf(prog: drgn.Program, frame: drgn.StackFrame) -> Next | None:
    """On arm64, of the caller of a function that was interrupted before it saved its return address, or saves none.

    Its frame record is still the caller's, so that a walk by frame pointers leaves the caller out. The same goes for a
    call that went where no code is.
    """
    known = frame.registers()
    registers = [known[f"x{number}"] for number in range(31)] + [known["sp"], frame.pc, 0]
    address, function = registers[_X30], _function(frame)
    caller = prog.symbol(address - 4).address
    if address == prog.read_u64(registers[_X29] + 8) or (function is not None and caller == function.address):
        return None
    (call,) = struct.unpack("<I", prog.read(address - 4, 4))
    if call & 0xFC000000 != 0x94000000 and call & 0xFFFFFC1F != 0xD63F0000:  # bl, blr
        return None
    if function is not None and _saves_return_address(prog, function.address, frame.pc):
        return None
    registers[_PC] = address - 4
    return Next(struct.pack(f"<{_ARM64_REGISTERS}Q", *registers), address)


def _function(frame: drgn.StackFrame) -> drgn.Symbol | None:
    try:
        found = frame.symbol()
    except LookupError:
        return None
    return None if found.kind == drgn.SymbolKind.OBJECT else found


def _saves_return_address(prog: drgn.Program, start: int, end: int) -> bool:
    """Whether `stp x29, x30, [sp, ...]` stands there, with or without moving the stack pointer."""
    size = min(end - start, 0x4000)
    code = struct.unpack(f"<{size // 4}I", prog.read(start, size & ~3))
    return any(each & 0xFFC07FFF in (0xA9807BFD, 0xA9007BFD) for each in code)
