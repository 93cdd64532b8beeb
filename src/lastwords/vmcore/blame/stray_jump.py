"""A jump to an address where nothing is, when the code that jumped can't be told any more.

The target itself may speak: if it is one bit away from where a function begins, a bit of the code or of a function
pointer was flipped.
"""

from collections.abc import Sequence

from lastwords.model import Blame

from .fault import Fault
from .program_dump import ProgramDump
from .sense import is_mapped

_BITS = range(47)


def stray_jump(dump: ProgramDump, fault: Fault) -> Blame | None:
    """What the target of a jump to nowhere says; None where it says nothing."""
    target = fault.registers[dump.architecture.program_counter]
    if target < dump.architecture.kernel_start or is_mapped(dump, target):
        return None
    begins = _functions_one_bit_away(dump, target)
    if len(begins) != 1:
        return None
    bit, name = begins[0]
    came_from = next((symbol for frame in fault.frames[1:2] if (symbol := dump.symbol(frame.pc)) is not None), None)
    sense = f"one bit away from {target ^ 1 << bit:#x}, the start of {name} (bit {bit} differs)"
    return Blame(
        function=came_from.source_name if came_from else name,
        module=came_from.module if came_from else None,
        address=target,
        register=dump.architecture.program_counter,
        value=target,
        sense=sense,
        fault_address=target,
        confidence="low",
        text=f"The processor went to {target:#x}, where nothing is: {sense}. Where it came from is not known.",
    )


def _functions_one_bit_away(dump: ProgramDump, target: int) -> Sequence[tuple[int, str]]:
    found = []
    for bit in _BITS:
        other = target ^ 1 << bit
        symbol = dump.symbol(other)
        if symbol is not None and symbol.start == other and not symbol.data:
            found.append((bit, symbol.source_name))
    return found
