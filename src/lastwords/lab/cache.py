"""Where the lab keeps what it has fetched and built: outside the repository, shared by all checkouts.

What is made by a recipe has the recipe's digest in its name, so that checkouts with different recipes do not get in
each other's way. Of each such family the newest few are kept, and none that nobody used for two weeks; what a process
uses is never removed as long as it lives.
"""

import fcntl
import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError

UNUSED = 14 * 86_400.0
"""Seconds after which an item is removed that nobody used."""
JUST_USED = 3600.0
"""Seconds within which one is left alone in any case: who uses it may have got its path from another process."""
_ITEM = re.compile(r"(.{1,200})-[0-9a-f]{12}(|\.raw|\.disk)")
_IN_USE: dict[Path, int] = {}
"""Open descriptors with a shared lock, by item."""


def cache() -> Path:
    """The lab's directory: in `$LASTWORDS_CACHE`, else in `$XDG_CACHE_HOME/lastwords`, else in `~/.cache/lastwords`."""
    own = os.environ.get("LASTWORDS_CACHE")
    if own:
        return Path(own).absolute() / "lab"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "lastwords" / "lab"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other processes from making the same thing at the same time; they wait."""
    path = cache() / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kept(path: Path, make: Callable[[], object], lock: str, newest: int = 3) -> Path:
    """An item of the cache, made if it is not there; this process's as long as it lives.

    Args:
        path: its name ends in a dash and the 12 hexadecimal digits of its recipe's digest, and at times a suffix.
        make: makes it at this place; afterwards older ones of its family are removed.
        lock: of those that make the same thing.
        newest: how many of its family to keep.
    """
    with locked(lock):
        if not hold(path):
            make()
            if not hold(path):
                raise LabError(f"{path} was removed as soon as it was made")
            trim(path.parent, newest)
    return path


def trim(folder: Path, newest: int) -> None:
    """Remove what nobody needs any more: of each family all but the newest, and what was not used for long."""
    families: defaultdict[str, list[Path]] = defaultdict(list)
    for path in folder.iterdir():
        if match := _ITEM.fullmatch(path.name):
            families["".join(match.groups())].append(path)
    for family in families.values():
        for place, path in enumerate(sorted(family, key=unused_for)):
            if unused_for(path) > (UNUSED if place < newest else JUST_USED):
                remove(path)


def unused_for(path: Path) -> float:
    """Seconds since it was used last; 0 where it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def remove(path: Path) -> bool:
    """Remove a file or directory, if no process uses it; says whether it did.

    A chroot in which something is mounted is in use: what would be removed with it is the machine's own /dev.
    """
    if any(mount.is_relative_to(path) for mount in _mounts()):
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # gone, or a link that somebody put here
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = path.with_name(f".{path.name}.gone")
        path.rename(gone)  # at one stroke: nobody finds a half of it
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(handle)
    return True


def _mounts() -> Iterator[Path]:
    """Where something is mounted (proc_pid_mountinfo(5)); blanks in names are octal there."""
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        yield Path(re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), line.split()[4]))


def hold(path: Path) -> bool:
    """Keep an item from being removed as long as this process lives, and note its use; False where it is not there."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    fcntl.flock(handle, fcntl.LOCK_SH)
    try:
        # Somebody may have removed it while this waited.
        if not os.path.samestat(os.fstat(handle), path.stat()):
            raise FileNotFoundError
        os.utime(path)
    except FileNotFoundError:
        os.close(handle)
        return False
    if path in _IN_USE:
        os.close(_IN_USE[path])
    _IN_USE[path] = handle
    return True
