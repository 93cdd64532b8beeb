"""The symbol tables of loaded modules: `struct mod_kallsyms`, which kernel/module/kallsyms.c fills."""

import struct
from collections.abc import Iterable

import drgn
from drgn import SymbolBinding, SymbolKind

_BINDINGS = {0: SymbolBinding.LOCAL, 1: SymbolBinding.GLOBAL, 2: SymbolBinding.WEAK}
_KINDS = {1: SymbolKind.OBJECT, 2: SymbolKind.FUNC, 3: SymbolKind.SECTION}
_SYMBOLS_MAX, _ALL_MAX = 200_000, 2_000_000
_STRINGS_MAX = 64 << 20


def module_symbols(modules: Iterable[drgn.Object]) -> tuple[list[drgn.Symbol], list[str]]:
    """The symbols of some modules.

    Args:
        modules: `struct module *` objects.

    Returns:
        All symbols, and for each module whose table can't be read its name and why.
    """
    found: list[drgn.Symbol] = []
    failed: list[str] = []
    for module in modules:
        if len(found) > _ALL_MAX:
            break
        try:
            found += _symbols(module)
        except Exception as error:  # any of drgn's many, for a damaged or truncated dump
            failed.append(f"{module.name.string_().decode('ascii', 'replace')}: {error}")
    return found, failed


def _symbols(module: drgn.Object) -> list[drgn.Symbol]:
    prog = module.prog_
    # Linux 4.5 moved the fields from struct module to struct mod_kallsyms.
    table = module.kallsyms if module.type_.type.has_member("kallsyms") else module
    size = drgn.sizeof(table.symtab.type_.type)
    number = table.num_symtab.value_()
    if not 0 < number <= _SYMBOLS_MAX:
        return []
    blob = prog.read(table.symtab.value_(), number * size)
    order = "<" if prog.platform and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags else ">"
    if size == 24:
        rows = [(n, v, s, i) for n, i, _, x, v, s in struct.iter_unpack(order + "IBBHQQ", blob) if x]
    else:
        rows = [(n, v, s, i) for n, v, s, i, _, x in struct.iter_unpack(order + "IIIBBH", blob) if x]
    last = max((name for name, *_ in rows), default=0)
    if not 0 < last <= _STRINGS_MAX:
        return []
    strings = (
        prog.read(table.strtab.value_(), last) + prog.read_c_string(table.strtab.value_() + last, max_size=512) + b"\0"
    )
    # Before Linux 5.2 the kernel wrote nm's letter over st_info.
    describe = _described if table.type_.type.has_member("typetab") else _lettered
    return [
        drgn.Symbol(name, address, size, *describe(info))
        for at, address, size, info in rows
        # Mapping symbols of arm64, and labels.
        if (name := _name(strings, at)) and not name.startswith(("$", ".L"))
    ]


def _described(info: int) -> tuple[SymbolBinding, SymbolKind]:
    return _BINDINGS.get(info >> 4, SymbolBinding.UNKNOWN), _KINDS.get(info & 0xF, SymbolKind.UNKNOWN)


def _lettered(info: int) -> tuple[SymbolBinding, SymbolKind]:
    letter = chr(info)
    binding = SymbolBinding.GLOBAL if letter.isupper() else SymbolBinding.LOCAL
    return binding, SymbolKind.FUNC if letter in "tT" else SymbolKind.OBJECT


def _name(strings: bytes, at: int) -> str:
    return strings[at : strings.find(b"\0", at)].decode("ascii", "replace")
