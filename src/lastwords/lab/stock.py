"""What the lab's cache holds, and how to clear it."""

import fcntl
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from .cache import cache, remove, unused_for

KINDS = {
    "crashes": ("cases, crashed and dumped", 2),
    "modules": ("cases' modules, built", 2),
    "systems": ("disks of guests with a whole system", 1),
    "kernels": ("Debian's kernels", 1),
    "debuginfo": ("their debuginfo, which mirrors drop with the next version", 1),
    "suites": ("Debian releases with compilers", 1),
}
"""Folders of the cache: what is in each, and how deep; `crashes` and `modules` have a folder for each kernel."""
_UNFINISHED = (".part", ".root", ".tree")
_GIVEN_UP = 86_400.0
"""Seconds after which nobody finishes what is unfinished."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in the cache: its kind and place, bytes on the disk, seconds since its last use, if it is in use."""

    kind: str
    path: Path
    size: int
    unused: float
    in_use: bool


def stock(kinds: Collection[str] = tuple(KINDS)) -> Iterator[Item]:
    """All there is of these kinds."""
    for kind in kinds:
        for path in sorted((cache() / kind).glob("/".join("*" * KINDS[kind][1]))):
            unused = unused_for(path)
            in_use = _is_held(path) or (path.suffix in _UNFINISHED and unused < _GIVEN_UP)
            yield Item(kind, path, _size(path), unused, in_use)


def clear(kinds: Collection[str], unused: float) -> Iterator[tuple[Item, bool]]:
    """Remove what nobody uses.

    Args:
        kinds: of KINDS.
        unused: only what was not used for so many seconds.

    Yields:
        What was to be removed, and whether it was.
    """
    for item in stock(kinds):
        if item.unused >= unused:
            yield item, not item.in_use and remove(item.path)


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _size(path: Path) -> int:
    """Bytes on the disk, as `du -x` counts them, links to the same file aside."""
    try:
        top = path.lstat()
    except OSError:
        return 0
    total = top.st_blocks * 512
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            try:
                found = Path(folder, name).lstat()
            except OSError:
                continue
            if found.st_dev == top.st_dev:
                total += found.st_blocks * 512
            elif name in folders:
                folders.remove(name)
    return total
