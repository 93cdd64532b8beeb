"""Known issues of a team: YAML files in directories."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from lastwords.diagnosis import KnownIssue
from lastwords.diagnosis.known import check

VARIABLE = "LASTWORDS_KNOWN"
"""Environment variable with further directories, separated by colons."""
_LARGEST = 1 << 20


class KnownIssuesError(Exception):
    """A file of known issues can't be read; the message names it and says what is wrong."""


def places() -> tuple[Path, ...]:
    """Directories that are looked through unasked: the machine's, the user's, those of the environment."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "lastwords" / "known"
    named = [Path(name) for name in os.environ.get(VARIABLE, "").split(":") if name]
    return (Path("/etc/lastwords/known"), own, *named)


def known_issues(
    directories: Iterable[str] = (), unread: Callable[[str], None] | None = None
) -> tuple[KnownIssue, ...]:
    """All known issues of these directories and of those that are always looked through.

    A file holds one issue or a list of them, with the fields of `KnownIssue`.

    Args:
        directories: that the user named: each must be there.
        unread: told of each file that can't be read; the others count all the same.

    Raises:
        KnownIssuesError: a directory that the user named is not there; or, without `unread`, a file can't be read or
            holds something else.
    """
    named = [Path(directory) for directory in directories]
    for directory in named:
        if not directory.is_dir():
            raise KnownIssuesError(f"{directory}: no such directory")
    found: list[KnownIssue] = []
    for directory in dict.fromkeys((*places(), *named)):
        for path in sorted((*directory.glob("*.yaml"), *directory.glob("*.yml"))):
            try:
                found += _read(path)
            except KnownIssuesError as error:
                if unread is None:
                    raise
                unread(str(error))
    return tuple(found)


def _read(path: Path) -> Iterator[KnownIssue]:
    from msgspec import yaml

    try:
        if path.stat().st_size > _LARGEST:
            raise KnownIssuesError(f"{path}: larger than 1 MiB, not a file of known issues")
        told = yaml.decode(path.read_bytes(), type=list[KnownIssue] | KnownIssue)
        for issue in told if isinstance(told, list) else [told]:
            check(issue)
            yield msgspec.structs.replace(issue, path=str(path))
    except OSError as error:
        raise KnownIssuesError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise KnownIssuesError(f"{path}: {' '.join(str(error).split())[:200]}") from error
