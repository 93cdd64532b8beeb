"""What gzip, bzip2, xz and zstd have packed: known by its first bytes, read as a stream, as far as it goes.

The data may come from an attacker: whatever it unpacks to, memory stays constant.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

BLOCK = 1 << 16
ZSTD_WINDOW = 1 << 27
"""What `zstd --long=27` needs: a file that asks for more is broken or means harm, unless its reader knows better."""
# zstd may turn 4 bytes into 128 KiB, and its decompressor can't be told to stop: feed it little at a time. Its
# stream_reader can be told, but keeps to itself that the data ended early.
_ZSTD_BITE = 512
# What `xz -9` needs, three times over. LZMAFile can't be told how much memory to take.
_XZ_MEMORY = 1 << 28

BROKEN = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What the blocks of a file raise that is cut off or damaged."""


@dataclass(frozen=True)
class Compression:
    """How a file is packed.

    Attributes:
        name: `gzip`, `bzip2`, `xz` or `zstd`.
        magic: how it begins.
        blocks: from the file, at its beginning, and the largest window of zstd in bytes to the plain data. It raises
            one of `BROKEN` where the data is cut off or damaged. Streams may follow each other.
    """

    name: str
    magic: bytes
    blocks: Callable[[BinaryIO, int], Iterator[bytes]]


def compression(head: bytes) -> Compression | None:
    """Of a file that begins so; None if it is not compressed."""
    return next((each for each in _COMPRESSIONS if head.startswith(each.magic)), None)


def _gzip(file: BinaryIO, _window: int) -> Iterator[bytes]:
    with gzip.open(file) as plain:
        while block := plain.read1(BLOCK):
            yield block


def _bzip2(file: BinaryIO, _window: int) -> Iterator[bytes]:
    with bz2.open(file) as plain:
        while block := plain.read1(BLOCK):
            yield block


def _xz(file: BinaryIO, _window: int) -> Iterator[bytes]:
    rest = b""
    while True:
        while not (packed := rest.lstrip(b"\0")):  # padding between streams
            rest = file.read(BLOCK)
            if not rest:
                return
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        while not decoder.eof:
            if block := decoder.decompress(packed, BLOCK):
                yield block
            packed = file.read(BLOCK) if decoder.needs_input and not decoder.eof else b""
            if not packed and decoder.needs_input and not decoder.eof:
                raise EOFError
        rest = decoder.unused_data


def _zstd(file: BinaryIO, window: int) -> Iterator[bytes]:
    zstd = zstandard.ZstdDecompressor(max_window_size=window)
    decoder = zstd.decompressobj()
    rest, whole = b"", False
    while packed := rest or file.read(_ZSTD_BITE):
        if block := decoder.decompress(packed):
            yield block
        whole, rest = decoder.eof, decoder.unused_data
        if whole:
            decoder = zstd.decompressobj()
    if not whole:
        raise EOFError


_COMPRESSIONS = (
    Compression("gzip", b"\x1f\x8b", _gzip),
    Compression("bzip2", b"BZh", _bzip2),
    Compression("xz", b"\xfd7zXZ\0", _xz),
    Compression("zstd", b"\x28\xb5\x2f\xfd", _zstd),
)
