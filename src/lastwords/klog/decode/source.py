"""Source file and line, where a headline or a decoded line has them."""

import re

# Only headlines whose place is that of the check that fired; `sleeping function called from invalid context at …` names
# the place of might_sleep(), which is not to blame.
_PLACES = (
    re.compile(r"(?:------------\[ cut here \]-*)?(?:k|K)ernel BUG at (?P<file>[\w./+-]{1,200}):(?P<line>\d{1,7})\b"),
    re.compile(r"WARNING: (?:(?:at |CPU: \d{1,6} PID: -?\d{1,10} at ))?(?P<file>[\w./+-]{1,200}):(?P<line>\d{1,7})\b"),
    re.compile(r"UBSAN: .{1,200}? in (?P<file>[\w./+-]{1,200}):(?P<line>\d{1,7})\b"),
)
_BEHIND_SYMBOL = re.compile(
    r"/0x[0-9a-f]{1,16}(?:\s\[[^\]]{1,80}\])?\s\(?(?P<file>[\w./+-]{1,200}\.[chSr]s?):(?P<line>\d{1,7})\b"
)


def place_of_check(headline: str) -> tuple[str, int] | None:
    """File and line of a BUG, WARNING or UBSAN headline, or None.

    Args:
        headline: the message.
    """
    return _first(_PLACES, headline[:600])


def place_behind_symbol(text: str) -> tuple[str, int] | None:
    """File and line that `scripts/decode_stacktrace.sh` put behind `func+0x1/0x2`, or None.

    Args:
        text: an instruction pointer line.
    """
    found = _BEHIND_SYMBOL.search(text[:800])
    return None if found is None else (found["file"], int(found["line"]))


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> tuple[str, int] | None:
    for pattern in patterns:
        found = pattern.match(text)
        if found is not None:
            return found["file"], int(found["line"])
    return None
