"""Files that are there whole or not at all, and a lock against two writers."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import CaseError

_PATIENCE = 10.0
"""Seconds to wait for another writer: a note takes milliseconds, a capture minutes."""


def write_file(path: Path, data: bytes, mode: int = 0o640) -> None:
    """Write a file; whoever looks sees the old one or the new one, also after a power cut.

    It belongs to whom the directory belongs to: root, who writes into somebody's case, does not take it away from them.

    Raises:
        CaseError: it can't be written.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            owner = path.parent.stat()
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise CaseError(f"{path}: {error.strerror or error}") from error


@contextlib.contextmanager
def writing(lock: Path, patience: float = _PATIENCE) -> Iterator[None]:
    """Keep other writers out for a while.

    `flock()` belongs to the open file, so it works between threads too, and the kernel takes it back from a process
    that dies: there are no stale locks. The file holds the writer's PID, for the other one's message.

    Args:
        lock: the file to lock, made where it is missing.
        patience: seconds to wait.

    Raises:
        CaseError: somebody else is writing, or the directory can't be written to.
    """
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise CaseError(f"{lock.parent}: can't be written to: {error.strerror or error}") from error
    try:
        _take(handle, lock, patience)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, lock: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                pid = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
                other = f" (PID {pid})" if pid.isdecimal() else ""
                raise CaseError(f"{lock.parent}: another process{other} is writing to this case; try again") from None
            time.sleep(0.05)
        except OSError as error:
            raise CaseError(f"{lock}: can't be locked: {error.strerror or error}") from error
        else:
            return
