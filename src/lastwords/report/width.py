"""How wide to write."""

import os


def asked_for() -> int | None:
    """The columns that the environment asks for in COLUMNS, which counts in a pipe too; else None."""
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text) else None
