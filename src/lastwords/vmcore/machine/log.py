"""The kernel's own log, out of its ring buffer: kernel/printk/."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import drgn

from lastwords.model import Record
from lastwords.vmcore.formats import Unmapped, Vmcoreinfo
from lastwords.vmcore.printk import KernelLog, read_log

from .part import once

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_CPU = 1 << 31
"""Set in a record's caller where that is a CPU, in an interrupt: kernel/printk/printk.c: printk_caller_id()."""


class _Memory:
    """The dump as drgn reads it: also pages that only its own means find, as behind a repaired header."""

    def __init__(self, prog: drgn.Program) -> None:
        self._prog = prog

    def read(self, address: int, size: int) -> bytes:
        try:
            data: bytes = self._prog.read(address, size)
        except Exception:  # drgn raises what fits
            raise Unmapped(address) from None
        return data


@once
def log_records(kernel: "Kernel") -> KernelLog:
    """All records that can be read, the oldest first."""
    info = Vmcoreinfo(kernel.prog["VMCOREINFO"].string_())
    return read_log(_Memory(kernel.prog), info)


def log_lines(kernel: "Kernel", boot_time: float | None = None) -> tuple[Record, ...]:
    """The log line by line.

    Args:
        kernel: the opened dump.
        boot_time: seconds since the epoch at which the machine booted; gives each line its wall-clock time (UTC).
    """
    lines: list[Record] = []
    for record in log_records(kernel).records:
        # Cut off, not rounded, as printk does it.
        time = None if record.nanoseconds is None else record.nanoseconds // 1000 / 10**6
        wall = "" if boot_time is None or time is None else _wall(boot_time + time)
        caller = _caller(record.caller)
        lines += (
            Record(line=len(lines) + place, text=text, time=time, caller=caller, level=record.level, wall=wall)
            for place, text in enumerate(record.text.split("\n"), 1)
        )
    return tuple(lines)


def _caller(number: int | None) -> str:
    """`T123` for a task, `C1` for a CPU, as printk prints it."""
    if number is None:
        return ""
    return f"C{number - _CPU}" if number >= _CPU else f"T{number}"


def _wall(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # a damaged clock
        return ""
