"""In which context a CPU was, from its stack and its preemption count.

The stack knows better. When the machine panics, the other CPUs are stopped by an interrupt or an NMI, so their count
says `hardirq` or `nmi` whatever they did before; and the count is kept up by code that may be what went wrong.
"""

import re
from collections.abc import Sequence

from lastwords.model import StackFrame

# include/linux/preempt.h: which bits of the count say what.
_COUNTS = (("nmi", 0x00F00000), ("hardirq", 0x000F0000), ("softirq", 0x00000100))

# Functions through which a context is entered, by the names of all architectures and versions.
_ENTRIES = (
    ("nmi", re.compile(r"(?:asm_)?exc_nmi|(?:do|default_do)_nmi|nmi|end_repeat_nmi|nmi_enter|asm_exc_nmi_\w{1,40}")),
    ("softirq", re.compile(r"__do_softirq|handle_softirqs|do_softirq_own_stack|__softirqentry_text_start")),
    (
        "hardirq",
        re.compile(
            r"asm_sysvec_\w{1,60}|sysvec_\w{1,60}|asm_common_interrupt|common_interrupt|__common_interrupt|do_IRQ|"
            r"handle_irq_event\w{0,40}|generic_handle_\w{0,40}irq\w{0,20}|\w{0,40}apic_timer_interrupt|ret_from_intr|"
            r"el[01][ht]?_irq\w{0,20}|el[01][ht]_64_irq|gic_handle_irq|do_interrupt_handler|call_on_irq_stack"
        ),
    ),
)

# What stops the other CPUs of a machine that panics, reboots or asks all CPUs for their stacks.
_STOP_NAMES = """
stop_this_cpu native_stop_other_cpus crash_nmi_callback kdump_nmi_callback nmi_shootdown_cpus_on_restart
crash_ipi_callback ipi_cpu_stop local_cpu_stop ipi_cpu_crash_stop cpu_park_loop cpu_crash_stop
panic_smp_self_stop nmi_panic_self_stop crash_smp_send_stop smp_stop_nmi_callback __sysvec_reboot
"""
_STOPS = frozenset(_STOP_NAMES.split())

_IDLE = ("do_idle", "cpu_startup_entry", "cpu_idle_loop")


def context(
    pid: int | None, stack: Sequence[StackFrame], preempt_count: int | None, *, whole: bool = True
) -> str | None:
    """The context: `nmi`, `hardirq`, `softirq`, `idle`, `user`, `task`; None where nothing tells.

    Args:
        pid: of the CPU's task, 0 for its idle task; None where it is not known.
        stack: innermost frame first.
        preempt_count: the CPU's, or None where it is not known.
        whole: the stack goes down to where it begins, so what it doesn't show was not there.
    """
    stopped = next((place for place, frame in enumerate(stack) if frame.function in _STOPS), None)
    frames = stack if stopped is None else _behind_the_interrupt(stack, stopped)
    for frame in frames:
        for name, entry in _ENTRIES:
            if entry.fullmatch(frame.function):
                return name
    if frames and frames[0].user:
        return "user"
    if any(frame.function in _IDLE for frame in frames):
        return "idle"
    if frames and whole:
        return "idle" if pid == 0 else "task"
    if stopped is None and preempt_count is not None:
        found = next((name for name, bits in _COUNTS if preempt_count & bits), None)
        if found is not None:
            return found
        return None if pid is None else "idle" if pid == 0 else "task"
    return None


def _behind_the_interrupt(stack: Sequence[StackFrame], stopped: int) -> Sequence[StackFrame]:
    """The frames of what the CPU did before it was stopped from outside; none where the stack ends before."""
    place = next((place for place in range(stopped + 1, len(stack)) if stack[place].interrupted), len(stack))
    return stack[place:]
