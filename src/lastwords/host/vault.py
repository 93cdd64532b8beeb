"""The evidence of a case: a directory of read-only files, and a manifest that says where each came from.

    evidence/
      manifest.jsonl      one `model.Evidence` as JSON a line, appended; of lines with the same id the last counts
      pstore/…            the files, each at the path that its id is
      .incoming/          what is on its way in; `.lock` keeps a second writer out

An item comes in at one stroke. It is staged beside (`staging`), hashed, written to the disk; then a note of intent is
left beside it, it is renamed to its place, and the manifest gets its line. Whoever is killed in between leaves a whole
item or none: the next `Vault` finishes what the note promises, if the bytes still have that hash, and removes the rest.

Case directories build on it so:

    with Vault(case / "evidence") as vault:               # makes the directory, takes the lock, sweeps
        vault.put(id, kind="dmesg", origin="/var/log/dmesg", data=b"…")
        vault.items                                       # {id: Evidence}
    read_manifest(case / "evidence")                      # without the lock, for whoever only reads
    with open_item(case / "evidence", item) as file: …    # never a file outside of the store
    verify(case / "evidence")                             # -> Verification
"""

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from lastwords.model.evidence import Evidence

from .item_name import MANIFEST, BadName, checked
from .manifest import (
    DIRECTORY,
    INTENT,
    LOCK,
    LONGEST_LINE,
    READ,
    Intent,
    Verification,
    manifest_lines,
    open_below,
    open_item,
    read_manifest,
    verify,
)
from .staging import INCOMING, Moved, Staged, hash_file, stage_bytes, stage_file

__all__ = ["Vault", "VaultError", "Verification", "open_item", "read_manifest", "verify"]

_LONGEST_TEXT = 4096
REHASHED = 64 << 20
"""Bytes up to which a file is hashed again before it counts as already taken; of larger ones the size has to do."""


class VaultError(Exception):
    """The store cannot be used, in one line."""


