"""Messages without what varies in them, so that equal ones can be counted."""

import re

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]*\d[0-9a-f]*(?:[:.-][0-9a-f]*\d[0-9a-f]*)*\b|\d+")
_LONGEST = 300


def template(text: str) -> str:
    """The text with `N` for each number, address and identifier.

    Example:
        >>> template("storage: DMA mapping failed for tag 17")
        'storage: DMA mapping failed for tag N'
    """
    return _VARYING.sub("N", text[:_LONGEST])
