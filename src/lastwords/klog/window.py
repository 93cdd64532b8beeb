"""A run of records decoded around what the sieve found, and which of the oopses in it are a machine's."""

import re
from typing import NamedTuple

from lastwords.model import Oops, Record

from . import sieve
from .inputs import among_strings, holds_control
from .oopses import find_oopses
from .wrapped import rejoined

BEFORE = 4 << 10
"""Bytes decoded before a hit: the headlines that its own may be a part of."""
REACH = 24 << 10
"""Bytes decoded behind a hit at first; more where its report is not over by then."""
_BESIDE = 256
"""Bytes before and behind a report that tell whether it stands in a text."""
_LINE_END = re.compile(rb"\n")


class Window(NamedTuple):
    """A run of records and the oopses in it."""

    records: list[Record]
    oopses: list[Oops]

    @property
    def over(self) -> bool:
        """Whether the last report is over, and not just cut by the window's end."""
        return not self.oopses or self.oopses[-1].last_line + 40 < self.records[-1].line


def read_window(records: list[Record]) -> Window:
    """The oopses in a run of records, whose wrapped lines are put together."""
    records = rejoined(records)
    return Window(records, find_oopses(records, sieve.candidates(records)))


def of_text(window: Window, data: bytes | bytearray, line: int, *, program: bool) -> Window:
    """The window without what looks like reports among a program's strings.

    Args:
        window: its records and oopses.
        data: what it was read from, beginning with line `line`.
        program: the file begins as none of text does.
    """
    if all(map(_dated, window.oopses)) or not holds_control(bytes(data)):
        return window
    ends = [-1, *(match.start() for match in _LINE_END.finditer(data)), len(data)]

    def is_text(oops: Oops) -> bool:
        first, last = (
            ends[max(min(number, len(ends) - 1), 0)] for number in (oops.line - line, oops.last_line - line + 1)
        )
        last = min(last, first + REACH)
        if program and holds_control(bytes(data[max(first - BEFORE, 0) : last + BEFORE])):
            return False
        return not among_strings(bytes(data[max(first - _BESIDE, 0) : last + _BESIDE]))

    return Window(window.records, [oops for oops in window.oopses if _dated(oops) or is_text(oops)])


def of_a_page(window: Window) -> Window:
    """The window without headlines of which a web page only tells: of a crash it shows more than that."""
    return Window(window.records, [oops for oops in window.oopses if oops.traces or oops.registers or oops.function])


def _dated(oops: Oops) -> bool:
    """A program's strings have no time stamps."""
    return oops.time is not None or bool(oops.wall)


def telling(window: Window) -> bool:
    """Whether it has a crash of a known kind: a line that begins with BUG may be one that was typed."""
    return any(oops.kind != "kernel-bug-message" for oops in window.oopses)
