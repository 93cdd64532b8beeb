"""The modules that were loaded (`kernel/module/main.c: print_modules()`, before Linux 5.19 `kernel/module.c`)."""

import re

from lastwords.model import LinkedModule

MAX_MODULES = 2000
"""Modules kept; a distribution's kernel with everything loaded has a tenth of them."""

_HEADING = "Modules linked in:"
_MODULE = re.compile(r"(\w[\w-]{0,63})(?:\(([A-Z+-]{1,24})\))?\Z")
_LAST_UNLOADED = re.compile(r"\[last unloaded: ([^\]]{1,4000})\]?")
_WORDS = re.compile(r"\S{1,100}")


def linked_modules(text: str | None) -> tuple[LinkedModule, ...]:
    """The entries of a modules line, with those of wrapped lines behind it.

    Args:
        text: `Modules linked in: nf_tables(E) mymod(OE+) [last unloaded: other(F)]`, lines that follow it joined by line
            feeds.

    Returns:
        The modules in the order of the line, which is newest first; at its end the one that was unloaded last, with
        flags since Linux 5.17.
    """
    if not text or not text.startswith(_HEADING):
        return ()
    rest = text[len(_HEADING) :]
    # Text of another CPU in the middle of the line would pass for module names.
    unloaded = _LAST_UNLOADED.search(rest)
    loaded = rest if unloaded is None else rest[: unloaded.start()]
    found = _entries(loaded, last_unloaded=False)
    if unloaded is not None:
        found += _entries(unloaded[1], last_unloaded=True)
    return tuple(found[:MAX_MODULES])


def _entries(text: str, *, last_unloaded: bool) -> list[LinkedModule]:
    found = []
    for word in _WORDS.findall(text[: MAX_MODULES * 64]):
        match = _MODULE.match(word)
        if match is None:
            break
        found.append(LinkedModule(name=match[1], flags=match[2] or "", last_unloaded=last_unloaded))
    return found


_CONTINUED = re.compile(
    r" ?(?:(?!0x|[0-9a-f]{8,16}\b)[A-Za-z]\w{0,63}(?:\([A-Z+-]{1,24}\))?(?: |\Z)){2,400}(?:\[last unloaded: [^\]]{0,2000}+\]?)?\s*\Z"
)


def goes_on(text: str) -> bool:
    """Whether a line holds nothing but modules, as the further lines of a wrapped list do."""
    return _CONTINUED.match(text[:4000]) is not None and re.search(r"[_\d(]", text) is not None


def continues(text: str, before: str) -> bool:
    """Whether a line goes on with the modules of the line before it.

    printk starts a new record where a line outgrows its buffer, and old syslog daemons wrap such lines.

    Args:
        text: the line.
        before: the modules line in front of it.
    """
    if len(before) < 45 or "[last unloaded" in before:
        return False
    if text.startswith((" [last unloaded: ", "[last unloaded: ")):
        return True
    return goes_on(text)
