"""Interrupts and softirqs: kernel/irq/, kernel/softirq.c, arch/x86/kernel/irq.c."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import drgn
from drgn.helpers.linux.irq import for_each_irq_desc, irq_desc_action_names, irq_desc_chip_name

from lastwords.model import Interrupts, Irq

from .clock import per_cpu_offsets
from .cpus import online_cpus
from .part import Partial, part
from .patience import little_patience
from .strings import decoded, one_line
from .timers import overdue_timers
from .workqueues import works

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_IRQS = 20_000
_MOST_ACTIONS = 64
_MASK = (1 << 64) - 1
_DISABLED = 1 << 16
"""IRQD_IRQ_DISABLED in the state of irq_data (include/linux/irq.h)."""

# Labels of /proc/interrupts, and where irq_cpustat_t counts them: its members, and the places in its `counts` that took
# their place (in Linux 7.3; not in 6.12). arch/x86/kernel/irq.c: arch_show_interrupts().
_VECTORS = {
    "NMI": ("__nmi_count", "IRQ_COUNT_NMI"),
    "LOC": ("apic_timer_irqs", "IRQ_COUNT_APIC_TIMER"),
    "SPU": ("irq_spurious_count", "IRQ_COUNT_SPURIOUS"),
    "PMI": ("apic_perf_irqs", "IRQ_COUNT_APIC_PERF"),
    "IWI": ("apic_irq_work_irqs", "IRQ_COUNT_IRQ_WORK"),
    "RTR": ("icr_read_retry_count", "IRQ_COUNT_ICR_READ_RETRY"),
    "PLT": ("x86_platform_ipis", "IRQ_COUNT_X86_PLATFORM_IPI"),
    "RES": ("irq_resched_count", "IRQ_COUNT_RESCHEDULE"),
    "CAL": ("irq_call_count", "IRQ_COUNT_CALL_FUNCTION"),
    "TLB": ("irq_tlb_count", "IRQ_COUNT_TLB"),
    "TRM": ("irq_thermal_count", "IRQ_COUNT_THERMAL_APIC"),
    "THR": ("irq_threshold_count", "IRQ_COUNT_THRESHOLD_APIC"),
    "DFR": ("irq_deferred_error_count", "IRQ_COUNT_DEFERRED_ERROR"),
    "HYP": ("irq_hv_callback_count", "IRQ_COUNT_HYPERVISOR_CALLBACK"),
    "PIN": ("kvm_posted_intr_ipis", "IRQ_COUNT_POSTED_INTR"),
}
# Since Linux 2.6; ENUM in include/linux/interrupt.h.
_SOFTIRQS = ("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")


@part("interrupts")
def interrupts(kernel: "Kernel") -> Partial:
    """All that can be read of them."""
    problems: list[str] = []
    offsets = per_cpu_offsets(kernel)
    cpus = sorted(online_cpus(kernel, problems))
    shifts = [offsets[cpu] for cpu in cpus]
    readers: dict[str, Callable[[], Any]] = {
        "irqs": lambda: _irqs(kernel.prog, shifts, problems),
        "vectors": lambda: _vectors(kernel.prog, shifts),
        "softirqs": lambda: _softirqs(kernel.prog, shifts),
        "pending": lambda: _pending(kernel.prog, dict(zip(cpus, shifts, strict=True))),
        "timers": lambda: overdue_timers(kernel, problems),
        "works": lambda: works(kernel, problems),
    }
    found: dict[str, Any] = {}
    for name, read in readers.items():
        try:
            with little_patience():
                found[name] = read()
        except Exception as failure:  # drgn raises what fits: a type or a variable missing, not in the dump, damaged
            problems.append(f"{name}: {one_line(failure)}")
    if problems and not any(found.values()):
        raise LookupError(problems[0])
    return Partial(Interrupts(cpus=tuple(cpus), **found), problems)


def _irqs(prog: drgn.Program, shifts: Sequence[int], problems: list[str]) -> tuple[Irq, ...]:
    """Those that somebody handles, or that came."""
    found: list[Irq] = []
    # The number of interrupts is bounded by the tree that they are in, but a damaged tree may hold anything.
    for place, (number, desc) in enumerate(for_each_irq_desc(prog)):
        if place >= _MOST_IRQS:
            problems.append(f"only the first {_MOST_IRQS} interrupts were read")
            break
        try:
            irq = _irq(prog, number, desc, shifts)
        except Exception as failure:  # as above
            problems.append(f"interrupt {number}: {one_line(failure)}")
            continue
        if irq.actions or any(irq.counts):
            found.append(irq)
    return tuple(found)


def _irq(prog: drgn.Program, number: int, desc: drgn.Object, shifts: Sequence[int]) -> Irq:
    counts = desc.kstat_irqs.value_()
    chip = irq_desc_chip_name(desc)
    try:
        state = desc.irq_common_data.state_use_accessors.value_()
    except (LookupError, AttributeError):
        state = 0
    actions = tuple(decoded(name) for name in irq_desc_action_names(desc)[:_MOST_ACTIONS])
    return Irq(
        number=number,
        actions=actions,
        # Linux 6.10 put more behind the count, which is still the first word.
        counts=tuple(prog.read_u32(counts + shift & _MASK) for shift in shifts) if counts else (),
        chip=decoded(chip) if chip else None,
        disabled=bool(actions and state & _DISABLED),
        unhandled=desc.irqs_unhandled.value_(),
    )


def _vectors(prog: drgn.Program, shifts: Sequence[int]) -> Mapping[str, tuple[int, ...]]:
    """Interrupts that are no device's; only of x86, where they have come at least once."""
    try:
        stat = prog["irq_stat"]
    except LookupError:
        return {}
    found = {}
    for label, (member, enumerator) in _VECTORS.items():
        offset = _vector_offset(prog, stat.type_, member, enumerator)
        if offset is not None:
            counts = tuple(prog.read_u32((stat.address_ or 0) + offset + shift & _MASK) for shift in shifts)
            if any(counts):
                found[label] = counts
    return found


