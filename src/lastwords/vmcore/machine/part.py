"""How a part of the machine is declared."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .patience import OutOfPatience

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

Read = Callable[["Kernel"], Any]
R = TypeVar("R", bound=Read)
T = TypeVar("T")

PARTS: dict[str, Read] = {}
"""Each part's reader by its name, in the order of their declaration."""


@dataclass(frozen=True)
class Partial:
    """What a reader gives when it could not read everything: the `value`, and `reasons`, one line each."""

    value: Any
    reasons: Sequence[str]


def part(name: str) -> Callable[[R], R]:
    """Declare the function that reads a part.

    Args:
        name: a field of `lastwords.model.Machine`, or the empty string for a function that gives a mapping of several.

    The function gets the opened kernel and gives the field's value, or `Partial` with what it could read of it.
    Whatever it raises is told as the reason why the part is missing; the other parts stand.

    Example:
        >>> @part("modules")
        ... def modules(kernel): ...
    """

    def declared(read: R) -> R:
        PARTS[name or read.__name__] = read
        return read

    return declared


def once(read: Callable[["Kernel"], T]) -> Callable[["Kernel"], T]:
    """Remember for each dump what the function gave or raised, for parts that others are worked out from."""
    key = ("lastwords", read.__module__, read.__qualname__)

    @functools.wraps(read)
    def remembered(kernel: "Kernel") -> T:
        cache = kernel.prog.cache
        if key not in cache:
            try:
                cache[key] = read(kernel), None
            except (Exception, OutOfPatience) as failure:
                cache[key] = None, failure
        value, raised = cache[key]
        if raised is not None:
            raise raised
        return value  # type: ignore[no-any-return]

    return remembered
