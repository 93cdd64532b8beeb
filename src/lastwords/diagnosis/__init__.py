"""Facts of a crash -> what happened.

One rule is one function with `@rule` in a module of `rules/`: it gets the crash and yields findings, each with the
evidence it rests on. What the findings come to is the verdict.
"""

# First: its import would take the name `rules` from the function.
from . import rules as _rules  # noqa: F401
from .diagnose import diagnose
from .known import KnownIssue
from .rule import Rule, rule, rules

__all__ = ["KnownIssue", "Rule", "diagnose", "rule", "rules"]
