"""Answers to drgn: types and objects from the BTF in a dump."""

from collections.abc import Sequence

import drgn

from .btf_format import Kind
from .btf_types import BtfTypes
from .globals import GLOBALS, with_lengths

_MOST_ELEMENTS = 1 << 16


class BtfFinder:
    """Answers drgn's questions for types and objects from the BTF of the kernel and its modules."""

    def __init__(self, types: Sequence[BtfTypes]) -> None:
        """Look in all of `types`, one for each BTF blob, the kernel's first."""
        self._types = list(types)
        # drgn itself asks for the same few types again with every stack trace.
        self._found_types: dict[tuple[drgn.TypeKindSet, str], drgn.Type | None] = {}
        # And its helpers again and again for the same constants, most of which only drgn itself knows.
        self._found_objects: dict[tuple[str, drgn.FindObjectFlags], drgn.Object | None] = {}

    def add(self, types: BtfTypes) -> None:
        """Look in these types too, after the others."""
        self._types.append(types)
        self._found_types.clear()
        self._found_objects.clear()

    def find_type(
        self, prog: drgn.Program, kinds: "drgn.TypeKindSet", name: str, filename: str | None
    ) -> drgn.Type | None:
        """The callback for types. BTF knows no source files, so a question with one goes unanswered."""
        if filename:
            return None
        key = kinds, name
        if key not in self._found_types:
            answers = (types.find(kinds, name) for types in self._types)
            self._found_types[key] = next((found for found in answers if found is not None), None)
        return self._found_types[key]

    def find_object(
        self, prog: drgn.Program, name: str, flags: drgn.FindObjectFlags, filename: str | None
    ) -> drgn.Object | None:
        """The callback for constants, variables and functions."""
        if filename:
            return None
        key = name, flags
        if key not in self._found_objects:
            self._found_objects[key] = self._find_object(prog, name, flags)
        return self._found_objects[key]

    def _find_object(self, prog: drgn.Program, name: str, flags: drgn.FindObjectFlags) -> drgn.Object | None:
        if drgn.FindObjectFlags.VARIABLE in flags and (found := self._variable(prog, name)) is not None:
            return found
        for types in self._types:
            if drgn.FindObjectFlags.CONSTANT in flags and (constant := types.btf.constant(name)) is not None:
                return drgn.Object(prog, types.type(constant[0]), value=constant[1])
            if drgn.FindObjectFlags.FUNCTION in flags and (found := _described(types, Kind.FUNC, name)) is not None:
                return found
        return _bare_function(prog, name) if drgn.FindObjectFlags.FUNCTION in flags else None

    def _variable(self, prog: drgn.Program, name: str) -> drgn.Object | None:
        for types in self._types:
            if (found := _described(types, Kind.VAR, name)) is not None:
                return found
        for type_name in GLOBALS.get(name, ()):
            try:
                symbol = prog.symbol(name)
                known = _with_room(prog, with_lengths(type_name, self._constant), symbol.size)
                return drgn.Object(prog, known, address=symbol.address)
            except LookupError:
                # A type that this kernel version doesn't have yet or no more.
                continue
        return None

    def _constant(self, name: str) -> int | None:
        found = (types.btf.constant(name) for types in self._types)
        return next((constant[1] for constant in found if constant), None)


def _with_room(prog: drgn.Program, name: str, size: int) -> drgn.Type:
    """A type by its name; `[*]` is as many elements as `size` bytes hold."""
    if not name.endswith("[*]"):
        return prog.type(name)
    element = prog.type(name.removesuffix("[*]"))
    return prog.array_type(element, min(size // drgn.sizeof(element), _MOST_ELEMENTS))


def _bare_function(prog: drgn.Program, name: str) -> drgn.Object | None:
    """A function that BTF doesn't describe, as `void (...)`: drgn asks for some only to see whether they exist.

    pahole left out those that ftrace can't trace, and those in init sections.
    """
    try:
        symbol = prog.symbol(name)
    except LookupError:
        return None
    if symbol.kind != drgn.SymbolKind.FUNC or not _in_kernel(prog, symbol.address):
        return None
    return drgn.Object(prog, prog.function_type(prog.void_type(), (), True), address=symbol.address)


def _in_kernel(prog: drgn.Program, address: int) -> bool:
    """Functions of modules are for the finder of the modules' BTF, which is asked later."""
    try:
        return any(start <= address < end for start, end in prog.main_module().address_ranges or ())
    except LookupError:
        return True


def _described(types: BtfTypes, kind: Kind, name: str) -> drgn.Object | None:
    """A variable or function that BTF has the type of, at the address that kallsyms has for it."""
    for number in types.btf.numbers(name):
        if types.btf.header(number).kind == kind:
            try:
                address = types.prog.symbol(name).address
            except LookupError:
                return None
            return drgn.Object(types.prog, types.type(number), address=address)
    return None
