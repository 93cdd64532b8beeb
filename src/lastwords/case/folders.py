"""The directories that a user names: each is looked through once, and not without end."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from lastwords.klog.inputs import Input, files_below

MOST_FILES = 10_000
"""In one directory and what is below it: more than a crash leaves, and a system has a hundred times as many."""
MOST_BYTES = 32 << 30
"""Of the logs in directories; they are read to their end."""


class Folders:
    """Finds the files below directories.

    Attributes:
        limits: what was not looked at, by directory: one line each.
    """

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self.limits: dict[str, str] = {}
        self._tell = tell
        self._found: dict[str, list[str | OSError]] = {}

    def __call__(self, top: str) -> Sequence[str | OSError]:
        """What is below a directory, and why some directories can't be looked into."""
        if top not in self._found:
            found = list(islice(files_below(top, self._tell), MOST_FILES + 1))
            if len(found) > MOST_FILES:
                found.pop()
                self.limits[top] = (
                    f"more than {MOST_FILES:,} files: only so many were looked at; name those with the logs"
                )
            self._found[top] = found
        return self._found[top]

    def within(self, logs: Sequence[Input], named: Sequence[str]) -> list[Input]:
        """As many of the logs as are read; those that are named themselves all are."""
        kept, size = [], 0
        for source in logs:
            if source.path not in named:
                size += sum(map(_size, source.files))
            if size <= MOST_BYTES or source.path in named:
                kept.append(source)
        if len(kept) < len(logs):
            text = f"more than {MOST_BYTES >> 30} GiB of logs: {len(logs) - len(kept)} files were not read"
            self.limits |= {top: text for top in self._found if top not in self.limits}
        return kept


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
