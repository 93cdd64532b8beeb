import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.vmcore.symbols.memory import KernelImage, read_available

START = 0xFFFFFFFF81000000


def reader(present, calls=None):
    """Memory whose bytes are their page's number, with only some pages."""

    def read(address, size):
        if calls is not None:
            calls.append(size)
        pages = range((address - START) // 4096, (address - START + size - 1) // 4096 + 1)
        if not set(pages) <= present:
            raise ValueError("no memory")
        return bytes(((at - START) // 4096) & 0xFF for at in range(address, address + size))

    return read


@settings(deadline=None)
@given(st.sets(st.integers(0, 15)), st.integers(0, 9000), st.integers(0, 40000))
def test_gives_what_is_there_and_zeros(present, offset, size):
    data = read_available(reader(present), START + offset, size)
    expected = ((offset + i) // 4096 for i in range(size))
    assert data == bytes(page if page in present else 0 for page in expected)


def test_all_that_is_there_is_one_read():
    calls: list[int] = []
    read_available(reader(set(range(16)), calls), START, 65536)
    assert calls == [65536]


@pytest.mark.parametrize("present", [set(), {0}, set(range(100))])
def test_a_large_piece_that_is_missing_costs_few_reads(present):
    calls: list[int] = []
    data = read_available(reader(present, calls), START, 64 << 20)
    assert len(data) == 64 << 20
    assert len(calls) < 2000
    assert data[4096 * 50] == (50 if 50 in present else 0)


def test_an_image_is_read_to_where_nothing_is_mapped():
    size = 9 << 20
    image = KernelImage(reader(set(range(size // 4096)) - {7}), START + 0x123)
    assert image.grow()
    assert len(image.data) == 8 << 20
    data = image.all()
    assert image.start == START
    assert len(data) == 16 << 20
    assert data[7 * 4096] == 0
    assert data[8 * 4096] == 8
    assert not any(data[size:])
    assert not image.grow()
    assert KernelImage(reader(set()), 0).all() == b""
