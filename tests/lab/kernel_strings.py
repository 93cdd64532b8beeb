"""The texts that a kernel can print, read out of its image: each format of printk() and of panic()."""

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lastwords.compressed import BROKEN, compression

_STACK_PROTECTOR = b"stack-protector: Kernel stack is corrupted in: "
"""The format of one call of panic() that every kernel has: where it goes is where panic() is."""


class Format(NamedTuple):
    """A format of printk(): its level, 0 (emergency) to 7 (debug), and its text."""

    level: int
    text: str


class Image:
    """A kernel as it lies in memory, unpacked from what the boot loader gets.

    Args:
        path: a bzImage (Documentation/arch/x86/boot.rst), or an arm64 Image, which Debian does not pack.

    Raises:
        ValueError: it is packed in a way that nobody here unpacks (LZ4: Debian's before 6.12).
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.data = _unpacked(data) if data[0x202:0x206] == b"HdrS" else data

    def printed(self) -> Iterator[Format]:
        """What printk() is called with: KERN_SOH and the level stand before the text (include/linux/kern_levels.h)."""
        for match in re.finditer(rb"\0\x01([0-7])([\t\n -~]{6,1000})\0", self.data):
            yield Format(int(match[1]), match[2].decode())

    def panics(self) -> Iterator[str]:
        """What panic() is called with, of an x86-64 kernel: `mov $format, %rdi` shortly before `call panic`."""
        known = next(address for address in self._addresses(_STACK_PROTECTOR))
        calls = [(place, self._called(place)) for place in self._calls()]
        panic = next(target for place, target in calls if self._argument(place) == known)
        for place, target in calls:
            if target == panic and (argument := self._argument(place)) is not None and (text := self._string(argument)):
                yield text

    def _segments(self) -> Iterator[tuple[int, int, int]]:
        """File offset, address and size of what is loaded."""
        start, size, count = (*struct.unpack_from("<Q", self.data, 32), *struct.unpack_from("<HH", self.data, 54))
        for index in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", self.data, start + index * size)
            if kind == 1:
                yield offset, address, length

    def _addresses(self, text: bytes) -> Iterator[int]:
        offset = self.data.index(b"\0" + text) + 1
        yield from (
            address + offset - begin for begin, address, size in self._segments() if begin <= offset < begin + size
        )

    def _string(self, address: int) -> str:
        for begin, first, size in self._segments():
            if first <= address < first + size:
                offset = begin + address - first
                return self.data[offset : self.data.index(b"\0", offset)].decode("ascii", "replace")
        return ""

    def _calls(self) -> Iterator[int]:
        """Offsets of what may be a call: its opcode occurs in other instructions, too."""
        yield from (match.start() for match in re.finditer(rb"\xe8(?=...[\x00\x01\xfe\xff])", self.data, re.DOTALL))

    def _called(self, place: int) -> int:
        return place + 5 + int(struct.unpack_from("<i", self.data, place + 1)[0])

    def _argument(self, place: int) -> int | None:
        """The constant that the first argument gets before a call."""
        before = self.data[place - 48 : place]
        at = before.rfind(b"\x48\xc7\xc7")
        return None if at < 0 or at > 41 else struct.unpack_from("<i", before, at + 3)[0] & 0xFFFF_FFFF_FFFF_FFFF


def _unpacked(data: bytes) -> bytes:
    offset, length = struct.unpack_from("<II", data, 0x248)
    begin = ((data[0x1F1] or 4) + 1) * 512 + offset
    packed = data[begin : begin + length]
    method = compression(packed[:16])
    if method is None:
        raise ValueError("packed with LZ4")
    out = io.BytesIO()
    try:
        for block in method.blocks(io.BytesIO(packed), 1 << 27):
            out.write(block)
    except BROKEN:  # The size of the kernel stands behind the stream.
        if not out.tell():
            raise
    return out.getvalue()


_CONVERSION = re.compile(
    r"%(?:%|[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|t|L)?([diouxXcsp])([A-Za-z]\w{0,4})?)"
)
_POINTERS = {
    "S": "xr_ring_get+0x2c/0x140 [xr_net]",
    "B": "xr_ring_get+0x2c/0x140 [xr_net]",
    "s": "xr_ring_get",
    "e": "-EIO",
}


def filled(text: str, words: str = "xr_ring_get") -> str:
    """The format as it might be printed.

    Args:
        text: the format.
        words: what `%s` becomes.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if match[1] == "p":
            return _POINTERS.get((match[2] or "")[:1], "ffff88810a2b3c40")
        prefix = "0x" if "#" in match[0] and match[1] in "xX" else ""
        return prefix + {"s": words, "x": "1f", "X": "1F", "c": "x"}.get(match[1], "3") + (match[2] or "")

    return _CONVERSION.sub(value, text).strip("\n")
