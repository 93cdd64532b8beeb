"""A loop that walks a list: which of its elements held the bad pointer.

In `for (p = head; p; p = p->next)` the register has forgotten the element before. The list is still in the dump: walk
it as the code did, until an element's field holds the bad value.
"""

from .function import Dump, word
from .origin import Node

_ELEMENTS_MAX = 100_000


def holder_of(dump: Dump, node: Node, bad: int) -> tuple[int, int] | None:
    """Where the bad value stands: an address, and how many elements behind the one that the code began with.

    Args:
        dump: memory.
        node: the load that the bad pointer came from; its address is known.
        bad: the value.

    Returns:
        None where the memory that was loaded from holds something else, and no walk leads to the value. A list that
        ends in NULL or goes round is sound: neither is a broken element.
    """
    address = node.address
    if address is None:
        return None
    value = word(dump, address)
    if value == bad:
        return address, 0
    memory = node.memory
    if memory is None or memory.base is None or memory.scaled is not None or not bad:
        return None
    seen: set[int] = set()
    for element in range(1, _ELEMENTS_MAX):
        if value is None or value in seen or value < dump.architecture.kernel_start:
            return None
        seen.add(value)
        address = value + memory.displacement
        value = word(dump, address)
        if value == bad:
            return address, element
    return None
