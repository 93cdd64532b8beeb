"""Where cases live, and how one is found there by its name.

`/var/lib/lastwords/cases` for root, `$XDG_DATA_HOME/lastwords/cases` (`~/.local/share/…`) for others;
`LASTWORDS_CASES` or `--cases DIR` names another place. Each case is one directory in it; a case may as well lie
anywhere else.
"""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lastwords.model import Case

from .directory import CaseDirectory, is_case, make_case
from .errors import CaseError

ENVIRONMENT = "LASTWORDS_CASES"
_ROOTS = Path("/var/lib/lastwords/cases")
_MOST_CASES = 100_000
_ODD = re.compile(r"[^A-Za-z0-9.]{1,200}")


def cases_directory(given: str | None = None) -> Path:
    """Where cases live.

    Args:
        given: what the user named instead, or None.
    """
    if named := given or os.environ.get(ENVIRONMENT):
        return Path(named)
    if os.geteuid() == 0:
        return _ROOTS
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else Path.home() / ".local/share") / "lastwords/cases"


def new_case(
    store: Path,
    *,
    title: str = "",
    host: str = "",
    crashed: float | None = None,
    at: Path | None = None,
    elsewhere: str = "--cases DIR",
) -> CaseDirectory:
    """Make a new case.

    Args:
        store: where cases live.
        title: one line.
        host: the machine that crashed, or empty.
        crashed: when, in seconds since the epoch.
        at: this directory instead of a new one in the store; its name becomes the case's.
        elsewhere: the option that names another place, for who has no room or no right here.

    Raises:
        CaseError: it can't be made.
    """
    now = time.time()
    if at is not None:
        name = at.resolve().name or "case"
        return make_case(at, Case(id=name, title=title, host=host, created=now, crashed=crashed))
    name = case_id(host, crashed or now)
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = _own_directory(store, name)
    except OSError as error:
        raise CaseError(f"{store}: {error.strerror or error}; name another place: {elsewhere}") from error
    return make_case(root, Case(id=root.name, title=title, host=host, created=now, crashed=crashed))


def case_id(host: str, at: float) -> str:
    """A name for a case: when, and which machine.

    Example:
        >>> case_id("db7.example.org", 1700000000)
        '20231114-2213-db7'
    """
    short = _ODD.sub("-", host.split(".")[0])[:40].strip("-.")
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        moment = datetime.fromtimestamp(time.time(), UTC)
    return f"{moment:%Y%m%d-%H%M}-{short or 'host'}"


def _own_directory(store: Path, name: str) -> Path:
    """A new directory: whoever makes it has it, so that two at once don't share one."""
    for number in range(1, 1000):
        root = store / (name if number == 1 else f"{name}-{number}")
        try:
            root.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return root
    raise CaseError(f"{store / name}: there are a thousand of this name")


def all_cases(store: Path) -> Iterator[CaseDirectory]:
    """The cases in a store, the newest name first; nothing where there is no such place.

    Raises:
        CaseError: the place can't be read.
    """
    try:
        names = sorted((entry.name for entry in os.scandir(store)), reverse=True)[:_MOST_CASES]
    except FileNotFoundError:
        return
    except OSError as error:
        raise CaseError(f"{store}: {error.strerror or error}") from error
    for name in names:
        if is_case(store / name):
            yield CaseDirectory(store / name, str(store / name))


def find_case(name: str, store: Path) -> CaseDirectory:
    """The case that a user means.

    Args:
        name: a directory, or the name of a case in the store, or how one name alone begins.
        store: where cases live.

    Raises:
        CaseError: there is none, or more than one.
    """
    if is_case(Path(name)):
        return CaseDirectory(Path(name), name)
    hits = cases_called(name, store)
    if len(hits) == 1:
        return hits[0]
    if hits:
        names = ", ".join(case.root.name for case in hits[:5])
        raise CaseError(f"{name}: could be {names}{', …' if len(hits) > 5 else ''}")
    if Path(name).is_dir():
        raise CaseError(f"{name}: no case (there is no case.toml in it); to make one of it: lastwords case new {name}")
    raise CaseError(f"{name}: no such case, neither here nor in {store}; lastwords case list shows them")


def cases_called(name: str, store: Path) -> list[CaseDirectory]:
    """The cases of a store that a name may mean: the one of this name, or all whose name begins so.

    Raises:
        CaseError: the store can't be read.
    """
    if "/" in name or name in ("", ".", ".."):
        return []
    if is_case(store / name):
        return [CaseDirectory(store / name, str(store / name))]
    return [case for case in all_cases(store) if case.root.name.startswith(name)]
