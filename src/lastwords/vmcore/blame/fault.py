"""The instruction that faulted, and which of its registers was bad."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .callers import Frame
from .function import Dump, word
from .instruction import Act, Instruction
from .undo import Place
from .x86 import MASK, STACK_POINTER

if TYPE_CHECKING:
    import drgn

# Entry points of exceptions that a bad pointer causes: arch/x86/include/asm/idtentry.h, and their names before 5.8.
ENTRIES = {
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
_REGISTERS = (*("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"), *(f"r{number}" for number in range(8, 16)))
# String instructions: the registers that they read from and write to.
_STRINGS = {
    "movs": ("rsi", "rdi"),
    "stos": (None, "rdi"),
    "lods": ("rsi", None),
    "scas": ("rdi", None),
    "cmps": ("rsi", "rdi"),
}
# Where a stack begins if it was saved by panic() itself, or by a CPU that panic() stopped: no bad pointer brought it
# there.
_PANICKING = frozenset(
    {
        *("panic", "vpanic", "nmi_panic", "crash_kexec", "__crash_kexec", "crash_save_cpu", "crash_nmi_callback"),
        *("machine_kexec", "machine_crash_shutdown", "native_machine_crash_shutdown", "sysrq_handle_crash"),
        *("delay_tsc", "__const_udelay", "native_halt", "stop_this_cpu", "native_safe_halt"),
    }
)
# On the stack inside of a page fault that the kernel dies of: arch/x86/mm/fault.c, arch/x86/kernel/dumpstack.c.
_DYING = frozenset(("page_fault_oops", "no_context", "bad_area_nosemaphore", "oops_begin", "oops_end", "__die", "die"))
_FRAMES_MAX = 64


class Fault(NamedTuple):
    """An exception in kernel mode.

    Attributes:
        kind: what it is called.
        registers: when it came, with `rip` and `rflags`.
        frames: from the faulting function outwards.
        traces: drgn's frames for each of them, inlined functions first.
    """

    kind: str
    registers: dict[str, int]
    frames: list[Frame]
    traces: "list[list[drgn.StackFrame]]"


def find_fault(dump: Dump, frames: "Sequence[drgn.StackFrame]") -> Fault | None:
    """The innermost exception of a stack that a bad pointer can have caused.

    Args:
        dump: to read the registers that the exception saved.
        frames: of the crashed task, innermost first.
    """
    names = [_name(frame) for frame in frames]
    for number in range(1, len(frames)):
        kind = ENTRIES.get(names[number - 1])
        if kind == "page fault" and not _DYING.intersection(name.split(".")[0] for name in names[:number]):
            continue  # the kernel was serving this one: a page of a process that was not there yet
        if kind is not None and (fault := _fault(dump, kind, frames[number:])) is not None:
            return fault
    # kdump's crash kernel is started with the registers of the oops (kernel/kexec_core.c: crash_setup_regs()), so that
    # the stack begins where the exception came, without the exception itself.
    if names and names[0] not in _PANICKING:
        return _fault(dump, "exception", frames)
    return None


def _fault(dump: Dump, kind: str, frames: "Sequence[drgn.StackFrame]") -> Fault | None:
    """The exception that came in the first of these frames; None where its registers are not all known."""
    if frames[0].is_inline and not frames[0].interrupted:
        return None
    registers = dict(frames[0].registers())
    if not all(name in registers for name in ("rip", "rsp", "rdi", "rax")):
        return None
    physical, traces = _physical(frames)
    if len(physical) > 1 and _no_code(dump, physical[0].pc) and word(dump, physical[0].sp) == physical[1].pc:
        # The call of a bad function pointer was undone, so that its caller looks interrupted.
        physical[1] = physical[1]._replace(interrupted=False)
    return Fault(kind, registers, physical, traces)


# struct pt_regs, as NT_PRSTATUS has it: arch/x86/include/asm/ptrace.h
_PT_REGS = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags rsp ss"


def with_caller(dump: Dump, fault: Fault, unwind: "Callable[[bytes], Iterable[drgn.StackFrame]]") -> Fault:
    """The same with the frames behind a jump to where no code is, which no unwinder gets past: the call is undone.

    Args:
        dump: to read the return address.
        fault: at an address that may be no code's.
        unwind: walks a stack from registers, given as `struct pt_regs`.
    """
    symbol = dump.symbol(fault.registers["rip"])
    stack = fault.registers["rsp"]
    back = word(dump, stack)
    caller = dump.symbol(back - 1) if back else None
    if (
        len(fault.frames) > 1
        or (symbol is not None and not symbol.data)
        or back is None
        or caller is None
        or caller.data
    ):
        return fault
    registers = {**fault.registers, "rip": back, "rsp": stack + 8}
    content = b"".join((registers.get(name, 0) & MASK).to_bytes(8, "little") for name in _PT_REGS.split())
    try:
        frames = list(unwind(content.ljust(27 * 8, b"\0")))
        physical, traces = _physical(frames)
    except Exception:  # drgn raises what fits
        return fault
    if not physical:
        return fault
    physical[0] = physical[0]._replace(interrupted=False)
    return fault._replace(frames=[fault.frames[0], *physical], traces=[fault.traces[0], *traces])


def _no_code(dump: Dump, address: int) -> bool:
    symbol = dump.symbol(address)
    return symbol is None or symbol.data


def _name(frame: "drgn.StackFrame") -> str:
    try:
        return str(frame.symbol().name)
    except Exception:  # LookupError, or no program counter
        return ""


def _physical(frames: "Sequence[drgn.StackFrame]") -> "tuple[list[Frame], list[list[drgn.StackFrame]]]":
    """Frames without the inlined ones, and which of drgn's belong to each."""
    physical: list[Frame] = []
    traces: list[list[drgn.StackFrame]] = []
    pending: list[drgn.StackFrame] = []
    for frame in frames:
        pending.append(frame)
        if frame.is_inline:
            continue
        try:
            made = Frame(frame.pc, frame.sp, frame.interrupted and bool(physical), dict(frame.registers()))
        except LookupError:
            break
        physical.append(made)
        traces.append(pending)
        pending = []
        if len(physical) >= _FRAMES_MAX:
            break
    return physical, traces


