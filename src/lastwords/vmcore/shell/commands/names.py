"""Symbols."""

import argparse
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import drgn

from lastwords.vmcore.shell.command import CommandError, argument, command, flag, out
from lastwords.vmcore.shell.symbols import address_of, in_module

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell


@command(
    "sym",
    "symbols and their addresses",
    flag("-l", text="all symbols"),
    argument("-m", metavar="MODULE", text="all of a module"),
    argument("-q", metavar="TEXT", text="all with this in their name"),
    argument("words", nargs="*", metavar="NAME|ADDRESS", text="a symbol, or an address in what one names"),
)
def sym(shell: "Shell", given: argparse.Namespace) -> None:
    """Print address, type and name; T is a function, t one that only its file knows."""
    if given.l or given.m is not None or given.q is not None:
        symbols = sorted(shell.prog.symbols(), key=lambda symbol: symbol.address)
        if given.q is not None:
            symbols = [symbol for symbol in symbols if given.q in symbol.name]
        if given.m is not None:
            symbols = _in_module(shell.prog, symbols, given.m)
        if not symbols:
            raise CommandError("sym: no symbol found")
        for symbol in symbols:
            _print(shell.prog, symbol, symbol.address)
        return
    if not given.words:
        raise CommandError("sym: a name or an address, please; see: help sym")
    missing = []
    for word in given.words:
        try:
            _print_word(shell.prog, word)
        except LookupError:
            missing.append(word)
    if missing:
        near = _similar(shell.prog, missing[0])
        raise CommandError(f"no symbol {', '.join(missing)}{f'; there are {near}' if near else ''}")


def _print_word(prog: drgn.Program, word: str) -> None:
    if not re.fullmatch(r"(?:0x)?[0-9a-fA-F]{5,16}", word) and "+" not in word:
        found = prog.symbols(word)
        if found:
            for symbol in found:
                _print(prog, symbol, symbol.address, _source(prog, symbol.address))
            return
    address = address_of(prog, word)
    _print(prog, prog.symbol(address), address, _source(prog, address))


def _print(prog: drgn.Program, symbol: drgn.Symbol, address: int, source: str = "") -> None:
    function = symbol.kind == drgn.SymbolKind.FUNC
    letter = ("t" if symbol.binding == drgn.SymbolBinding.LOCAL else "T") if function else "?"
    offset = f"+{address - symbol.address}" if address > symbol.address else ""
    out(f"{address:016x} ({letter}) {symbol.name}{offset}{in_module(prog, address)}{source}")


def _source(prog: drgn.Program, address: int) -> str:
    try:
        locations = prog.source_location(address)
        return f"  {locations[0].filename}: {locations[0].line}"
    except (LookupError, IndexError, AttributeError):
        return ""


def _in_module(prog: drgn.Program, symbols: Iterable[drgn.Symbol], name: str) -> list[drgn.Symbol]:
    for module in prog.modules():
        if module.name == name and isinstance(module, drgn.RelocatableModule):
            ranges = module.address_ranges or ()
            return [symbol for symbol in symbols if any(low <= symbol.address < high for low, high in ranges)]
    raise CommandError(f"sym: no module {name}")


def _similar(prog: drgn.Program, name: str) -> str:
    """A few symbols that hold what was typed."""
    if len(name) < 4 or not re.fullmatch(r"[A-Za-z_]\w*", name):
        return ""
    found = sorted(
        {symbol.name for symbol in prog.symbols() if name in symbol.name}, key=lambda each: (len(each), each)
    )
    return ", ".join(found[:5])
