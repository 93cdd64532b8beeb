"""Compressed files, read as a stream: known by their first bytes, in constant memory, as far as they go."""

import codecs
import io
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from lastwords.compressed import BLOCK, BROKEN, ZSTD_WINDOW, compression

from .documents import text_within

CUT = "the compressed data ends early or is damaged; read as far as it goes"


def _utf16(file: BinaryIO) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    while packed := file.read(BLOCK):
        yield decoder.decode(packed).encode("utf-8", "replace")
    yield decoder.decode(b"", True).encode("utf-8", "replace")


def deflated(file: BinaryIO) -> Iterator[bytes]:
    """A pstore record that the kernel left compressed (`.enc.z`), as `fs/pstore/platform.c` writes it.

    The format has no magic number. Old kernels used zlib with a 4 KiB window, newer ones raw deflate.
    """
    packed = file.read(1 << 20)
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            yield zlib.decompressobj(window).decompress(packed, 1 << 22)
        except zlib.error:
            continue
        return
    raise EOFError


_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def is_packed(head: bytes) -> bool:
    """Whether `unpacked()` gives another text than the file itself, which begins so."""
    return _unpacker(head) is not None


def _unpacker(head: bytes) -> Callable[[BinaryIO], Iterator[bytes]] | None:
    if head.startswith(_UTF16_MARKS):
        return _utf16
    if (how := compression(head)) is not None:
        return lambda file: how.blocks(file, ZSTD_WINDOW)
    return text_within(head)


def unpacked(file: io.BufferedReader, damaged: Callable[[str], None], layers: int = 4) -> io.BufferedReader:
    """The same file, without its compression or UTF-16, or the text out of a document of JSON, CSV or base64.

    Args:
        file: just opened, its first bytes not yet read.
        damaged: called with one line of text when the data turns out to be broken. The stream ends there.
        layers: how often to unpack what was unpacked; there are archives that hold themselves.

    Returns:
        `file` itself where there is nothing to unpack.
    """
    how = _unpacker(file.peek(8)) if layers else None
    return unpacked(stream(how(file), damaged, file), damaged, layers - 1) if how is not None else file


def stream(
    blocks: Iterator[bytes], damaged: Callable[[str], None], source: BinaryIO | None = None
) -> io.BufferedReader:
    """A file object over blocks of bytes; closing it closes `source`."""
    return io.BufferedReader(_Blocks(blocks, damaged, source), BLOCK)


class _Blocks(io.RawIOBase):
    """The raw file under `stream()`."""

    def __init__(self, blocks: Iterator[bytes], damaged: Callable[[str], None], source: BinaryIO | None) -> None:
        self._blocks = blocks
        self._damaged = damaged
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview", /) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = memoryview(next(self._blocks))
            except StopIteration:
                return 0
            except BROKEN:
                self._damaged(CUT)
                self._blocks = iter(())
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        if not self.closed and self._source:
            self._source.close()
        super().close()
