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


def _functions_one_bit_away(dump: ProgramDump, target: int) -> Sequence[tuple[int, Symbol]]:
    """Functions that another bit would lead into, not only to the start of."""
    found = []
    for bit in _BITS:
        symbol = dump.symbol(target ^ 1 << bit)
        if symbol is not None and not symbol.data:
            found.append((bit, symbol))
    return found
