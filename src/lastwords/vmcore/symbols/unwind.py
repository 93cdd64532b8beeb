"""What drgn needs to walk stacks without debuginfo, and where a walk must end.

drgn unwinds by the ORC tables in the dump (x86-64) or by frame pointers (arm64) once it knows which addresses belong
to the kernel and to each module. All of it must be told before the first stack trace.
"""

import re
import struct
from collections.abc import Iterator

import drgn

_KERNEL_HALF = 1 << 63
_WORD = (1 << 64) - 1
_PT_REGS_SIZE = 336
# arch/x86/include/asm/ptrace.h: struct pt_regs. drgn has no name for orig_ax.
_PT_REGS = (
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi"),
    *("orig_rax", "rip", "cs", "rflags", "rsp", "ss"),
)
_CALLED_WITH = ("rip", "rsp", "rbp", "rax", "r15")
_CALL_MAX = 7
# The end of a call: to a fixed place, or through a register or memory.
_CALL = re.compile(
    rb"(?:\xe8.{4}|\xff[\xd0-\xd7\x10-\x13\x16\x17]|\xff[\x50-\x53\x55-\x57].|\xff\x54..|\xff[\x90-\x97].{4}|\xff\x15.{4}"
    rb"|\xff\x14.|\xff\x14\x25.{4})\Z",
    re.DOTALL,
)
# Parts and copies that the compiler makes of a function: GCC's clones, Clang's for link-time optimisation.
_CLONE = re.compile(r"(?:\.(?:isra|constprop|part|cold|llvm|localalias|lto_priv)(?:\.\d+)?)+$", re.ASCII)


def create_main_module(
    prog: drgn.Program, build_id: bytes | None = None, image: tuple[int, int] | None = None
) -> drgn.MainModule:
    """Tell drgn of the kernel itself.

    Args:
        prog: a program without stack traces so far.
        build_id: of the kernel, where it is known.
        image: the first and the last address of its image, where no debuginfo will tell them.
    """
    created = prog.main_module(name="kernel", create=True)
    # drgn's type stub has the module alone, drgn 0.3 gives whether it is new too.
    main: drgn.MainModule = created[0] if isinstance(created, tuple) else created
    if build_id is not None and main.build_id is None:
        main.build_id = build_id
    if image is not None and main.address_range is None:
        main.address_range = image
    return main


def loaded_modules(prog: drgn.Program) -> list[drgn.Object]:
    """The loaded modules that drgn can find, as `struct module *`."""
    found = []
    modules = prog.loaded_modules()
    while True:
        try:
            module, _ = next(modules)
        except StopIteration:
            break
        except Exception:  # a list of modules that is damaged or not in the dump: keep those before
            break
        if isinstance(module, drgn.RelocatableModule):
            found.append(module.object)
    return found


def trace_of_registers(prog: drgn.Program, registers: bytes) -> drgn.StackTrace:
    """The stack of a CPU whose registers are known, where there are no types to find its task by.

    Args:
        prog: a program whose main module has its addresses.
        registers: as `pr_reg` of NT_PRSTATUS has them. What a `struct pt_regs` has is a prefix of it, on x86-64 and
            arm64 alike, and that is all drgn looks at.

    Raises:
        ValueError: registers that are cut off, or of a machine that drgn can't unwind.
    """
    # arm64 has a few members more in pt_regs, but nothing of use.
    room = registers[:_PT_REGS_SIZE].ljust(_PT_REGS_SIZE, b"\0")
    byte = prog.int_type("unsigned char", 1, False, "little")
    member = drgn.TypeMember(prog.array_type(byte, _PT_REGS_SIZE), "bytes")
    pt_regs = prog.struct_type("pt_regs", _PT_REGS_SIZE, (member,))
    return prog.stack_trace(drgn.Object.from_bytes_(prog, pt_regs, room))


def kernel_frames(
    trace: drgn.StackTrace, known: dict[tuple[int, bool], bool] | None = None, prog: drgn.Program | None = None
) -> Iterator[drgn.StackFrame]:
    """The frames of a trace down to where the kernel was entered.

    A task that came from user space has a last frame with the registers that it entered with; it is the last one
    given. What drgn makes of the user's stack behind it is chance: on Linux 5.10 a thousand frames of 0x0. A frame
    at 0 or in the user's half of the address space within the kernel is a jump to a bad function pointer, so it is
    told apart by its stack pointer.

    Behind code that nothing is known of, such as a module's where there are no types to find modules by, drgn
    guesses by the frame pointer. Where that leads to no function either, the guess was wrong. A return address
    outside of the kernel is the end of a chain of frame pointers.

    Args:
        trace: what drgn gives.
        known: which places have names, remembered from one trace of the dump to the next.
        prog: the program, to go on behind a call that went to a variable.
    """
    named = True
    for number, frame in enumerate(trace):
        if number and _is_user(frame):
            yield frame
            return
        before, named = named, _is_named(frame, known)
        if not named and (not before or (number and not frame.interrupted and frame.pc < _KERNEL_HALF)):
            return
        yield frame
        if prog is not None and frame.interrupted and (rest := _behind_bad_call(prog, frame)) is not None:
            yield from kernel_frames(rest, known)
            return


def _behind_bad_call(prog: drgn.Program, frame: drgn.StackFrame) -> drgn.StackTrace | None:
    """The caller's stack, where a call went to a variable.

    There is no ORC entry for such a place, so drgn guesses. The call has pushed its return address, and nothing else
    has changed since: the caller's registers are those of the fault.
    """
    try:
        if frame.symbol().kind != drgn.SymbolKind.OBJECT:
            return None
        registers = frame.registers()
        if not all(name in registers for name in _CALLED_WITH):
            return None
        stack = registers["rsp"]
        (address,) = struct.unpack("<Q", prog.read(stack, 8))
        before = prog.read(address - _CALL_MAX, _CALL_MAX)
        prog.symbol(address)
    except (LookupError, drgn.FaultError, OverflowError, ValueError):
        return None
    if address < _KERNEL_HALF or not _CALL.search(before):
        return None
    changed = {**registers, "rip": address, "rsp": stack + 8}
    values = (changed.get(name, 0) & _WORD for name in _PT_REGS)
    return trace_of_registers(prog, struct.pack(f"<{len(_PT_REGS)}Q", *values))


def _is_named(frame: drgn.StackFrame, known: dict[tuple[int, bool], bool] | None) -> bool:
    if known is None:
        return _has_name(frame)
    place = frame.pc, frame.interrupted
    if place not in known:
        known[place] = _has_name(frame)
    return known[place]


def _has_name(frame: drgn.StackFrame) -> bool:
    if frame.function_name is not None:
        return True  # asked first: with debuginfo, a symbol by its address takes half a millisecond
    try:
        frame.symbol()
    except LookupError:
        return False
    return True


def _is_user(frame: drgn.StackFrame) -> bool:
    try:
        return bool(frame.sp < _KERNEL_HALF)
    except LookupError:
        # drgn doesn't know it behind a frame pointer of arm64. A user's frame has all registers.
        return False


def function_name(frame: drgn.StackFrame) -> str | None:
    """The function of a frame as its source calls it, the same with and without debuginfo; None if not known.

    Example:
        `ring_bind.constprop.0.isra.0` in kallsyms is `ring_bind`.
    """
    name: str | None = frame.function_name
    if name is None:
        try:
            name = frame.symbol().name
        except LookupError:
            return None
    return _CLONE.sub("", name)
