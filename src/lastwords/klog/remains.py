"""Reports without a beginning: where what is left of one begins, before the line that gives it away."""

from collections.abc import Sequence

from lastwords.model import Record

from .headlines import Headline
from .sieve import RESTARTS

_BEFORE = 150
"""Lines before it that may belong to it."""
_BEHIND = 40
"""Lines behind an oops's end in which x86 repeats its registers and the kernel panics."""
_HEAD = 20
"""Lines from the modules to the instruction pointer, where a report has them in this order."""
_PRINTING = 2.0
"""Seconds that a kernel takes to print a report."""
_MODULES = "Modules linked in:"
_END = "---[ end "
_FATAL = "Kernel panic - not syncing: Fatal exception"


def begin(records: Sequence[Record], index: int, floor: int) -> int:
    """Position of the first record that may belong to the report which record `index` gives away.

    Args:
        records: the log.
        index: the line that gives it away.
        floor: where the report before it ends.
    """
    last = records[index].time
    for place in range(index - 1, max(floor, index - _BEFORE) - 1, -1):
        record = records[place]
        apart = last is not None and record.time is not None and not -_PRINTING < last - record.time < _PRINTING
        ended = record.text.startswith(_END) and not records[index].text.startswith("Kernel panic")
        if apart or ended or any(words in record.text for words in RESTARTS):
            return place + 1
    return max(floor, index - _BEFORE, 0)


def told(records: Sequence[Record], headline: Headline) -> Headline | None:
    """The headline with the form that its neighbours allow, or None where they are no crash's.

    Only an oops repeats its registers behind its end, tells CR2 before it, or makes the kernel panic. An instruction
    pointer alone may be a backtrace that somebody asked for.
    """
    index = headline.index
    oops, either, *repeated = headline.kind.forms
    if headline.form in repeated:
        return headline
    fatal = any(record.text.startswith(_FATAL) for record in records[index : index + _BEHIND])
    if headline.form is oops:
        near = [record.text for record in records[max(index - 1, 0) : index + 4]]
        sure = fatal or any(text.startswith(("RIP: ", "CR2: ")) for text in near)
        return headline if sure else Headline(index, headline.kind, either, headline.groups)
    if fatal:
        return Headline(index, headline.kind, oops, headline.groups)
    modules = any(record.text.startswith(_MODULES) for record in records[max(index - _HEAD, 0) : index])
    return headline if modules else None
