"""Where the lab keeps what it has fetched and built: outside the repository, shared by all checkouts."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
