"""Text that Markdown leaves as it is, whoever wrote it.

It must stay so in CommonMark, in the dialects of GitHub and GitLab, and readable in a mail: so what is quoted goes into
code, where nothing has a meaning, and in prose only what would have one is escaped.
"""

import re
from collections.abc import Iterable

from .escape import printable

LONGEST = 400
"""Characters of one text; of a longer one the rest is left out."""
_WIDEST = 160
"""Columns of a line in a block."""

# What begins an emphasis, code, a link, an entity, a table's cell, a formula.
_ACTIVE = re.compile(r"[\\`*_\[\]|~$]|&(?=[#\w])")
# What GitHub and GitLab make links of by themselves: @user, #12, !34, %milestone, addresses and sites.
_LINKED = re.compile(r"[@#!%&~$](?=\w)|:(?=//)|(?<=\bwww)\.", re.IGNORECASE)
_BLOCK = re.compile(r"(?:[-+=#>]|[0-9]{1,9}[.)])")
# What the sentence has in backticks, else names of functions and addresses.
_CODE = re.compile(
    r"`([^`]{1,200})`"
    r"|(?<![\w`])(?:[A-Za-z0-9.]{0,64}_[\w.]{0,128}\w(?:\(\))?|\w{1,128}\(\)|0x[0-9a-f]{4,16})(?!\w)"
)
_BREAK = "\u200b"
"""A blank of no width: it keeps a name from being taken for a mention."""


def prose(text: str, longest: int = LONGEST) -> str:
    r"""A sentence of ours, in which words of others may stand. Names of functions and addresses become code.

    Example:
        >>> prose("dev_find() failed *badly*, see @you")
        '`dev_find()` failed \\*badly\\*, see @\u200byou'
    """
    text = _cut(" ".join(text.split()), longest)
    parts, place = [], 0
    for match in _CODE.finditer(text):
        parts += [_plain(printable(text[place : match.start()])), quoted(match[1] or match[0])]
        place = match.end()
    whole = "".join([*parts, _plain(printable(text[place:]))])
    return f"\\{whole}" if _BLOCK.match(whole) and not whole[0].isdigit() else _number(whole)


def _plain(text: str) -> str:
    marked = _LINKED.sub(lambda match: match[0] + _BREAK, text)
    return _ACTIVE.sub(lambda match: "\\" + match[0], marked).replace("<", "&lt;")


def _number(text: str) -> str:
    """A text that begins as an item of a numbered list does is none."""
    return re.sub(r"^([0-9]{1,9})([.)])(?=\s|$)", r"\1\\\2", text)


def quoted(text: str) -> str:
    """Somebody else's words, in code."""
    text = printable(_cut(text.replace("\t", " "))).strip() or " "
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(lines: Iterable[str]) -> list[str]:
    """Lines in a fenced block, whose fence is longer than any in them."""
    safe = [printable(_cut(line.expandtabs(), _WIDEST)).rstrip() for line in lines]
    fence = "`" * max(_longest_run("\n".join(safe)) + 1, 3)
    return [fence, *safe, fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[:longest] + "…"
