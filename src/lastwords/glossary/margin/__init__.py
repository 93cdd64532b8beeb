"""The margin of a report: what a line says, with the values of this very line put into words.

A line that speaks for itself gets no note: silence is a part of the job.
"""

from . import faults, hangs, locks, memory, panics, who
from .faults import flags
from .locks import usage as lock_usage
from .who import frame

_RULES = (*panics.RULES, *faults.RULES, *who.RULES, *hangs.RULES, *memory.RULES, *locks.RULES)
_LONGEST = 60_000
"""Characters of a line that are looked at: a list of modules may be long."""


def note(text: str) -> str:
    """The note beside a line, or the empty string where there is nothing to add to it.

    Args:
        text: one line of a report, without prefix.

    Example:
        >>> note("BUG: kernel NULL pointer dereference, address: 0000000000000018")
        'NULL + 0x18: field at offset 0x18 of a structure whose pointer was NULL'
    """
    line = text[:_LONGEST].lstrip()
    for literal, pattern, words in _RULES:
        if literal in line and (match := pattern.match(line)) is not None and (said := words(match)):
            return said
    return ""


__all__ = ["flags", "frame", "lock_usage", "note"]
