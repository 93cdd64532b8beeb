"""Why the kernel gave up, and on which CPU: kernel/panic.c."""

from contextlib import suppress
from typing import TYPE_CHECKING

import drgn

from lastwords.model import Panic
from lastwords.vmcore.symbols.unwind import function_name

from .clock import per_cpu_offsets
from .current import current_task
from .log import log_records
from .part import Partial, once, part
from .strings import decoded, one_line

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

# Variables that hold the number of the CPU that crashed, -1 before; the later ones know less.
_CPU_VARIABLES = (
    "panic_cpu",  # kernel/panic.c
    "crashing_cpu",  # arch/x86/kernel/reboot.c, arch/powerpc/kexec/crash.c
    "die_owner",  # arch/x86/kernel/dumpstack.c: in the middle of an oops
)

_MOST_CPUS = 8192

# What stands on the stack of a CPU that panics, of one that dies of an oops before that, and of one that panicked too
# but came second: kernel/panic.c, kernel/kexec_core.c, arch/*/kernel/traps.c.
_PANICKING = frozenset(("panic", "vpanic", "nmi_panic", "crash_kexec", "__crash_kexec"))
_DYING = frozenset(("die", "oops_end", "oops_begin", "die_kernel_fault", "sysrq_handle_crash"))
_GAVE_WAY = frozenset(("panic_smp_self_stop", "nmi_panic_self_stop"))

_PANIC = "Kernel panic - not syncing: "
# How the report begins that led to it, or that the kernel was dumped straight from. Its last line but one is no
# better than a number, so it counts only where the first is lost.
_REPORTS = (
    (
        "BUG: ",
        "kernel BUG at ",
        "Unable to handle kernel ",
        "general protection fault",
        "sysrq: Trigger a crash",
        "watchdog: BUG: ",
        "INFO: task ",
        "rcu: INFO: ",
        "Out of memory",
    ),
    ("Oops", "Internal error: ", "invalid opcode: ", "divide error: ", "stack segment: ", "WARNING: "),
)


@part("panic")
def panic(kernel: "Kernel") -> Panic | Partial | None:
    """The message, CPU and task of the panic; None where the machine was still alive."""
    problems: list[str] = []
    number = crashing_cpu(kernel)
    message = report = None
    try:
        lines = [line for record in log_records(kernel).records for line in record.text.splitlines()]
        message = next((line.removeprefix(_PANIC) for line in reversed(lines) if line.startswith(_PANIC)), None)
        report = _report(lines) if number is not None or message is not None else None
    except Exception as failure:  # the log is not in the dump
        problems.append(f"message: {one_line(failure)}")
    pid, comm = None, None
    if number is not None:
        try:
            task = current_task(kernel, number)
            pid, comm = task.pid.value_(), decoded(task.comm.string_())
        except Exception as failure:  # the task is not in the dump
            problems.append(f"task: {one_line(failure)}")
    if number is None and (doubt := not_known(kernel)) is not None:
        problems.append(f"which CPU crashed: {doubt}")
    if message is None and number is None:
        return Partial(None, problems) if problems else None
    return Partial(Panic(message=message, report=report, cpu=number, pid=pid, comm=comm), problems)


@once
def crashing_cpu(kernel: "Kernel") -> int | None:
    """The number of the CPU that crashed; None where the machine was still alive, or that is not known."""
    for name in _CPU_VARIABLES:
        try:
            number: int = kernel.prog.read_u32(kernel.prog.symbol(name).address)
        except Exception:  # not of this kernel, or not in the dump
            continue
        if number < _MOST_CPUS and _is_possible(kernel, number):
            return number
    return None if _variable_tells(kernel) else _crashing_by_stack(kernel)[0]


def crashed_frames(kernel: "Kernel") -> tuple[drgn.Object, list[drgn.StackFrame]]:
    """The task that crashed, and its stack.

    Raises:
        LookupError: no task did, or it is not known which.
        ValueError: its registers are not in the dump. drgn raises other errors for what is missing.
    """
    number = crashing_cpu(kernel)
    if number is None:
        raise LookupError(not_known(kernel) or "no CPU crashed")
    task = current_task(kernel, number)
    return task, list(kernel.frames(task))


def not_known(kernel: "Kernel") -> str | None:
    """Why it can't be told whether a CPU crashed; None where the kernel says so."""
    if _variable_tells(kernel) or crashing_cpu(kernel) is not None:
        return None
    doubt: str | None = _crashing_by_stack(kernel)[1]
    for name in _CPU_VARIABLES:
        try:
            kernel.prog.read_u32(kernel.prog.symbol(name).address)
        except LookupError:  # not of this kernel
            continue
        except Exception as failure:  # not in the dump
            doubt = one_line(failure)
    return doubt


def _variable_tells(kernel: "Kernel") -> bool:
    """Whether a variable that holds the crashing CPU can be read."""
    for name in _CPU_VARIABLES:
        with suppress(Exception):  # not of this kernel, or not in the dump
            kernel.prog.read_u32(kernel.prog.symbol(name).address)
            return True
    return False


@once
def _crashing_by_stack(kernel: "Kernel") -> tuple[int | None, str | None]:
    """The CPU whose stack shows that it panicked, or else why it is not known.

    Kernels whose symbol table has functions only (CONFIG_KALLSYMS_ALL=n) don't say where `panic_cpu` is.
    """
    try:
        numbers = sorted(per_cpu_offsets(kernel))[:_MOST_CPUS]
    except Exception as failure:  # no types, or not in the dump
        return None, f"no variable tells, and the CPUs are not known: {one_line(failure)}"
    panicked: dict[str, list[int]] = {"panic": [], "oops": []}
    unread = None
    for number in numbers:
        try:
            names = {function_name(frame) for frame in kernel.frames(current_task(kernel, number))}
        except Exception as failure:  # its registers, task or stack are not in the dump
            unread = one_line(failure)
            continue
        if names & _GAVE_WAY:
            continue
        for kind, functions in (("panic", _PANICKING), ("oops", _DYING)):
            if names & functions:
                panicked[kind].append(number)
                break
    found = panicked["panic"] or panicked["oops"]
    if len(found) == 1:
        return found[0], None
    if found:
        return None, f"no variable tells, and CPUs {', '.join(map(str, found))} all look as if they had crashed"
    return None, None if unread is None else f"no variable tells, and not all stacks can be read: {unread}"


def _is_possible(kernel: "Kernel", number: int) -> bool:
    try:
        return number in per_cpu_offsets(kernel)
    except Exception:  # no types, or not in the dump: a small number will do
        return True


def _report(lines: list[str]) -> str | None:
    """The first line of the last report in the log."""
    for beginnings in _REPORTS:
        found = next((line for line in reversed(lines) if line.startswith(beginnings)), None)
        if found is not None:
            return found
    return None
