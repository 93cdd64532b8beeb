"""Poison in an address: which of the glossary's values it is, by its distance from them and the architecture.

Looks further around each value than `glossary.poison.recognise()`, which any register may be asked for: here the value
was used as an address, so it is a pointer with the offset of a member.
"""

from typing import NamedTuple

from lastwords.glossary.poison import BY_HAND, ILLEGAL_POINTERS, POISONS, REACH

_ILLEGAL = ILLEGAL_POINTERS["x86_64"]
"""Where the poison pointers begin, if nothing tells the architecture."""
_WITHOUT = frozenset(("mips", "i386", "arm", "ppc"))
"""Architectures without such a region of addresses: there the poison pointers are small numbers."""
_NEXT_MEMBERS = (0, 4, 8)
"""Offsets of `next` and `prev` in a list's entry; with a larger one it may as well be a neighbour of the poison value."""
_DRIFT = 0x8000
"""Bytes around a pattern: the object may be large, and its pointer is the pattern itself."""

_POINTERS = tuple(entry for entry in POISONS if entry.form == "pointer")
_LISTS = tuple(entry for entry in _POINTERS if entry.state == "unlinked")
_BYTES = tuple(entry for entry in POISONS if entry.form == "byte")
_WORDS = tuple(entry for entry in POISONS if entry.form == "word" and entry.value >> 32)
_LOCKS = tuple(entry for entry in POISONS if entry.name in ("SPINLOCK_MAGIC", "RWLOCK_MAGIC"))
_BY_HAND = tuple(entry for entry in POISONS if entry.source == BY_HAND)


class Poison(NamedTuple):
    """A poison value near an address: its own value, name, what holds it, and whether it can hardly be chance."""

    value: int
    name: str
    meaning: str
    sure: bool


def poison(value: int, architecture: str) -> Poison | None:
    """The poison value that an address is, or lies near.

    Args:
        value: the address.
        architecture: as in `Code.architecture`.
    """
    illegal = _illegal(architecture)
    if illegal:
        if abs(value - illegal) < 0x300000:
            return _pointer(value, illegal)
    elif value in (0x100100, 0x200200):  # before Linux 4.3 far enough from NULL to be told from it
        return _pointer(value, 0)
    if architecture in ("i386", "arm", "ppc") or (architecture == "mips" and value < 1 << 32):
        return _pattern(value, 32) or _marker(value)
    return _pattern(value, 64) or _word(value)


def small_poison(value: int, architecture: str) -> Poison | None:
    """LIST_POISON1 and LIST_POISON2 of 32-bit kernels, which look like NULL with an offset.

    Args:
        value: an address that a register held, without the offset of a member.
        architecture: as in `Code.architecture`.
    """
    if _illegal(architecture):
        return None
    return next((Poison(value, p.name, p.meaning, False) for p in _LISTS if p.value == value < 0x200), None)


def _illegal(architecture: str) -> int:
    return 0 if architecture in _WITHOUT else ILLEGAL_POINTERS.get(architecture, _ILLEGAL)


def _pointer(value: int, illegal: int) -> Poison:
    above = value - illegal
    member = next((p for p in _POINTERS if above - p.value in _NEXT_MEMBERS), None)
    near = member or min(_LISTS, key=lambda p: abs(above - p.value))
    if abs(above - near.value) >= REACH:
        return Poison(illegal, "the base of the poison pointers", "a poison value of another kind", False)
    return Poison(illegal + near.value, near.name, near.meaning, member is not None)


def _pattern(value: int, bits: int) -> Poison | None:
    """Memory full of one byte, read as a pointer."""
    top = value >> (bits - 8)
    for entry in _BYTES:
        if abs(entry.value - top) > 1:
            continue
        whole = int.from_bytes(bytes([entry.value]) * (bits // 8), "big")
        if abs(value - whole) < (_DRIFT if bits == 64 else REACH):
            return Poison(whole, entry.name, entry.meaning, bits == 64)
    return None


def _word(value: int) -> Poison | None:
    """A magic number of 64 bits, or one of 32 bits beside something else."""
    for entry in _WORDS:
        if abs(value - entry.value) < REACH:
            return Poison(entry.value, entry.name, entry.meaning, True)
    high, low = value >> 32, value & 0xFFFFFFFF
    for entry in _LOCKS:
        # Before the magic number stands the lock's word, 0 when free; behind it the number of the CPU that holds it.
        meaning = f"{entry.meaning}, read as a pointer: the object is of another type, or was reused"
        if high == entry.value and low < 0x10000:
            return Poison(entry.value << 32, entry.name, meaning, False)
        if high == 0xFFFFFFFF and abs(low - entry.value) < REACH:
            return Poison(0xFFFFFFFF << 32 | entry.value, entry.name, meaning, False)
    marker = _marker(low)
    if marker is None or not high:
        return marker
    return marker._replace(value=high << 32 | high) if marker.value == high else None  # the same word twice


def _marker(word: int) -> Poison | None:
    """A marker of 32 bits that programmers write by hand."""
    near = next((entry for entry in _BY_HAND if abs(word - entry.value) < REACH), None)
    return None if near is None else Poison(near.value, f"0x{near.value:x}", near.meaning, False)
