"""Lines of lockdep: how a lock was used, and how it may be waited for."""

import re

from .rule import Rule, joined, rule

_PLACES = ("hardirq", "hardirq (read)", "softirq", "softirq (read)")


def usage(marks: str) -> str:
    """`+.?.`: only what can deadlock, `?`, and where interrupts take the lock, `-`."""
    both = [place for place, mark in zip(_PLACES, marks, strict=False) if mark == "?"]
    inside = [place for place, mark in zip(_PLACES, marks, strict=False) if mark == "-"]
    words = [f"taken in {place} and with it enabled" for place in both]
    words += [f"also taken in {' and '.join(inside)}"] if inside else []
    return joined(words)


def _usage(match: re.Match[str]) -> str:
    return usage(match["usage"])


RULES: tuple[Rule, ...] = (
    rule("-{", r".{0,200}?\)\{(?P<usage>[.+?-]{4})\}-\{\d:\d\}", _usage),
    rule("-> #0 ", r"-> #0 \(", "the newest step: the lock that is being taken now"),
    rule(
        "suspicious RCU usage",
        r"WARNING: suspicious RCU usage",
        "an RCU pointer was read without the lock that should protect it",
    ),
)
