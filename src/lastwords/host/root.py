"""The machine, or a tree of one: files below a root directory and never outside it, and commands where they mean it.

Every reader of the host goes through `Root`, so that `--root DIR` (a mounted disk, a chroot, an sosreport) works like
`/` and tests can lay out a distribution under a temporary directory.
"""

import errno
import fnmatch
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .command import Ran, Runner, run_command

READ_LIMIT = 1 << 20
ENTRIES_LIMIT = 100_000  # of a directory, and of what a pattern may find
_LINKS_LIMIT = 40  # as the kernel's MAXSYMLINKS
_PROGRAM_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")


class NoRight(PermissionError):
    """The file may be there, but this user has no right to read it."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EACCES, "no right to read", path)
        self.path = path

    def __str__(self) -> str:
        return f"no right to read {self.path}"


class Root:
    """Files below a root directory, by their absolute paths on that machine.

    Args:
        directory: `/`, or the directory that stands for it.
        runner: what runs commands. By default they run where `directory` is `/`, and nowhere else: a command would
            tell about this machine, not about the tree.

    Example:
        >>> Root("/mnt/disk").text("/etc/hostname")
        'web7'
    """

    def __init__(self, directory: str | os.PathLike[str] = "/", *, runner: Runner | None = None) -> None:
        self.directory = Path(os.path.realpath(directory))
        self.is_live = self.directory == Path("/")
        self._runner = runner or (run_command if self.is_live else None)

    def resolve(self, path: str) -> Path:
        """The file's real path on this machine. Links are followed inside the root, absolute ones from the root.

        Raises:
            NoRight: a directory on the way may not be searched.
            OSError: too many links, or a name that is too long. A file that is not there is no error here.
        """
        done: list[str] = []
        # Not PurePosixPath("/", path): POSIX lets `//etc` mean another root than `/etc`, and it would lead out of ours.
        todo = [part for part in reversed(PurePosixPath(path).parts) if part.strip("/")]
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
                continue
            here = self.directory.joinpath(*done, part)
            target = _link(here, path)
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _LINKS_LIMIT:
                raise OSError(errno.ELOOP, "too many symbolic links", path)
            if target.startswith("/"):
                done.clear()
            todo += [part for part in reversed(PurePosixPath(target).parts) if part.strip("/")]
        return self.directory.joinpath(*done)

    def real(self, path: str) -> str:
        """The path after all links, as a path of that machine: `/boot/vmlinuz-6.1.0-9-amd64` for `/vmlinuz`."""
        return str(PurePosixPath("/", self.resolve(path).relative_to(self.directory)))

    def open(self, path: str) -> BinaryIO:
        """A regular file, to be read. Never waits, as opening a pipe that nobody writes to would.

        Raises:
            FileNotFoundError: it is not there, or no regular file.
            NoRight: it may not be read.
        """
        real = self.resolve(path)
        try:
            fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except PermissionError:
            raise NoRight(path) from None
        except (NotADirectoryError, FileNotFoundError):
            raise FileNotFoundError(errno.ENOENT, "not there", path) from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(errno.ENOENT, "no regular file", path)
        return os.fdopen(fd, "rb")

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """At most `limit` bytes of a file. Raises what `open` raises, and NoRight where the kernel refuses to read."""
        with self.open(path) as file:
            try:
                return file.read(limit)
            except PermissionError:
                raise NoRight(path) from None

    def tail(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """At most the last `limit` bytes of a file. Raises what `read` raises."""
        with self.open(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                file.seek(size - limit)
            try:
                return file.read(limit)
            except PermissionError:
                raise NoRight(path) from None

    def text(self, path: str, limit: int = READ_LIMIT) -> str | None:
        """A file's text without white space around it; None where there is no such file (or the driver has no answer).

        Raises:
            NoRight: it may not be read.
        """
        try:
            return self.read(path, limit).decode(errors="replace").strip("\0 \t\r\n")
        except NoRight:
            raise
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """A file that holds one number, decimal or 0x…; None where it is not there or holds something else."""
        try:
            return int((self.text(path, 64) or "").split("\n")[0], 0)
        except ValueError:
            return None

    def stat(self, path: str) -> os.stat_result | None:
        """Of the file a path leads to; None where it is not there.

        Raises:
            NoRight: a directory on the way may not be searched.
        """
        try:
            return os.lstat(self.resolve(path))
        except PermissionError:
            raise NoRight(path) from None
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """There is something of that name. Raises NoRight where that can't be told."""
        return self.stat(path) is not None

    def is_dir(self, path: str) -> bool:
        """It is a directory."""
        found = self.stat(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def is_file(self, path: str) -> bool:
        """It is a regular file."""
        found = self.stat(path)
        return found is not None and stat.S_ISREG(found.st_mode)

    def room(self, path: str) -> os.statvfs_result | None:
        """Free space of the file system that a path is on; None where it is not there."""
        try:
            return os.statvfs(self.resolve(path))
        except OSError:
            return None

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted; none where there is no such directory.

        Raises:
            NoRight: it may not be listed.
        """
        try:
            with os.scandir(self.resolve(path)) as entries:
                return sorted(entry.name for entry, _ in zip(entries, range(ENTRIES_LIMIT), strict=False))
        except PermissionError:
            raise NoRight(path) from None
        except OSError:
            return []

    def glob(self, pattern: str) -> list[str]:
        """Paths that fit a pattern, sorted: `*`, `?` and `[…]` in any part, no `**`. Links are followed.

        Raises:
            NoRight: a directory that the pattern needs may not be listed.
        """
        found = [""]
        for part in PurePosixPath("/", pattern).parts[1:]:
            found = [f"{above}/{name}" for above in found for name in self._fitting(above or "/", part)][:ENTRIES_LIMIT]
        return sorted(found)

    def _fitting(self, directory: str, part: str) -> Iterator[str]:
        if not any(character in part for character in "*?["):
            if self.exists(f"{directory}/{part}"):
                yield part
            return
        for name in self.names(directory):
            if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
                yield name

    def which(self, program: str) -> str | None:
        """Where a program is, as a path of that machine; None where it is not installed."""
        for directory in _PROGRAM_DIRECTORIES:
            found = self.stat(f"{directory}/{program}")
            if found is not None and stat.S_ISREG(found.st_mode) and found.st_mode & 0o111:
                return f"{directory}/{program}"
        return None

    @property
    def runs_commands(self) -> bool:
        """Commands tell about this root: it is the running machine."""
        return self._runner is not None

    def run(self, *argv: str, seconds: float = 10, limit: int = READ_LIMIT) -> Ran | None:
        """Run a command without a shell; None where the root is not the running machine or there is no such command.

        Args:
            argv: the program's name and its arguments; English and UTC are set for it, standard input is empty.
            seconds: it is killed after that, with all it started.
            limit: bytes that are kept of each of its two outputs; more ends it.
        """
        if self._runner is None:
            return None
        try:
            return self._runner(argv, seconds, limit)
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return None


def _link(here: Path, asked: str) -> str | None:
    """What a symbolic link says, None where `here` is none or is not there."""
    try:
        return str(here.readlink())
    except PermissionError:
        raise NoRight(asked) from None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise
        return None


__all__ = ["ENTRIES_LIMIT", "READ_LIMIT", "NoRight", "Ran", "Root", "Runner"]
