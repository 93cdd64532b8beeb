import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.context import below_tick, context, preempt_count_context
from lastwords.model import Frame


def frames(*names: str) -> list[Frame]:
    return [Frame(name.lstrip("?"), n, 0, 16, reliable=not name.startswith("?")) for n, name in enumerate(names)]


@pytest.mark.parametrize(
    ("names", "marks", "architecture", "expected"),
    [
        (("vfs_read", "ksys_read", "do_syscall_64", "entry_SYSCALL_64_after_hwframe"), (), "x86_64", "task"),
        (("vfs_read", "SyS_read"), (), "x86_64", "task"),
        (("vfs_read", "sys_read"), (), "x86_64", "task"),
        (("sys_imageblit", "bit_putcs", "fbcon_putcs"), (), "x86_64", None),
        (("foo", "worker_thread", "kthread", "ret_from_fork"), ("TASK",), "x86_64", "task"),
        (("foo",), ("TASK",), "x86_64", "task"),
        (
            (
                "pn533_send_complete",
                "dummy_timer",
                "call_timer_fn",
                "__do_softirq",
                "irq_exit",
                "apic_timer_interrupt",
                "do_idle",
            ),
            ("IRQ",),
            "x86_64",
            "softirq",
        ),
        (
            ("f", "__do_softirq", "do_softirq", "__local_bh_enable_ip", "sock_sendmsg", "do_syscall_64"),
            ("IRQ", "TASK"),
            "x86_64",
            "softirq",
        ),
        (("f", "net_rx_action", "__do_softirq", "run_ksoftirqd", "kthread"), ("TASK",), "x86_64", "softirq"),
        (
            ("timerqueue_del", "hrtimer_interrupt", "smp_apic_timer_interrupt", "apic_timer_interrupt"),
            ("IRQ",),
            "x86_64",
            "hardirq",
        ),
        (
            ("f", "__handle_irq_event_percpu", "handle_edge_irq", "common_interrupt", "asm_common_interrupt"),
            ("IRQ", "TASK"),
            "x86_64",
            "hardirq",
        ),
        (("f", "default_do_nmi", "exc_nmi", "end_repeat_nmi"), ("NMI", "TASK"), "x86_64", "nmi"),
        # The task was preempted when an interrupt ended.
        (
            ("__schedule", "preempt_schedule_irq", "irqentry_exit", "asm_sysvec_reschedule_ipi"),
            ("TASK",),
            "x86_64",
            "task",
        ),
        # On the interrupt's stack, and nothing that tells which interrupt.
        (("f", "g"), ("IRQ",), "x86_64", None),
        (("f", "?__do_softirq"), ("IRQ", "TASK"), "x86_64", None),
        (("f", "?__do_softirq", "do_syscall_64"), (), "arm64", "task"),
        (("f", "gic_handle_irq", "el1_interrupt", "el1h_64_irq", "arch_cpu_idle"), (), "arm64", "hardirq"),
        # The linker gave __do_softirq another name.
        (("f", "_stext", "irq_exit", "gic_handle_irq", "el1_irq", "kthread"), (), "arm64", "softirq"),
        (("f", "invoke_syscall", "el0_svc", "el0t_64_sync"), (), "arm64", "task"),
        (("f", "sys_ioctl", "ret_fast_syscall"), (), "arm", "task"),
        (("f", "gic_handle_irq", "__irq_svc", "cpuidle_enter"), (), "arm", "hardirq"),
        (("f",), (), "x86_64", None),
        ((), (), None, None),
    ],
)
def test_traces(names, marks, architecture, expected):
    assert context((), frames(*names), marks, architecture) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BUG: scheduling while atomic: swapper/0/0/0x00000100", "softirq"),
        ("BUG: scheduling while atomic: kworker/0:1/17/0x00000002", "task"),
        # Soft interrupts disabled is no soft interrupt.
        ("BUG: scheduling while atomic: syz-executor.0/5582/0x00000201", "task"),
        ("BUG: scheduling while atomic: swapper/1/0/0x00010000", "hardirq"),
        ("preempt_count: 100, expected: 0", "softirq"),
        ("preempt_count: 1, expected: 0", "task"),
        ("swapper/0/0 [HC1[1]:SC0[0]:HE0:SE1] takes:", "hardirq"),
        ("ksoftirqd/0/9 [HC0[0]:SC1[1]:HE1:SE0] takes:", "softirq"),
        ("kworker/0:1/17 [HC0[0]:SC0[0]:HE1:SE1] takes:", "task"),
        # True of a task that disabled soft interrupts, too.
        ("Kernel panic - not syncing: Fatal exception in interrupt", None),
        ("in_atomic(): 1, irqs_disabled(): 0, pid: 6886, name: syz", None),
    ],
)
def test_texts(text, expected):
    assert context([text], ()) == expected


def test_preempt_count():
    assert preempt_count_context(0x80000000) == "task"
    assert preempt_count_context(0x00100001) == "nmi"
    assert preempt_count_context(0x00110100) == "nmi"


def test_what_a_watchdog_interrupted():
    stuck = frames(
        "dump_stack",
        "nmi_trigger_cpumask_backtrace",
        "rcu_sched_clock_irq",
        "update_process_times",
        "tick_handle_periodic",
        "handle_percpu_devid_irq",
        "generic_handle_irq",
        "__handle_domain_irq",
        "gic_handle_irq",
        "__irq_svc",
        "spin",
        "do_el0_svc",
    )
    below = below_tick(stuck)
    assert below is not None
    assert [f.function for f in below] == ["spin", "do_el0_svc"]
    assert context((), below) == "task"
    assert below_tick(frames("spin", "do_syscall_64")) is None


@given(st.lists(st.text()), st.lists(st.text(max_size=20)), st.lists(st.text(max_size=8)))
def test_anything(texts, names, marks):
    found = frames(*names)
    assert context(texts, found, marks, "x86_64") in (None, "task", "softirq", "hardirq", "nmi")
    below_tick(found)
