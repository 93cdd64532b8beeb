"""Values."""

import argparse
import re
import shutil
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.percpu import per_cpu

from lastwords.vmcore.machine.clock import per_cpu_offsets
from lastwords.vmcore.machine.strings import text as string_at
from lastwords.vmcore.shell.command import CommandError, argument, command, out
from lastwords.vmcore.shell.expressions import evaluate

from .stacks import cpu_numbers
from .types import declared

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell

_FLAGS = re.compile(r"(?:-([xdu])\s+)?(.*)", re.DOTALL)
_ON_CPUS = re.compile(r"(.*[\w\])]):\s*(a|all|[\d,-]+)\s*")
_SIZE_UNITS = ("", "KB", "MB", "GB", "TB", "PB")


@command(
    "p",
    "the value of a C expression",
    argument("[-x | -d] EXPRESSION[:CPUS]", text=""),
    raw=True,
    aliases={"px": "p -x", "pd": "p -d", "p/x": "p -x", "p/d": "p -d"},
)
def p(shell: "Shell", given: argparse.Namespace) -> None:
    """Print what an expression is worth: `p init_task.comm`, `p *(struct list_head *)0xffff…`, `p runqueues:0`.

    -x prints numbers in hexadecimal, -d in decimal. Of a per-CPU variable, all addresses; `:0`, `:0,2-3` or `:a`
    behind it gives its value there.
    """
    match = _FLAGS.fullmatch(given.text.strip())
    if match is None or not match[2]:
        raise CommandError("p: an expression, please")
    base = 16 if match[1] == "x" else 10 if match[1] == "d" else shell.prog.config.get("crash_radix", 10)
    expression = match[2].strip()
    on_cpus = _ON_CPUS.fullmatch(expression)
    if on_cpus:
        value = evaluate(shell.prog, on_cpus[1])
        for number in cpu_numbers(on_cpus[2], per_cpu_offsets(shell.kernel)):
            out(f"per_cpu({on_cpus[1]}, {number}) = {formatted(per_cpu(value, number), base)}")
        return
    if re.fullmatch(r"[A-Za-z_]\w*", expression):
        _print_variable(shell, expression, base)
        return
    out(f"{expression} = {formatted(evaluate(shell.prog, expression), base)}")


def _print_variable(shell: "Shell", name: str, base: int) -> None:
    prog = shell.prog
    try:
        value = prog[name]
    except KeyError:
        try:
            address = prog.symbol(name).address
        except LookupError:
            raise LookupError(f"{name}: no such variable, constant or function") from None
        raise CommandError(
            f"{name}: at {address:#x}, of a type that is not known; try: p *(TYPE *){address:#x}"
        ) from None
    if value.address_ is not None and _is_per_cpu(prog, value.address_):
        out("PER-CPU DATA TYPE:")
        out(f"  {declared(value.type_, name)}")
        out("PER-CPU ADDRESSES:")
        for number, offset in sorted(per_cpu_offsets(shell.kernel).items()):
            out(f"  [{number}]: {value.address_ + offset & (1 << 64) - 1:x}")
        return
    out(f"{name} = {formatted(value, base)}")


def _is_per_cpu(prog: drgn.Program, address: int) -> bool:
    try:
        return bool(prog.symbol("__per_cpu_start").address <= address < prog.symbol("__per_cpu_end").address)
    except LookupError:
        return False


def formatted(value: drgn.Object, base: int) -> str:
    """An object as text."""
    kind = value.type_.unaliased()
    if kind.kind == drgn.TypeKind.FUNCTION:
        return f"{{{value.type_.type_name()}}} {value.address_:#x}"
    if kind.kind == drgn.TypeKind.ARRAY and kind.length is None and drgn.sizeof(kind.type) == 1:
        # Nothing says how long it is but the string in it.
        return f'({value.type_.type_name()})"{string_at(value.prog_, value.address_ or 0, 4096) or ""}"'
    columns = shutil.get_terminal_size().columns
    return str(value.format_(columns=columns, dereference=False, integer_base=base))


@command("eval", "a number in all notations", argument("[-b] [-l] EXPRESSION", text=""), raw=True)
def eval_(shell: "Shell", given: argparse.Namespace) -> None:
    """Print an expression in hexadecimal, decimal, octal and binary; -b the numbers of the bits that are set.

    Numbers with letters or 0x are hexadecimal; k, m and g multiply. Symbols stand for their addresses.
    """
    words = given.text.split()
    flags = [word for word in words if word in ("-b", "-l")]
    expression = " ".join(word for word in words if word not in ("-b", "-l"))
    if not expression:
        raise CommandError("eval: an expression, please")
    value = evaluate(shell.prog, expression, hexadecimal=True)
    number = value.address_ if value.type_.unaliased().kind == drgn.TypeKind.FUNCTION else value.value_()
    if not isinstance(number, int):
        raise CommandError(f"eval: {expression} is not a number")
    unsigned = number & (1 << 64) - 1
    signed = unsigned - (1 << 64) if unsigned >> 63 else unsigned
    out(f"hexadecimal: {unsigned:x}{_size(unsigned)}")
    out(f"    decimal: {unsigned}{f'  ({signed})' if signed < 0 else ''}")
    out(f"      octal: {unsigned:o}")
    out(f"     binary: {unsigned:064b}")
    if "-b" in flags:
        out(f"   bits set: {' '.join(str(bit) for bit in range(63, -1, -1) if unsigned >> bit & 1)}")


def _size(number: int) -> str:
    power = 0
    while number and number % 1024 == 0 and power < len(_SIZE_UNITS) - 1:
        number //= 1024
        power += 1
    return f"  ({number}{_SIZE_UNITS[power]})" if power else ""
