"""How a rule is declared and found."""

import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

from lastwords.model import Finding

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
def _found() -> tuple[str, ...]:
    """Import all modules of rules; the errors of those of third parties."""
    package = import_module(f"{__package__}.rules")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    errors = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except Exception as failure:  # somebody else's code
            errors.append(f"{point.name}: {type(failure).__name__}: {failure}")
    return tuple(errors)


def rules() -> tuple[Rule, ...]:
    """All rules, ours and those that entry points of the group `lastwords.rules` bring."""
    _found()
    return tuple(_DECLARED.values())


def strangers() -> tuple[str, ...]:
    """Entry points that could not be loaded, one line each."""
    return _found()
