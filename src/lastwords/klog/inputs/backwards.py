"""Logs with their newest line first, as stores of logs give them back (and `journalctl -r`): turned around."""

import io
import re
from itertools import chain, pairwise

from lastwords.compressed import BLOCK

from .archives import stream

MOST = 1 << 25
"""Bytes of a log that is turned around; one that is larger is read as it is."""
_LOOKED_AT = 1 << 18
_FEWEST = 3
_ODD = 8
"""One pair of lines in so many may be in the usual order."""

# A line's time: printk's, else that of the wall clock. Texts of the same kind are in the order of time.
_CLOCK = re.compile(
    rb"\[ {0,8}([0-9]{1,12}\.[0-9]{6})\]|([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[.,]?[0-9]{0,9})"
    rb"|([0-9]{2}:[0-9]{2}:[0-9]{2}[.,]?[0-9]{0,9})"
)


def newest_first(head: bytes) -> bool:
    """Whether a log that begins so runs backwards, line by line."""
    earlier = later = 0
    for (kind, first), (other, second) in pairwise(_clocks(head)):
        if kind == other:
            earlier += second < first
            later += second > first
    return earlier >= _FEWEST and later * _ODD <= earlier


def _clocks(head: bytes) -> list[tuple[int, bytes]]:
    if b" [s=" in head[:4096]:  # journalctl -o verbose, whose entries have many lines
        return []
    found = (_CLOCK.search(line, 0, 600) for line in head[:_LOOKED_AT].split(b"\n")[:-1])
    return [
        (clock.lastindex, clock[clock.lastindex].rjust(20)) for clock in found if clock is not None and clock.lastindex
    ]


def may_be(head: bytes) -> bool:
    """Whether the first lines leave it open: those of a crash may all have the same time."""
    clocks = _clocks(head)
    return bool(clocks) and (clocks[0][0] != clocks[-1][0] or clocks[-1][1] <= clocks[0][1])


def in_order(file: io.BufferedReader) -> tuple[io.BufferedReader, bool | None]:
    """The same lines in the order of time, and whether they had to be turned around; None if they are too many.

    Args:
        file: a log of which the first lines leave it open, not yet read from.
    """
    data = file.read(MOST + 1)
    backwards = newest_first(data)
    if not backwards or len(data) > MOST:
        rest = chain([data], iter(lambda: file.read(BLOCK), b""))
        return stream(rest, lambda _: None, file), None if backwards else False
    lines = data.removesuffix(b"\n").split(b"\n")
    del data
    lines.reverse()
    return stream(iter([b"\n".join(lines) + b"\n"]), lambda _: None, file), True
