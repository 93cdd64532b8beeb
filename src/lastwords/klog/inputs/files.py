"""The files that a user names: found, looked at, opened."""

import io
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lastwords.compressed import BLOCK

from .archives import deflated, stream, unpacked
from .backwards import in_order, may_be
from .pstore_files import PUT_TOGETHER, PartFile, crashes, is_compressed, part_file

STDIN = "-"
# The shell's `<(command)` is a pipe under one of these names; a pipe elsewhere might wait for ever.
PIPES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")

_KERNELS_OWN = ("/proc", "/sys", "/dev")

# How Python keeps the bytes of a file's name that are no UTF-8 (PEP 383).
_SURROGATE = re.compile("[\ud800-\udfff]")

# A pstore record's header is its first line, or its second in a copy that has a title.
HEADER_WITHIN = 256

# Files that hold no log text, by their first bytes, and what to do about them.
NOT_LOGS: tuple[tuple[bytes, str], ...] = (
    (b"LPKSHHRH", "a binary journal; read it with: journalctl --file FILE -k -o export"),
    (b"\x7fELF", "an ELF program or module, not a log or dump"),
    (b"KDUMP   ", "a memory dump, not a log"),
    (b"DISKDUMP", "a memory dump, not a log"),
    (b"makedumpfile", "a memory dump, not a log"),
    (b"PK\3\4", "a zip, which is not read here; unpack it: unzip FILE -d DIR; lastwords analyze DIR"),
    (b"\x04\x22\x4d\x18", "compressed with lz4, which is not read here; unpack it: lz4 -dc FILE | lastwords analyze -"),
    (b"\x89LZO\0", "compressed with lzop, which is not read here; unpack it: lzop -dc FILE | lastwords analyze -"),
    (b"\x5d\0\0\x80\0", "compressed with lzma, which is not read here; unpack it: xz -dc FILE | lastwords analyze -"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not read here; unpack it: 7z x FILE"),
)

_TEXT = bytes(byte for byte in range(256) if byte >= 0x20 or byte in b"\0\b\t\n\v\f\r\x1b")
_FEW = 50
"""One control character in so many bytes is a log's at most; chance makes it one in ten."""


def not_a_log(start: bytes) -> str | None:
    """What a file is that begins with these bytes, if that is known to be no log."""
    if start.startswith(b"\x7fELF") and start[16:18] in (b"\4\0", b"\0\4"):
        return "a memory dump, not a log"
    return next((reason for magic, reason in NOT_LOGS if start.startswith(magic)), None)


def is_binary(start: bytes) -> bool:
    """Whether these bytes are of no text, in whatever encoding. NULs don't count: a crash leaves holes in logs."""
    there = len(start) - start.count(0)
    return bool(start) and len(start.translate(None, _TEXT)) * _FEW >= there


# The end of a string of C: behind text, and before more of it. Holes in logs are longer, and what telnet and terminal
# servers put around ends of lines stands beside a carriage return or before a line feed.
_STRING_ENDS = re.compile(rb"[^\0\r]\0{1,31}(?=[^\0\r\n])")
_STRINGS = 128
"""One such end in so many bytes is more than the noise on a serial line."""


def among_strings(piece: bytes) -> bool:
    """Whether a piece of a file is of a program or of its data, whose strings look like a log's lines."""
    return is_binary(piece) or len(_STRING_ENDS.findall(piece)) * _STRINGS > len(piece)


def holds_control(piece: bytes) -> bool:
    """Whether there is a byte in a piece that no text has, NULs among them."""
    return 0 in piece or bool(piece.translate(None, _TEXT))


def shown(path: str) -> str:
    r"""A path as text: what isn't UTF-8 in a file's name as `\\xff`, since neither JSON nor terminals take it as it is."""
    return _SURROGATE.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", path)


class Input:
    """One log to read.

    Attributes:
        path: as shown to the user; `-` for standard input.
        files: the files that hold it: one, or the parts of one pstore record in the order of reading.
        error: why it can't be read, in one line, or None.
        turned: whether its newest line stood first, and it was turned around; None where it was too large for that.
        warning: what is wrong with the data that could be read, in one line, or None; known at the end of reading.
    """

    def __init__(self, path: str, files: Sequence[Path] = (), error: str | None = None) -> None:
        self.path = shown(path)
        self.files = tuple(files)
        self.error = error
        self.warning: str | None = None
        self.turned: bool | None = False

    def __repr__(self) -> str:
        return f"Input({self.path!r}, error={self.error!r})"

    def open(self) -> io.BufferedReader:
        """The text, unpacked while it is read: gzip, xz, zstd, bzip2 and UTF-16 are known by their first bytes.

        Broken or truncated data ends early and sets `warning`. Memory stays constant whatever the data unpacks to.

        Raises:
            OSError: the file can't be opened any more, or `error` is set.
        """
        if self.error is not None:
            raise OSError(self.error)
        if self.path == STDIN:
            return self._in_order(unpacked(io.BufferedReader(_Stdin()), self._damaged))
        if len(self.files) > 1:
            return stream(self._parts(), self._damaged)
        return self._in_order(self._unpacked(self.files[0]))

    def _in_order(self, file: io.BufferedReader) -> io.BufferedReader:
        if not may_be(file.peek(BLOCK)[:BLOCK]):
            return file
        file, self.turned = in_order(file)
        return file

    def _unpacked(self, path: Path) -> io.BufferedReader:
        file = path.open("rb")
        if is_compressed(path):
            return stream(deflated(file), self._damaged, file)
        return unpacked(file, self._damaged)

    def _parts(self) -> Iterator[bytes]:
        for path in self.files:
            end = b""
            with self._unpacked(path) as file:
                while block := file.read1(BLOCK):
                    yield block
                    end = block[-1:]
            if end != b"\n":
                yield b"\n"

    def _damaged(self, text: str) -> None:
        self.warning = text


class _Stdin(io.RawIOBase):
    """Standard input, which closing leaves open."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview", /) -> int:  # type: ignore[override]
        data = os.read(sys.stdin.fileno(), len(buffer))
        buffer[: len(data)] = data
        return len(data)


Walk = Callable[[str], Iterable[str | OSError]]
"""Gives the files below a directory, and why it could not look into some directories."""


def find(paths: Sequence[str], tell: Callable[[str], None] | None = None, walk: Walk | None = None) -> list[Input]:
    """The logs that `paths` name, each once: files, directories with everything below them, `-` for standard input.

    Args:
        paths: as the user gave them.
        tell: called with each directory that is looked through.
        walk: finds what is below a directory, in place of `files_below()`.
    """
    walk = walk or (lambda top: files_below(top, tell))
    each = {found.path: found for path in paths for found in _at(path, walk)}
    return _crash_by_crash(list(each.values()))


def _crash_by_crash(inputs: list[Input]) -> list[Input]:
    """The same, but pstore files that are parts of one crash as one input."""
    parts = {part.path: part for found in inputs if (part := _part(found))}
    if not parts:
        return inputs
    together = {path.parent for found in inputs for path in found.files if path.name == PUT_TOGETHER}
    whole: dict[Path, list[Path]] = {}
    for crash in crashes(list(parts.values())):
        files = [part.path for part in crash if part.path.parent not in together or is_compressed(part.path)]
        for path in files:
            whole[path] = files
    result: list[Input] = []
    for found in inputs:
        first = found.files[0] if found.files else None
        if first is None or first not in parts:
            result.append(found)
        elif first in whole and first == min(whole[first], key=str):
            result.append(Input(str(whole[first][0]), whole[first]))
    return result


def _part(found: Input) -> PartFile | None:
    if len(found.files) != 1 or part_file(found.files[0], b"") is None:
        return None
    try:
        with found.open() as file:
            return part_file(found.files[0], file.read(HEADER_WITHIN))
    except OSError:
        return None


def _at(path: str, walk: Walk) -> Iterator[Input]:
    if path == STDIN:
        yield Input(STDIN)
        return
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        yield Input(path, error=_reason(error))
        return
    if not stat.S_ISDIR(mode):
        yield _input(path, mode)
        return
    empty = True
    for file in walk(path):
        empty = False
        if isinstance(file, OSError):
            yield Input(str(file.filename), error=_reason(file))
            continue
        try:
            yield _input(file, Path(file).stat().st_mode)
        except OSError as error:
            yield Input(file, error=_reason(error))
    if empty:
        yield Input(path, error="no files in this directory")


def files_below(top: str, tell: Callable[[str], None] | None = None) -> Iterator[str | OSError]:
    """All files below a directory, sorted, each directory once whatever symbolic links say.

    The kernel's own directories are not gone into from above: they have no end, and reading there does things.

    Args:
        top: the directory.
        tell: called with each directory that is looked through.
    """
    seen: set[tuple[int, int]] = set()
    errors: list[OSError] = []
    for folder, folders, names in os.walk(top, followlinks=True, onerror=errors.append):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        if tell is not None:
            tell(f"looking through {folder}")
        folders[:] = sorted(name for name in folders if os.path.realpath(Path(folder, name)) not in _KERNELS_OWN)
        for name in sorted(names):
            yield str(Path(folder, name))
    yield from errors


def _input(path: str, mode: int) -> Input:
    if not stat.S_ISREG(mode) and not path.startswith(PIPES):
        return Input(path, error="not a regular file")
    if stat.S_ISREG(mode):
        try:
            with Path(path).open("rb") as file:
                start = file.read(16)
        except OSError as error:
            return Input(path, error=_reason(error))
        reason = not_a_log(start)
        if reason is not None:
            return Input(path, error=reason)
    return Input(path, [Path(path)])


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
