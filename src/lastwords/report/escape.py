"""Text from a log, made harmless for a terminal.

A process name, a device's serial number or a whole log may be an attacker's: escape sequences in it could rewrite
the screen, set the window's title or fake lines. So every control character is shown, not sent.
"""

import re

# C0 and C1 controls, DEL, and the characters that reorder or hide text (bidirectional marks, zero-width, tags).
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""The text with each unsafe character written as `\\x1b` or `\\u202e`; tabs stay.

    Example:
        >>> printable("evil\x1b[2J")
        'evil\\x1b[2J'
    """
    return _UNSAFE.sub(lambda match: _escaped(ord(match[0])), text)


def _escaped(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
