"""Reading a dump's memory where parts of it may be missing."""

from collections.abc import Callable, Iterator

# Reads `size` bytes at a virtual address or raises; `drgn.Program.read` is one.
Read = Callable[[int, int], bytes]

_PAGE = 4096
# A large piece is taken for missing when none of this many of its pages can be read.
_PROBES = 32
_LARGE = 1 << 20


def read_available(read: Read, address: int, size: int) -> bytes:
    """`size` bytes at `address`, with zeros in place of what can't be read.

    Tries all at once first, so that reading an undamaged range costs one call.
    """
    parts: list[bytes] = []
    _collect(read, address, size, parts)
    return b"".join(parts)


def _collect(read: Read, address: int, size: int, parts: list[bytes]) -> None:
    if size <= 0:
        return
    if (data := _try(read, address, size)) is not None:
        parts.append(data)
        return
    first, last = address & -_PAGE, (address + size - 1) & -_PAGE
    if first == last or (size >= _LARGE and not any(_probe(read, first, size))):
        parts.append(bytes(size))
        return
    middle = first + (((last - first) // _PAGE + 1) // 2) * _PAGE
    _collect(read, address, middle - address, parts)
    _collect(read, middle, address + size - middle, parts)


def _probe(read: Read, first: int, size: int) -> Iterator[bool]:
    pages = size // _PAGE
    for probe in range(_PROBES):
        yield _try(read, first + pages * probe // _PROBES * _PAGE, 8) is not None


def _try(read: Read, address: int, size: int) -> bytes | None:
    try:
        return read(address, size)
    except Exception:  # drgn raises FaultError, but also ValueError and OSError where a dump is damaged
        return None
