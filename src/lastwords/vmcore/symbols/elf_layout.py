"""Which parts of a kernel's memory become which sections of a file that objdump, nm and gdb read."""

from collections.abc import Iterator
from typing import NamedTuple

from .kallsyms import Kallsyms

WRITE, ALLOC, EXEC = 1, 2, 4
_SIZE_MAX = 512 << 20


class Piece(NamedTuple):
    """One section: a name, its addresses, ELF flags, and whether its bytes are to be written."""

    name: str
    start: int
    end: int
    flags: int
    has_bytes: bool


class _Section(NamedTuple):
    """A section, as the symbols around it that arch/*/kernel/vmlinux.lds.S defines, or the first pair that exists."""

    name: str
    borders: tuple[tuple[str, str], ...]
    flags: int
    has_bytes: bool


# What is inside of others stands first.
_INNER = (
    _Section(".orc_unwind_ip", (("__start_orc_unwind_ip", "__stop_orc_unwind_ip"),), ALLOC, True),
    _Section(".orc_unwind", (("__start_orc_unwind", "__stop_orc_unwind"),), ALLOC, True),
    _Section(
        ".BTF",
        (("__start_BTF", "__stop_BTF"), ("_binary__btf_vmlinux_bin_start", "_binary__btf_vmlinux_bin_end")),
        ALLOC,
        True,
    ),
)
_OUTER = (
    _Section(".text", (("_stext", "_etext"),), ALLOC | EXEC, True),
    _Section(".rodata", (("__start_rodata", "__end_rodata"),), ALLOC, True),
    _Section(".data", (("_sdata", "_edata"),), ALLOC | WRITE, False),
    # Its memory has been given away after boot.
    _Section(".init.text", (("_sinittext", "_einittext"),), ALLOC | EXEC, False),
    _Section(".bss", (("__bss_start", "__bss_stop"), ("__bss_start", "_end")), ALLOC | WRITE, False),
)


def kernel_pieces(kallsyms: Kallsyms) -> list[Piece]:
    """The sections of the kernel itself, in the order of their addresses and none within another."""
    inner = sorted(_found(kallsyms, _INNER), key=lambda piece: piece.start)
    pieces = list(inner)
    for outer in _found(kallsyms, _OUTER):
        pieces += _without(outer, inner)
    return sorted(pieces, key=lambda piece: piece.start)


def _found(kallsyms: Kallsyms, sections: tuple[_Section, ...]) -> Iterator[Piece]:
    for section in sections:
        for first, last in section.borders:
            start, end = kallsyms.address(first), kallsyms.address(last)
            if start is not None and end is not None and 0 < end - start <= _SIZE_MAX:
                yield Piece(section.name, start, end, section.flags, section.has_bytes)
                break


def _without(outer: Piece, inner: list[Piece]) -> Iterator[Piece]:
    """What is left of a section beside those inside of it."""
    start = outer.start
    for piece in inner:
        if outer.start <= piece.start < outer.end:
            if start < piece.start:
                yield outer._replace(start=start, end=piece.start)
            start = max(start, piece.end)
    if start < outer.end:
        yield outer._replace(start=start)
