"""Stacks as structs: names, modules and source lines of frames, looked up once for each place in the code."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import drgn
import msgspec

from lastwords.model import StackFrame
from lastwords.vmcore.program import open_program
from lastwords.vmcore.symbols.unwind import function_name

from .part import once
from .strings import one_line
from .variables import variables

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

Stack = tuple[StackFrame, ...]
_Place = tuple[int, bool]
"""A program counter, and whether the code was interrupted there: else it is a return address."""

_MOST_FRAMES = 1000
_MANY = 400
_KERNEL_HALF = 1 << 63
_STACK_MAX = 16 << 10
"""Bytes; a frame that seems to take more has its caller on another stack: at least a guard page is between two."""

# Where stacks begin: code that nothing in the kernel calls.
_BOTTOM_NAMES = """
ret_from_fork ret_from_fork_asm ret_from_kernel_thread kernel_thread_starter start_kernel x86_64_start_kernel
x86_64_start_reservations secondary_startup_64 secondary_startup_64_no_verify start_secondary
common_startup_64 secondary_start_kernel __secondary_switched __primary_switched start_here smp_callin
rest_init el0_svc el0t_64_sync el0t_32_sync el0_sync ret_to_user entry_SYSCALL_64
entry_SYSCALL_64_after_hwframe entry_SYSENTER_compat entry_INT80_compat ret_from_exception handle_exception
system_call_common
"""
_BOTTOMS = frozenset(_BOTTOM_NAMES.split())


class Unwinder:
    """Walks stacks of one dump."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._walker = kernel
        self._places: dict[_Place, Stack] = {}
        self._stacks: dict[tuple[_Place, ...], Stack] = {}

    def expect(self, tasks: int) -> None:
        """Prepare for so many stacks.

        With debuginfo drgn reads through a source file's whole DWARF for each frame, 2 ms a task. From some number of
        tasks on it is quicker to open the dump a second time without, which unwinds a task in 0.1 ms, and to look
        names and lines up once for each place in the code.
        """
        dump = self._kernel.dump
        if tasks < _MANY or self._kernel.symbols.source != "dwarf" or dump is None:
            return
        try:
            vmcoreinfo = self._kernel.prog["VMCOREINFO"].string_()
            bare = open_program(Path(dump.dump.paths[0]), vmcoreinfo=vmcoreinfo, debuginfo=False, dump=dump)
        except Exception:  # what is in the dump's memory is not enough
            return
        if bare.symbols.source == "btf":
            self._walker = bare

    def stack(self, task: int) -> tuple[Stack, str | None]:
        """The kernel's frames of a task, innermost first, and why there are none or no more of them.

        Args:
            task: address of its task_struct.
        """
        places: list[_Place] = []
        last = None
        try:
            prog = self._walker.prog
            thread = drgn.Object(prog, prog.type("struct task_struct *"), value=task)
            for frame in islice(self._walker.frames(thread), _MOST_FRAMES):
                if not frame.is_inline:
                    last = frame
                    if not _user(frame):
                        places.append(self._place(frame))
        except Exception as failure:  # drgn raises what fits: registers or pages that are not in the dump
            return self._shared(places), one_line(failure)
        stack = self._shared(places)
        return stack, self._early_end(last, stack)

    def detailed_stack(
        self, frames_of: Callable[[], Iterator[drgn.StackFrame]], *, with_variables: bool
    ) -> tuple[Stack, dict[str, int], str | None]:
        """The frames with the registers of those that were interrupted, and the registers of the innermost.

        Args:
            frames_of: gives the frames, as `Kernel.frames()` does.
            with_variables: also the arguments and locals of each function, where debuginfo tells them.
        """
        frames: list[StackFrame] = []
        registers: dict[str, int] = {}
        last = None
        pointers: list[int] = []
        try:
            for group in _groups(frames_of()):
                last = group[-1]
                if not frames:
                    registers = last.registers()
                frames += self._with_details(group, with_variables)
                pointers.append(_stack_pointer(last))
        except Exception as failure:  # as above
            return _with_sizes(frames, pointers), registers, one_line(failure)
        return _with_sizes(frames, pointers), registers, self._early_end(last, frames)

    def _place(self, frame: drgn.StackFrame) -> _Place:
        """What `_places` knows the frame by, and those inlined into it; looks them up if it is new."""
        place = frame.pc, frame.interrupted
        if place not in self._places:
            self._places[place] = self._look_up(*place)
        return place

    def _look_up(self, pc: int, interrupted: bool) -> Stack:
        # drgn takes these for return addresses, and looks at the call in front of them.
        trace = self._kernel.prog.stack_trace_from_pcs([pc + 1 if interrupted else pc])
        return tuple(self._frame(frame, pc, interrupted) for frame in trace)

    def _with_details(self, group: Sequence[drgn.StackFrame], with_variables: bool) -> Iterator[StackFrame]:
        if _user(group[-1]):
            yield StackFrame(
                function=hex(group[-1].pc),
                address=group[-1].pc,
                interrupted=True,
                user=True,
                registers=group[-1].registers(),
            )
            return
        for frame, described in zip(group, self._places[self._place(group[-1])], strict=True):
            yield msgspec.structs.replace(
                described,
                registers=frame.registers() if frame.interrupted and not frame.is_inline else {},
                variables=variables(frame) if with_variables else {},
            )

    def _frame(self, frame: drgn.StackFrame, pc: int, interrupted: bool) -> StackFrame:
        file, line = self._source(frame)
        name = function_name(frame)
        module = self._module(frame.pc)
        if frame.is_inline:
            return StackFrame(function=name or "?", module=module, inline=True, file=file, line=line)
        try:
            symbol = frame.symbol()
        except LookupError:
            symbol = None
        return StackFrame(
            function=name or hex(pc),
            address=pc,
            offset=pc - symbol.address if symbol else None,
            module=module,
            interrupted=interrupted,
            file=file,
            line=line,
        )

    def _source(self, frame: drgn.StackFrame) -> tuple[str | None, int | None]:
        try:
            file, line, _ = frame.source()
        except LookupError:
            return None, None
        return _in_tree(file), line or None

    def _module(self, pc: int) -> str | None:
        try:
            module = self._kernel.prog.module(pc)
        except LookupError:
            return None
        return module.name if isinstance(module, drgn.RelocatableModule) else None

    def _shared(self, places: list[_Place]) -> Stack:
        """Equal stacks are one tuple: tens of thousands of tasks stand at the same few places."""
        key = tuple(places)
        if key not in self._stacks:
            self._stacks[key] = tuple(frame for place in places for frame in self._places[place])
        return self._stacks[key]

    def _early_end(self, last: drgn.StackFrame | None, frames: Sequence[StackFrame]) -> str | None:
        """Why the walk ended before a stack's bottom, or None if it did not."""
        if last is None:
            return "no frames"
        if _user(last) or not frames or frames[-1].function in _BOTTOMS:
            return None
        if len(frames) >= _MOST_FRAMES:
            return f"more than {_MOST_FRAMES} frames"
        where = frames[-1].function
        try:
            self._walker.prog.read(last.sp, self._kernel.prog.address_size())
        except Exception:  # as above
            return f"ends at {where}: the stack's memory is not in the dump"
        return f"ends at {where}: no way to tell its caller"


