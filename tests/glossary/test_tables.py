import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.glossary import errno, poison, taints


def test_taint_bits_and_letters_are_unique():
    assert [t.bit for t in taints.TAINTS] == list(range(len(taints.TAINTS)))
    assert len({t.letter for t in taints.TAINTS}) == len(taints.TAINTS)


@pytest.mark.parametrize(
    ("mask", "letters"),
    [(0, ""), (1, "P"), (4609, "PWO"), (0x2000, "E"), (1 << 17, "T"), (1 << 18 | 1 << 7, "DN"), (1 << 25, "")],
)
def test_taint_mask(mask, letters):
    assert "".join(t.letter for t in taints.from_mask(mask)) == letters


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Tainted: G        W  OE", "WOE"),
        ("G W OE", "WOE"),
        ("P", "P"),
        ("Tainted: G    B D W        N", "BDWN"),
        ("Tainted: G        W  OE     6.1.0-13-amd64 #1 Debian 6.1.55-1", "WOE"),
        ("Tainted: [W]=WARN, [O]=OOT_MODULE", "WO"),
        # OUT_OF_SPEC has letters of other flags in it.
        ("Tainted: [S]=CPU_OUT_OF_SPEC, [J]=FWCTL", "SJ"),
        # A letter that no kernel has.
        ("Tainted: G Q W", "W"),
        ("Tainted: G        W  O        [W]=WARN, [O]=OOT_MODULE", "WO"),
        ("Not tainted", ""),
        ("", ""),
    ],
)
def test_taint_letters(text, letters):
    assert "".join(t.letter for t in taints.from_letters(text)) == letters


@given(st.text())
def test_any_taint_text(text):
    assert set(taints.from_letters("Tainted: " + text)) <= set(taints.BY_LETTER.values())


def test_errno_pointer():
    assert errno.from_pointer(0xFFFFFFFFFFFFFFF4) == 12
    assert errno.BY_NUMBER[12].name == "ENOMEM"
    assert errno.from_pointer(0xFFFFFFF4, bits=32) == 12
    assert errno.from_pointer(0xFFFFFFFFFFFFF000) is None
    assert errno.from_pointer(0xFFFFFFFFFFFFF001) == 4095
    assert errno.from_pointer(0) is None


def test_errno_names_are_those_of_this_machine():
    """The table's numbers against those of the C library, which has the generic numbers on x86, arm64, s390, riscv."""
    import errno as host
    import platform

    if platform.machine().startswith(("mips", "sparc", "alpha", "parisc")):
        pytest.skip("numbers its errors differently")
    known = [e for e in errno.ERRNOS if hasattr(host, e.name)]
    assert len(known) > 100
    for entry in known:
        assert getattr(host, entry.name) == entry.number


@pytest.mark.parametrize(
    ("value", "bits", "name", "offset", "sure"),
    [
        (0x6B6B6B6B6B6B6B6B, 64, "POISON_FREE", 0, True),
        (0x6B6B6B6B6B6B6B83, 64, "POISON_FREE", 0x18, True),
        (0x6B6B6B6B, 32, "POISON_FREE", 0, True),
        (0x5A5A5A5A5A5A5A5A, 64, "POISON_INUSE", 0, True),
        (0xDEAD000000000100, 64, "LIST_POISON1", 0, True),
        (0xDEAD000000000122, 64, "LIST_POISON2", 0, True),
        (0xDEAD000000000108, 64, "LIST_POISON1", 8, False),
        (0xDEAD00000000012A, 64, "LIST_POISON2", 8, False),
        (0xDEAD0000000000F8, 64, "LIST_POISON1", -8, False),
        (0x5DEADBEEF0000100, 64, "LIST_POISON1", 0, True),
        (0x00100100, 32, "LIST_POISON1", 0, True),
        (0xDEAD4EAD, 32, "SPINLOCK_MAGIC", 0, True),
    ],
)
def test_poison(value, bits, name, offset, sure):
    hit = poison.recognise(value, bits)
    assert hit is not None
    assert (hit.poison.name, hit.offset, hit.sure) == (name, offset, sure)
    assert hit.base + hit.offset == value


@pytest.mark.parametrize("value", [0, 1, 0x18, 0x100, 0xFFFFFFFF81000000, 0xFFFF888103A0E000, 0x00007F0012345678])
def test_no_poison(value):
    assert poison.recognise(value) is None
    if value < 1 << 32:
        assert poison.recognise(value, 32) is None


def test_poison_names_and_words_are_written_out():
    for entry in poison.POISONS:
        assert entry.name
        assert entry.meaning
        assert entry.form != "byte" or entry.value < 0x100
