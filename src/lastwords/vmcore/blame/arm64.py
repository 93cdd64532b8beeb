"""arm64: the kernel's conventions (AAPCS64), and the shape of its code."""

import re
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import arm64_code
from .architecture import Architecture, Flags, StackAddress
from .instruction import MASK, Act, Flow, Instruction, Line

if TYPE_CHECKING:
    from .function import Dump

_NUMBER = r"#(-?0x[0-9a-f]{1,8}|-?\d{1,8})"
_PRE = re.compile(rf"\[sp, {_NUMBER}\]!", re.ASCII)
_POST = re.compile(rf"\[sp\], {_NUMBER}", re.ASCII)
_OWN_FRAME = re.compile(rf"\[sp(?:, {_NUMBER})?\]!?\Z", re.ASCII)
_STEP = re.compile(rf"sp, sp, {_NUMBER}(, lsl #12)?", re.ASCII)
_ADDRESS = re.compile(rf"(x\d{{1,2}}|sp), (sp|x29), {_NUMBER}(, lsl #12)?", re.ASCII)
_MOVE = re.compile(r"(x\d{1,2}), (sp|x29)", re.ASCII)
_TARGET = re.compile(r"(?:^|, )#(0x[0-9a-f]{1,16})\Z", re.ASCII)
_SAVED = re.compile(r"(?:x19|x2\d|x30|d[89]|d1[0-5])\b", re.ASCII)
_TESTS = ("cbz", "cbnz", "tbz", "tbnz")
_NEGATIVE, _ZERO, _NO_BORROW, _OVERFLOW = 1 << 31, 1 << 30, 1 << 29, 1 << 28
_TEXT_BITS = 48
"""The kernel's text lies in the topmost 48 bits' worth of addresses, however large its address space."""
# What the kernel patches in place (arch/arm64/kernel/alternative.c, jump_label.c, ftrace.c), and what alternatives are
# made of.
_PATCHED_NAMES = "b bl nop hint mrs msr dmb dsb isb sb udf brk (bad) paciasp autiasp movz movk"
_PATCHED = frozenset(_PATCHED_NAMES.split())
_BTI_C, _BR_X16 = 0xD503245F, 0xD61F0200


