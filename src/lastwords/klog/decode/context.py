"""In which context the kernel was: a task, a soft interrupt, an interrupt, an NMI.

`Fatal exception in interrupt` does not tell: `in_interrupt()` is also true of a task that only disabled soft interrupts.
"""

import re
from collections.abc import Iterable, Sequence

from lastwords.model import Frame

from ..system_calls import SYSTEM_CALL

# `BUG: scheduling while atomic: swapper/0/0/0x00000100`, `preempt_count: 201, expected: 0`.
_ATOMIC = re.compile(r"BUG: scheduling while atomic: .{0,64}/-?\d{1,10}/0x(?P<count>[0-9a-f]{1,8})\b")
_COUNT = re.compile(r"preempt_count: (?P<count>[0-9a-f]{1,8}), expected: ")
# lockdep, `print_usage_bug()`: hard interrupt context, its count, soft interrupt context, its count.
_LOCKDEP = re.compile(r".{0,80}?\[HC(?P<hard>\d)\[\d{1,6}\]:SC(?P<soft>\d)\[\d{1,6}\]:HE\d:SE\d\] takes:")


def preempt_count_context(count: int) -> str:
    """The context that a preempt count says (`include/linux/preempt.h`).

    Of the soft interrupt's byte only the lowest bit is set while one is served; the others count who disabled them.
    """
    if count & 0xF00000:
        return "nmi"
    if count & 0xF0000:
        return "hardirq"
    return "softirq" if count & 0x100 else "task"


_NMI = frozenset(
    ("exc_nmi", "asm_exc_nmi", "do_nmi", "default_do_nmi", "nmi_handle", "end_repeat_nmi", "nmi", "nmi_stack_correct")
)
_SOFT = frozenset(
    (
        *(
            "__do_softirq",
            "handle_softirqs",
            "__softirqentry_text_start",
            "___do_softirq",
            "call_softirq",
            "do_softirq_own_stack",
        ),
        *("irq_exit", "__irq_exit_rcu", "irq_exit_rcu", "invoke_softirq"),
        # Where the linker put other symbols at the address of __do_softirq(), such as _stext.
        *("net_rx_action", "net_tx_action", "run_timer_softirq", "hrtimer_run_softirq", "run_rebalance_domains"),
        *("tasklet_action", "tasklet_action_common", "tasklet_hi_action", "blk_done_softirq", "rcu_core_si"),
    )
)
_HARD = frozenset(
    (
        *(
            "common_interrupt",
            "asm_common_interrupt",
            "do_IRQ",
            "ret_from_intr",
            "handle_irq",
            "__handle_irq_event_percpu",
        ),
        *(
            "apic_timer_interrupt",
            "smp_apic_timer_interrupt",
            "smp_call_function_interrupt",
            "smp_call_function_single_interrupt",
        ),
        *("el1_irq", "el0_irq", "el1h_64_irq", "el0t_64_irq", "el1_interrupt", "el0_interrupt", "gic_handle_irq"),
        *("__irq_svc", "__irq_usr", "handle_IPI", "decrementer_common", "hardware_interrupt_common", "timer_interrupt"),
        *(
            "do_irq",
            "do_ext_irq",
            "do_ext_interrupt",
            "do_io_irq",
            "handle_riscv_irq",
            "riscv_intc_irq",
            "plat_irq_dispatch",
        ),
        *("handle_loongarch_irq", "generic_handle_arch_irq", "generic_handle_domain_irq", "handle_domain_irq"),
    )
)
_HARD_NAMES = re.compile(
    r"(?:asm_)?sysvec_\w+|__sysvec_\w+|smp_\w+_interrupt|(?:reboot|reschedule|irq_work|call_function(?:_single)?)_interrupt"
    r"|handle_(?:edge|level|fasteoi|simple|percpu|percpu_devid)_irq"
)
_TASK = frozenset(
    (
        *(
            "entry_SYSCALL_64",
            "entry_SYSCALL_64_after_hwframe",
            "entry_SYSCALL_64_fastpath",
            "do_syscall_64",
            "system_call_fastpath",
        ),
        *(
            "entry_SYSENTER_compat",
            "entry_SYSENTER_compat_after_hwframe",
            "do_int80_syscall_32",
            "entry_INT80_32",
            "do_fast_syscall_32",
        ),
        *(
            "__do_fast_syscall_32",
            "syscall_call",
            "sysenter_do_call",
            "sysenter_past_esp",
            "ia32_sysret",
            "tracesys",
            "entry_SYSENTER_32",
        ),
        *(
            "ret_from_fork",
            "ret_from_fork_asm",
            "kernel_thread_helper",
            "kernel_thread_starter",
            "ret_from_kernel_thread",
            "kthread",
        ),
        *(
            "el0_svc",
            "el0_svc_common",
            "el0_svc_naked",
            "el0t_64_sync",
            "el0_sync",
            "el0_svc_compat",
            "el0t_32_sync",
            "do_el0_svc",
        ),
        *(
            "ret_fast_syscall",
            "__sys_trace_return",
            "system_call_exception",
            "system_call",
            "__do_syscall",
            "do_trap_ecall_u",
            "handle_syscall",
            "syscall_common",
        ),
        *(
            "cpu_startup_entry",
            "start_kernel",
            "kernel_init",
            "rest_init",
            "start_secondary",
            "schedule",
            "preempt_schedule_irq",
        ),
        *(
            "preempt_schedule",
            "preempt_schedule_common",
            "worker_thread",
            "irq_thread",
            "run_ksoftirqd",
            "smpboot_thread_fn",
        ),
    )
)


