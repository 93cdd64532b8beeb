"""What drgn needs to walk stacks without debuginfo, and where a walk must end.

drgn unwinds by the ORC tables in the dump (x86-64) or by frame pointers (arm64) once it knows which addresses belong
to the kernel and to each module. All of it must be told before the first stack trace.
"""

import re
from collections.abc import Iterator, Sequence
from typing import cast

import drgn

from .caller_registers import Caller, better_registers
from .kallsyms import POSITION_INDEPENDENT

_KERNEL_HALF = 1 << 63
_PT_REGS_SIZE = 336
_RESTARTS_MAX = 8
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
    trace: Sequence[drgn.StackFrame],
    known: dict[tuple[int, bool], bool] | None = None,
    prog: drgn.Program | None = None,
    restarts: int = _RESTARTS_MAX,
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
        prog: the program, to know the way better than drgn where `better_registers` does.
        restarts: how often that may still be done.
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
        way = better_registers(prog, frame) if prog is not None and restarts else None
        if prog is not None and way is not None:
            further: Sequence[drgn.StackFrame] = trace_of_registers(prog, way.registers)
            if way.returns_to is not None:
                further = _as_callers(further, way.returns_to)
            yield from kernel_frames(further, known, prog, restarts - 1)
            return


def _as_callers(trace: Sequence[drgn.StackFrame], pc: int) -> list[drgn.StackFrame]:
    """The trace, with its first frame, and what is inlined there, in the midst of a call that returns to `pc`."""
    frames = list(trace)
    for number, frame in enumerate(frames):
        frames[number] = cast(drgn.StackFrame, Caller(frame, pc))
        if not frame.is_inline:
            break
    return frames


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
        `ring_bind.constprop.0.isra.0` in kallsyms is `ring_bind`, and `__pi_memcpy` is `memcpy`.
    """
    name: str | None = frame.function_name
    if name is None:
        try:
            name = frame.symbol().name
        except LookupError:
            return None
    return _CLONE.sub("", name).removeprefix(POSITION_INDEPENDENT)
