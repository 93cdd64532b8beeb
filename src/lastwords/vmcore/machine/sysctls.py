"""The settings that decide what a kernel does when it is in trouble, by their names under /proc/sys."""

import struct
from typing import TYPE_CHECKING, NamedTuple

import drgn

from .part import part

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel


class _Setting(NamedTuple):
    """One setting: its variables, of which a kernel has at most one, and the format of its value."""

    name: str
    variables: tuple[str, ...]
    code: str = "i"


# int `i`, unsigned int `I`, unsigned long `L`, `4i` four of them. Static variables are in kallsyms all the same.
_SETTINGS = (
    # kernel/panic.c
    _Setting("kernel.panic", ("panic_timeout",)),
    _Setting("kernel.panic_on_oops", ("panic_on_oops",)),
    _Setting("kernel.panic_on_warn", ("panic_on_warn",)),
    _Setting("kernel.panic_print", ("panic_print",), "L"),
    _Setting("kernel.warn_limit", ("warn_limit",), "I"),
    _Setting("kernel.oops_limit", ("oops_limit",), "I"),  # kernel/exit.c, Linux 6.2
    _Setting("kernel.oops_all_cpu_backtrace", ("sysctl_oops_all_cpu_backtrace",), "I"),
    _Setting("kernel.crash_kexec_post_notifiers", ("crash_kexec_post_notifiers",), "?"),  # a boot parameter
    # kernel/watchdog.c, kernel/hung_task.c, kernel/rcu/tree_stall.h
    _Setting("kernel.watchdog_thresh", ("watchdog_thresh",)),
    _Setting("kernel.soft_watchdog", ("watchdog_softlockup_user_enabled", "soft_watchdog_user_enabled")),
    _Setting("kernel.nmi_watchdog", ("watchdog_hardlockup_user_enabled", "nmi_watchdog_user_enabled")),
    _Setting("kernel.softlockup_panic", ("softlockup_panic",), "I"),
    _Setting("kernel.hardlockup_panic", ("hardlockup_panic",), "I"),
    _Setting("kernel.hung_task_panic", ("sysctl_hung_task_panic",), "I"),
    _Setting("kernel.hung_task_timeout_secs", ("sysctl_hung_task_timeout_secs",), "L"),
    _Setting("kernel.panic_on_rcu_stall", ("sysctl_panic_on_rcu_stall",)),
    _Setting("kernel.max_rcu_stall_to_panic", ("sysctl_max_rcu_stall_to_panic",)),
    # arch/x86/kernel/nmi.c, dumpstack
    _Setting("kernel.unknown_nmi_panic", ("unknown_nmi_panic",)),
    _Setting("kernel.panic_on_unrecovered_nmi", ("panic_on_unrecovered_nmi",)),
    _Setting("kernel.panic_on_io_nmi", ("panic_on_io_nmi",)),
    # drivers/tty/sysrq.c, kernel/printk/, kernel/kexec_core.c, kernel/trace/trace.c
    _Setting("kernel.sysrq", ("sysrq_enabled",)),
    _Setting("kernel.printk", ("console_printk",), "4i"),
    _Setting("kernel.kexec_load_disabled", ("kexec_load_disabled",)),
    # mm/
    _Setting("vm.panic_on_oom", ("sysctl_panic_on_oom",)),
    _Setting("vm.oom_kill_allocating_task", ("sysctl_oom_kill_allocating_task",)),
    _Setting("vm.overcommit_memory", ("sysctl_overcommit_memory",)),
    _Setting("vm.overcommit_ratio", ("sysctl_overcommit_ratio",)),
    _Setting("vm.min_free_kbytes", ("min_free_kbytes",)),
    _Setting("vm.swappiness", ("vm_swappiness",)),
)


@part("sysctls")
def sysctls(kernel: "Kernel") -> dict[str, str]:
    """Values by name; what this kernel doesn't have, or the dump hasn't, is left out."""
    found = {}
    for setting in _SETTINGS:
        values = next(filter(None, (_read(kernel.prog, name, setting.code) for name in setting.variables)), None)
        if values is not None:
            found[setting.name] = " ".join(map(str, values))
    return found


def _read(prog: drgn.Program, variable: str, code: str) -> tuple[int, ...] | None:
    """The value of a variable, whose type no BTF tells; None if it is not there."""
    little = prog.platform is not None and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags
    layout = ("<" if little else ">") + code.replace("L", "Q" if prog.address_size() == 8 else "I")
    try:
        data = prog.read(prog.symbol(variable).address, struct.calcsize(layout))
    except Exception:  # drgn raises what fits: no such symbol, or not in the dump
        return None
    return tuple(int(value) for value in struct.unpack(layout, data))
