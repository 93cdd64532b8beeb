"""Reading a dump's memory where parts of it may be missing."""

from collections.abc import Callable

# Reads `size` bytes at a virtual address or raises; `drgn.Program.read` is one.
Read = Callable[[int, int], bytes]

_PAGE = 4096


def read_available(read: Read, address: int, size: int) -> bytes:
    """`size` bytes at `address`, with zeros in place of the pages that can't be read.

    Tries all at once first, so that reading an undamaged range costs one call.
    """
    parts: list[bytes] = []
    _collect(read, address, size, parts)
    return b"".join(parts)


def _collect(read: Read, address: int, size: int, parts: list[bytes]) -> None:
    if size <= 0:
        return
    try:
        parts.append(read(address, size))
    except Exception:  # drgn raises FaultError, but also ValueError and OSError where a dump is damaged
        if address // _PAGE == (address + size - 1) // _PAGE:
            parts.append(bytes(size))
            return
        middle = (address + size // 2) & -_PAGE
        middle = middle if middle > address else (address & -_PAGE) + _PAGE
        _collect(read, address, middle - address, parts)
        _collect(read, middle, address + size - middle, parts)
