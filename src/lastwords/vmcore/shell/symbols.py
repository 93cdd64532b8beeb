"""Addresses by name: symbol and offset, module, slab cache."""

import re

import drgn
from drgn.helpers.linux.slab import find_containing_slab_cache

from lastwords.vmcore.machine.strings import decoded

from .command import CommandError
from .expressions import evaluate

_FURTHEST = 1 << 20
"""Bytes behind a symbol that are still taken for its own: kallsyms knows no sizes, and the last one has no end."""


def symbolic(prog: drgn.Program, address: int, *, inside: int | None = None) -> str | None:
    """`schedule+5`, or None.

    Args:
        prog: what it is in.
        address: the address.
        inside: an address in the same function: of a return address behind a call that never returns, the call's.
    """
    try:
        symbol = prog.symbol(address if inside is None else inside)
    except LookupError:
        return None
    offset = address - symbol.address
    if not 0 <= offset <= _FURTHEST:
        return None
    return f"{symbol.name}+{offset}" if offset else symbol.name


def in_module(prog: drgn.Program, address: int) -> str:
    """` [ext4]` for an address in a module, else nothing."""
    try:
        module = prog.module(address)
    except LookupError:
        return ""
    return f" [{module.name}]" if isinstance(module, drgn.RelocatableModule) else ""


def slab_cache_of(prog: drgn.Program, address: int) -> str | None:
    """The slab cache of the object at an address."""
    try:
        cache = find_containing_slab_cache(prog, address)
    except Exception:  # drgn raises what fits: no types, or pages that are not in the dump
        return None
    return decoded(cache.name.string_()) if cache else None


def address_of(prog: drgn.Program, text: str) -> int:
    """What a user means by `schedule`, `schedule+5`, `ffffffff81000000`, `(init_task.stack)`, `&init_task`.

    Raises:
        CommandError: it is no address.
        LookupError: there is no such symbol.
    """
    word = text.strip()
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{5,16}", word):
        return int(word, 16)
    match = re.fullmatch(r"([\w.]+?)(?:([+-])(\w+))?", word)
    name = match[1] if match else word
    try:
        start = prog.symbol(name).address
    except LookupError:
        value = evaluate(prog, word, hexadecimal=True)
        number = value.value_() if value.type_.unaliased().kind != drgn.TypeKind.FUNCTION else value.address_
        if not isinstance(number, int):
            raise CommandError(f"{text}: not an address") from None
        return number & (1 << 64) - 1
    if match is None or not match[2]:
        return int(start)
    try:
        distance = int(match[3], 0)
    except ValueError:
        raise CommandError(f"{text}: {match[3]} is no number") from None
    return int(start) + (distance if match[2] == "+" else -distance)
