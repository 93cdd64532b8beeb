"""The instruction that faulted, and which of its registers was bad."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .architecture import Architecture
from .callers import Frame
from .function import Dump, function_at, word
from .instruction import MASK, Act, Instruction
from .undo import FLAGS, Place

if TYPE_CHECKING:
    import drgn

_FRAMES_MAX = 64


class Fault(NamedTuple):
    """An exception in kernel mode.

    Attributes:
        kind: what it is called.
        registers: when it came, with the program counter and the flags.
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
    names, architecture = [_name(frame) for frame in frames], dump.architecture
    for number in range(1, len(frames)):
        kind = architecture.entries.get(names[number - 1])
        dying = architecture.dying.intersection(name.split(".")[0] for name in names[:number])
        if kind in architecture.served and not dying:
            continue  # the kernel was serving this one: a page of a process that was not there yet
        if kind is not None and (fault := _fault(dump, kind, frames[number:])) is not None:
            return fault
    # kdump's crash kernel is started with the registers of the oops (kernel/kexec_core.c: crash_setup_regs()), so that
    # the stack begins where the exception came, without the exception itself.
    if names and names[0] not in architecture.panicking:
        return _fault(dump, "exception", frames)
    return None


PANIC = frozenset(("panic", "vpanic", "nmi_panic"))
"""By what the kernel gives up (kernel/panic.c)."""


def panic_frames(dump: Dump, frames: "Sequence[drgn.StackFrame]") -> list[Frame]:
    """Where a panic came from that no bad pointer caused: what was interrupted, and its callers.

    Of one that the kernel decided on by itself, without any exception, panic() and its callers; none where it is not
    on the stack.

    Args:
        dump: to read registers that were saved.
        frames: of the crashed task, innermost first.
    """
    # The innermost frame is where the CPU was stopped, which counts as interrupted in a hypervisor's dump; the
    # outermost may be user code.
    begins = [number for number in range(1, len(frames)) if frames[number].interrupted and _name(frames[number])]
    begins += [number for number, frame in enumerate(frames) if _name(frame).split(".")[0] in PANIC][-1:]
    if not begins:
        return []
    physical, _ = _physical(dump, frames[begins[0] :])
    return physical


def _fault(dump: Dump, kind: str, frames: "Sequence[drgn.StackFrame]") -> Fault | None:
    """The exception that came in the first of these frames; None where its registers are not all known."""
    if frames[0].is_inline and not frames[0].interrupted:
        return None
    registers, architecture = dict(frames[0].registers()), dump.architecture
    needed = (architecture.stack_pointer, architecture.arguments[0], architecture.return_register)
    if not all(name in registers for name in needed):
        return None
    registers[architecture.program_counter] = frames[0].pc
    physical, traces = _physical(dump, frames)
    back = architecture.return_address(dump, registers)
    if len(physical) > 1 and _no_code(dump, physical[0].pc) and back == physical[1].pc:
        # The call of a bad function pointer was undone, so that its caller looks interrupted.
        physical[1] = physical[1]._replace(interrupted=False)
    return Fault(kind, registers, physical, traces)


def with_caller(dump: Dump, fault: Fault, unwind: "Callable[[bytes], Iterable[drgn.StackFrame]]") -> Fault:
    """The same with the frames behind a jump to where no code is, which no unwinder gets past: the call is undone.

    Args:
        dump: to read the return address.
        fault: at an address that may be no code's.
        unwind: walks a stack from registers, given as `struct pt_regs`.
    """
    architecture = dump.architecture
    symbol = dump.symbol(fault.registers[architecture.program_counter])
    back = architecture.return_address(dump, fault.registers)
    content = architecture.as_before_call(dump, fault.registers)
    caller = dump.symbol(back - 1) if back else None
    # Some unwinders take what lies on the stack there for a caller.
    known = len(fault.frames) > 1 and not _no_code(dump, fault.frames[1].pc)
    if known or (symbol is not None and not symbol.data) or content is None or caller is None or caller.data:
        return fault
    try:
        physical, traces = _physical(dump, list(unwind(content)))
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


