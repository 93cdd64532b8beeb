"""The first sieve: where in a log a crash report may begin.

A log is nearly always free of crashes, and a crash is a few kilobytes of a gigabyte. So all of it goes through a
matcher for many literals at once (hyperscan: 123 literals over 1 GB in 0.35 s), and only the neighbourhood of what it
finds is decoded.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import hyperscan

from lastwords.model import Record

from .boots import BANNER
from .catalogue import literals

RESTARTS = (BANNER, "SeaBIOS (version ", "UEFI firmware (version ", "U-Boot 2", "early console in extract_kernel")
"""What a machine says first after a restart, from its firmware to its kernel; printed wherever the cursor stood."""

# A journal field that is no text comes as an array of byte values, and may hold anything.
_BINARY_MESSAGE = ('"MESSAGE":[', '"MESSAGE" : [')


def shortest(words: Sequence[str]) -> list[str]:
    """The words without those that contain another one: where they are found, that one is found too."""
    return [word for word in words if not any(other != word and other in word for other in words)]


@cache
def words() -> tuple[str, ...]:
    """What is looked for."""
    return (*shortest(literals()), *RESTARTS, *_BINARY_MESSAGE)


@cache
def _database() -> "hyperscan.Database":
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[word.encode() for word in words()],
        ids=list(range(len(words()))),
        elements=len(words()),
        literal=True,
    )
    database.scratch = hyperscan.Scratch(database)
    return database


def hits(data: bytes | bytearray) -> list[int]:
    """Offsets just behind each literal found, in order.

    Args:
        data: raw log bytes, in any format whose text is not encoded.
    """
    found: list[int] = []
    # Literals may overlap, so ends come in order but not without repetition.
    database = _database()
    database.scan(  # type: ignore[type-var]  # it takes any buffer
        data, match_event_handler=lambda _id, _start, end, _flags, _context: found.append(end)
    )
    return found


def words_in(text: str) -> frozenset[int]:
    """Which of `words()` a text holds, by their positions there."""
    found: set[int] = set()
    _database().scan(
        text.encode("utf-8", "replace"), match_event_handler=lambda id_, _start, _end, _flags, _context: found.add(id_)
    )
    return frozenset(found)


def candidates(records: Sequence[Record]) -> list[int]:
    """Positions of the records that hold a literal, in order."""
    texts = [record.text.encode("utf-8", "replace") for record in records]
    if not texts:
        return []
    ends = list(accumulate(len(text) + 1 for text in texts))
    found: list[int] = []
    last = -1
    for end in hits(b"\n".join(texts)):
        index = bisect_right(ends, end - 1)
        if index != last:
            found.append(index)
            last = index
    return found
