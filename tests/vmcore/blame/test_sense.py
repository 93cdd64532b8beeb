"""What kind of value a bad pointer is."""

import pytest

from lastwords.vmcore.blame.sense import sense

from .fakes import OBJECT, FakeDump

_DUMP = FakeDump({}, {OBJECT: 1})


def _live(address: int) -> str | None:
    return "the start of an object of kmalloc-32" if address == OBJECT else None


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0, "null", "NULL"),
        (0x18, "offset", "0x18 (NULL plus"),
        ((1 << 64) - 12, "error", "ERR_PTR(-12) ENOMEM"),
        ((1 << 64) - 4095, "error", "ERR_PTR(-4095)"),
        (0xDEAD000000000100, "poison", "LIST_POISON1"),
        (0xDEAD000000000122, "poison", "LIST_POISON2"),
        (0x6B6B6B6B6B6B6B6B, "poison", "POISON_FREE"),
        (int.from_bytes(b"disk0\0\0\0", "little"), "user", "a user-space"),
        (int.from_bytes(b"disk0.1\0", "little"), "text", 'the text "disk0.1"'),
        (OBJECT, "mapped", "a mapped address"),
        (OBJECT ^ 1 << 45, "flipped", "one bit away from 0xffff888003000000, the start of an object"),
        (OBJECT ^ 1 << 62, "flipped", "one bit away"),
        (OBJECT ^ 3 << 45, "unmapped", "a kernel address with nothing there"),
        (0x1000DEAD, "small", "0x1000dead"),
        (0x7FFC1E7D2FB8, "user", "a user-space address"),
        (0xB800C4BCBDA675E8, "noncanonical", "a non-canonical address"),
        (0x1234567890ABCDEF, "noncanonical", "a non-canonical address"),
    ],
)
def test_sense(value: int, kind: str, text: str) -> None:
    found = sense(value, _DUMP, _live)
    assert (found.kind, found.text.startswith(text)) == (kind, True), found
    assert found.sure == (kind != "flipped")
