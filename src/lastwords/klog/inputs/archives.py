"""Compressed files, read as a stream: known by their first bytes, in constant memory, as far as they go."""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import zstandard

BLOCK = 1 << 16
# zstd may turn 4 bytes into 128 KiB, and its decompressor can't be told to stop: feed it little at a time.
ZSTD_BITE = 512
# What `zstd --long=27` and `xz -9` need. A file that asks for more is broken or means harm.
ZSTD_WINDOW = 1 << 27
XZ_MEMORY = 1 << 28

BROKEN = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError)

CUT = "the compressed data ends early or is damaged; read as far as it goes"


def _gzip(file: BinaryIO) -> Iterator[bytes]:
    with gzip.open(file) as plain:
        while block := plain.read1(BLOCK):
            yield block


def _bzip2(file: BinaryIO) -> Iterator[bytes]:
    with bz2.open(file) as plain:
        while block := plain.read1(BLOCK):
            yield block


def _xz(file: BinaryIO) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    rest = b""
    while True:
        packed = rest or (file.read(BLOCK) if decoder.needs_input or decoder.eof else b"")
        rest = b""
        if decoder.eof:
            if not packed:
                return
            packed = packed.lstrip(b"\0")  # padding between streams
            if not packed:
                continue
            decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
        elif not packed and decoder.needs_input:
            raise EOFError
        yield decoder.decompress(packed, BLOCK)
        rest = decoder.unused_data


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    zstd = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    decoder = zstd.decompressobj()
    rest = b""
    whole = False
    while packed := rest or file.read(ZSTD_BITE):
        yield decoder.decompress(packed)
        whole, rest = decoder.eof, decoder.unused_data
        if whole:
            decoder = zstd.decompressobj()
    if not whole:
        raise EOFError


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


MAGIC: tuple[tuple[bytes, Callable[[BinaryIO], Iterator[bytes]]], ...] = (
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\0", _xz),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"\xff\xfe", _utf16),
    (b"\xfe\xff", _utf16),
)


def unpacked(file: io.BufferedReader, damaged: Callable[[str], None], layers: int = 3) -> io.BufferedReader:
    """The same file, without its compression or UTF-16.

    Args:
        file: just opened, its first bytes not yet read.
        damaged: called with one line of text when the data turns out to be broken. The stream ends there.
        layers: how often to unpack what was unpacked; there are archives that hold themselves.

    Returns:
        `file` itself where there is nothing to unpack.
    """
    start = file.peek(8)
    for magic, blocks in MAGIC:
        if layers and start.startswith(magic):
            return unpacked(stream(blocks(file), damaged, file), damaged, layers - 1)
    return file


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