def context(
    texts: Iterable[str], frames: Sequence[Frame], marks: Sequence[str] = (), architecture: str | None = None
) -> str | None:
    """`task`, `softirq`, `hardirq`, `nmi`, or None where the log doesn't tell.

    Args:
        texts: headlines and error lines of the report.
        frames: the crash's own trace, innermost first.
        marks: the stack markers crossed in it, innermost first (`arch/x86/kernel/dumpstack.c: show_trace_log_lvl()`).
        architecture: as in `Code.architecture`, or None.
    """
    return _told(texts) or _traced(frames, marks, architecture)


_TICK = frozenset(
    (
        "update_process_times",
        "tick_sched_handle",
        "tick_sched_timer",
        "tick_nohz_handler",
        "watchdog_timer_fn",
        "rcu_sched_clock_irq",
    )
)


def below_tick(frames: Sequence[Frame]) -> Sequence[Frame] | None:
    """The frames that a timer interrupt came upon, or None where there is none on the trace.

    What a watchdog finds stuck is what its own interrupt interrupted.
    """
    reliable = [frame for frame in frames if frame.reliable and not frame.inline]
    names = [frame.function.partition(".")[0] for frame in reliable]
    tick = next((at for at, name in enumerate(names) if name in _TICK), None)
    if tick is None:
        return None
    entry = next((at for at in range(tick, len(names)) if _hard(names[at])), None)
    # One interrupt has several such frames, with others in between.
    while entry is not None:
        further = next((at for at in range(entry + 1, min(entry + 5, len(names))) if _hard(names[at])), None)
        if further is None:
            return reliable[entry + 1 :]
        entry = further
    return ()


def _hard(name: str) -> bool:
    return name in _HARD or _HARD_NAMES.fullmatch(name) is not None


def _told(texts: Iterable[str]) -> str | None:
    for text in texts:
        if (match := _ATOMIC.match(text[:300]) or _COUNT.match(text[:60])) is not None:
            return preempt_count_context(int(match["count"], 16))
        if "[HC" in text and (match := _LOCKDEP.match(text[:300])) is not None:
            return "hardirq" if match["hard"] != "0" else "softirq" if match["soft"] != "0" else "task"
    return None


def _traced(frames: Sequence[Frame], marks: Sequence[str], architecture: str | None) -> str | None:
    first = next((mark for mark in marks if mark in ("NMI", "IRQ", "SOFTIRQ", "TASK", "HARDIRQ")), None)
    if first in ("NMI", "SOFTIRQ"):
        return first.lower()
    found = _entered(frames)
    # x86-64 serves interrupts on a stack of their own: without its mark, an interrupt's entry on the trace is that
    # after which the task was preempted, or the beginning of the trace is missing.
    if found == "hardirq" and architecture == "x86_64" and "IRQ" not in marks:
        return "task" if first == "TASK" else None
    if found is None and first == "TASK" and "IRQ" not in marks:
        return "task"
    if found == "task" and "IRQ" in marks and first == "IRQ":
        return None  # The frames of the interrupt are all doubtful ones.
    return found


def _entered(frames: Sequence[Frame]) -> str | None:
    for frame in frames:
        if not frame.reliable or frame.inline:
            continue
        name = frame.function.partition(".")[0]
        if name in _SOFT:
            return "softirq"
        if _hard(name):
            return "hardirq"
        if name in _NMI:
            return "nmi"
        if name in _TASK or SYSTEM_CALL.fullmatch(name) is not None:
            return "task"
    return None
