"""Which machine and kernel this was: names, clocks, load."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import drgn
from drgn.helpers.linux.sched import loadavg

from lastwords.glossary.taints import from_mask

from .clock import uptime, wall_time
from .part import Partial, part
from .strings import decoded, one_line, text

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_LONGEST_COMMAND_LINE = 4096

# As `uname -m` prints them.
_MACHINES = {
    drgn.Architecture.X86_64: "x86_64",
    drgn.Architecture.I386: "i686",
    drgn.Architecture.AARCH64: "aarch64",
    drgn.Architecture.ARM: "armv7l",
    drgn.Architecture.PPC64: "ppc64",
    drgn.Architecture.S390X: "s390x",
    drgn.Architecture.RISCV64: "riscv64",
}


@part("")
def identity(kernel: "Kernel") -> Partial:
    """What tells the machine and the kernel apart from others."""
    fields: dict[str, Any] = {
        "release": kernel.symbols.release,
        "version": kernel.symbols.banner,
        "build_id": kernel.symbols.build_id,
    }
    problems = []
    for name, read in _FIELDS.items():
        try:
            fields[name] = read(kernel)
        except Exception as failure:  # each stands alone
            problems.append(f"{name}: {one_line(failure)}")
    return Partial(fields, problems)


def _architecture(kernel: "Kernel") -> str | None:
    try:
        name = decoded(kernel.prog["init_uts_ns"].name.machine.string_())
    except Exception:  # not in the dump, or no types
        name = ""
    platform = kernel.prog.platform
    return name or (_MACHINES.get(platform.arch) if platform else None)


def _hostname(kernel: "Kernel") -> str:
    return decoded(kernel.prog["init_uts_ns"].name.nodename.string_())


def _command_line(kernel: "Kernel") -> str | None:
    prog = kernel.prog
    pointer = prog.read_word(prog.symbol("saved_command_line").address)
    return text(prog, pointer, _LONGEST_COMMAND_LINE)


def _load(kernel: "Kernel") -> tuple[float, ...]:
    return tuple(round(value, 2) for value in loadavg(kernel.prog))


def _taints(kernel: "Kernel") -> str:
    mask = kernel.prog.read_word(kernel.prog.symbol("tainted_mask").address)
    return "".join(taint.letter for taint in from_mask(mask))


def _read_by(kernel: "Kernel") -> int | None:
    return os.getpid() if drgn.ProgramFlags.IS_LIVE in kernel.prog.flags else None


_FIELDS: dict[str, Callable[["Kernel"], Any]] = {
    "architecture": _architecture,
    "hostname": _hostname,
    "command_line": _command_line,
    "time": wall_time,
    "uptime": uptime,
    "load": _load,
    "taints": _taints,
    "read_by": _read_by,
}