class Arm64(Architecture):
    """arm64, little-endian."""

    name = "arm64"
    drgn_name = "AARCH64"
    stack_pointer = "sp"
    program_counter = "pc"
    flags = "pstate"
    return_register = "x0"
    frame_pointer = "x29"
    keeps_frame_pointer = True
    registers = (*(f"x{number}" for number in range(31)), "sp")
    arguments = tuple(f"x{number}" for number in range(8))
    caller_saved = frozenset((*(f"x{number}" for number in range(19)), "x30"))
    callee_saved = tuple(f"x{number}" for number in range(19, 30))
    call_pushes = 0
    link_register = "x30"
    tracing_entry = 8  # arch/arm64/Makefile: -fpatchable-function-entry=2
    user_end = 1 << 52
    kernel_start = 0xFFF0000000000000  # with addresses of 52 bits; with fewer it is higher
    # arch/arm64/kernel/entry.S: synchronous exceptions that came in kernel mode; before Linux 5.14 with the other name.
    entries = {"el1h_64_sync": "exception", "el1t_64_sync": "exception", "el1_sync": "exception"}  # noqa: RUF012
    served = frozenset({"exception"})
    # arch/arm64/mm/fault.c, arch/arm64/kernel/traps.c
    dying = frozenset(("die", "die_kernel_fault", "__die", "arm64_notify_die"))
    current = "sp_el0"
    per_cpu_registers = frozenset(("tpidr_el1", "tpidr_el2"))
    panicking = frozenset(
        {
            *("panic", "vpanic", "nmi_panic", "crash_kexec", "__crash_kexec", "crash_save_cpu", "machine_kexec"),
            *("machine_crash_shutdown", "sysrq_handle_crash", "__delay", "__delay_cycles", "__const_udelay"),
            *("ipi_cpu_stop", "local_cpu_stop", "ipi_cpu_crash_stop", "cpu_park_loop", "arch_cpu_idle", "cpu_do_idle"),
        }
    )
    keeps_all = frozenset({"ftrace_caller", "ftrace_regs_caller"})  # arch/arm64/kernel/entry-ftrace.S

    def outline(self, code: bytes, address: int) -> list[Line]:  # noqa: D102
        return arm64_code.outline(code, address)

    def decode(self, code: bytes, address: int) -> tuple[Instruction, ...]:  # noqa: D102
        return arm64_code.decode(code, address)

    def flow(self, line: Line) -> Flow | None:  # noqa: D102
        mnemonic = line.mnemonic
        if mnemonic == "b":
            return Flow(Act.JUMP, _target(line))
        if mnemonic.startswith("b.") or mnemonic in _TESTS:
            return Flow(Act.BRANCH, _target(line))
        if mnemonic.startswith("bl"):
            return Flow(Act.CALL, _target(line))
        if mnemonic.startswith("br") and mnemonic != "brk":
            return Flow(Act.JUMP)
        if mnemonic in ("ret", "retaa", "retab"):
            return Flow(Act.RETURN)
        return Flow(Act.END) if mnemonic in ("udf", "eret", "(bad)") else None

    def height_after(self, height: int, line: Line) -> int | None:  # noqa: D102
        operands = line.operands
        if "sp" not in operands:
            return height
        if match := _PRE.search(operands):
            return height + int(match[1], 0) if line.part == 0 else height
        if match := _POST.search(operands):
            return height + int(match[1], 0) if line.part == line.parts - 1 else height
        if not operands.startswith("sp, ") or line.mnemonic in ("cmp", "cmn", "tst"):
            return height
        match = _STEP.fullmatch(operands)
        if match is None or line.mnemonic not in ("add", "sub"):
            return None
        number = int(match[1], 0) << (12 if match[2] else 0)
        return height + number if line.mnemonic == "add" else height - number

    def stack_address(self, line: Line) -> StackAddress | None:  # noqa: D102
        if line.mnemonic == "mov" and (match := _MOVE.fullmatch(line.operands)):
            return StackAddress(match[1], match[2], 0)
        if line.mnemonic in ("add", "sub") and (match := _ADDRESS.fullmatch(line.operands)):
            number = int(match[3], 0) << (12 if match[4] else 0)
            return StackAddress(match[1], match[2], number if line.mnemonic == "add" else -number)
        return None

    def saved_at(self, line: Line) -> int | None:  # noqa: D102
        if line.mnemonic not in ("stp", "str") or not _SAVED.match(line.operands):
            return None
        match = _OWN_FRAME.search(line.operands)
        if match is None:
            return None
        return 0 if line.operands.endswith("!") else int(match[1] or "0", 0)

    def condition_flags(self, word: int) -> Flags:  # noqa: D102
        return Flags(not word & _NO_BORROW, bool(word & _ZERO), bool(word & _NEGATIVE), bool(word & _OVERFLOW))

    def implied(self, instruction: Instruction) -> tuple[str, ...]:  # noqa: D102
        return ()

    def return_address(self, dump: "Dump", registers: Mapping[str, int]) -> int | None:  # noqa: D102
        back = registers.get("x30")
        if back is None or not back >> 55 & 1:
            return back
        return back | MASK ^ (1 << _TEXT_BITS) - 1  # without the signature that pointer authentication puts on top

    def as_before_call(self, dump: "Dump", registers: Mapping[str, int]) -> bytes | None:  # noqa: D102
        return None

    def is_return_thunk(self, name: str) -> bool:  # noqa: D102
        return False

    def thunk_register(self, dump: "Dump", address: int) -> str | None:  # noqa: D102
        return None

    def real_target(self, dump: "Dump", address: int) -> int:  # noqa: D102
        # What a module calls may be too far away for a `bl`: arch/arm64/kernel/module-plts.c
        code = dump.read(address, 16)
        if code is None:
            return address
        words = list(struct.unpack("<4I", code))
        at = address
        if words[0] == _BTI_C:
            words, at = words[1:], at + 4
        if words[2] != _BR_X16:
            return address
        parts = [arm64_code.decode(struct.pack("<I", word), at + 4 * place) for place, word in enumerate(words[:2])]
        page, low = parts[0][0], parts[1][0]
        if page.act is not Act.PAGE or low.act is not Act.ADD or page.target != "x16" or low.target != "x16":
            return address
        return (page.number or 0) + (low.number or 0) & MASK

    def argument_registers(self, size: int) -> int:  # noqa: D102
        # A large struct is copied, and its address passed.
        return 1 if size > 16 else (size + 7) // 8

    def named_address(self, line: Line) -> int | None:  # noqa: D102
        flow = self.flow(line)
        if flow is not None or line.mnemonic == "adr" or line.mnemonic.startswith("ldr"):
            return _target(line)
        return None

    def may_be_patched(self, line: Line) -> bool:  # noqa: D102
        return line.mnemonic in _PATCHED or line.mnemonic.startswith(("b.", "cb", "tb"))


def _target(line: Line) -> int | None:
    match = _TARGET.search(line.operands)
    return int(match[1], 16) if match else None
