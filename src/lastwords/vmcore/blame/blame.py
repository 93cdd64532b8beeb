"""`blame()`: what a crash on a bad pointer says of where the pointer came from."""

import time
from typing import TYPE_CHECKING

import msgspec

from lastwords.model import Blame, Intruder, Unchecked
from lastwords.vmcore.machine.panic import crashed_frames

from .fault import find_fault, with_caller
from .follow import Followed, follow
from .instruction import Act
from .intruders import intruders
from .list_walk import holder_of
from .listing import source_line
from .objects import about, live_name
from .program_dump import ProgramDump
from .sense import Sense, is_mapped, sense
from .stray_jump import stray_jump
from .text import broken_code, flipped_bits
from .told import Found, told
from .types import Types
from .unchecked import unchecked

if TYPE_CHECKING:
    import drgn

    from lastwords.vmcore.program import Kernel


def blame(kernel: "Kernel") -> Blame | None:
    """Follow the bad pointer of the crash back to where it came from.

    Args:
        kernel: an opened dump.

    Returns:
        What was found, with what is not known said so; None where the crash was no fault on a pointer, or the stack of
        the task that crashed can't be read.

    Raises:
        LookupError: code of the dump's architecture is not followed.
    """
    began = time.monotonic()
    try:
        crashed, frames = crashed_frames(kernel)
        task = crashed.value_()
    except Exception:  # no such task, or its stack is not in the dump
        return None
    dump = ProgramDump(kernel, task_cpu_of(crashed), task)
    fault = find_fault(dump, frames)
    if fault is None:
        return None
    fault = with_caller(dump, fault, kernel.register_frames)
    followed = follow(dump, fault)
    if followed is None:
        return stray_jump(dump, fault)
    found = Found(
        dump=dump,
        fault=fault,
        followed=followed,
        types=Types(dump, fault.traces, task),
        sense=_sense(kernel, dump, followed),
        memory=_memory(dump, followed),
        source_line=lambda address: source_line(dump, address),
    )
    flipped = flipped_bits(dump, kernel.symbols.vmlinux, followed.function.symbol, _kaslr_offset(kernel))
    blame = told(found, flipped=flipped, began=began)
    return msgspec.structs.replace(
        blame, unchecked=_unchecked(dump, blame), intruders=_intruders(dump, blame, followed), seconds=_since(began)
    )


def _unchecked(dump: ProgramDump, blame: Blame) -> tuple[Unchecked, ...]:
    """For a NULL field of a module's object: who set it elsewhere, and who ignored that this failed."""
    if not blame.sense.startswith("NULL") or not blame.field_offset or blame.origin_module is None:
        return ()
    try:
        return unchecked(dump, blame.origin_module, blame.field_offset)
    except Exception:  # code that can't be read costs this part alone
        return ()


def _intruders(dump: ProgramDump, blame: Blame, followed: Followed) -> tuple[Intruder, ...]:
    """For a pointer that makes no sense: who else could have written where it was read from."""
    held = _held(dump, followed)
    if held is None or blame.sense.startswith(("NULL", "ERR_PTR")):
        return ()
    try:
        return intruders(dump, held[0], blame.module)
    except Exception:  # the same
        return ()


def _held(dump: ProgramDump, followed: Followed) -> tuple[int, int] | None:
    """Where the bad value stands in an object of the dump, and how many elements of a list lie before it."""
    holder = followed.holder
    if holder is None or holder.memory is None or not holder.memory.base:
        return None
    value = holder.definition.value
    return holder_of(dump, holder, followed.bad.value if value is None else value)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def _kaslr_offset(kernel: "Kernel") -> int | None:
    """How far from its link address the kernel runs; None without debuginfo."""
    try:
        bias: int | None = kernel.prog.main_module().debug_file_bias
    except Exception:  # no debuginfo
        return None
    return bias


def task_cpu_of(task: "drgn.Object") -> int | None:
    """The CPU of a task that was running."""
    from drgn.helpers.linux.sched import task_cpu

    try:
        return int(task_cpu(task))
    except Exception:  # its page is not in the dump
        return None


def _sense(kernel: "Kernel", dump: ProgramDump, followed: Followed) -> Sense:
    """What the bad value is: by what it was where it came from, before the code added an offset to it."""
    symbol = dump.symbol(followed.bad.value)
    if followed.target and symbol is not None and symbol.data:
        return Sense("mapped", f"the address of data ({symbol.name}), not of code")
    if followed.target and symbol is None and is_mapped(dump, followed.bad.value):
        return Sense("mapped", "a mapped address where no function is")
    instruction = followed.function.instruction(followed.at)
    if instruction.act is Act.STORE and is_mapped(dump, followed.bad.address) and not followed.target:
        return Sense("mapped", "a mapped address that may not be written to", sure=False)

    def live(address: int) -> str | None:
        return live_name(kernel.prog, address)

    root = followed.root
    if root is not None and root[1]:
        origin = sense(root[0], dump, live)
        if origin.kind not in ("mapped", "unmapped"):
            return origin._replace(text=f"{origin.short} {'+' if root[1] > 0 else '-'} {abs(root[1]):#x}")
    return sense(followed.bad.value, dump, live)


def _memory(dump: ProgramDump, followed: Followed) -> tuple[str, ...]:
    """What lies where the bad pointer points, and where it was loaded from; and whether the code makes sense."""
    bad = followed.bad
    sentences = about(dump.prog, bad.value, "The bad pointer") if bad.role == "pointer" else []
    held = _held(dump, followed)
    if held is not None:
        if held[1]:
            sentences.append(f"It stood {held[1]} elements further in the list that the code walked.")
        sentences += about(dump.prog, held[0], "The field that held it")
    broken = broken_code(dump, followed.function.symbol)
    return (*dict.fromkeys(sentences), *([broken] if broken else []))
