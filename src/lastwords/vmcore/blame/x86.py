"""x86-64: the kernel's conventions, and the shape of its code."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import x86_code
from .architecture import Architecture, Flags, StackAddress
from .function import word
from .instruction import MASK, Act, Flow, Instruction, Line

if TYPE_CHECKING:
    from .function import Dump

THUNK = "__x86_indirect_thunk_"
"""arch/x86/lib/retpoline.S: a call through the register that the name ends with."""
_THUNKS = (THUNK, "__x86_indirect_call_thunk_", "__x86_indirect_jump_thunk_", "__x86_indirect_its_thunk_")
_THUNK_INSTRUCTIONS = 6
_STACK_OPERAND = re.compile(r"\[rsp((?: [+-] (?:0x[0-9a-f]{1,8}|\d{1,8}))?)\]", re.ASCII)
_RELATIVE = re.compile(r"\[rip ([+-]) (0x[0-9a-f]{1,16}|\d{1,9})\]", re.ASCII)
_TARGET = re.compile(r"0x[0-9a-f]{1,16}", re.ASCII)
_CARRY, _ZERO, _SIGN, _OVERFLOW = 1 << 0, 1 << 6, 1 << 7, 1 << 11
# String instructions: the registers that they write through and read through.
_STRINGS = {
    "movs": ("rdi", "rsi"),
    "stos": ("rdi",),
    "lods": ("rsi",),
    "scas": ("rdi",),
    "cmps": ("rdi", "rsi"),
}
# struct pt_regs, as NT_PRSTATUS has it: arch/x86/include/asm/ptrace.h
_PT_REGS = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags rsp ss"
_ENDS = ("int3", "(bad)", "iretq", "hlt")
# Instructions that the kernel patches in place, and those that alternatives put for each other.
_PATCHED = ("call", "jmp", "nop", "ret", "int3", "endbr64", "lock", "fence", "stac", "clac", "(bad)", "ud2")


class X86(Architecture):
    """x86-64, with the System V ABI as far as the kernel uses it."""

    name = "x86-64"
    drgn_name = "X86_64"
    stack_pointer = "rsp"
    program_counter = "rip"
    flags = "rflags"
    return_register = "rax"
    frame_pointer = "rbp"
    keeps_frame_pointer = False
    registers = (*("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"), *(f"r{number}" for number in range(8, 16)))
    arguments = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
    caller_saved = frozenset({"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"})
    callee_saved = ("rbx", "rbp", "r12", "r13", "r14", "r15")
    call_pushes = 8
    link_register = None
    tracing_entry = 0
    user_end = 1 << 47
    kernel_start = 0xFFFF800000000000  # with four-level page tables; with five it is lower
    # arch/x86/include/asm/idtentry.h, and their names before 5.8.
    entries = {  # noqa: RUF012 - typed as a mapping
        "asm_exc_page_fault": "page fault",
        "asm_exc_general_protection": "general protection fault",
        "asm_exc_stack_segment": "stack segment fault",
        "asm_exc_double_fault": "double fault",
        "asm_exc_invalid_op": "invalid opcode",
        "asm_exc_alignment_check": "alignment check",
        "page_fault": "page fault",
        "async_page_fault": "page fault",
        "general_protection": "general protection fault",
        "stack_segment": "stack segment fault",
        "double_fault": "double fault",
        "invalid_op": "invalid opcode",
    }
    served = frozenset({"page fault"})
    # arch/x86/mm/fault.c, arch/x86/kernel/dumpstack.c
    dying = frozenset(
        ("page_fault_oops", "no_context", "bad_area_nosemaphore", "oops_begin", "oops_end", "__die", "die")
    )
    current = None
    per_cpu_registers = frozenset({"gs"})
    panicking = frozenset(
        {
            *("panic", "vpanic", "nmi_panic", "crash_kexec", "__crash_kexec", "crash_save_cpu", "crash_nmi_callback"),
            *("machine_kexec", "machine_crash_shutdown", "native_machine_crash_shutdown", "sysrq_handle_crash"),
            *("delay_tsc", "__const_udelay", "native_halt", "stop_this_cpu", "native_safe_halt"),
        }
    )
    keeps_all = frozenset(
        {
            # Entry points that save what C may clobber: arch/x86/entry/thunk_64.S, ftrace_64.S
            "__fentry__",
            "ftrace_caller",
            "ftrace_regs_caller",
            "preempt_schedule_thunk",
            "preempt_schedule_notrace_thunk",
            "___preempt_schedule",
            "___preempt_schedule_notrace",
            "trace_hardirqs_on_thunk",
            "trace_hardirqs_off_thunk",
            "__warn_thunk",
        }
    )

    def outline(self, code: bytes, address: int) -> list[Line]:  # noqa: D102
        return x86_code.outline(code, address)

    def decode(self, code: bytes, address: int) -> tuple[Instruction, ...]:  # noqa: D102
        return (x86_code.decode(code, address),)

    def flow(self, line: Line) -> Flow | None:  # noqa: D102
        last = line.mnemonic.rpartition(" ")[2]
        if last == "jmp":
            return Flow(Act.JUMP, _target(line))
        if last.startswith("j"):
            return Flow(Act.BRANCH, _target(line))
        if last == "call":
            return Flow(Act.CALL, _target(line))
        if last == "ret":
            return Flow(Act.RETURN)
        return Flow(Act.END) if last in _ENDS else None

    def height_after(self, height: int, line: Line) -> int | None:  # noqa: D102
        mnemonic, operands = line.mnemonic, line.operands
        if mnemonic in ("push", "pushfq"):
            return height - 8
        if mnemonic in ("pop", "popfq"):
            return height + 8
        if not operands.startswith("rsp, "):
            return None if mnemonic == "leave" else height
        source = operands.removeprefix("rsp, ")
        try:
            if mnemonic in ("add", "sub"):
                number = int(source, 0)
                # capstone prints -0x80 as a number of 64 bits.
                number -= 1 << 64 if number >> 63 else 0
                return height + number if mnemonic == "add" else height - number
            if mnemonic == "lea" and (match := _STACK_OPERAND.fullmatch(source)):
                return height + int(match[1].replace(" ", "") or "0", 0)
        except ValueError:
            return None
        return height if mnemonic in ("cmp", "test") else None

    def stack_address(self, line: Line) -> StackAddress | None:  # noqa: D102
        target, _, source = line.operands.partition(", ")
        if line.mnemonic == "mov" and source == "rsp" and target.startswith("r") and target != "rbp":
            return StackAddress(target, "rsp", 0)
        if line.mnemonic == "lea" and (match := _STACK_OPERAND.fullmatch(source)):
            return StackAddress(target, "rsp", int(match[1].replace(" ", "") or "0", 0))
        return None

    def saved_at(self, line: Line) -> int | None:  # noqa: D102
        return 0 if line.mnemonic == "push" else None

    def condition_flags(self, word: int) -> Flags:  # noqa: D102
        return Flags(bool(word & _CARRY), bool(word & _ZERO), bool(word & _SIGN), bool(word & _OVERFLOW))

    def implied(self, instruction: Instruction) -> tuple[str, ...]:  # noqa: D102
        for text in instruction.text.split()[:2]:
            if text[:4] in _STRINGS and len(text) == 5 and text[4] in "bwdq" and "xmm" not in instruction.text:
                return _STRINGS[text[:4]]
        return ()

    def return_address(self, dump: "Dump", registers: Mapping[str, int]) -> int | None:  # noqa: D102
        return word(dump, registers["rsp"])

    def as_before_call(self, dump: "Dump", registers: Mapping[str, int]) -> bytes | None:  # noqa: D102
        back = self.return_address(dump, registers)
        if back is None:
            return None
        before = {**registers, "rip": back, "rsp": registers["rsp"] + 8}
        content = b"".join((before.get(name, 0) & MASK).to_bytes(8, "little") for name in _PT_REGS.split())
        return content.ljust(27 * 8, b"\0")

    def is_return_thunk(self, name: str) -> bool:  # noqa: D102
        # arch/x86/lib/retpoline.S
        return name.endswith("return_thunk") or name in (
            "zen_untrain_ret",
            "srso_return_thunk",
            "retbleed_return_thunk",
        )

    def thunk_register(self, dump: "Dump", address: int) -> str | None:  # noqa: D102
        symbol = dump.symbol(address)
        if symbol is None or not symbol.name.startswith(_THUNKS):
            return None
        for prefix in _THUNKS:
            if symbol.name.startswith(prefix) and x86_code.is_register(symbol.name[len(prefix) :]):
                return x86_code.whole(symbol.name[len(prefix) :])
        # A vmlinux has one symbol for all thunks, so the name may not tell the register; the code does.
        return _register_in_thunk(dump, address)

    def real_target(self, dump: "Dump", address: int) -> int:  # noqa: D102
        # Static calls go to a jump that the kernel patches: arch/x86/kernel/static_call.c
        symbol = dump.symbol(address)
        if symbol is not None and symbol.name.startswith("__SCT__"):
            code = dump.read(address, 5)
            if code is not None and code[0] == 0xE9:
                return address + 5 + int.from_bytes(code[1:5], "little", signed=True) & MASK
        return address

    def argument_registers(self, size: int) -> int:  # noqa: D102
        return 0 if size > 16 or size == 0 else (size + 7) // 8

    def named_address(self, line: Line) -> int | None:  # noqa: D102
        if _TARGET.fullmatch(line.operands) and (line.mnemonic == "call" or line.mnemonic.startswith("j")):
            return int(line.operands, 16)
        if match := _RELATIVE.search(line.operands):
            distance = int(match[2], 0)
            return line.address + line.length + (distance if match[1] == "+" else -distance) & MASK
        return None

    def may_be_patched(self, line: Line) -> bool:  # noqa: D102
        return any(word in line.mnemonic for word in _PATCHED) or "gs:" in line.operands


def _register_in_thunk(dump: "Dump", address: int) -> str | None:
    """From a thunk's code: `jmp *%rax`, or a call, `mov %rax, (%rsp)` and a return."""
    for _ in range(_THUNK_INSTRUCTIONS):
        code = dump.read(address, 15)
        if code is None:
            return None
        instruction = x86_code.decode(code, address)
        if instruction.act is Act.JUMP and instruction.source is not None:
            return instruction.source
        if instruction.act is Act.STORE and instruction.memory and instruction.memory.base == "rsp":
            return instruction.source
        address = instruction.number if instruction.act is Act.CALL and instruction.number else instruction.end
    return None


def _target(line: Line) -> int | None:
    if line.operands.startswith("0x"):
        try:
            return int(line.operands, 16)
        except ValueError:
            return None
    return None
