"""Messages without what varies in them, so that equal ones can be counted."""

import re
from collections.abc import Sequence

# Possessive throughout: a log may hold nothing but digits.
_VARYING = re.compile(
    r"0x[0-9a-fA-F]++"
    r"|\b[a-f]*+[0-9][0-9a-f]*+(?:[:.-][a-f]*+[0-9][0-9a-f]*+)*+\b"  # addresses, devices, versions, times
    r"|[0-9]++"
)
_LONGEST = 300


def template(text: str) -> str:
    """The text with `N` for each number, address and identifier.

    Example:
        >>> template("storage: DMA mapping failed for tag 17")
        'storage: DMA mapping failed for tag N'
    """
    return _VARYING.sub("N", text[:_LONGEST])


def summary(texts: Sequence[str]) -> str:
    """What texts of one template have in common: `N` only where they differ.

    Example:
        >>> summary(["sd 0:0:0:0: tag 17 lost", "sd 0:0:0:0: tag 18 lost"])
        'sd 0:0:0:0: tag N lost'
    """
    values = [_VARYING.findall(text[:_LONGEST]) for text in texts]
    same = iter([len(set(column)) == 1 for column in zip(*values, strict=False)])
    return _VARYING.sub(lambda match: match[0] if next(same, False) else "N", texts[0][:_LONGEST])
