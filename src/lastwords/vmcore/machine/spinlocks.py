"""Spinlocks that CPUs spin on, worked out from the CPUs' stacks and registers: kernel/locking/qspinlock.c.

A queued spinlock is one word: a byte that says that it is taken, one for the first in the line, and the CPU at the end
of the line. It does not know its holder. So the address of the lock is looked for in the registers of the CPU that
spins, proved by what the word looks like, and the holder is another CPU that has the address at hand: in a register,
on its stack, or in the code of a function that it is in.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import drgn

from lastwords.model import Lock, Waiter

from .clock import per_cpu_offsets
from .current import current_task
from .lock_names import function_at, lock_names
from .strings import decoded

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_KERNEL_HALF = 1 << 63
_MOST_FRAMES = 60
_MOST_STACK = 1 << 14
_MOST_CODE = 1 << 14
_MOST_CPUS = 1024

_SPINNING = re.compile(
    r"(?:native_|__pv_|pv_)?queued_spin_lock_slowpath|queued_(?:read|write)_lock_slowpath|_raw_(?:spin|read|write)_lock"
    r"\w{0,20}|__lock_text_start|do_raw_spin_lock"
)
_SLOW = re.compile(
    r"(?:native_|__pv_|pv_)?queued_spin_lock_slowpath|queued_(?:read|write)_lock_slowpath|do_raw_spin_lock"
)
# In which register the lock comes in as the first argument, then those that survive calls, by architecture.
_REGISTERS = ("rdi", "rbx", "rbp", "r12", "r13", "r14", "r15", "x0", "x19", "x20", "x21", "x22")


@dataclass(frozen=True, slots=True)
class _Busy:
    """What a CPU did: its task, its frames (innermost first), and pointers in its registers and on its stack."""

    cpu: int
    pid: int
    comm: str
    frames: tuple[drgn.StackFrame, ...]
    pointers: frozenset[int]


def spinlocks(kernel: "Kernel") -> Iterator[Lock]:
    """The spinlocks that at least one CPU spins on. `sure` is never set: a spinlock has no list of who waits."""
    busy = [each for cpu in list(per_cpu_offsets(kernel))[:_MOST_CPUS] if (each := _cpu(kernel, cpu)) is not None]
    spinning: dict[int, list[tuple[_Busy, drgn.StackFrame | None]]] = {}
    for each in busy:
        place = _slow_path(each.frames)
        if place is None:
            continue
        address = _lock(kernel, each.frames[place], len(busy))
        if address is not None:
            spinning.setdefault(address, []).append((each, _caller(each.frames[place:])))
    for address, waiting in spinning.items():
        others = [each for each in busy if each.cpu not in {spinner.cpu for spinner, _ in waiting}]
        holders = [each for each in others if _has_at_hand(kernel, each, address)]
        holder = holders[0] if len(holders) == 1 else None
        yield Lock(
            kind="spinlock",
            address=address,
            name=lock_names(kernel).name(address, "spinlock"),
            owner=holder.pid if holder else None,
            owner_comm=holder.comm if holder else None,
            owner_state="R" if holder else None,
            owner_function=_name(kernel, _caller(holder.frames))[0] if holder else None,
            owner_sure=False,
            waiters=tuple(_waiter(kernel, each, frame) for each, frame in waiting),
            sure=False,
        )


def _waiter(kernel: "Kernel", busy: _Busy, caller: drgn.StackFrame | None) -> Waiter:
    function, module = _name(kernel, caller)
    return Waiter(pid=busy.pid, comm=busy.comm, state="R", cpu=busy.cpu, function=function, module=module)


def _name(kernel: "Kernel", frame: drgn.StackFrame | None) -> tuple[str | None, str | None]:
    return function_at(kernel.prog, frame.pc) if frame is not None else (None, None)


def _cpu(kernel: "Kernel", cpu: int) -> _Busy | None:
    try:
        task = current_task(kernel, cpu)
        pid, comm = task.pid.value_(), decoded(task.comm.string_())
        frames = []
        for frame in kernel.frames(task):
            frames.append(frame)
            if len(frames) == _MOST_FRAMES:
                break
    except Exception:  # never came up, or its task or registers are not in the dump
        return None
    return _Busy(cpu, pid, comm, tuple(frames), frozenset(_pointers(kernel, frames)))


def _pointers(kernel: "Kernel", frames: Sequence[drgn.StackFrame]) -> Iterator[int]:
    pointers: list[int] = []
    stack_pointers = []
    for frame in frames:
        pointers += frame.registers().values()
        try:
            stack_pointers.append(frame.sp)
        except LookupError:
            continue
    kernel_pointers = [pointer for pointer in stack_pointers if pointer >= _KERNEL_HALF]
    if kernel_pointers:
        # The last frames are all on the task's own stack; what came before may be on the interrupt's.
        end = kernel_pointers[-1]
        start = max(
            min((sp for sp in kernel_pointers if end - _MOST_STACK < sp <= end), default=end), end - _MOST_STACK
        )
        try:
            data = kernel.prog.read(start, end - start & -8)
            pointers += struct.unpack(f"<{len(data) // 8}Q", data)
        except Exception:  # not in the dump
            pass
    return (pointer for pointer in pointers if pointer >= _KERNEL_HALF)


def _slow_path(frames: Sequence[drgn.StackFrame]) -> int | None:
    for place, frame in enumerate(frames):
        if not frame.is_inline and _SLOW.fullmatch(_function(frame)):
            return place
    return None


def _caller(frames: Sequence[drgn.StackFrame]) -> drgn.StackFrame | None:
    """The first frame that is not part of the locking."""
    return next((frame for frame in frames if not frame.is_inline and not _SPINNING.fullmatch(_function(frame))), None)


def _function(frame: drgn.StackFrame) -> str:
    try:
        name: str = frame.symbol().name
    except LookupError:
        return ""
    return name.partition(".")[0]


def _lock(kernel: "Kernel", frame: drgn.StackFrame, cpus: int) -> int | None:
    """The lock that a frame spins on: its first argument."""
    try:
        address = int(frame["lock"])
    except Exception:  # no debuginfo, or optimized out
        address = 0
    registers = frame.registers()
    candidates = [address, *(registers[name] for name in _REGISTERS if name in registers)]
    return next((each for each in candidates if _is_taken(kernel, each, cpus)), None)


def _is_taken(kernel: "Kernel", address: int, cpus: int) -> bool:
    """Whether the word could be a spinlock that is taken (include/asm-generic/qspinlock_types.h)."""
    if address < _KERNEL_HALF or address % 4:
        return False
    try:
        value = kernel.prog.read_u32(address)
    except Exception:  # not in the dump
        return False
    locked, pending, tail = value & 0xFF, value >> 8 & 0xFF, value >> 18
    return locked in (0, 1, 3) and pending in (0, 1) and tail <= max(cpus, 1) and value != 0


def _has_at_hand(kernel: "Kernel", busy: _Busy, address: int) -> bool:
    """Whether a CPU has the address in a register, on its stack or in the code it executes."""
    return busy.pid != 0 and (
        address in busy.pointers or any(_refers(kernel, frame, address) for frame in busy.frames[:_MOST_FRAMES])
    )


def _refers(kernel: "Kernel", frame: drgn.StackFrame, address: int) -> bool:
    """Whether the function's code has the address as an immediate, or relative to the instruction."""
    return any(_mentioned(address, begin, code) for begin, code in _code(kernel, frame))


def _code(kernel: "Kernel", frame: drgn.StackFrame) -> Iterator[tuple[int, bytes]]:
    """Where the function begins, and its code; of one whose unlikely part GCC has split off, both."""
    try:
        symbols = [frame.symbol()]
        name, split, _ = symbols[0].name.partition(".cold")
        symbols += [kernel.prog.symbol(name)] if split else []
    except LookupError:
        return
    for symbol in symbols:
        if 0 < symbol.size <= _MOST_CODE:
            try:
                yield symbol.address, kernel.prog.read(symbol.address, symbol.size)
            except Exception:  # not in the dump
                continue


def _mentioned(address: int, begin: int, code: bytes) -> bool:
    # An address in the top 2 GB fits a sign-extended immediate.
    if address >> 31 == (1 << 33) - 1 and struct.pack("<I", address & 0xFFFFFFFF) in code:
        return True
    return any(
        begin + place + 4 + struct.unpack_from("<i", code, place)[0] == address for place in range(len(code) - 3)
    )
