"""Lines of a text that may be huge, binary or somebody's trap."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

MOST_LINES = 500_000
LONGEST = 4096
"""Bytes of a line; what is longer is cut."""


def lines_of(file: BinaryIO) -> Iterator[str]:
    """The lines of a file without their ends, as far as somebody could have wanted to write them."""
    for _ in range(MOST_LINES):
        line = file.readline(LONGEST)
        if not line:
            return
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def clock(text: str, *formats: str) -> float | None:
    """What a clock showed, read as UTC: seconds since the epoch, or None where no format fits."""
    for form in formats:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
