"""From what a user names to a case: a directory, a name in the store, a tar."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from lastwords.model import Analysis

from .archive import Unpacked, is_tar, passing, top_of, unpack
from .directory import CaseDirectory, is_case
from .errors import CaseError
from .store import cases_called, find_case

Tell = Callable[[str], None]


@contextlib.contextmanager
def opened_case(name: str, store: Path, tell: Tell | None = None, say: Tell | None = None) -> Iterator[CaseDirectory]:
    """A case, for as long as it is needed: that of a tar is unpacked and gone afterwards, and can't be written to.

    Args:
        name: as for `find_case()`, or a tar.
        store: where cases live.
        tell: called with what is being done.
        say: called with a line for the user to keep: what of a tar was not taken.

    Raises:
        CaseError: there is no such case, or it can't be unpacked.
    """
    if not is_tar(Path(name)):
        yield find_case(name, store)
        return
    with passing(Path(name), tell) as (top, found):
        _told(found, name, say)
        if not is_case(top):
            raise CaseError(f"{name}: no case in this tar (no case.toml)")
        yield CaseDirectory(top, name, passing=True)


@contextlib.contextmanager
def cases_among(
    paths: Sequence[str], store: Path, tell: Tell | None = None, say: Tell | None = None
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The same paths, with a directory in the place of each tar, and of each name of a case in the store.

    Gives the paths, and of each directory that was unpacked what the user called it.
    """
    with contextlib.ExitStack() as stack:
        result: list[str] = []
        names: dict[str, str] = {}
        for path in paths:
            if path != "-" and is_tar(Path(path)):
                top, found = stack.enter_context(passing(Path(path), tell))
                _told(found, path, say)
                names[str(top)] = path
                result.append(str(top))
            elif path != "-" and not Path(path).exists() and cases_called(path, store):
                result.append(find_case(path, store).shown)
            else:
                result.append(path)
        yield result, names


def renamed(analysis: Analysis, names: Mapping[str, str]) -> Analysis:
    """The analysis with the paths that the user knows, not those of where a tar was unpacked."""
    if not names:
        return analysis

    def known(value: object) -> object:
        if isinstance(value, str):
            for folder, name in names.items():
                value = value.replace(folder, name)
            return value
        if isinstance(value, dict):
            return {key: known(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [known(each) for each in value]
        return value

    return msgspec.convert(known(msgspec.to_builtins(analysis)), Analysis)


def bring_in(tar: Path, store: Path, tell: Tell | None = None) -> tuple[CaseDirectory, Unpacked]:
    """Unpack the case in a tar into the store, to go on with it there.

    Raises:
        CaseError: there is no case in it, or it can't be unpacked.
    """
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=store))
    except OSError as error:
        raise CaseError(f"{store}: {error.strerror or error}; name another place with --cases") from error
    try:
        found = unpack(tar, room, tell)
        top = top_of(room)
        if not is_case(top):
            raise CaseError(f"{tar}: no case in this tar; unpack it, then: lastwords case new DIRECTORY")
        name = _safe_name(CaseDirectory(top, str(tar)).read().id)
        return CaseDirectory(_moved(top, store, name), str(store / name)), found
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _moved(top: Path, store: Path, name: str) -> Path:
    for number in range(1, 1000):
        target = store / (name if number == 1 else f"{name}-{number}")
        if target.exists():
            continue
        try:
            return top.rename(target)
        except OSError as error:
            raise CaseError(f"{target}: {error.strerror or error}") from error
    raise CaseError(f"{store / name}: there are a thousand of this name")


def _safe_name(identity: str) -> str:
    """A case's id as the name of its directory; the tar is not to be trusted."""
    name = "".join(char if char.isascii() and (char.isalnum() or char in ".-_") else "-" for char in identity[:100])
    return name.lstrip(".-") or "case"


def _told(found: Unpacked, name: str, say: Tell | None) -> None:
    if say is None:
        return
    for line in found.left_out:
        say(f"{name}: not unpacked: {line}")
    if found.refused > len(found.left_out):
        say(f"{name}: not unpacked: {found.refused - len(found.left_out)} more")
    if found.damaged:
        say(f"{name}: {found.damaged}")
