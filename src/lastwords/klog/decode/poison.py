"""Values that the kernel writes into memory so that its wrong use shows (`include/linux/poison.h`).

Everything here is a value of which a crash on it tells what happened to the object.
"""

from typing import NamedTuple

# CONFIG_ILLEGAL_POINTER_VALUE, which the pointers of `include/linux/poison.h` are based on: a region of addresses that
# can't be mapped. 32-bit kernels have none: their LIST_POISON1 is 0x100.
_DELTA = {"ppc64": 0x5DEADBEEF0000000, "mips": 0, "i386": 0, "arm": 0, "ppc": 0}
_DEFAULT_DELTA = 0xDEAD000000000000

REACH = 0x1000
"""Bytes around a poison value that still count as the offset of a member."""
_DRIFT = 0x8000
"""Bytes around a pattern poison: the object may be large, and its pointer is the pattern itself."""

_LIST = "a list entry that was already deleted"
_POINTERS = (
    (0x100, "LIST_POISON1", f"next of {_LIST}"),
    (0x122, "LIST_POISON2", f"prev (or pprev) of {_LIST}"),
    (0x200, "LIST_POISON2 of Linux 4.3 to 4.17", f"prev (or pprev) of {_LIST}"),
    (0x300, "TIMER_ENTRY_STATIC", "a timer that was initialised statically and never set up"),
    (0x400, "TAIL_MAPPING", "the mapping of a tail page of a compound page"),
    (0x100100, "LIST_POISON1 before Linux 4.3", f"next of {_LIST}"),
    (0x200200, "LIST_POISON2 before Linux 4.3", f"prev (or pprev) of {_LIST}"),
)
_PATTERNS = (
    (0x6B, "POISON_FREE", "the memory of an object that SLUB debugging had marked as freed: a use after free"),
    (0x5A, "POISON_INUSE", "slab memory that was never initialised"),
    (0xA5, "POISON_END", "the last byte of a slab object's poison"),
    (0xBB, "SLUB_RED_INACTIVE", "the red zone of a free slab object: an access out of bounds"),
    (0xCC, "SLUB_RED_ACTIVE or POISON_FREE_INITMEM", "the red zone of a slab object in use, or freed init memory"),
    (0xAA, "PAGE_POISON", "a free page that page poisoning had filled: a use after free"),
    (0xA7, "POOL_POISON_FREED", "a freed block of a DMA pool: a use after free"),
    (0xA9, "POOL_POISON_ALLOCATED", "a block of a DMA pool that was never initialised"),
    (0x6C, "FLEX_ARRAY_FREE", "a freed flexible array: a use after free"),
    (0x5B, "JBD_POISON_FREE", "freed memory of the ext3 or ext4 journal: a use after free"),
    (0x5C, "JBD2_POISON_FREE", "freed memory of the ext4 journal: a use after free"),
    (0xFE, "the stackleak poison or the compiler's pattern", "memory of the stack that was never initialised"),
)
# -ftrivial-auto-var-init=pattern fills with 0xaa (clang, 64 bits) or 0xfe (GCC); 0xaa is also PAGE_POISON.
_WORDS = (
    (0x9F911029D74E35B, "RED_INACTIVE", "the red zone of a free slab object"),
    (0xD84156C5635688C0, "RED_ACTIVE", "the red zone of a slab object in use"),
)
_MAGIC = {
    0xDEAD4EAD: (
        "SPINLOCK_MAGIC",
        "the inside of a spinlock was read as a pointer: the object is of another type, or was reused",
    ),
    0xDEAF1EED: (
        "RWLOCK_MAGIC",
        "the inside of a rwlock was read as a pointer: the object is of another type, or was reused",
    ),
}
_HEX_SPEAK = {0xDEADBEEF: "deadbeef", 0xBAADF00D: "baadf00d", 0xDEADC0DE: "deadc0de", 0xFEEDFACE: "feedface"}


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
    delta = _DELTA.get(architecture, _DEFAULT_DELTA)
    if delta:
        if abs(value - delta) < 0x300000:
            return _pointer(value, delta)
    elif value in (0x100100, 0x200200):
        return _pointer(value, delta)
    bits = 32 if architecture in ("i386", "arm", "ppc") or (architecture == "mips" and value < 1 << 32) else 64
    return _pattern(value, bits) or _word(value, bits)


def small_poison(value: int, architecture: str) -> Poison | None:
    """LIST_POISON1 and LIST_POISON2 of 32-bit kernels, which look like NULL with an offset.

    Args:
        value: an address that a register held, without the offset of a member.
        architecture: as in `Code.architecture`.
    """
    if _DELTA.get(architecture, _DEFAULT_DELTA):
        return None
    return next((Poison(low, name, text, False) for low, name, text in _POINTERS[:2] if value == low), None)


def _pointer(value: int, delta: int) -> Poison | None:
    low, name, meaning = min(_POINTERS, key=lambda entry: abs(value - delta - entry[0]))
    distance = value - delta - low
    if abs(distance) >= REACH:
        return Poison(delta, "the base of the poison pointers", "a poison value of another kind", False)
    # next is at 0 and prev at 8; with a larger distance it may as well be the neighbour with another offset.
    return Poison(delta + low, name, meaning, distance in (0, 4, 8))


def _pattern(value: int, bits: int) -> Poison | None:
    # The third byte from the top: neither an offset nor one more bit of it reaches there.
    byte = value >> (bits - 8)
    for pattern, name, meaning in _PATTERNS:
        if abs(pattern - byte) > 1:
            continue
        whole = int.from_bytes(bytes([pattern]) * (bits // 8), "big")
        if abs(value - whole) < (_DRIFT if bits == 64 else REACH):
            return Poison(whole, name, meaning, bits == 64)
    return None


def _word(value: int, bits: int) -> Poison | None:
    for word, name, meaning in _WORDS:
        if bits == 64 and abs(value - word) < REACH:
            return Poison(word, name, meaning, True)
    half = value >> 32 if bits == 64 else value
    if bits == 64:
        # Before the magic number stands the lock's word, 0 when free; behind it the number of the CPU that holds it.
        for magic, (name, meaning) in _MAGIC.items():
            if half == magic and value & 0xFFFFFFFF < 0x10000:
                return Poison(magic << 32, name, meaning, False)
            if half == 0xFFFFFFFF and abs((value & 0xFFFFFFFF) - magic) < REACH:
                return Poison(0xFFFFFFFF << 32 | magic, name, meaning, False)
    text = _HEX_SPEAK.get(half)
    low = value & 0xFFFFFFFF
    if text is None and value < 1 << 32:
        near = next((word for word in _HEX_SPEAK if abs(low - word) < REACH), None)
        return (
            None
            if near is None
            else Poison(near, f"0x{_HEX_SPEAK[near]}", "a marker that programmers write by hand", False)
        )
    if text is None or (bits == 64 and abs(low - half) >= REACH):
        return None
    return Poison(
        half << 32 | half if bits == 64 else half, f"0x{text}", "a marker that programmers write by hand", False
    )
