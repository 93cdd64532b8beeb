"""How a rule is declared and found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from lastwords.model import Finding
from lastwords.plugins import BrokenPlugin, discover

from .crash import Crash

Judge = Callable[[Crash], Iterable[Finding]]
J = TypeVar("J", bound=Judge)

ENTRY_POINTS = "lastwords.rules"
"""Group of entry points whose modules hold rules of third parties."""

_DECLARED: dict[str, "Rule"] = {}


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: of the rule, and of the findings that it makes.
        looks_for: what it looks for, one line.
        why: what that says, a sentence or two.
        sure: how sure its findings are, and what decides that.
        judge: the function.
    """

    id: str
    looks_for: str
    why: str
    sure: str
    judge: Judge


def rule(identifier: str, looks_for: str, *, why: str, sure: str) -> Callable[[J], J]:
    """Declare a rule.

    Args:
        identifier: of the rule, as `use-after-free`; its findings bear it too.
        looks_for: what it looks for, one line.
        why: what that says.
        sure: how sure its findings are.

    The function gets the `Crash` and yields a `Finding` for each claim that it can make, and nothing where it has none.
    What it raises is told in the report and costs no other rule.

    Example:
        >>> @rule("divide", "a division by zero", why="...", sure="certain: the processor says so")
        ... def divide(crash): ...
    """

    def declared(judge: J) -> J:
        if identifier in _DECLARED and _DECLARED[identifier].judge.__module__ != judge.__module__:
            raise ValueError(f"two rules are called {identifier}")
        _DECLARED[identifier] = Rule(identifier, looks_for, why, sure, judge)
        return judge

    return declared


@cache
def broken_plugins() -> tuple[BrokenPlugin, ...]:
    """Entry points that could not be loaded."""
    return tuple(discover(f"{__package__}.rules", ENTRY_POINTS))


def rules() -> tuple[Rule, ...]:
    """All rules, ours and those that entry points of the group `lastwords.rules` bring."""
    broken_plugins()
    return tuple(_DECLARED.values())
