"""The decorator that makes a collector of a function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .take import Take

_collectors: dict[str, "Collector"] = {}


@dataclass(frozen=True, slots=True)
class Collector:
    """One subject of evidence.

    Attributes:
        id: the folder of its items in the store.
        kind: of its items, unless one has its own.
        about: what it takes, in a few words.
        order: the lower, the earlier: what is overwritten next goes first.
        timeout: seconds; moving data adds to it (`capture.SECONDS_A_MIB`).
        hang: only for a hang that is going on.
        take: the function.
    """

    id: str
    kind: str
    about: str
    order: int
    timeout: float
    hang: bool
    take: Callable[["Take"], None]


def collector(
    name: str, kind: str, about: str, *, order: int, timeout: float = 60, hang: bool = False
) -> Callable[[Callable[["Take"], None]], Callable[["Take"], None]]:
    """Make a collector of a function; see `Collector` for the arguments."""

    def register(take: Callable[["Take"], None]) -> Callable[["Take"], None]:
        _collectors[name] = Collector(name, kind, about, order, timeout, hang, take)
        return take

    return register


def registered() -> list[Collector]:
    """Those of the modules that are imported."""
    return list(_collectors.values())
