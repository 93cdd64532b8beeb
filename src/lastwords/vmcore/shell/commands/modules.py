"""Modules."""

import argparse
from typing import TYPE_CHECKING

from lastwords.vmcore.machine import collect
from lastwords.vmcore.shell.command import CommandError, argument, command, flag, out

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell


@command(
    "mod",
    "loaded modules",
    flag("-t", text="the taints of those that taint the kernel"),
    argument("-s", metavar="NAME", text="the one of this name"),
    flag("-S", text="all, as by default: debuginfo is found when the dump is opened, also in --modules-dir"),
    aliases={"lsmod": "mod"},
)
def mod(shell: "Shell", given: argparse.Namespace) -> None:
    """List the modules: where its struct and its text are, its size, what is known of it."""
    modules = collect(shell.kernel, only=("modules",)).modules
    if modules is None:
        raise CommandError("the list of modules is not in the dump")
    shown = [module for module in modules if given.s in (None, module.name)]
    if not shown:
        if given.s is None:
            out("(no modules are loaded)")
            return
        raise CommandError(f"mod: no module {given.s}")
    width = max(4, *(len(module.name) for module in shown))
    if given.t:
        out(f"{'NAME':<{width}}  TAINTS")
        for module in shown:
            if module.taints:
                out(f"{module.name:<{width}}  {module.taints}")
        return
    places = {each.name.string_().decode("ascii", "replace"): each.value_() for each in shell.kernel.modules}
    symbols = shell.kernel.symbols
    known = dict.fromkeys(symbols.module_types, "types from BTF") | dict.fromkeys(symbols.module_debuginfo, "debuginfo")
    out(f"     MODULE       {'NAME':<{width}}  TEXT_BASE            SIZE  OBJECT FILE")
    for module in shown:
        start = f"{places.get(module.name, 0):016x}  {module.name:<{width}}  {module.address or 0:016x}"
        out(f"{start}  {module.size or 0:>7}  ({known.get(module.name, 'names only')})")
