"""What made the kernel give up, and why that counts."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lastwords.model import Answer

from .crash import Crash


class Reason(NamedTuple):
    """Why a kernel panics: how the message begins, what that means, and which sysctl decides it."""

    message: re.Pattern[str]
    meaning: str
    sysctl: str | None = None


# kernel/panic.c, arch/x86/kernel/dumpstack.c: oops_end(), kernel/exit.c, and who else calls panic()
REASONS = tuple(
    Reason(re.compile(pattern), meaning, sysctl)
    for pattern, meaning, sysctl in (
        (
            r"(?:Oops: )?Fatal exception in interrupt",
            "The fault came in an interrupt, an NMI or another exception, where no task can be killed for it: the "
            "kernel always panics then.",
            None,
        ),
        (
            r"(?:Oops: )?Fatal exception",  # arm64, riscv: "Oops: "
            "An oops panics here because kernel.panic_on_oops is 1; else only the task would have died.",
            "kernel.panic_on_oops",
        ),
        (
            r".{0,80}panic_on_warn set",
            "A warning panics here because kernel.panic_on_warn is 1.",
            "kernel.panic_on_warn",
        ),
        (
            r"hung_task: blocked tasks",
            "A task stuck for too long panics here because kernel.hung_task_panic is 1.",
            "kernel.hung_task_panic",
        ),
        (
            r"softlockup: hung tasks",
            "A soft lockup panics here because kernel.softlockup_panic is 1.",
            "kernel.softlockup_panic",
        ),
        (r"Hard LOCKUP", "A hard lockup panics here because kernel.hardlockup_panic is 1.", "kernel.hardlockup_panic"),
        (r"RCU Stall", "An RCU stall panics here because kernel.panic_on_rcu_stall is 1.", "kernel.panic_on_rcu_stall"),
        (
            r"Out of memory: .{0,40}panic_on_oom",
            "The kernel panics instead of killing a process because vm.panic_on_oom is set.",
            "vm.panic_on_oom",
        ),
        (
            r"(?:Out of memory and|System is deadlocked on memory|Out of memory: .{0,20}no killable)",
            "Nothing was left that the OOM killer could have killed.",
            None,
        ),
        (r"Attempted to kill init", "Process 1 ended: nothing can run without it, the kernel always panics.", None),
        (r"Attempted to kill the idle task", "The fault came in the idle task, which cannot be killed.", None),
        (r"VFS: Unable to mount root fs", "No root file system: there is nothing to start from.", None),
        (r"No working init found|Requested init", "The root file system has no program to start as process 1.", None),
        (
            r"sysrq triggered crash",
            "Somebody asked for it: sysrq c, or a write to /proc/sysrq-trigger.",
            "kernel.sysrq",
        ),
        (
            r"NMI: Not continuing",
            "An NMI of unknown reason panics here because of unknown_nmi_panic or panic_on_unrecovered_nmi.",
            "kernel.unknown_nmi_panic",
        ),
        (r"NMI(?: IOCK| SERR| PCI)", "The chipset raised an NMI for a hardware error.", "kernel.panic_on_io_nmi"),
        (
            r"(?:Fatal|Timeout: Not all CPUs entered).{0,40}[Mm]achine check|Uncorrected hardware",
            "The processor reported an error that it could not correct.",
            None,
        ),
        (r"stack-protector", "A function found the guard word on its stack overwritten.", None),
        (r"corrupted stack end", "The end of a task's stack was overwritten.", None),
        (r"kernel stack overflow", "The stack was full.", None),
    )
)


def panicked(crash: Crash) -> tuple[Answer, ...]:
    """What panicked and why it counts."""
    return tuple(_answers(crash))


def _answers(crash: Crash) -> Iterator[Answer]:
    message = crash.panic
    if message is None:
        if crash.oops is not None:
            yield Answer(text="No panic is on record: the kernel went on after this, or the log ends before it.")
        return
    reason = next((reason for reason in REASONS if reason.message.match(message)), None)
    yield Answer(text=f"Kernel panic: {message.rstrip(' .')}.", topic="panic")
    if reason is None:
        return
    yield Answer(text=reason.meaning, topic="panic")
    sysctls = (crash.machine.sysctls or {}) if crash.machine else {}
    if reason.sysctl in sysctls:
        yield Answer(text=f"In the dump {reason.sysctl} is {sysctls[reason.sysctl]}.", topic="panic")
