"""What a rule of the margin is."""

import re
from collections.abc import Callable
from typing import NamedTuple


class Rule(NamedTuple):
    """How to put one kind of line into words.

    Attributes:
        literal: text that every such line holds: tested before the pattern, because that is cheap.
        pattern: matched at the line's start, blanks aside.
        words: what the line says, from the match; the empty string where there is nothing to add to it.
    """

    literal: str
    pattern: re.Pattern[str]
    words: Callable[[re.Match[str]], str]


def rule(literal: str, pattern: str, words: Callable[[re.Match[str]], str] | str) -> Rule:
    """A rule; `words` may be a fixed sentence."""
    fixed = words
    return Rule(literal, re.compile(pattern), (lambda _: fixed) if isinstance(fixed, str) else fixed)


def joined(words: tuple[str, ...] | list[str]) -> str:
    """Phrases as one."""
    return ", ".join(word for word in words if word)


def listed(names: list[str], most: int = 6) -> str:
    """Names, the first few of them."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