def _groups(frames: Iterator[drgn.StackFrame]) -> Iterator[list[drgn.StackFrame]]:
    """Each frame behind those inlined into it."""
    group: list[drgn.StackFrame] = []
    for frame in islice(frames, _MOST_FRAMES):
        group.append(frame)
        if not frame.is_inline:
            yield group
            group = []


def _stack_pointer(frame: drgn.StackFrame) -> int:
    """Of a frame; 0 where it is not known, as in some on arm64."""
    try:
        return int(frame.sp)
    except LookupError:
        return 0


def _with_sizes(frames: Sequence[StackFrame], pointers: Sequence[int]) -> Stack:
    """With what each frame that is not inlined takes of the stack; `pointers` are their stack pointers."""
    sizes = iter([after - before for before, after in pairwise(pointers)])
    sized = ((frame, None if frame.inline else next(sizes, None)) for frame in frames)
    return tuple(
        msgspec.structs.replace(frame, stack_bytes=size) if size and 0 < size <= _STACK_MAX else frame
        for frame, size in sized
    )


def _user(frame: drgn.StackFrame) -> bool:
    """A frame of user space. A bad function pointer called by the kernel is none: its stack is the kernel's."""
    try:
        return bool(frame.pc < _KERNEL_HALF and frame.sp < _KERNEL_HALF)
    except LookupError:
        return bool(frame.pc < _KERNEL_HALF)


def _in_tree(file: str) -> str:
    """A source file's path as the kernel's tree has it, where it was built outside: `/build/linux-6.1/mm/slub.c`."""
    _, found, rest = file.partition("/linux-")
    if file.startswith("/") and found and "/" in rest:
        return rest.partition("/")[2]
    return file.removeprefix("./")


@once
def unwinder(kernel: "Kernel") -> Unwinder:
    """The one of this dump: what it looked up serves all parts."""
    return Unwinder(kernel)
