"""Bytes at offsets: the file under a dump, plain or put together from pieces.

Files are read with `pread`, not mapped: a dump that is still being written, or that shrinks on a network file system,
gives a short read then, where a mapping would kill the process with SIGBUS.
"""

import os
from pathlib import Path
from typing import Protocol, Self


class NotADump(Exception):
    """A file that holds no memory dump, or one that can't be read; the text says which, and what to do."""


class BrokenHeader(NotADump):
    """A file that begins as a dump does, with headers that can't be true: overwritten or cut off."""


class Storage(Protocol):
    """Random access to bytes.

    Attributes:
        size: in bytes; for a file, as it was when it was opened.
        path: the file, for messages and for programs that open it themselves.
    """

    size: int
    path: str

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer at the end and at holes."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class File:
    """A file on disk."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # /proc/vmcore and block devices report no size in stat() but have an end to seek to.
            self.size = os.fstat(self._fd).st_size or os.lseek(self._fd, 0, os.SEEK_END)
        except OSError:
            os.close(self._fd)
            raise

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; a read error of the disk counts as the end."""
        if size <= 0 or not 0 <= offset < self.size:
            return b""
        size = min(size, self.size - offset)
        data = self._pread(offset, size)
        if len(data) == size or not data:
            return data
        pieces = [data]
        while got := self._pread(offset + sum(map(len, pieces)), size - sum(map(len, pieces))):
            pieces.append(got)
        return b"".join(pieces)

    def _pread(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset) if size > 0 else b""
        except OSError:
            return b""

    def fileno(self) -> int:
        """The descriptor, for `copy_file_range()`."""
        return self._fd

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_of(path: str, size: int) -> bytes:
    """The first bytes of a file.

    Raises:
        OSError: it can't be opened or read.
    """
    with Path(path).open("rb") as file:
        return file.read(size)
