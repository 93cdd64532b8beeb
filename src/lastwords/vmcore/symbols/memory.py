"""Reading a dump's memory where parts of it may be missing."""

from collections.abc import Callable, Iterator

# Reads `size` bytes at a virtual address or raises; `drgn.Program.read` is one.
Read = Callable[[int, int], bytes]

_PAGE = 4096
# A large piece is taken for missing when none of this many of its pages can be read.
_PROBES = 32
_LARGE = 1 << 20
_IMAGE_MAX, _IMAGE_STEP = 128 << 20, 8 << 20


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


class KernelImage:
    """The kernel's image in memory from its text on, read in steps and only as far as somebody wants.

    Attributes:
        start: the address of its first byte.
        data: what has been read so far, with zeros for what is missing.
    """

    def __init__(self, read: Read, start: int) -> None:
        """Read nothing yet. With a `start` of 0, which stands for not known, there is nothing to read."""
        self.start = start & -_PAGE
        self.data = bytearray()
        self._read = read
        self._ended = self.start == 0

    def grow(self) -> bool:
        """Read a step further; False where the image has ended, or is larger than any kernel."""
        if self._ended or len(self.data) >= _IMAGE_MAX:
            return False
        at = self.start + len(self.data)
        step = _try(self._read, at, _IMAGE_STEP)
        if step is None and not any(_probe(self._read, at, _IMAGE_STEP)):
            # Nothing is mapped behind the image.
            self._ended = True
            return False
        self.data += read_available(self._read, at, _IMAGE_STEP) if step is None else step
        return True

    def all(self) -> bytearray:
        """The image to its end."""
        while self.grow():
            pass
        return self.data
