"""Reading an evidence store: its manifest, its files, and whether they are still what was taken.

Nothing here takes the lock or writes. Manifest and files may come from elsewhere, in a case that somebody
sent: no path in it is trusted.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from lastwords.model.evidence import Evidence
from lastwords.model.oops import Struct

from .item_name import MANIFEST, BadName, checked
from .staging import INCOMING, Moved, Staged, hash_file

LOCK = ".lock"
INTENT = ".intent"
LONGEST_LINE = 64 << 10
"""Bytes of a manifest's line."""
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_evidence = msgspec.json.Decoder(Evidence)


class Intent(Struct, frozen=True, kw_only=True):
    """The note that a writer leaves in `.incoming/` before an item moves to its place."""

    staged: Staged
    evidence: Evidence


class Verification(Struct, frozen=True, kw_only=True):
    """What `verify` found; each a tuple of ids, `surplus` of paths below the store.

    Attributes:
        whole: there, with the size and hash of the manifest.
        missing: in the manifest, but not there.
        changed: there, but not what was taken.
        surplus: there, but not in the manifest.
        unreadable: for want of rights, or the disk fails.
        damaged_lines: numbers of the manifest's lines that are none.
    """

    whole: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    damaged_lines: tuple[int, ...] = ()

    @property
    def good(self) -> bool:
        """Nothing is missing, changed, surplus or damaged."""
        return not (self.missing or self.changed or self.surplus or self.unreadable or self.damaged_lines)


def read_manifest(directory: Path) -> dict[str, Evidence]:
    """The items of a store, by id, for who only reads; empty where there is no manifest.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with (directory / MANIFEST).open("rb") as file:
            return {item.id: item for _number, item in manifest_lines(file) if item is not None}
    except FileNotFoundError:
        return {}


def open_item(directory: Path, item: Evidence) -> BinaryIO:
    """An item's file, open for reading; never one outside of the store, whatever manifest or links say.

    Raises:
        BadName: its path leads out of the store, or it has none.
        OSError: it is not there, or no file.
    """
    parts = checked(item.path or "")
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return open_below(root, parts)
    finally:
        os.close(root)


def verify(directory: Path, moved: Moved | None = None) -> Verification:
    """Hash all files of a store again and compare them with its manifest.

    Args:
        directory: a case's `evidence/`.
        moved: is told how many bytes were read.

    Raises:
        OSError: the store cannot be read at all.
    """
    with (directory / MANIFEST).open("rb") as file:
        lines = list(manifest_lines(file))
    damaged = tuple(number for number, item in lines if item is None)
    items = {item.id: item for _number, item in lines if item is not None and item.state == "taken"}
    found: dict[str, list[str]] = {"whole": [], "missing": [], "changed": [], "unreadable": []}
    for item in items.values():
        found[_compared(directory, item, moved)].append(item.id)
    known = {item.path for item in items.values()} | _intended(directory)
    surplus = sorted(path for path in _files(directory) if path not in known)
    return Verification(
        **{state: tuple(ids) for state, ids in found.items()}, surplus=tuple(surplus), damaged_lines=damaged
    )


def _compared(directory: Path, item: Evidence, moved: Moved | None) -> str:
    try:
        with open_item(directory, item) as file:
            return "whole" if hash_file(file.fileno(), moved) == (item.size, item.sha256) else "changed"
    except BadName:
        return "missing"
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return "missing"
        return "unreadable" if error.errno in (errno.EACCES, errno.EPERM, errno.EIO) else "changed"


def _intended(directory: Path) -> set[str]:
    """Files that a killed writer had put in their place, and that the next one will enter in the manifest."""
    found = set()
    for note in (directory / INCOMING).glob(f"*{INTENT}"):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            found.add(msgspec.json.decode(note.read_bytes(), type=Intent).evidence.id)
    return found


def _files(directory: Path) -> Iterator[str]:
    """Paths below the store of whatever is there, links and sockets too, but the store's own."""
    for where, directories, files, _descriptor in os.fwalk(directory):
        if Path(where) == directory:
            directories[:] = [name for name in directories if name != INCOMING]
            files = [name for name in files if name not in (MANIFEST, LOCK)]
        for name in files:
            yield str((Path(where) / name).relative_to(directory))


def manifest_lines(file: BinaryIO) -> Iterator[tuple[int, Evidence | None]]:
    """Numbers and items of a manifest's lines; None for what is none."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        try:
            yield number, _evidence.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield number, None


def open_below(root: int, parts: list[str]) -> BinaryIO:
    """A regular file below a directory; links are not followed."""
    here = os.dup(root)
    for part in parts[:-1]:
        try:
            deeper = os.open(part, DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = deeper
    try:
        file = os.open(parts[-1], READ, dir_fd=here)
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "no regular file")
    return os.fdopen(file, "rb")
