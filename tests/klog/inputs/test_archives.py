"""Compressed logs: every packer, every dialect, broken and hostile archives."""

import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from lastwords.klog.inputs import find

from .crash import PLAIN, RECORDED, TITLE, same_crash, scanned


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)  # as zstd(1) does


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": _zstd,
    "bz2": bz2.compress,
}
TEXTS = {
    path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for path in sorted(RECORDED.iterdir())
    if path.suffix != ".md" and "callers" not in path.name
}


@pytest.mark.parametrize("packer", PACKERS)
def test_plain(tmp_path: Path, packer: str) -> None:
    """Found out by looking: the name does not matter."""
    path = tmp_path / "dmesg.0"
    path.write_bytes(PACKERS[packer](PLAIN.encode()))
    same_crash(path, "dmesg", text=PLAIN.encode())


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("name", TEXTS)
def test_every_dialect(tmp_path: Path, packer: str, name: str) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(TEXTS[name])
    packed.write_bytes(PACKERS[packer](TEXTS[name]))
    expected, result = scanned(plain), scanned(packed)
    assert result.oopses[0].title == TITLE
    assert (result.oopses, result.format, result.lines, result.size) == (
        expected.oopses,
        expected.format,
        expected.lines,
        expected.size,
    )


@pytest.mark.parametrize("packer", PACKERS)
def test_several_streams(tmp_path: Path, packer: str) -> None:
    """`cat a.gz b.gz` is a valid archive."""
    data = PLAIN.encode()
    path = tmp_path / "log"
    path.write_bytes(PACKERS[packer](data[:3000]) + PACKERS[packer](data[3000:]))
    same_crash(path, "dmesg", text=data)


def test_padding_of_xz_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastwords.compressed.BLOCK", 64)
    data = PLAIN.encode()
    path = tmp_path / "log"
    path.write_bytes(lzma.compress(data[:3000]) + bytes(200) + lzma.compress(data[3000:]) + bytes(8))
    same_crash(path, "dmesg", text=data)


@pytest.mark.parametrize("packer", PACKERS)
def test_cut_off(tmp_path: Path, packer: str) -> None:
    """The copy stopped: what can be unpacked counts, and it is said."""
    filler = "".join(f"[{n:5}.000000] usb 1-1: device number {n * 7919 % 104729}\n" for n in range(6000, 40_000))
    packed = PACKERS[packer]((PLAIN + filler).encode())
    path = tmp_path / "log"
    path.write_bytes(packed[: len(packed) * 9 // 10])
    result = scanned(path)
    assert result.error is None
    assert result.warning is not None
    # bzip2's blocks are 900 KB: of a single one that is cut off nothing can be had.
    assert result.oopses or packer == "bz2"


@pytest.mark.parametrize("packer", PACKERS)
def test_damaged(tmp_path: Path, packer: str) -> None:
    packed = bytearray(PACKERS[packer](PLAIN.encode() * 30))
    packed[len(packed) // 2 : len(packed) // 2 + 8] = b"\xff" * 8
    path = tmp_path / "log"
    path.write_bytes(packed)
    result = scanned(path)
    assert result.error is None
    assert result.warning is not None


@pytest.mark.parametrize("packer", PACKERS)
def test_only_the_magic_number(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(PACKERS[packer](b"x")[:6])
    assert scanned(path).warning


def test_packed_twice(tmp_path: Path) -> None:
    """logrotate compressed what was compressed."""
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(lzma.compress(PLAIN.encode())))
    same_crash(path, "dmesg", text=PLAIN.encode())


def test_packed_into_itself_for_ever(tmp_path: Path) -> None:
    data = PLAIN.encode()
    for _ in range(30):
        data = gzip.compress(data)
    path = tmp_path / "log"
    path.write_bytes(data)
    assert scanned(path).error is None


@pytest.mark.parametrize("packer", PACKERS)
def test_bomb(tmp_path: Path, packer: str) -> None:
    """A hundred megabytes of nothing, from a file of a few kilobytes: memory stays flat."""
    path = tmp_path / "log"
    path.write_bytes(PACKERS[packer](b"\0" * (100 << 20)))
    (source,) = find([str(path)])
    tracemalloc.start()
    try:
        size = 0
        with source.open() as file:
            while block := file.read1(1 << 16):
                size += len(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 100 << 20
    assert peak < 48 << 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_windows_encodings(tmp_path: Path, encoding: str) -> None:
    """PowerShell's `>` writes UTF-16, Notepad a byte order mark."""
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    path = tmp_path / "log"
    path.write_bytes(marks.get(encoding, b"") + PLAIN.replace("\n", "\r\n").encode(encoding))
    same_crash(path, "console", text=PLAIN.encode())
