"""What kind of value a bad pointer is."""

from collections.abc import Callable
from typing import NamedTuple

from lastwords.glossary import errno, poison

from .function import Dump
from .instruction import MASK

_SMALL = 0x1000
_KERNEL_HALF = 1 << 63
_TEXT_MIN = 6
_BITS = range(3, 63)
"""Bits whose flip is looked for: the lowest three only move a pointer within its object."""


class Sense(NamedTuple):
    """What a value is.

    Attributes:
        kind: `null`, `offset`, `error`, `poison`, `text`, `flipped`, `user`, `noncanonical`, `small`, `mapped`,
            `unmapped`.
        text: in words.
        sure: False where it may be chance.
    """

    kind: str
    text: str
    sure: bool = True

    @property
    def short(self) -> str:
        """The words without the explanation in brackets."""
        return self.text.split(" (")[0]


def sense(value: int, dump: Dump, live: Callable[[int], str | None], expected: int = 0) -> Sense:
    """Say what a value that was used as a pointer is.

    Args:
        value: as the register held it.
        dump: to see what is mapped.
        live: names the object that a sane address points to exactly, None for what is none.
        expected: what the code adds before it uses it, for values that already contain an offset.
    """
    if value == 0:
        return Sense("null", "NULL")
    if value < _SMALL:
        return Sense("offset", f"{value:#x} (NULL plus the offset of a member, or a number that is no pointer)")
    if value > MASK - errno.MAX_ERRNO:
        return _error(value)
    hit = poison.recognise(value)
    if hit is not None and hit.sure:
        offset = f" + {hit.offset:#x}" if hit.offset > 0 else f" - {-hit.offset:#x}" if hit.offset else ""
        return Sense("poison", f"{hit.poison.name}{offset} ({hit.poison.meaning})")
    text = _text(value)
    if text is not None:
        return Sense("text", f'the text "{text}" (bytes of a string, so memory was overwritten or is of another type)')
    if is_mapped(dump, value):
        name = live(value)
        return Sense("mapped", f"a mapped address{f' ({name})' if name else ''}")
    flipped = _flipped(value, dump, live)
    if flipped is not None:
        return flipped
    if hit is not None:
        return Sense("poison", f"near {hit.poison.name} ({hit.poison.meaning})", sure=False)
    if value < 1 << 32:
        return Sense("small", f"{value:#x} (a small number, not a kernel address)")
    if value < dump.architecture.user_end:
        return Sense("user", "a user-space address")
    if value < dump.architecture.kernel_start:
        return Sense("noncanonical", "a non-canonical address (no pointer at all)")
    return Sense("unmapped", "a kernel address with nothing there")


def is_mapped(dump: Dump, address: int) -> bool:
    """There is memory at an address in the kernel's half. What the dump has in the user's half tells nothing."""
    return address >= _KERNEL_HALF and dump.read(address, 1) is not None


def _error(value: int) -> Sense:
    number = (1 << 64) - value
    known = errno.BY_NUMBER.get(number)
    name = f" {known.name}" if known else ""
    return Sense("error", f"ERR_PTR(-{number}){name}" + (f" ({known.meaning})" if known else ""))


def _text(value: int) -> str | None:
    data = value.to_bytes(8, "little").rstrip(b"\0")
    if len(data) >= _TEXT_MIN and all(0x20 <= byte < 0x7F for byte in data):
        # An address of the kernel has 0xffff on top, a user's address 0: neither is text.
        return data.decode("ascii")
    return None


def _flipped(value: int, dump: Dump, live: Callable[[int], str | None]) -> Sense | None:
    """A pointer to something that lives, but for one bit."""
    found = []
    for bit in _BITS:
        other = value ^ 1 << bit
        if other >= dump.architecture.kernel_start and dump.read(other, 1) is not None:
            name = live(other)
            if name is not None:
                found.append((bit, name))
    if len(found) != 1:
        return None
    bit, name = found[0]
    return Sense("flipped", f"one bit away from {value ^ 1 << bit:#x}, {name} (bit {bit} differs)", sure=False)
