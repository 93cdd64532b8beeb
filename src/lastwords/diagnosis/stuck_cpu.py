"""The CPU that did not come back: where it stood, and what the others did meanwhile."""

import re

from lastwords.model import Cpu, StackFrame

from .crash import Crash, out_of_header

KINDS = frozenset({"soft-lockup", "hard-lockup", "rcu-stall", "workqueue-lockup", "watchdog-panic"})
OF_NO_CPU = frozenset({"watchdog-panic", "workqueue-lockup"})
"""Reports that come on any CPU: what stood there says nothing."""
SPINNING = re.compile(
    r"(?:native_)?queued_(?:spin_lock|read_lock|write_lock)\w{0,20}|_raw_(?:spin|read|write)_lock\w{0,20}|do_raw_spin_lock"
    r"|rwsem_spin_on_owner|mutex_spin_on_owner|osq_lock|arch_spin_lock|pv_wait_head_or_lock|__pv_queued_spin_lock_slowpath"
)
_WAITING_FOR_CPUS = re.compile(
    r"smp_call_function\w{0,20}|csd_lock_wait|on_each_cpu\w{0,20}|flush_tlb_\w{0,20}|stop_machine\w{0,20}|multi_cpu_stop"
)
# What stands on a stack because the CPU was asked where it is, or because time passes.
WATCHERS = re.compile(
    r"(?:asm_)?(?:sysvec|exc|call_irq_on_stack|common_interrupt|apic_timer|smp_apic|nmi|end_repeat_nmi|__sysvec|irq_exit|__irq_exit|__do_softirq|"
    r"handle_softirqs|hrtimer_|__hrtimer|tick_|update_process_times|watchdog|panic|oops|crash|delay_|__delay|__const_udelay|"
    r"rcu_|print_cpu_stall|check_cpu_stall|note_gp|lapic_|local_apic|dump_stack|show_|nmi_|trigger_|native_(?:smp|safe)|__crash|"
    r"machine_kexec|default_do_nmi|call_timer|update_wall)"
)
IDLE = re.compile(
    r"(?:native_)?safe_halt|default_idle|do_idle|cpu_startup_entry|arch_cpu_idle|acpi_idle\w{0,20}|intel_idle\w{0,20}|mwait_idle\w{0,20}|pv_native_safe_halt|cpuidle_enter\w{0,20}|poll_idle"
    r"|cpu_do_idle|cpu_idle_poll|default_enter_idle|snooze_loop|power\d_idle\w{0,20}|plpar_hcall_norets\w{0,10}|shared_cede_loop|enabled_wait|psci_\w{0,20}idle\w{0,20}"
)


def idle(crash: Crash) -> bool:
    """The stuck CPU stood in the idle loop."""
    oops = crash.oops
    return oops is not None and oops.at is not None and IDLE.match(oops.at.function) is not None


def spins(crash: Crash) -> str | None:
    """The function of a lock that the stuck CPU spins in; None where it does not."""
    oops = crash.oops
    if oops is None:
        return None
    names = [oops.at.function] if oops.at else []
    names += [frame.function for frame in crash.frames[:14] if not WATCHERS.match(frame.function)][:3]
    return next((name for name in names if SPINNING.match(name)), None)


def waits_for_cpus(crash: Crash) -> bool:
    """The stuck CPU waited for others to answer."""
    oops = crash.oops
    return oops is not None and oops.at is not None and _WAITING_FOR_CPUS.match(oops.at.function) is not None


def interrupted_stack(crash: Crash) -> tuple[StackFrame, ...]:
    """The stack of the stuck CPU in the dump, from where it was interrupted."""
    number = crash.oops.cpu if crash.oops else None
    cpu = next((cpu for cpu in crash.cpus if cpu.number == number), None)
    if cpu is None:
        return ()
    place = next((index for index, frame in enumerate(cpu.stack) if frame.interrupted), 0)
    return cpu.stack[place:]


def busy_elsewhere(crash: Crash) -> tuple[Cpu, StackFrame] | None:
    """Another CPU that ran code of the module that is stuck, and where."""
    oops = crash.oops
    for cpu in crash.cpus:
        if oops is None or cpu.number == oops.cpu or cpu.context == "idle":
            continue
        for frame in cpu.stack:
            if frame.module is not None and frame.module == oops.module and not out_of_header(frame):
                return cpu, frame
    return None
