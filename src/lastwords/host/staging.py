"""Bytes on their way into the evidence store: copied, cloned or linked, and hashed.

What is staged lies in the store's `.incoming/` under a random name and is no evidence yet. Any process may stage; only
the one that holds the store's lock makes evidence of it (`vault.Vault.commit`).
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from lastwords.model.oops import Struct

INCOMING = ".incoming"
CHUNK = 1 << 20
LINK_FROM = 16 << 20
"""Bytes from which a file is linked rather than copied, where it may be."""
UNSIZED = 64 << 20
"""Bytes taken at most of a file that does not say how long it is."""
SPARE = 256 << 20
"""Bytes of a file system that capture leaves free: a full disk is the next outage."""

_FICLONE = 0x40049409  # include/uapi/linux/fs.h: _IOW(0x94, 9, int); another number on mips, powerpc and sparc

Way = Literal["copied", "cloned", "linked"]
Moved = Callable[[int], None]
"""Called with the bytes moved since the last call."""


class NoRoom(OSError):
    """The file system of the case has not enough room left."""


class Staged(Struct, frozen=True, kw_only=True):
    """What lies in `.incoming/`, whole and on the disk.

    Attributes:
        name: in `.incoming/`.
        size: bytes; `sha256` of them.
        way: how it came there.
        changed: the file was written to while it was read.
    """

    name: str
    size: int
    sha256: str
    way: Way = "copied"
    changed: bool = False


def stage_file(
    incoming: int, source: int, *, link: bool = False, most: int | None = None, moved: Moved | None
) -> Staged:
    """Stage an open file of the host.

    Args:
        incoming: file descriptor of the directory.
        source: file descriptor of the file, at its start or where to begin.
        link: a hard link may be taken: nobody goes on writing to the file.
        most: bytes to take at most; None for as many as the file has now.
        moved: is told how it goes on.

    Raises:
        NoRoom: before anything was written.
        OSError: it could not be read or written.
    """
    found = os.fstat(source)
    # Files of /proc have no size, those of /sys and pstore a size that need not be true; none of them has blocks.
    size = found.st_size if stat.S_ISREG(found.st_mode) and found.st_size and found.st_blocks else None
    wanted = size if size is not None else UNSIZED
    if most is not None:
        wanted = min(most, wanted) if size is not None else most
    from_start = os.lseek(source, 0, os.SEEK_CUR) == 0 if size is not None else False
    with _new(incoming) as (name, target):
        way: Way = "copied"
        if from_start and wanted == size:
            if _cloned(source, target):
                way = "cloned"
            elif link and size >= LINK_FROM and _linked(source, found, incoming, name):
                way = "linked"
        if way == "copied":
            _want_room(target, min(wanted, found.st_blocks * 512))
            taken, digest = _copy(source, target, wanted, moved)
        else:
            taken, digest = hash_file(source if way == "linked" else target, moved)
        now = os.fstat(source)
        changed = size is not None and (now.st_mtime_ns, now.st_size) != (found.st_mtime_ns, found.st_size)
        if way == "linked":
            _make_read_only_link(incoming, name)
        else:
            _finish(target)
    return Staged(
        name=name, size=taken, sha256=digest, way=way, changed=changed or (size is not None and taken != wanted)
    )


def stage_bytes(incoming: int, data: bytes) -> Staged:
    """Stage what a command said."""
    with _new(incoming) as (name, target):
        _want_room(target, len(data))
        _write(target, data)
        _finish(target)
    return Staged(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@contextmanager
def _new(incoming: int) -> Iterator[tuple[str, int]]:
    """A new file in the directory, which is removed again if it does not become whole."""
    name = f"{os.getpid()}-{secrets.token_hex(8)}"
    target = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=incoming)
    try:
        yield name, target
    except BaseException:
        os.unlink(name, dir_fd=incoming)
        raise
    finally:
        os.close(target)


def _finish(target: int) -> None:
    """Read-only, and on the disk."""
    with contextlib.suppress(PermissionError):  # FAT knows no such mode
        os.fchmod(target, 0o400)
    os.fsync(target)


def _cloned(source: int, target: int) -> bool:
    """Shares the blocks (btrfs, XFS, bcachefs): at once, and later writes to the original do not show."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _linked(source: int, found: os.stat_result, incoming: int, name: str) -> bool:
    """A hard link in place of the new file, if nobody but us and root may write to it.

    It is made from the descriptor, not from the name, which could have become another file's by now.
    """
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        return False
    link = f"{name}-link"
    try:
        # With a directory's descriptor, os.link() follows /proc's symbolic link to the open file (linkat(2)).
        os.link(f"/proc/self/fd/{source}", link, dst_dir_fd=incoming, follow_symlinks=True)
    except OSError:  # another file system; protected_hardlinks; no /proc
        return False
    there = os.stat(link, dir_fd=incoming, follow_symlinks=False)
    if (there.st_dev, there.st_ino) != (found.st_dev, found.st_ino):
        os.unlink(link, dir_fd=incoming)
        return False
    os.rename(link, name, src_dir_fd=incoming, dst_dir_fd=incoming)
    return True


def _make_read_only_link(incoming: int, name: str) -> None:
    """The original becomes read-only with it; root, who removes old dumps, does not ask for write permission."""
    linked = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=incoming)
    try:
        mode = stat.S_IMODE(os.fstat(linked).st_mode)
        if mode & 0o222:
            os.fchmod(linked, mode & ~0o222)
        os.fsync(linked)
    finally:
        os.close(linked)


def _want_room(target: int, size: int) -> None:
    where = os.fstatvfs(target)
    free = where.f_bavail * where.f_frsize
    if size and free < size + min(SPARE, where.f_blocks * where.f_frsize // 20):
        raise NoRoom(errno.ENOSPC, f"wants {size >> 20} MiB and {free >> 20} MiB are free: take another --to")


def _copy(source: int, target: int, most: int, moved: Moved | None) -> tuple[int, str]:
    """Copy, leaving holes where the original has some (an ELF dump may be mostly holes)."""
    digest, done = hashlib.sha256(), 0
    holes = os.fstat(source).st_blocks * 512 < most
    while done < most and (data := os.read(source, min(CHUNK, most - done))):
        digest.update(data)
        if holes and data.count(0) == len(data):
            os.lseek(target, len(data), os.SEEK_CUR)
        else:
            _write(target, data)
        done += len(data)
        if moved:
            moved(len(data))
    os.ftruncate(target, done)
    return done, digest.hexdigest()


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def _hash(file: int, most: int, moved: Moved | None = None) -> tuple[int, str]:
    digest, done = hashlib.sha256(), 0
    while done < most and (data := os.pread(file, min(CHUNK, most - done), done)):
        digest.update(data)
        done += len(data)
        if moved:
            moved(len(data))
    return done, digest.hexdigest()


def hash_file(file: int, moved: Moved | None = None) -> tuple[int, str]:
    """Size and SHA-256 of an open file."""
    return _hash(file, os.fstat(file).st_size, moved)