def _physical(dump: Dump, frames: "Sequence[drgn.StackFrame]") -> "tuple[list[Frame], list[list[drgn.StackFrame]]]":
    """Frames without the inlined ones, and which of drgn's belong to each."""
    physical: list[Frame] = []
    traces: list[list[drgn.StackFrame]] = []
    pending: list[drgn.StackFrame] = []
    for frame in frames:
        pending.append(frame)
        if frame.is_inline:
            continue
        try:
            pc, registers = frame.pc, dict(frame.registers())
        except LookupError:
            break
        sp = _stack_pointer(dump, frame, physical)
        if sp is None:
            break
        physical.append(Frame(pc, sp, frame.interrupted and bool(physical), registers))
        traces.append(pending)
        pending = []
        if len(physical) >= _FRAMES_MAX:
            break
    return physical, traces


def _stack_pointer(dump: Dump, frame: "drgn.StackFrame", inner: list[Frame]) -> int | None:
    """The stack pointer of a frame. A walk by frame pointers does not know it; the code of the called function does."""
    try:
        return int(frame.sp)
    except LookupError:
        pass
    architecture = dump.architecture
    if not inner or not architecture.keeps_frame_pointer:
        return None
    called, first = inner[-1], len(inner) == 1
    function = function_at(dump, called.pc if first or called.interrupted else called.pc - 1)
    if function is None:
        return None
    exact = first or called.interrupted
    at = function.index(called.pc) if exact else function.index_ending(called.pc)
    height = function.stack_height(at) if at is not None else None
    pointer = called.registers.get(architecture.frame_pointer)
    if height is not None:
        entry = called.sp - height
    elif function.frame_pointer_height is not None and pointer is not None and not exact:
        entry = pointer - function.frame_pointer_height
    else:
        return None
    return entry + architecture.call_pushes


def values(architecture: Architecture, registers: dict[str, int]) -> dict[Place, int | None]:
    """The registers as a `State` has them."""
    found: dict[Place, int | None] = {name: registers[name] for name in architecture.registers if name in registers}
    if architecture.flags in registers:
        found[FLAGS] = registers[architecture.flags]
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


def bad_operand(dump: Dump, parts: list[Instruction], fault: Fault) -> Bad | None:
    """Which register of the faulting instruction was bad; None where it accesses no memory."""
    instruction = next((each for each in parts if each.memory is not None), parts[0])
    registers, memory = fault.registers, instruction.memory
    if memory is None or dump.architecture.implied(instruction):
        return _implicit(dump, instruction, fault)
    if memory.segment is not None:
        return None
    base = registers.get(memory.base) if memory.base else None
    index = registers.get(memory.scaled) if memory.scaled else None
    address = (base or 0) + (memory.scaled_value(index) if index else 0) + memory.displacement & MASK
    size = instruction.size
    if base is None or memory.base is None:
        if index is None or memory.scaled is None:
            return None
        return Bad(memory.scaled, index, None, address, size, "index")
    if index is None or memory.scaled is None:
        return Bad(memory.base, base, memory.displacement, address, size)
    if _sane(dump, base) and not (instruction.act is Act.STORE and _sane(dump, address)):
        return Bad(memory.scaled, index, None, address, size, "index")
    sure = not _sane(dump, index)
    if not sure and memory.scale == 1:
        # [rax+rbx] may be written either way round.
        return Bad(memory.base, base, None, address, size, "index", sure=True)
    return Bad(memory.base, base, None, address, size, sure=not _sane(dump, index))


def _sane(dump: Dump, address: int) -> bool:
    return address >= 1 << 63 and dump.read(address, 1) is not None


def _implicit(dump: Dump, instruction: Instruction, fault: Fault) -> Bad | None:
    """Operands that the instruction does not name."""
    registers = fault.registers
    used = dump.architecture.implied(instruction)
    if used:
        insane = [name for name in used if not _sane(dump, registers[name])]
        chosen, sure = (insane or used)[0], len(insane) == 1 or len(used) == 1
        return Bad(chosen, registers[chosen], 0, registers[chosen], 1, sure=sure)
    pointer = dump.architecture.stack_pointer
    stack = registers[pointer]
    if instruction.act is Act.RETURN and fault.kind not in ("page fault", "exception"):
        target = word(dump, stack)
        return None if target is None else Bad(stack, target, 0, target, 8)
    if instruction.act in (Act.PUSH, Act.POP, Act.CALL, Act.RETURN) and not _sane(dump, stack):
        return Bad(pointer, stack, 0, stack, 8)
    if instruction.act in (Act.CALL, Act.JUMP) and instruction.source is not None:
        value = registers[instruction.source]
        return Bad(instruction.source, value, 0, value, 1)
    return None
