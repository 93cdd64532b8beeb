"""The kinds of crash that lastwords knows, as one table of data.

A kind is one entry in the module of its subject. Order matters: of the forms that fit a line the first one counts,
so what is special stands before what is general.
"""

from functools import cache

from . import (
    bugs,
    devices,
    faults,
    filesystem,
    generic,
    hangs,
    hardware,
    hypervisor,
    lockdep,
    memory,
    panics,
    remains,
    sanitizers,
    storage,
)
from .entry import Family, Form, Kind, Where

KINDS: tuple[Kind, ...] = (
    *sanitizers.KINDS,
    *lockdep.KINDS,
    *hangs.KINDS,
    *hypervisor.KINDS,
    *hardware.KINDS,
    *faults.KINDS,
    *bugs.KINDS,
    *memory.KINDS,
    *devices.KINDS,
    *storage.KINDS,
    *filesystem.KINDS,
    *panics.KINDS,
    *generic.KINDS,
    *remains.KINDS,
)


@cache
def literals() -> tuple[str, ...]:
    """What the first sieve looks for: every literal of every form, once."""
    return tuple(dict.fromkeys(form.literal for kind in KINDS for form in kind.forms))


@cache
def events() -> frozenset[str]:
    """The kinds of failure that a kernel survives."""
    return frozenset(kind.name for kind in KINDS if kind.event)


__all__ = ["KINDS", "Family", "Form", "Kind", "Where", "events", "literals"]
