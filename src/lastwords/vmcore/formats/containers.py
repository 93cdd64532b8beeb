"""Dumps and vmlinux files inside .gz, .bz2, .xz and .zst: unpacked once, into a cache.

A dump is read here and there, a compressed file only from its start, so there is no way around unpacking. The disk
is watched: what does not fit is not begun, as far as the container tells its size, and else stopped in time.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from lastwords.compressed import BROKEN, Compression, compression

from .storage import NotADump

_HEAD = 1 << 10
"""Bytes of a container that hold its headers."""
_ZSTD_WINDOW = 1 << 31
"""What `zstd --ultra --long=31` needs: dumps are packed so."""
_KEEP_FREE = 1 << 28
"""Bytes that stay free on the disk of the cache."""

Progress = Callable[[int, int], None]


def head_inside(path: str, size: int) -> bytes:
    """The first bytes of what is compressed; fewer or none where the container is broken."""
    found = bytearray()
    try:
        with Path(path).open("rb") as file:
            how = compression(file.read(8))
            file.seek(0)
            for block in how.blocks(file, _ZSTD_WINDOW) if how else ():
                found += block
                if len(found) >= size:
                    break
    except BROKEN:
        pass
    return bytes(found[:size])


def cache_directory() -> Path:
    """`$XDG_CACHE_HOME/lastwords/unpacked`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(home, "lastwords", "unpacked")


def unpacked(path: str, progress: Progress | None = None, cache: Path | None = None) -> tuple[str, str | None]:
    """The file without its compression, from the cache or unpacked now.

    Args:
        path: a compressed file.
        progress: called with the bytes read from it and its size.
        cache: where to put it; `cache_directory()`.

    Returns:
        The path of the plain file, and what is wrong with the container, or None. A container that is cut off or
        damaged gives as much as it holds.

    Raises:
        NotADump: not compressed at all, or no room to unpack it.
        OSError: it can't be read, or the cache can't be written.
    """
    status = Path(path).stat()
    folder = cache or cache_directory()
    key = f"{Path(path).resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    target = folder / (
        hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:24] + "-" + _plain_name(path)
    )
    note = target.with_name(target.name + ".broken")
    if target.exists():
        return str(target), note.read_text() if note.exists() else None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    problem = _unpack(path, target, status.st_size, progress)
    if problem is not None:
        note.write_text(problem)
    return str(target), problem


def _plain_name(path: str) -> str:
    name = Path(path).name
    return name.removesuffix(Path(name).suffix) or name


def _unpack(path: str, target: Path, packed_size: int, progress: Progress | None) -> str | None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with Path(path).open("rb") as file, temporary.open("xb") as out:
            os.fchmod(out.fileno(), 0o600)
            head = file.read(_HEAD)
            how = compression(head)
            if how is None:
                raise NotADump(f"{path}: not compressed")
            promised = _promised_size(how, head)
            _check_room(path, target.parent, promised or packed_size, promised is not None)
            file.seek(0)
            problem = _copy(
                how.blocks(file, _ZSTD_WINDOW), out, path, lambda: progress and progress(file.tell(), packed_size)
            )
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return problem


def _copy(blocks: Iterator[bytes], out: BinaryIO, path: str, step: Callable[[], object]) -> str | None:
    """Write blocks as long as there is room. A broken container ends early: the text says so."""
    written = checked = 0
    while True:
        try:
            block = next(blocks, b"")
        except BROKEN:
            return "the compressed file is cut off or damaged; what it held up to there is used"
        if not block:
            return None
        if written >= checked:
            _check_room(path, Path(out.name).parent, 0, False)
            checked = written + _KEEP_FREE // 2
        out.write(block)
        written += len(block)
        step()


def _promised_size(how: Compression, head: bytes) -> int | None:
    """What a container says it unpacks to; only zstd says so at its beginning."""
    if how.name != "zstd":
        return None
    try:
        size = zstandard.frame_content_size(head)
    except zstandard.ZstdError:
        return None
    return size if size > 0 else None


def _check_room(path: str, folder: Path, need: int, exact: bool) -> None:
    free = shutil.disk_usage(folder).free
    if free >= need + _KEEP_FREE:
        return
    wants = (
        f"needs {'' if exact else 'more than '}{max(need >> 20, 1)} MiB" if need else "needs more room than there is"
    )
    raise NotADump(
        f"{path}: to be unpacked it {wants}, and {folder} has {free >> 20} MiB free; "
        "set XDG_CACHE_HOME to a larger disk, or unpack it yourself"
    )
