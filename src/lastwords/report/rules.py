"""The rules of the diagnosis, as text."""

import textwrap
from collections.abc import Mapping, Sequence

from .escape import printable
from .width import asked_for


def all_rules(rules: Sequence[Mapping[str, str]]) -> str:
    """One line each: ID, and what it looks for."""
    longest = max((len(rule["id"]) for rule in rules), default=0)
    return "".join(f"{printable(rule['id']):{longest}}  {printable(rule['looks_for'])}\n" for rule in rules)


def one_rule(rule: Mapping[str, str]) -> str:
    """All that is to be said of one rule."""
    lines = [printable(rule["id"])]
    for name, key in (("looks for", "looks_for"), ("why", "why"), ("how sure", "sure"), ("from", "from")):
        if rule[key]:
            text = printable(rule[key])
            indent = " " * 13
            lines.append(
                textwrap.fill(text, asked_for() or 100, initial_indent=f"  {name:9}  ", subsequent_indent=indent)
            )
    return "\n".join(lines) + "\n"