def values(registers: dict[str, int]) -> dict[Place, int | None]:
    """The registers as a `State` has them."""
    found: dict[Place, int | None] = {name: registers[name] for name in _REGISTERS if name in registers}
    if "rflags" in registers:
        found["flags"] = registers["rflags"]
    return found


class Bad(NamedTuple):
    """The operand that made an instruction fault.

    Attributes:
        place: the register, or the word on the stack that was returned to.
        value: in it.
        offset: from there to the address that was accessed, None where another register has a part in it.
        address: that was accessed.
        size: bytes of the access.
        role: `pointer` or `index`.
        sure: False where another register could be the bad one.
    """

    place: Place
    value: int
    offset: int | None
    address: int
    size: int
    role: str = "pointer"
    sure: bool = True


def bad_operand(dump: Dump, instruction: Instruction, fault: Fault) -> Bad | None:
    """Which register of the faulting instruction was bad; None where it accesses no memory."""
    registers, memory = fault.registers, instruction.memory
    if memory is None or _string(instruction):
        return _implicit(dump, instruction, fault)
    if memory.segment in ("gs", "fs"):
        return None
    base = registers.get(memory.base) if memory.base else None
    index = registers.get(memory.scaled) if memory.scaled else None
    address = (base or 0) + (index or 0) * memory.scale + memory.displacement & MASK
    size = instruction.size
    if base is None or memory.base is None:
        if index is None or memory.scaled is None:
            return None
        return Bad(memory.scaled, index, None, address, size, "index")
    if index is None or memory.scaled is None:
        return Bad(memory.base, base, memory.displacement, address, size)
    if _sane(dump, base):
        return Bad(memory.scaled, index, None, address, size, "index")
    sure = not _sane(dump, index)
    if not sure and memory.scale == 1:
        # [rax+rbx] may be written either way round.
        return Bad(memory.base, base, None, address, size, "index", sure=True)
    return Bad(memory.base, base, None, address, size, sure=not _sane(dump, index))


def _sane(dump: Dump, address: int) -> bool:
    return address >= 1 << 63 and dump.read(address, 1) is not None


def _string(instruction: Instruction) -> tuple[str | None, str | None] | None:
    words = instruction.text.split()
    for text in words[:2]:
        if text[:4] in _STRINGS and len(text) == 5 and text[4] in "bwdq" and "xmm" not in instruction.text:
            return _STRINGS[text[:4]]
    return None


def _implicit(dump: Dump, instruction: Instruction, fault: Fault) -> Bad | None:
    """Operands that the instruction does not name."""
    registers = fault.registers
    string = _string(instruction)
    if string is not None:
        read, written = string
        used = [name for name in (written, read) if name is not None]
        insane = [name for name in used if not _sane(dump, registers[name])]
        chosen, sure = (insane or used)[0], len(insane) == 1 or len(used) == 1
        return Bad(chosen, registers[chosen], 0, registers[chosen], 1, sure=sure)
    stack = registers[STACK_POINTER]
    if instruction.act is Act.RETURN and fault.kind not in ("page fault", "exception"):
        target = word(dump, stack)
        return None if target is None else Bad(stack, target, 0, target, 8)
    if instruction.act in (Act.PUSH, Act.POP, Act.CALL, Act.RETURN) and not _sane(dump, stack):
        return Bad(STACK_POINTER, stack, 0, stack, 8)
    if instruction.act in (Act.CALL, Act.JUMP) and instruction.source is not None:
        value = registers[instruction.source]
        return Bad(instruction.source, value, 0, value, 1)
    return None
