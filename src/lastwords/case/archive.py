"""A case in a tar: unpacked so that nothing lands outside, only files and directories come out, and no disk fills.

The tar may come from anybody. Names that are absolute or lead up, links that lead out, devices and pipes are left out
and counted. Python's own extraction filters came with 3.11.4, and Debian 12 has 3.11.2: so this reads members and
writes files itself.
"""

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Self

from lastwords.compressed import BROKEN
from lastwords.klog.inputs.archives import unpacked

from .errors import CaseError

CHUNK = 1 << 20
MOST_MEMBERS = 200_000
SPARE = 256 << 20
"""Bytes of the file system that stay free."""
_MAGIC_AT, _MAGIC = 257, b"ustar"
_NAMES = (".tar", ".tgz", ".txz", ".tzst", ".tbz2", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2")
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_LONGEST_HEADER = 1 << 20
_DEEPEST = 32
_LONGEST = 255

Tell = Callable[[str], None]


@dataclass
class Unpacked:
    """What came out of a tar.

    Attributes:
        files: how many, with `size` bytes.
        left_out: names of members that were not taken, with the reason; the first few of `refused`.
        damaged: why the tar could not be read to its end, or None.
    """

    files: int = 0
    size: int = 0
    refused: int = 0
    left_out: list[str] = field(default_factory=list)
    damaged: str | None = None

    def refuse(self, name: str, reason: str) -> None:
        """Count a member that is not taken."""
        self.refused += 1
        if len(self.left_out) < 5:
            self.left_out.append(f"{name[:200]}: {reason}")


def is_tar(path: Path) -> bool:
    """Whether a file is a tar, compressed or not: by its content, of the oldest form by its name as well."""
    if not path.is_file():
        return False
    try:
        with _open(path, lambda _: None) as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except BROKEN:
        return False
    if head[_MAGIC_AT:] == _MAGIC:
        return True
    # The tar of Unix version 7 has no magic.
    return path.name.lower().endswith(_NAMES) and _has_member(path)


def unpack(path: Path, to: Path, tell: Tell | None = None) -> Unpacked:
    """Take the files of a tar out of it.

    Args:
        path: .tar, plain or compressed with gzip, xz, zstd or bzip2.
        to: an empty directory of ours.
        tell: called with what is being done.

    Raises:
        CaseError: it is no tar, too large for the disk, or can't be written.
    """
    found = Unpacked()

    def damaged(text: str) -> None:
        found.damaged = text

    try:
        with _open(path, damaged) as file, _reading(file) as tar:
            for number, member in enumerate(iter(tar.next, None)):
                if number >= MOST_MEMBERS:
                    raise CaseError(f"{path}: more than {MOST_MEMBERS} members, which is no case")
                tar.members = []  # type: ignore[attr-defined]  # it would keep them all
                if tell is not None:
                    tell(f"unpacking {member.name[:200]}")
                _take(tar, member, to, found, path)
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        if not found.files:
            raise CaseError(f"{path}: no tar that can be read: {error}") from error
        found.damaged = f"the tar ends early or is damaged: {error}"
    except OSError as error:
        raise CaseError(f"{path}: can't be unpacked to {to}: {error.strerror or error}") from error
    return found


def top_of(to: Path) -> Path:
    """The case's own directory in what was unpacked: itself, or the only directory that is there."""
    entries = list(to.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() and entries[0].name != "evidence" else to


@contextlib.contextmanager
def passing(path: Path, tell: Tell | None = None) -> Iterator[tuple[Path, Unpacked]]:
    """A tar's content in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lastwords-case-") as folder:
        found = unpack(path, Path(folder), tell)
        yield top_of(Path(folder)), found


class _Member(tarfile.TarInfo):
    """A member whose name can't fill the memory: tarfile reads headers of any length in one piece."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The header's block, refused where it announces another header that is too long."""
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _LONGEST_HEADER:
            raise tarfile.ReadError("a header of more than 1 MiB")
        return member


def _reading(file: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="r|", bufsize=CHUNK, tarinfo=_Member)


def _open(path: Path, damaged: Callable[[str], None]) -> IO[bytes]:
    return unpacked(path.open("rb"), damaged, layers=1)


def _has_member(path: Path) -> bool:
    try:
        with _open(path, lambda _: None) as file, _reading(file) as tar:
            return tar.next() is not None
    except (tarfile.TarError, *BROKEN):
        return False


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path, found: Unpacked, path: Path) -> None:
    parts = _safe_parts(member.name)
    if parts is None:
        found.refuse(member.name, "leads out of the case")
        return
    target = to.joinpath(*parts)
    if member.isdir():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif member.islnk():
        _take_link(member, to, target, found)
    elif member.isreg() or member.issparse():
        _want_room(to, path, member.size)
        if target.exists():
            found.refuse(member.name, "twice in the tar")
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source = tar.extractfile(member)
        if source is not None:
            with source, target.open("xb") as out:
                _copy(source, out)
            _as_it_was(member, target)
            found.files += 1
            found.size += member.size
    else:
        found.refuse(member.name, "a symbolic link" if member.issym() else "neither file nor directory")


def _take_link(member: tarfile.TarInfo, to: Path, target: Path, found: Unpacked) -> None:
    """A second name of a file that came before: GNU tar writes one where two names were one file."""
    parts = _safe_parts(member.linkname)
    first = to.joinpath(*parts) if parts else None
    if first is None or not first.is_file() or target.exists():
        found.refuse(member.name, "a link to what is not in the tar")
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.link(first, target)
    found.files += 1


def _safe_parts(name: str) -> tuple[str, ...] | None:
    path = PurePosixPath(name)
    parts = path.parts
    if path.is_absolute() or ".." in parts or "\0" in name or len(parts) > _DEEPEST:
        return None
    if any(len(os.fsencode(part)) > _LONGEST for part in parts):
        return None
    return parts


def _want_room(to: Path, path: Path, size: int) -> None:
    free = shutil.disk_usage(to).free
    if size > free - SPARE:
        raise CaseError(
            f"{path}: wants {size >> 20} MiB more, and {to} has {free >> 20} MiB; set TMPDIR to a larger place"
        )


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    """Zeros become holes: a dump is mostly such."""
    done = 0
    while block := source.read(CHUNK):
        if block.count(0) == len(block):
            target.seek(len(block), os.SEEK_CUR)
        else:
            target.write(block)
        done += len(block)
    target.truncate(done)


def _as_it_was(member: tarfile.TarInfo, target: Path) -> None:
    target.chmod(0o400 if not member.mode & 0o222 else 0o600)
    if 0 < member.mtime < 1 << 40:
        with contextlib.suppress(OSError, OverflowError):
            os.utime(target, (member.mtime, member.mtime))
