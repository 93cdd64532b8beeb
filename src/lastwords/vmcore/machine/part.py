"""How a part of the machine is declared."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

Read = Callable[["Kernel"], Any]
R = TypeVar("R", bound=Read)

PARTS: dict[str, Read] = {}
"""Each part's reader by its name, in the order of their declaration."""


def part(name: str) -> Callable[[R], R]:
    """Declare the function that reads a part.

    Args:
        name: a field of `lastwords.model.Machine`, or the empty string for a function that gives a mapping of several.

    The function gets the opened kernel and gives the field's value. Whatever it raises is told as the reason why
    the part is missing; the other parts stand.

    Example:
        >>> @part("modules")
        ... def modules(kernel): ...
    """

    def declared(read: R) -> R:
        PARTS[name or read.__name__] = read
        return read

    return declared
