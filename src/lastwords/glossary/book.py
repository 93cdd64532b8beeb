"""All terms by subject: those of `terms/*.toml`, and those made from the tables."""

import re
import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from . import errno, poison, taints
from .term import Subject, Term

# In the order in which they are listed and searched.
_FILES = (
    "lines",
    "faults",
    "hangs",
    "memory",
    "locks",
    "rcu",
    "panics",
    "devices",
    "registers",
    "tasks",
    "settings",
    "dumps",
)

_RANGE = re.compile(r"([a-z]+)(\d+)\.\.\1(\d+)")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    terms: tuple[Term, ...]


@cache
def subjects() -> tuple[Subject, ...]:
    """Every subject with its terms."""
    return (*(_read(name) for name in _FILES), _taints(), _errnos(), _poisons())


def _read(name: str) -> Subject:
    text = files(__package__).joinpath("terms", f"{name}.toml").read_text(encoding="utf-8")
    file = msgspec.convert(tomllib.loads(text), _File)
    return Subject(name, file.title, tuple(_finished(term) for term in file.terms))


def _finished(term: Term) -> Term:
    """A term as written by hand: its paragraph unfolded, `x1..x29` in its aliases spelled out."""
    aliases = tuple(alias for written in term.aliases for alias in _spelled_out(written))
    return msgspec.structs.replace(term, long=" ".join(term.long.split()), aliases=aliases)


def _spelled_out(alias: str) -> tuple[str, ...]:
    match = _RANGE.fullmatch(alias)
    if match is None:
        return (alias,)
    return tuple(f"{match[1]}{n}" for n in range(int(match[2]), int(match[3]) + 1))


def _taints() -> Subject:
    none = Term("G", taints.NO_PROPRIETARY, "It stands where P would, and is no taint by itself.", see=_TAINT_SEE)
    terms = tuple(
        Term(
            taint.letter if taint in taints.TAINTS else taint.name,
            f"taint flag {taint.name}: {taint.meaning}",
            " ".join(
                (f"Bit {taint.bit} of /proc/sys/kernel/tainted, {1 << taint.bit}.", _TAINT_ADVICE.get(taint.name, ""))
            ),
            aliases=(taint.name, f"TAINT_{taint.name}", f"taint {taint.letter}"),
            see=_TAINT_SEE,
            related=("Tainted",),
        )
        for taint in (*taints.TAINTS, *taints.RED_HAT_TAINTS)
    )
    return Subject("taints", "taint flags: what has happened to this kernel before", (none, *terms))


_TAINT_SEE = "Documentation/admin-guide/tainted-kernels.rst"
_TAINT_ADVICE = {
    "PROPRIETARY_MODULE": "Kernel developers will ask to reproduce the crash without it.",
    "MACHINE_CHECK": "Look for the hardware error first: everything later may be its consequence.",
    "BAD_PAGE": "Memory was corrupted before this report: look for the first one.",
    "DIE": "Look for an earlier oops; what this one says may be its consequence.",
    "WARN": "Look for the first WARNING; often it tells more than the crash.",
    "OOT_MODULE": "`Modules linked in:` marks it with (O): the first suspect where it is on the trace.",
    "UNSIGNED_MODULE": "Often a module that was built on the machine itself (DKMS).",
    "SOFTLOCKUP": "Look for the first `soft lockup` line.",
    "AUX": "SUSE marks modules with it that others support; Ubuntu's and Debian's kernels don't set it.",
}


def _errnos() -> Subject:
    terms = tuple(
        Term(
            entry.name,
            f"error {entry.number}: {entry.meaning}",
            aliases=tuple(name for name, other in errno.BY_NAME.items() if other is entry and name != entry.name),
            see=f"include/{'uapi/asm-generic' if entry.number < 512 else 'linux'}/errno.h",
            related=("ERR_PTR",),
        )
        for entry in errno.ERRNOS
    )
    return Subject("errors", "error numbers, and pointers that hold one", (_ERR_PTR, *terms))


_ERR_PTR = Term(
    "ERR_PTR",
    "a pointer that is no pointer but an error number: from 0xfffffffffffff001 (-4095) to 0xffffffffffffffff (-1)",
    "Functions return it instead of NULL; who forgets IS_ERR() uses it as a pointer, and faults at an address near the "
    "top of memory or, with a large offset, at a small one. To decode one: `explain 0xfffffffffffffff4`.",
    aliases=("IS_ERR", "PTR_ERR", "error pointer"),
    see="include/linux/err.h",
    related=("ENOMEM",),
)


def _poisons() -> Subject:
    terms: dict[str, Term] = {}
    for entry in poison.POISONS:
        term = terms.get(entry.name)
        text = written(entry)
        terms[entry.name] = (
            Term(entry.name, f"{text}: {entry.meaning}", aliases=(text,), see=entry.source, related=("poison",))
            if term is None
            else msgspec.structs.replace(term, aliases=(*term.aliases, text))
        )
    return Subject(
        "poison", "values that the kernel writes so that a wrong use of memory shows", (_POISON, *terms.values())
    )


_POISON = Term(
    "poison",
    "values that the kernel writes into dead or unwritten memory, so that a wrong use of it shows",
    "6b6b6b6b6b6b6b6b: freed slab memory. 5a5a…: never written. dead000000000100 and …122: taken off a list. An "
    "address that is poison plus a little is a field of such an object. Any value: `explain dead000000000122`.",
    aliases=("poison value", "poison values"),
    see="include/linux/poison.h",
    related=("POISON_FREE", "LIST_POISON1", "red zone"),
)


def written(entry: poison.Poison) -> str:
    """A poison value as one meets it in a register."""
    if entry.form == "byte":
        return f"{entry.value:02x}" * 8
    if entry.form == "pointer":
        return f"{0xDEAD000000000000 + entry.value:x}"
    return f"{entry.value:x}"