def _vector_offset(prog: drgn.Program, stat: drgn.Type, member: str, enumerator: str) -> int | None:
    kind = stat.unaliased()
    if kind.has_member(member):
        return int(drgn.offsetof(kind, member))
    try:
        return int(drgn.offsetof(kind, f"counts[{int(prog.constant(enumerator))}]"))
    except LookupError:  # a kernel that does not count them
        return None


def _softirqs(prog: drgn.Program, shifts: Sequence[int]) -> Mapping[str, tuple[int, ...]]:
    stat = prog["kstat"]
    base = stat.address_ + drgn.offsetof(stat.type_, "softirqs")
    return {
        name: tuple(prog.read_u32(base + 4 * place + shift & _MASK) for shift in shifts)
        for place, name in enumerate(_SOFTIRQS)
    }


def _pending(prog: drgn.Program, shifts: Mapping[int, int]) -> Mapping[int, tuple[str, ...]]:
    """By CPU, the softirqs that are raised and have not run."""
    address, size = _pending_bits(prog)
    found = {}
    for cpu, shift in shifts.items():
        where = address + shift & _MASK
        bits = prog.read_u16(where) if size == 2 else prog.read_u32(where)
        names = tuple(name for place, name in enumerate(_SOFTIRQS) if bits >> place & 1)
        if names:
            found[cpu] = names
    return found


def _pending_bits(prog: drgn.Program) -> tuple[int, int]:
    """The per-CPU address and the size of the bits of pending softirqs."""
    for variable, member in (
        ("pcpu_hot", "softirq_pending"),  # x86, Linux 6.3 to 6.14
        ("irq_stat", "__softirq_pending"),
    ):
        try:
            whole = prog[variable]
            found = whole.type_.unaliased().member(member)
        except LookupError:
            continue
        return (whole.address_ or 0) + found.offset, drgn.sizeof(found.type)
    return prog.symbol("__softirq_pending").address, 2  # x86, Linux 6.15
