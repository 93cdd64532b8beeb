"""Whose log it is: the name that syslog daemons, the journal and getty put into theirs."""

import re
from itertools import pairwise

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = rb"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_WALL = (
    rb"(?:(?:[A-Z][a-z]{2} )?" + _MONTH + rb" [ 0-9][0-9] " + _CLOCK + rb"(?: [0-9]{4})?"
    rb"|(?:[A-Z][a-z]{2} )?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]" + _CLOCK + rb"(?:Z|[+-][0-9:]{4,5}| [A-Z]{2,5})?"
    rb"|[0-9]{9,11}\.[0-9]{6}|\[ {0,8}[0-9]{1,12}\.[0-9]{6}\])"
)
_NAME = rb"([A-Za-z0-9][A-Za-z0-9._-]{0,63})"
_SAYS = (
    # Nov 24 12:34:11 host kernel: , and with RFC 5424's version and priority
    re.compile(
        rb"^(?:<[0-9]{1,3}>(?:1 )?)?" + _WALL + b" " + _NAME + rb" (?:kernel:? |[\w./@-]{1,64}\[[0-9]{1,10}\]:)",
        re.MULTILINE,
    ),
    re.compile(rb'"_HOSTNAME"\s?:\s?"' + _NAME + b'"'),
    re.compile(rb"^\s{0,8}_HOSTNAME=" + _NAME + rb"\r?$", re.MULTILINE),
    re.compile(rb"^" + _NAME + rb" login: ", re.MULTILINE),
)
_NOBODY = frozenset(("localhost", "localhost.localdomain", "none", "unknown", "kernel"))


def host_in(sample: bytes) -> str | None:
    """The machine that a log names; None where it names none, or several.

    Args:
        sample: the log's beginning.
    """
    for pattern in _SAYS:
        names = {name.decode("ascii") for name in pattern.findall(sample)}
        if known := {name for name in names if name.lower() not in _NOBODY}:
            return known.pop() if len(known) == 1 else None
    return None


_TURNS = 4
"""Times that the lines go from one machine's to another's: a machine that gets its name at boot changes it once."""


def machines_in(sample: bytes) -> tuple[str, ...]:
    """The machines whose lines stand between each other's in a log; empty where they are of one, or one after the other.

    Args:
        sample: the log's beginning.
    """
    for pattern in _SAYS:
        names = [name.decode("ascii") for name in pattern.findall(sample)]
        known = [name for name in names if name.lower() not in _NOBODY]
        if sum(name != before for before, name in pairwise(known)) >= _TURNS:
            return tuple(dict.fromkeys(known))
    return ()
