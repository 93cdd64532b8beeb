"""A jump to an address where nothing is, when the code that jumped can't be told any more.

The target itself may speak: if it is one bit away from where a function begins, a bit of the code or of a function
pointer was flipped. Near the text that says nothing: there, most addresses are one bit away from some function.
"""

from collections.abc import Sequence

from lastwords.model import Blame

from .fault import Fault
from .function import Symbol
from .program_dump import ProgramDump
from .sense import is_mapped

_BITS = range(47)
_PAGE_BITS = 12


def stray_jump(dump: ProgramDump, fault: Fault) -> Blame | None:
    """What the target of a jump to nowhere says; None where it says nothing."""
    target = fault.registers[dump.architecture.program_counter]
    if target < dump.architecture.kernel_start or is_mapped(dump, target) or dump.symbol(target) is not None:
        return None  # also the text of the kernel's start, which was given back
    if (flipped := _flipped_call(dump, fault, target)) is not None:
        return flipped
    near = _functions_one_bit_away(dump, target)
    if len(near) != 1 or near[0][1].start != target ^ 1 << near[0][0]:
        return None
    bit, name = near[0][0], near[0][1].source_name
    if bit < _PAGE_BITS or not is_mapped(dump, near[0][1].start):
        return None  # a page where nothing is holds no function either
    came_from = next((symbol for frame in fault.frames[1:2] if (symbol := dump.symbol(frame.pc)) is not None), None)
    sense = f"one bit away from {target ^ 1 << bit:#x}, the start of {name} (bit {bit} differs)"
    return Blame(
        function=came_from.source_name if came_from else "",
        module=came_from.module if came_from else None,
        address=target,
        register=dump.architecture.program_counter,
        value=target,
        sense=sense,
        fault_address=target,
        confidence="low",
        text=f"The processor went to {target:#x}, where nothing is: {sense}. Where it came from is not known.",
    )


def _flipped_call(dump: ProgramDump, fault: Fault, target: int) -> Blame | None:
    """x86-64's call to an address that stands in the code: it is one bit of its distance, if that leads to a function.

    The distance is added, so that the target itself may be several bits away.
    """
    stack = dump.architecture.stack_pointer
    pushed = dump.read(fault.registers[stack], 8) if stack == "rsp" else None
    back = int.from_bytes(pushed, "little") if pushed else 0
    code = dump.read(back - 5, 5) if back >= dump.architecture.kernel_start else None
    if code is None or code[0] != 0xE8:
        return None
    distance = int.from_bytes(code[1:], "little")
    if _led_to(back, distance) != target:
        return None
    found = []
    for bit in range(32):
        meant = dump.symbol(_led_to(back, distance ^ 1 << bit))
        if meant is not None and not meant.data and meant.start == _led_to(back, distance ^ 1 << bit):
            found.append((bit, meant))
    if len(found) != 1 or not is_mapped(dump, found[0][1].start):
        return None
    bit, meant = found[0]
    caller = dump.symbol(back - 5)
    sense = f"one bit away from {meant.start:#x}, the start of {meant.source_name} (bit {bit} of the distance differs)"
    return Blame(
        function=caller.source_name if caller else "",
        module=caller.module if caller else None,
        address=back - 5,
        register=dump.architecture.program_counter,
        value=target,
        sense=sense,
        fault_address=target,
        confidence="medium",
        text=f"The call at {back - 5:#x} leads to {target:#x}, where nothing is: {sense}.",
    )


def _led_to(back: int, distance: int) -> int:
    """Where a call leads to that comes back to `back`; `distance` are its 32 bits with a sign."""
    return back + (distance ^ 1 << 31) - (1 << 31) & (1 << 64) - 1


def _functions_one_bit_away(dump: ProgramDump, target: int) -> Sequence[tuple[int, Symbol]]:
    """Functions that another bit would lead into, not only to the start of."""
    found = []
    for bit in _BITS:
        symbol = dump.symbol(target ^ 1 << bit)
        if symbol is not None and not symbol.data:
            found.append((bit, symbol))
    return found
