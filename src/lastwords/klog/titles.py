"""The title of a crash, in the wording that kernel developers search for."""

import re
from typing import NamedTuple

from .catalogue import Form, Kind
from .culprit.names import named
from .culprit.never import plain

NO_FUNCTION = "corrupted"
"""What stands for the function where the report doesn't give one, as in syzbot's titles."""


class Title(NamedTuple):
    """A title, its alternatives and the function as the title names it."""

    title: str
    alternatives: tuple[str, ...]
    function: str | None


# Whatever differs between two crashes of the same bug is replaced, so that equal crashes get equal titles.
_VARIABLES = (
    (re.compile(r"\+0x[0-9a-f]+/0x[0-9a-f]+"), ""),
    (re.compile(r"\b0x[0-9a-f]+\b|\b[0-9a-f]{8,16}\b(?<![g-z])"), "ADDR"),
    (re.compile(r"\b(?:eth|wlan|lo|veth|bond|br|ens|enp)\d+\w*\b|\bloop\d+\b|\bsd[a-z]\d*\b"), "DEV"),
    (re.compile(r"(?<![\w.])-?\d+(?:\.\d+)*(?![\w.])"), "NUM"),
)
_GROUP = re.compile(r"\{(\w+)\}")


def generalised(text: str) -> str:
    """A message without what varies: numbers, addresses, devices, offsets."""
    for pattern, replacement in _VARIABLES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())[:120].rstrip()


def build(kind: Kind, form: Form, groups: dict[str, str], function: str | None, message: str) -> Title:
    """The title of a report.

    Args:
        kind: the catalogue entry.
        form: the wording that its headline has.
        groups: named groups of the headline and of the lines behind it.
        function: plain name of the function to blame, or None.
        message: the headline.
    """
    template = form.title or kind.title
    name = named(function) if function else None
    values = {key: generalised(value) for key, value in groups.items() if key != "function"}
    values["symbol"] = plain(groups.get("function", ""))
    if "other" in groups:
        values["other"] = plain(groups["other"])
    if "rest" in values and groups["rest"][:1] == " ":
        values["rest"] = " " + values["rest"]
    if name is None and form.bare:
        return Title(_fill(form.bare, values) or generalised(message), (), None)
    main = _fill(template, {**values, "function": name.name if name else NO_FUNCTION})
    if main is None:
        partial = _fill(form.partial, values) if form.partial else None
        return Title(partial or generalised(message), (), name.name if name else values["symbol"] or None)
    others = [] if name is None else [_fill(template, {**values, "function": other}) for other in name.others]
    names = (name.name, *name.others) if name else (NO_FUNCTION,)
    others += [_fill(alternative, {**values, "function": n}) for alternative in kind.alternatives for n in names]
    return Title(
        main,
        tuple(dict.fromkeys(o for o in others if o is not None and o != main)),
        name.name if name else None,
    )


def _fill(template: str, values: dict[str, str]) -> str | None:
    """The template with its groups filled in, or None if one is not known."""
    try:
        return _GROUP.sub(lambda match: values[match[1]], template)
    except KeyError:
        return None
