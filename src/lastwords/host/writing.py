"""Write files below a root so that a crash at any moment leaves the old one or the new one."""

import contextlib
import os
import tempfile
from pathlib import Path

from .root import Root

_LABELS = ("security.selinux", "system.posix_acl_access")


def write(root: Root, path: str, content: bytes, mode: int = 0o644) -> None:
    """Write a file, through a new one beside it; owner, mode and labels of the old one are kept.

    Raises:
        OSError: it can't be written.
    """
    real = root.resolve(path)
    make_directory(real.parent)
    handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            _take_over(real, file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(real)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    sync_directory(real.parent)


def remove(root: Root, path: str) -> None:
    """Remove a file; it may be gone already."""
    real = root.resolve(path)
    with contextlib.suppress(FileNotFoundError):
        real.unlink()
        sync_directory(real.parent)


def make_directory(directory: Path) -> None:
    """With those above it."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)


def sync_directory(directory: Path) -> None:
    """Have its names on the disk: who readies a machine for crashes must not lose them to one."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _take_over(old: Path, new: int, mode: int) -> None:
    try:
        found = old.stat()
    except FileNotFoundError:
        os.fchmod(new, mode)
        return
    os.fchmod(new, found.st_mode & 0o7777)
    with contextlib.suppress(PermissionError):
        os.fchown(new, found.st_uid, found.st_gid)
    for label in _LABELS:
        with contextlib.suppress(OSError):
            os.setxattr(new, label, os.getxattr(old, label))
