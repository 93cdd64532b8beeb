"""The pieces that formats are read with."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.vmcore.formats.flattened import Flattened
from lastwords.vmcore.formats.kdump_pages import Bitmap
from lastwords.vmcore.formats.physical import Extent, ExtentMemory, NoMemory
from lastwords.vmcore.formats.storage import File
from lastwords.vmcore.formats.virtual import Tables
from lastwords.vmcore.formats.vmcoreinfo import Vmcoreinfo

from ..building import flattened


class Bytes:
    path = "bytes"

    def __init__(self, data):
        self.data, self.size = data, len(data)

    def read(self, offset, size):
        return self.data[offset : offset + size] if offset >= 0 and size > 0 else b""

    def close(self):
        pass


@given(st.sets(st.integers(0, 99_999), max_size=300), st.integers(90_000, 100_000))
def test_bitmap(pfns, pages):
    data = bytearray(12_500)
    for pfn in pfns:
        data[pfn >> 3] |= 1 << (pfn & 7)
    bitmap = Bitmap(Bytes(b"??" + bytes(data)), 2, 12_500, pages)
    inside = sorted(pfn for pfn in pfns if pfn < pages)
    assert bitmap.count == len(inside)
    assert [pfn for found in bitmap.runs() for pfn in range(found.start, found.end)] == inside
    for number, pfn in enumerate(inside):
        assert pfn in bitmap
        assert bitmap.rank(pfn) == number
        assert bitmap.select(number) == pfn
    assert bitmap.select(len(inside)) == -1
    assert pages not in bitmap


@given(st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=60)), max_size=30), st.booleans())
def test_flattened_is_what_a_file_would_be_after_all_writes(writes, whole):
    plain = bytearray()
    data = flattened(b"", rewrite=False, end=False)
    for offset, piece in writes:
        plain.extend(bytes(max(offset + len(piece) - len(plain), 0)))
        plain[offset : offset + len(piece)] = piece
        data += offset.to_bytes(8, "big") + len(piece).to_bytes(8, "big") + piece
    if whole:
        data += b"\xff" * 16
    flat = Flattened(Bytes(data))
    assert flat.whole == whole
    assert flat.size == len(plain)
    assert flat.read(0, 1000) == bytes(plain)
    assert flat.read(77, 100) == bytes(plain[77:177])


def test_overlapping_segments():
    memory = ExtentMemory(
        Bytes(bytes(range(200))), [Extent(50, 150, 100, 100), Extent(0, 100, 0, 100), Extent(20, 40, 0, 20)]
    )
    assert memory.read(0, 150) == bytes(range(100)) + bytes(range(150, 200))
    assert [(found.start, found.end) for found in memory.segments] == [(0, 150)]
    with pytest.raises(NoMemory):
        memory.read(149, 2)


def test_a_file_that_shrinks_is_short_and_no_bus_error(tmp_path):
    path = tmp_path / "shrinking"
    path.write_bytes(b"x" * 10_000)
    with File(str(path)) as file:
        path.write_bytes(b"y" * 100)
        assert file.read(0, 5000) == b"y" * 100
        assert file.read(5000, 10) == b""


@given(st.binary(max_size=400))
def test_any_bytes_as_vmcoreinfo(data):
    info = Vmcoreinfo(b"OSRELEASE=x\nSYMBOL(a)=zz\nNUMBER(b)=-12\n" + data)
    assert info.symbol("a") is None or b"SYMBOL(a)=" in data
    assert info.number("b") == -12 or b"NUMBER(b)=" in data
    assert info.build_id is None or len(info.build_id) >= 8


def test_vmcoreinfo_integers():
    info = Vmcoreinfo(
        b"NUMBER(kimage_voffset)=0xffff7ffff8000000\nSYMBOL(x)=fff\nPAGESIZE=4097\nNUMBER(h)=99999999999999999999\n"
    )
    assert info.number("kimage_voffset") == 0xFFFF_7FFF_F800_0000
    assert info.arch == "aarch64"
    assert info.symbol("x") == 0xFFF
    assert info.page_size is None
    assert info.number("h") is None


def test_arm64_entries():
    tables = Tables(0, (39, 30, 21, 12), 9, 9, arm64=True)
    assert tables.target(0, 0) is None
    assert tables.target(0x0000_0000_4123_4003, 0) == (0x4123_4000, False)
    assert tables.target(0x0060_0000_4120_0701, 2) == (0x4120_0000, True)
    assert tables.target(0x0060_0000_4123_4703, 3) == (0x4123_4000, True)
    assert tables.target(0x0060_0000_4123_4701, 3) is None


def test_noise_in_flattened_records_ends(tmp_path):
    chooser = random.Random(3)
    for _ in range(50):
        data = flattened(b"", end=False, rewrite=False) + chooser.randbytes(2000)
        flat = Flattened(Bytes(data))
        assert not flat.whole
        assert flat.read(0, 100) is not None