class Vault:
    """The store, open for writing by this process alone.

    Args:
        directory: the case's `evidence/`; made if it is not there.

    Raises:
        VaultError: another process writes to it, or it cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._root = self._lock = self.incoming = self._manifest = -1
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._root = os.open(directory, DIRECTORY)
            self._lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._root)
            self._take_lock()
            self.incoming = _below(self._root, [INCOMING])
            self._manifest = os.open(
                MANIFEST,
                os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC,
                0o600,
                dir_fd=self._root,
            )
            self.items = self._read_and_mend()
            self._sweep()
        except OSError as error:
            self.close()
            if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
                raise VaultError(f"{directory}: another process is writing to it") from None
            raise VaultError(f"{directory}: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems have no locks: better evidence that two could have written than none.
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give up the lock."""
        for file in (self._manifest, self.incoming, self._lock, self._root):
            if file >= 0:
                os.close(file)
        self._root = self._lock = self.incoming = self._manifest = -1

    def leave_lock(self) -> None:
        """For a child process: the lock is its parent's alone, and ends with it."""
        os.close(self._lock)
        self._lock = -1

    def holds(self, item: str) -> bool:
        """Whether an item is there and whole, so that it need not be taken again."""
        taken = self.items.get(item)
        if taken is None or taken.state != "taken" or taken.size is None:
            return False
        try:
            with open_below(self._root, checked(item)) as file:
                if os.fstat(file.fileno()).st_size != taken.size:
                    return False
                return taken.size > REHASHED or hash_file(file.fileno())[1] == taken.sha256
        except (OSError, BadName):
            return False

    def put(
        self,
        item: str,
        *,
        kind: str,
        origin: str,
        data: bytes | None = None,
        source: int | None = None,
        link: bool = False,
        most: int | None = None,
        modified: float | None = None,
        note: str = "",
        moved: Moved | None = None,
    ) -> Evidence:
        """Take one item: bytes, or what an open file holds.

        Args:
            item: its id, as `item_name.item_id` makes them.
            kind: see `Evidence`; so are `origin`, `modified` and `note`.
            data: the bytes, or None.
            source: file descriptor to read from; `link`, `most` and `moved` as for `staging.stage_file`.

        Raises:
            BadName: the id would lead out of the store.
            OSError: nothing was taken.
        """
        checked(item)
        began = time.monotonic()
        if data is not None:
            staged = stage_bytes(self.incoming, data)
        else:
            assert source is not None
            staged = stage_file(self.incoming, source, link=link, most=most, moved=moved)
        evidence = Evidence(
            id=item,
            kind=kind,
            state="taken",
            origin=origin,
            modified=modified,
            seconds=time.monotonic() - began,
            note=note,
        )
        return self.commit(staged, evidence)

    def commit(self, staged: Staged, evidence: Evidence) -> Evidence:
        """Make evidence of what is staged.

        Args:
            staged: what lies in `.incoming/`; it is gone from there afterwards.
            evidence: what is known of it; path, time, size and hash are filled in here.

        Raises:
            BadName: the id would lead out of the store.
            OSError: it could not be written; the store is as before.
        """
        parts = checked(evidence.id)
        if not _is_incoming(staged.name):
            raise BadName(f"not a name of something staged: {staged.name[:200]!r}")
        evidence = msgspec.structs.replace(
            evidence,
            origin=evidence.origin[:_LONGEST_TEXT],
            note=evidence.note[:_LONGEST_TEXT],
            state="taken",
            path=evidence.id,
            taken_at=time.time(),
            size=staged.size,
            sha256=staged.sha256,
        )
        intent = self._leave_intent(Intent(staged=staged, evidence=evidence))
        try:
            self._move(staged.name, parts)
            try:
                self._append(evidence)
            except OSError:
                self._remove(parts)
                raise
        finally:
            # Where it went wrong, first the note, which would have the next run try again.
            self.discard(intent)
            self.discard(staged.name)
        return evidence

    def record(self, evidence: Evidence) -> Evidence:
        """Note what could not be taken, unless the manifest says so already, or that it was taken before."""
        last = self.items.get(evidence.id)
        if last is None or (last.state != "taken" and (last.state, last.note) != (evidence.state, evidence.note)):
            self._append(evidence)
        return evidence

    def discard(self, name: str) -> None:
        """Remove what is staged."""
        if not _is_incoming(name):
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.incoming)

    def sweep(self) -> None:
        """Remove what a child process that was stopped left in `.incoming/`."""
        self._sweep()

    def _leave_intent(self, intent: Intent) -> str:
        name = intent.staged.name + INTENT
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=self.incoming)
        try:
            # Not synced: it is for who kills us. After a power failure, verify tells of a file that has no line.
            _write(file, msgspec.json.encode(intent))
        except OSError:
            os.unlink(name, dir_fd=self.incoming)
            raise
        finally:
            os.close(file)
        return name

    def _move(self, name: str, parts: list[str]) -> None:
        directory = _below(self._root, parts[:-1])
        try:
            os.rename(name, parts[-1], src_dir_fd=self.incoming, dst_dir_fd=directory)
            _sync_directory(directory)
        finally:
            os.close(directory)

    def _remove(self, parts: list[str]) -> None:
        directory = _below(self._root, parts[:-1])
        try:
            os.unlink(parts[-1], dir_fd=directory)
        finally:
            os.close(directory)

    def _append(self, evidence: Evidence) -> None:
        """One line of the manifest, in one write: a kill leaves it whole or out."""
        end = os.fstat(self._manifest).st_size
        try:
            _write(self._manifest, msgspec.json.encode(evidence) + b"\n")
            os.fsync(self._manifest)
        except OSError:  # the disk is full: no half line
            os.ftruncate(self._manifest, end)
            raise
        self.items[evidence.id] = evidence

    def _read_and_mend(self) -> dict[str, Evidence]:
        """What the manifest says, without a last line that a power failure cut."""
        size = os.fstat(self._manifest).st_size
        tail = os.pread(self._manifest, LONGEST_LINE, max(size - LONGEST_LINE, 0))
        if tail and not tail.endswith(b"\n"):
            os.ftruncate(self._manifest, size - len(tail) + tail.rfind(b"\n") + 1)
        with os.fdopen(os.dup(self._manifest), "rb") as file:
            return {item.id: item for _number, item in manifest_lines(file) if item is not None}

    def _sweep(self) -> None:
        for name in sorted(self._incoming_names()):
            if name.endswith(INTENT):
                self._finish(name)
                self.discard(name)
        for name in self._incoming_names():
            self.discard(name)

    def _incoming_names(self) -> list[str]:
        with os.scandir(self.incoming) as entries:
            return [entry.name for entry in entries]

    def _finish(self, name: str) -> None:
        """Do what a note of intent says, as far as it has not been done and can be."""
        try:
            file = os.open(name, READ, dir_fd=self.incoming)
            with os.fdopen(file, "rb") as note:
                intent = msgspec.json.decode(note.read(2 * LONGEST_LINE), type=Intent)
            parts = checked(intent.evidence.id)
        except (OSError, msgspec.DecodeError, BadName):
            return
        staged, evidence = intent.staged, intent.evidence
        if not _is_incoming(staged.name):
            return
        if self._is(staged, self.incoming, [staged.name]):
            self._move(staged.name, parts)
        elif not self._is(staged, self._root, parts):
            return
        if self.items.get(evidence.id) != evidence:
            self._append(evidence)

    def _is(self, staged: Staged, directory: int, parts: list[str]) -> bool:
        try:
            with open_below(directory, parts) as file:
                return hash_file(file.fileno()) == (staged.size, staged.sha256)
        except OSError:
            return False


def _sync_directory(directory: int) -> None:
    """So that its names outlive a power failure; some network file systems cannot."""
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise


def _is_incoming(name: str) -> bool:
    """A name that `staging` gives, and no way out of `.incoming/`, as a plugin or a case from elsewhere may have it."""
    return "/" not in name and "\0" not in name and not name.startswith(".")


def _below(root: int, parts: list[str]) -> int:
    """Descriptor of a directory below another one, made if it is not there; links are not followed."""
    here = os.dup(root)
    for part in parts:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=here)
                _sync_directory(here)
            deeper = os.open(part, DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = deeper
    return here


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
