"""Addresses and register values, put into words."""

from . import errno, poison

_NULL_REACH = 0x10000
"""Addresses below are never mapped (vm.mmap_min_addr), so they are taken for NULL plus the offset of a field."""
_USER_END = 1 << 47
KASAN_SHADOW = 0xDFFFFC0000000000
"""CONFIG_KASAN_SHADOW_OFFSET on x86-64: the shadow of address 0."""
_KASAN_SHADOW_END = KASAN_SHADOW + (1 << 44)


def address(value: int, bits: int = 64) -> str:
    """What a faulting address says, or the empty string where it says nothing by itself.

    Example:
        >>> address(0x18)
        'NULL + 0x18: field at offset 0x18 of a structure whose pointer was NULL'
    """
    if value == 0:
        return "NULL"
    if value < _NULL_REACH:
        return f"NULL + {value:#x}: field at offset {value:#x} of a structure whose pointer was NULL"
    if bits == 64 and KASAN_SHADOW <= value < _KASAN_SHADOW_END:
        start = value - KASAN_SHADOW << 3
        below = address(start, bits)
        return f"KASAN's shadow of {start:#x}" + (f": {below}" if start < _NULL_REACH else "")
    special = telling(value, bits)
    if special:
        return special
    if bits == 64 and value < _USER_END:
        return "an address in user space"
    return ""


def telling(value: int, bits: int = 64) -> str:
    """What a value says that is no ordinary number or pointer: poison, an error, text. Else the empty string.

    Example:
        >>> telling(0xFFFFFFFFFFFFFFF4)
        'ERR_PTR(-ENOMEM), or NULL - 0xc'
    """
    number = errno.from_pointer(value, bits)
    # All ones is -1 far more often than it is -EPERM.
    if number is not None and number > 1 and number in errno.BY_NUMBER:
        # A structure around a member at NULL lies just below NULL, at a multiple of a word.
        other = f", or NULL - {number:#x}" if number % 4 == 0 else ""
        return f"ERR_PTR(-{errno.BY_NUMBER[number].name}){other}"
    hit = poison.recognise(value, bits)
    if hit is not None:
        return poisoned(hit)
    text = ascii_text(value, bits)
    return f'the text "{text}"' if text else ""


def poisoned(hit: poison.PoisonHit) -> str:
    """A poison value, and how far from it the value is."""
    if not hit.offset:
        return f"{hit.poison.name}: {hit.poison.meaning}"
    sign = "-" if hit.offset < 0 else "+"
    return f"{'' if hit.sure else 'perhaps '}{hit.poison.name} {sign} {abs(hit.offset):#x}: {hit.poison.meaning}"


def ascii_text(value: int, bits: int = 64) -> str:
    """The text that a little-endian machine reads as this value, if all its bytes are printable; else ''.

    Example:
        >>> ascii_text(0x6F77206F6C6C6568)
        'hello wo'
    """
    if bits != 64:
        return ""
    data = value.to_bytes(8, "little")
    if all(0x20 <= byte < 0x7F for byte in data) and sum(chr(byte).isalnum() for byte in data) >= 5:
        return data.decode("ascii")
    return ""


def canonical(value: int) -> str:
    """What a 64-bit value that is no canonical x86 address could have been, or the empty string."""
    top = value >> 47
    if top in (0, 0x1FFFF):
        return ""
    missing = 0x1FFFF & ~top
    if missing & (missing - 1) == 0:
        return f"bit {47 + missing.bit_length() - 1} is missing from a kernel address: one flipped bit, or an overwrite"
    return "not canonical: no address at all, so the pointer itself is bad"
