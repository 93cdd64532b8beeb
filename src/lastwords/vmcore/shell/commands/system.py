"""The machine and its log."""

import argparse
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drgn.helpers.linux.mm import totalram_pages

from lastwords.model import Machine
from lastwords.vmcore.machine import collect
from lastwords.vmcore.machine.log import log_lines, log_records
from lastwords.vmcore.shell import from_drgn
from lastwords.vmcore.shell.command import CommandError, argument, command, flag, out
from lastwords.vmcore.shell.tasks import all_tasks, state_name

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell

_WIDTH = 12


@command("sys", "the machine, its kernel, why it died", argument("[-t] [config]", text=""), raw=True)
def sys_(shell: "Shell", given: argparse.Namespace) -> None:
    """Show which machine and kernel this is; -t its taints; `config` the kernel's configuration if it is built in."""
    words = shlex.split(given.text)
    machine = collect(shell.kernel, only=("identity", "panic", "cpus"))
    if words == ["-t"]:
        out(f"TAINTED: {machine.taints if machine.taints else 'not' if machine.taints == '' else '(not known)'}")
    elif words:
        from_drgn.run(shell, "sys", words)
    else:
        print_system(shell, machine)


def print_system(shell: "Shell", machine: Machine | None = None) -> None:
    """What crash shows of the machine; a line is missing where that is not known."""
    machine = machine or collect(shell.kernel, only=("identity", "panic", "cpus"))
    symbols = shell.kernel.symbols
    version = (machine.version or "").partition(" #")[2]
    rows: dict[str, str | None] = {
        "KERNEL": symbols.vmlinux or f"(no debuginfo: {_SOURCES[symbols.source]})",
        "DUMPFILE": shell.dump,
        "CPUS": _cpus(machine),
        "DATE": None
        if machine.time is None
        else f"{datetime.fromtimestamp(machine.time, UTC):%a %b %e %H:%M:%S UTC %Y}",
        "UPTIME": None if machine.uptime is None else duration(machine.uptime),
        "LOAD AVERAGE": ", ".join(f"{value:.2f}" for value in machine.load or ()),
        "TASKS": _told(lambda: str(len(all_tasks(shell.kernel)))),
        "NODENAME": machine.hostname,
        "RELEASE": machine.release,
        "VERSION": f"#{version}" if version else None,
        "MACHINE": machine.architecture,
        "MEMORY": _told(lambda: _memory(shell)),
        "PANIC": f'"{message}"' if (message := _why(machine)) else None,
        **_context(shell),
    }
    for name, value in rows.items():
        if value:
            out(f"{name:>{_WIDTH}}: {value}")


_SOURCES = {
    "dwarf": "from the modules",
    "btf": "names from kallsyms, types from BTF",
    "kallsyms": "names from kallsyms, no types",
    "none": "neither names nor types",
}


_FATAL = "Fatal exception"
"""What kernel/panic.c and each architecture's die() say of any oops."""


def _why(machine: Machine) -> str | None:
    """What the panic said; where that is nothing, or no more than that an oops was fatal, the oops's own report."""
    panic = machine.panic
    if panic is None:
        return None
    fatal = panic.message is None or _FATAL in panic.message
    return (panic.report if fatal else None) or panic.message


def _told(read: Callable[[], str]) -> str | None:
    try:
        return read()
    except Exception:  # not in the dump, or no types: the line is left out
        return None


def _cpus(machine: Machine) -> str | None:
    if machine.cpus is None:
        return None
    offline = sum(not cpu.online for cpu in machine.cpus)
    return f"{len(machine.cpus)}{f' [OFFLINE: {offline}]' if offline else ''}"


def _memory(shell: "Shell") -> str:
    size = int(totalram_pages(shell.prog)) * int(shell.prog["PAGE_SIZE"])
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):.1f} MB"


def _context(shell: "Shell") -> dict[str, str | None]:
    try:
        address = shell.task.value_()
        task = next(each for each in all_tasks(shell.kernel) if each.address == address)
    except Exception:  # as above
        return {}
    state = state_name(task)
    return {
        "PID": str(task.pid),
        "COMMAND": f'"{task.comm}"',
        "TASK": f"{address:x}",
        "CPU": None if task.cpu is None else str(task.cpu),
        "STATE": f"{state} ({'on its CPU' if task.running else 'not running'})",
    }


def duration(seconds: float) -> str:
    """As crash writes it: `2 days, 03:04:05`."""
    days, rest = divmod(int(seconds), 86400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} days, {clock}" if days else clock


@command(
    "log",
    "the kernel's log",
    flag("-T", text="the time of day (UTC) in place of the seconds since boot"),
    flag("-t", text="no time"),
    flag("-m", text="each line's level in front"),
    flag("-c", text="who wrote it: T and the task's PID, or C and the CPU"),
    aliases={"dmesg": "log"},
)
def log(shell: "Shell", given: argparse.Namespace) -> None:
    """Print what is left in the kernel's ring buffer."""
    boot = None
    if given.T:
        machine = collect(shell.kernel, only=())
        if machine.time is None or machine.uptime is None:
            raise CommandError("the machine's clock is not in the dump: try without -T")
        boot = machine.time - machine.uptime
    for record in log_lines(shell.kernel, boot):
        level = f"<{record.level}>" if given.m and record.level is not None else ""
        caller = f"[{record.caller:>6}] " if given.c and record.caller else ""
        stamp = f"[{_time_of_day(record.wall)}]" if given.T and record.wall else record.stamp
        before = f"{stamp} " if stamp and not given.t else ""
        out(f"{level}{before}{caller}{record.text}")
    if reason := log_records(shell.kernel).reason:
        raise CommandError(f"log: {reason}")


def _time_of_day(stamp: str) -> str:
    """As crash writes it."""
    return f"{datetime.fromisoformat(stamp).astimezone(UTC):%a %b %e %H:%M:%S UTC %Y}"
