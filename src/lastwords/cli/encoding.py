"""Terminals and pipes whose encoding has not all characters of a report: they get near ones, not an error."""

import codecs
import sys
from typing import TextIO

NEAR = {
    **{"…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "µ": "u", "−": "-", "—": "-", "–": "-", "•": "*", "·": "."},
    **{"◀": "<", "▶": ">", "└": "`-", "├": "|-", "┊": "|", "│": "|", "─": "-", "→": "->", "←": "<-", "×": "x"},
}
"""What stands for a character that can't be had; `?` for all others."""
_HANDLER = "lastwords.near"


def _near(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(NEAR.get(character, "?") for character in error.object[error.start : error.end]), error.end


def take_near_characters(*streams: TextIO) -> None:
    """Have streams write near characters for those that their encoding does not have.

    Args:
        streams: by default standard output and standard error.
    """
    codecs.register_error(_HANDLER, _near)
    for stream in streams or (sys.stdout, sys.stderr):
        # What a test or a library has put in their place need not be able to.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and codecs.lookup(stream.encoding).name != "utf-8":
            reconfigure(errors=_HANDLER)
