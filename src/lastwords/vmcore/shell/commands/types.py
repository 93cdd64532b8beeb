"""Types."""

import argparse
import re
import shlex
from typing import TYPE_CHECKING

import drgn

from lastwords.vmcore.shell import from_drgn
from lastwords.vmcore.shell.command import CommandError, argument, command, out
from lastwords.vmcore.shell.symbols import address_of

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell


@command(
    "struct",
    "a struct's or union's definition, or its content at an address",
    argument("TYPE[.MEMBER[,MEMBER]...] [ADDRESS | SYMBOL][:CPUS] [COUNT] [-o] [-x | -d] [-l OFFSET]", text=""),
    raw=True,
    aliases={"union": "struct", "size": "struct"},
)
def struct(shell: "Shell", given: argparse.Namespace) -> None:
    """Print a type, or the object at an address, whole or some members of it; -o the members' offsets or addresses.

    The word struct may be left out: `task_struct.pid,comm ffff888003c40000`.
    """
    words = shlex.split(given.text)
    if "-o" in words:
        words.remove("-o")
        _print_offsets(shell, words)
    else:
        from_drgn.run(shell, "*", words)  # for structs and unions


def _print_offsets(shell: "Shell", words: list[str]) -> None:
    if not words or len(words) > 2:
        raise CommandError("struct -o: a type, and perhaps an address")
    name, _, wanted = words[0].partition(".")
    kind = _struct(shell.prog, name)
    base = address_of(shell.prog, words[1]) if len(words) == 2 else None
    if wanted:
        for path in wanted.split(","):
            offset, member = _member(kind, path)
            out(f"  {_place(offset, base)} {declared(member, path)}")
        return
    out(f"{kind.type_name()} {{")
    for each in kind.members or ():
        out(f"  {_place(each.bit_offset // 8, base)} {declared(each.type, each.name or '')}{_bits(each)}")
    out("}")
    out(f"SIZE: {drgn.sizeof(kind)}")


def _place(offset: int, base: int | None) -> str:
    return f"{f'[{offset}]':>7}" if base is None else f"[{base + offset:x}]"


def _bits(member: drgn.TypeMember) -> str:
    return f" : {member.bit_field_size}" if member.bit_field_size is not None else ""


def _struct(prog: drgn.Program, name: str) -> drgn.Type:
    found = from_drgn.find_type(prog, name)
    if found is None:
        raise CommandError(f"no struct or union {name}")
    return found.unaliased()


def _member(kind: drgn.Type, path: str) -> tuple[int, drgn.Type]:
    """Offset and type of a member, which may be one of a member's."""
    offset = 0
    for name in path.split("."):
        member = kind.unaliased().member(name)
        offset += member.bit_offset // 8
        kind = member.type
    return offset, kind


def declared(kind: drgn.Type, name: str) -> str:
    """A variable's declaration in C."""
    text = str(kind.type_name())
    if "(*" in text:
        return text.replace("(*", f"(*{name}", 1) + ";"
    match = re.fullmatch(r"(.*?) ?((?:\[\d*\])+)", text)
    text, behind = (match[1], match[2]) if match else (text, "")
    return f"{text}{'' if text.endswith('*') else ' '}{name}{behind};"


@command(
    "whatis",
    "what a type or a variable is",
    argument("[struct | union | enum] TYPE[.MEMBER] | SYMBOL", text=""),
    raw=True,
)
def whatis(shell: "Shell", given: argparse.Namespace) -> None:
    """Print the definition of a type, the declaration of a member, a variable or a function; -o as struct has it."""
    words = shlex.split(given.text)
    if "-o" in words:
        words.remove("-o")
        _print_offsets(shell, words[-1:])
        return
    text = " ".join(words)
    name, _, path = text.split(" ")[-1].partition(".")
    if path and (kind := from_drgn.find_type(shell.prog, name)) is not None:
        offset, member = _member(kind, path)
        out(f"{declared(member, path)}  /* at {offset}, {drgn.sizeof(member)} bytes */")
        return
    if len(words) == 2:
        found = shell.prog.type(text)
        out(f"{found}\nSIZE: {drgn.sizeof(found)}")
        return
    from_drgn.run(shell, "whatis", [text])
