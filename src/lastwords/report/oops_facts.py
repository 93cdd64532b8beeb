"""The facts of an oops in the order in which an engineer asks for them."""

from collections.abc import Iterator

from lastwords.model import Oops

from . import words

_FACTS = (
    ("function", words.blamed),
    ("stood at", words.stood),
    ("way in", words.entered),
    ("recursion", words.recursion),
    ("message", lambda oops: oops.message),
    ("task", words.task),
    ("address", words.address),
    ("access", words.access),
    ("instruction", words.operand),
    ("panic", words.panic),
    ("exit code", words.exit_code),
    ("root", words.root),
    ("kernel", words.kernel),
    ("tainted", words.taints),
    ("hardware", words.hardware),
    ("text", words.text_state),
)


def facts(oops: Oops) -> Iterator[tuple[str, str]]:
    """Each fact that is known: its name and what it is in words, not yet made safe for a terminal or a page."""
    for name, fact in _FACTS:
        value = fact(oops)
        if value:
            yield name, value
