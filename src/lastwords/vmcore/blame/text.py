"""The kernel's text in the dump against the vmlinux."""

from lastwords.model import FlippedBit

from .function import Dump, Function


def flipped_bits(dump: Dump, vmlinux: str | None, function: Function) -> tuple[FlippedBit, ...]:
    """Bits of a function that differ from the vmlinux."""
    return ()
