"""A vmlinux from a dump: the kernel's sections and those of its modules, in one ELF file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import drgn
from drgn import SymbolBinding, SymbolKind

from .elf_layout import ALLOC, EXEC, Piece, kernel_pieces
from .elf_writer import ElfSymbol, kallsyms_symbols, write_elf
from .kallsyms import Kallsyms

_TEXT_MAX = 256 << 20
_LETTERS = {SymbolKind.FUNC: "t", SymbolKind.OBJECT: "d"}


def rebuild_vmlinux(
    prog: drgn.Program,
    path: Path,
    kallsyms: Kallsyms,
    modules: Iterable[drgn.Object],
    module_symbols: Iterable[drgn.Symbol],
    build_id: bytes | None,
) -> int:
    """Write what the dump has of the kernel and its modules' text into an ELF file.

    Returns:
        How many symbols it has.

    Raises:
        OSError: the file can't be written.
        KeyError: a machine that is not supported.
    """
    pieces = kernel_pieces(kallsyms)
    pieces += (piece for piece in _module_pieces(modules) if not _overlaps(piece, pieces))
    platform = prog.platform
    little = platform is not None and drgn.PlatformFlags.IS_LITTLE_ENDIAN in platform.flags
    return write_elf(
        path,
        prog.read,
        sorted(pieces, key=lambda piece: piece.start),
        [*kallsyms_symbols(kallsyms), *map(_elf_symbol, module_symbols)],
        build_id,
        machine=platform.arch.name if platform is not None else "",
        order="<" if little else ">",
    )


def _module_pieces(modules: Iterable[drgn.Object]) -> Iterator[Piece]:
    for module in modules:
        try:
            name = module.name.string_().decode("ascii", "replace")
            start, size = module_text(module)
        except (LookupError, AttributeError, drgn.FaultError):
            continue
        if 0 < size <= _TEXT_MAX:
            yield Piece(f".text.{name}", start, start + size, ALLOC | EXEC, True)


def module_text(module: drgn.Object) -> tuple[int, int]:
    """Address and size of a module's code (`struct module` of include/linux/module.h)."""
    kind = module.type_.type
    if kind.has_member("mem"):  # Linux 6.4; MOD_TEXT is the first
        return module.mem[0].base.value_(), module.mem[0].size.value_()
    if kind.has_member("core_layout"):  # Linux 4.5
        return module.core_layout.base.value_(), module.core_layout.text_size.value_()
    return module.module_core.value_(), module.core_text_size.value_()


def _overlaps(piece: Piece, others: list[Piece]) -> bool:
    """True for what only a damaged dump has."""
    return any(piece.start < other.end and other.start < piece.end for other in others)


def _elf_symbol(symbol: drgn.Symbol) -> ElfSymbol:
    letter = _LETTERS.get(symbol.kind, "r")
    shown = letter.upper() if symbol.binding == SymbolBinding.GLOBAL else letter
    return ElfSymbol(symbol.name, symbol.address, symbol.size, shown)
