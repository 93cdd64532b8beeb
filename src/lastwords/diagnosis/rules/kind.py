"""What the kind of report alone says, for crashes that no other rule explains."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.listed import is_hang
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import titled
from lastwords.diagnosis.stuck_cpu import IDLE, SPINNING, WATCHERS
from lastwords.model import CrashClass, Finding, NextStep, Oops

# Kinds of the catalogue (klog/catalogue): the class that they mostly come down to, how sure that is, and why.
KINDS: dict[str, tuple[CrashClass, float, str]] = {
    "kernel-bug": ("logic-bug", 0.78, "the code found a state that its author held to be impossible (BUG_ON)"),
    "kernel-bug-message": ("logic-bug", 0.6, "the code complained of a state that should not be"),
    "warning": ("logic-bug", 0.75, "the code found a state that its author held to be wrong (WARN_ON)"),
    "kernel-warning-message": ("logic-bug", 0.5, "the code complained of a state that should not be"),
    "refcount-warning": ("logic-bug", 0.78, "a reference count went wrong: one put too many, or a get after the last"),
    "odebug": ("logic-bug", 0.8, "an object was used in a state of its life where it must not be"),
    "divide-error": ("logic-bug", 0.9, "it divided by zero, or the quotient did not fit"),
    "invalid-opcode": ("unknown", 0.4, "the processor met an instruction that it does not know"),
    "program-check": ("unknown", 0.4, "the processor met what it cannot execute"),
    "null-dereference": ("logic-bug", 0.75, "it used a NULL pointer"),
    "user-memory-access": ("logic-bug", 0.6, "it used an address of user space where a kernel pointer belongs"),
    "paging-request": ("memory-corruption", 0.4, "it used an address where nothing is mapped"),
    "general-protection-fault": ("memory-corruption", 0.5, "it used an address that no pointer can have"),
    "cpu-exception": ("unknown", 0.4, "the processor met what it cannot execute"),
    "alignment-trap": ("logic-bug", 0.5, "it used an address that is not aligned as the processor needs it"),
    "unhandled-fault": ("unknown", 0.4, "an access to memory or a device failed in a way that has no handler"),
    "unhandled-exception": ("unknown", 0.4, "the processor raised an exception that has no handler"),
    "internal-error": ("unknown", 0.4, "the processor raised an exception that has no handler"),
    "bad-mode": ("unknown", 0.3, "an exception came in a mode of the processor where none may come"),
    "double-fault": ("logic-bug", 0.5, "a fault came while another was being handled, mostly for a full stack"),
    "kernel-stack-overflow": ("logic-bug", 0.85, "its stack was full"),
    "corrupted-stack-end": ("logic-bug", 0.7, "the end of its stack was overwritten, mostly by a stack that is full"),
    "stack-protector": ("memory-corruption", 0.75, "the guard word on its stack was overwritten"),
    "missing-endbr": ("memory-corruption", 0.5, "it jumped to where no function begins"),
    "list-corruption": ("memory-corruption", 0.75, "the links of a list no longer agree"),
    "slab-corruption": ("memory-corruption", 0.78, "the slab allocator found an object overwritten or freed twice"),
    "slab-warning": ("memory-corruption", 0.6, "the slab allocator was given what it does not own"),
    "bad-page-state": (
        "memory-corruption",
        0.6,
        "a page was freed that is still in use, or its description overwritten",
    ),
    "bad-page-map": ("memory-corruption", 0.6, "a page table holds what cannot be"),
    "corrupted-page-table": ("hardware", 0.55, "an entry of a page table holds bits that it must not"),
    "bad-mm-counter": ("logic-bug", 0.6, "pages of a process that ended are still counted"),
    "kasan": ("memory-corruption", 0.78, "KASAN saw a bad access to memory"),
    "kfence": ("memory-corruption", 0.85, "KFENCE saw a bad access to memory"),
    "kmsan": ("logic-bug", 0.85, "it used memory that nobody had written"),
    "kcsan": ("logic-bug", 0.7, "two CPUs used the same memory at once, and one of them wrote"),
    "ubsan": ("logic-bug", 0.78, "it did what the C language leaves undefined"),
    "usercopy": ("logic-bug", 0.75, "it was about to copy more between kernel and user than the object holds"),
    "fortify": (
        "memory-corruption",
        0.75,
        "a string function was about to write or read beyond its buffer, and was stopped",
    ),
    "cfi": ("memory-corruption", 0.6, "an indirect call went to a function of another type"),
    "rcu-double-free": ("memory-corruption", 0.85, "an object was handed to RCU to be freed while it already was"),
    "ref-tracker": ("logic-bug", 0.8, "a reference that was taken was never given back, or given back twice"),
    "page-poison": ("memory-corruption", 0.75, "a page was written to while it was free"),
    "dma-pool-corruption": ("memory-corruption", 0.75, "a buffer for DMA was overwritten, or given back wrongly"),
    "bad-page-table": ("memory-corruption", 0.5, "an entry of a page table holds what cannot be"),
    "early-exception": ("unknown", 0.4, "the processor raised an exception before the kernel had a handler for it"),
    "hyp-panic": ("logic-bug", 0.5, "KVM's own code, below the kernel, met what it cannot handle"),
    "firmware-fault": ("hardware", 0.6, "the firmware's own code used memory that is not its own"),
    "csd-lock": ("lockup", 0.75, "a CPU did not take the interrupts by which others ask it for something"),
    "suspend-timeout": ("lockup", 0.7, "a driver did not finish its part of a suspend or resume"),
    "bpf-scheduler-disabled": ("logic-bug", 0.6, "the BPF scheduler did not run its tasks, and was taken out"),
    "skb-panic": ("logic-bug", 0.85, "a packet buffer was made larger than it is"),
    "kmemleak": ("logic-bug", 0.6, "memory was allocated that nothing points to any more"),
    "deadlock": ("deadlock", 0.78, "lockdep saw locks taken in orders that can deadlock"),
    "unsafe-lock-order": ("deadlock", 0.75, "lockdep saw locks taken in an order that an interrupt can deadlock"),
    "inconsistent-lock-state": ("deadlock", 0.75, "a lock is taken in an interrupt and elsewhere with interrupts on"),
    "nested-lock": ("deadlock", 0.7, "a lock of the same class was taken while one was held"),
    "non-static-key": ("logic-bug", 0.7, "a lock was used that nobody had initialized"),
    "spinlock-debug": ("logic-bug", 0.6, "a spinlock was used in a state where it must not be"),
    "suspicious-rcu": ("logic-bug", 0.75, "data that RCU protects was used outside of a read-side section"),
    "bad-unlock-balance": ("logic-bug", 0.85, "a lock was released that was not held"),
    "held-lock-freed": ("logic-bug", 0.85, "memory was freed that holds a lock in use"),
    "lock-held-at-exit": ("logic-bug", 0.85, "it returned to user space with a lock held"),
    "wait-context": ("logic-bug", 0.7, "a lock that may sleep was taken where sleeping is forbidden"),
    "sleeping-in-atomic": ("logic-bug", 0.85, "it slept, or might have, where sleeping is forbidden"),
    "preempt-count": ("logic-bug", 0.85, "it slept where sleeping is forbidden, or did not undo a preempt_disable()"),
    "preemptible-smp-processor-id": ("logic-bug", 0.8, "it used per-CPU data while it could be moved to another CPU"),
    "workqueue-leaked-lock": ("logic-bug", 0.85, "a work item returned with a lock held or in atomic context"),
    "leaked-netdevice": ("logic-bug", 0.7, "somebody still holds a reference to a network device that is to go"),
    "dentry-in-use": ("logic-bug", 0.7, "a file system was unmounted with names still in use"),
    "rust-panic": ("logic-bug", 0.8, "Rust code met a state that its author held to be impossible"),
    "soft-lockup": ("lockup", 0.8, "a CPU ran in the kernel for too long without a break"),
    "hard-lockup": ("lockup", 0.8, "a CPU ran with interrupts off for too long"),
    "rcu-stall": ("lockup", 0.7, "a CPU or task did not let RCU go on"),
    "rcu-starved": ("lockup", 0.6, "RCU's own thread got no time to run"),
    "workqueue-lockup": ("lockup", 0.7, "a worker did not get to its work"),
    "watchdog-panic": (
        "lockup",
        0.6,
        "a watchdog was not fed in time: the program that feeds it or the machine was stuck",
    ),
    "hung-task": ("lockup", 0.55, "a task waited for far too long"),
    "out-of-memory": ("resource-exhaustion", 0.85, "memory ran out"),
    "out-of-memory-kill": ("resource-exhaustion", 0.85, "memory ran out"),
    "memcg-out-of-memory": ("resource-exhaustion", 0.85, "a control group used up the memory that it was given"),
    "oom-panic": ("resource-exhaustion", 0.85, "memory ran out"),
    "no-root": ("configuration", 0.85, "the kernel found no root file system"),
    "no-init": ("configuration", 0.85, "the root file system holds no init"),
    "init-killed": ("configuration", 0.6, "process 1 ended"),
    "sysrq-crash": ("deliberate", 0.9, "somebody asked the kernel to crash (sysrq c)"),
    "system-reset": ("deliberate", 0.6, "a System Reset came, mostly sent by a console or hypervisor to get a dump"),
    "hypervisor-panic": ("hypervisor", 0.7, "the hypervisor had the guest panic"),
    "xen-panic": ("hypervisor", 0.7, "Xen itself panicked"),
    "xen-domain-crash": ("hypervisor", 0.7, "Xen crashed the domain"),
    "vmm-exception": ("hypervisor", 0.6, "a confidential guest was sent an exception that only the host can cause"),
    "machine-check": ("hardware", 0.95, "the processor reported an error that it could not correct"),
    "machine-check-logged": ("hardware", 0.7, "the processor reported an error"),
    "memory-failure": ("hardware", 0.9, "a page of memory is broken"),
    "edac-uncorrected": ("hardware", 0.9, "the memory controller reported an error that it could not correct"),
    "boot-error-record": ("hardware", 0.75, "the firmware handed over a record of a fatal error before this boot"),
    "reset-reason": ("hardware", 0.5, "the processor says why the boot before this one ended"),
    "apei": ("hardware", 0.9, "the firmware reported a hardware error"),
    "pcie-error": ("hardware", 0.8, "a PCI Express device or its link reported an error"),
    "nmi-error": ("hardware", 0.8, "the chipset raised an NMI for an error"),
    "hardware-panic": ("hardware", 0.85, "the kernel gave up over a hardware error"),
    "hardware-error-detail": ("hardware", 0.7, "the processor or firmware reported an error"),
    "serror": ("hardware", 0.7, "the processor reported an asynchronous error (SError)"),
    "external-abort": ("hardware", 0.6, "an access to a device or memory failed on the bus"),
    "thermal-shutdown": ("hardware", 0.9, "it became too hot"),
    "power-loss": ("hardware", 0.7, "power went away"),
    "nmi-unknown": ("unknown", 0.3, "an NMI came that no handler took for its own"),
    "nmi-panic": ("unknown", 0.4, "an NMI came, and the kernel is told to panic then"),
    "irq-nobody-cared": ("logic-bug", 0.4, "an interrupt came that no driver took for its own"),
    "gpu-lost": ("hardware", 0.6, "a graphics card no longer answers, and no reset brought it back"),
    "gpu-hang": (
        "unknown",
        0.4,
        "a graphics card did not finish its work in time: the card, its driver or a program's commands",
    ),
    "transmit-timeout": (
        "unknown",
        0.5,
        "a network device did not send what it was given: its driver, the device or the link is stuck",
    ),
    "nvme-failure": ("hardware", 0.7, "an NVMe drive did not answer"),
    "scsi-offline": ("hardware", 0.7, "a disk was taken offline after errors"),
    "ata-disabled": ("hardware", 0.75, "a disk did not answer and was given up"),
    "controller-fault": ("hardware", 0.7, "a storage controller's firmware failed"),
    "medium-error": ("hardware", 0.85, "a disk cannot read what it holds"),
    "lost-write": ("hardware", 0.6, "a write was lost for an I/O error"),
    "raid-failure": ("hardware", 0.7, "an array lost more disks than it can bear"),
    "ext4-error": ("unknown", 0.3, "the file system found its structures damaged"),
    "xfs-shutdown": ("unknown", 0.3, "the file system found an error that it cannot go on after"),
    "btrfs-error": ("unknown", 0.3, "the file system found an error that it cannot go on after"),
    "filesystem-error": ("unknown", 0.3, "the file system found its structures damaged"),
    "device-mapper-failure": ("unknown", 0.4, "a device of the device mapper failed, or its pool is full"),
    "zfs-panic": ("unknown", 0.4, "ZFS found a state that should not be"),
    "lustre-lbug": ("logic-bug", 0.6, "Lustre found a state that its authors held to be impossible"),
}
# Kinds that say nothing of a cause: the words of another report that is lost, or any reason at all.
SILENT = frozenset(
    {"oops", "oops-remains", "slab-report-remains", "panic", "panic-after-oops", "lockdep-limit", "unwinder-warning"}
)
# Functions whose warning is a message about somebody else (net/sched/sch_generic.c).
_MESSENGERS = {
    "dev_watchdog": "a network device did not send what it was given: its driver, the device or the link is stuck"
}


@rule(
    "kind",
    "the kind of the report",
    why="A report's own words name what the kernel saw, if not why it came to that.",
    sure="as sure as that kind of report mostly is; other rules know more",
)
def kind(crash: Crash) -> Iterator[Finding]:
    """What the report says of itself."""
    oops = crash.oops
    if oops is None or oops.kind not in KINDS or (oops.kind == "sysrq-crash" and is_hang(crash)):
        return
    crash_class, confidence, text = KINDS[oops.kind]
    messenger = _MESSENGERS.get(oops.function or "") if oops.kind == "warning" else None
    if messenger is not None:
        crash_class, confidence, text = "unknown", 0.5, messenger
    if oops.kind == "divide-error" and (divisor := _divisor(oops)) is not None:
        text = divisor
    blamed = oops.function if messenger is None else None
    yield Finding(
        id="kind",
        title=f"{titled(oops)}: {text}",
        text=f"In {blamed}(): {text}." if blamed else f"{text[:1].upper()}{text[1:]}.",
        confidence=confidence,
        crash_class=None if crash_class == "unknown" else crash_class,
        culprit=crash.faulting if blamed else None,
        evidence=(crash.here(), crash.here(oops.title)),
        next=tuple(_where_to_look(oops)) if crash_class in _OF_CODE else (),
        weight=0.5,
    )


def _waits_there(function: str) -> bool:
    """Whether a CPU that stands there waits for something, or is asked where it stands."""
    return any(pattern.match(function) for pattern in (SPINNING, IDLE, WATCHERS))


_DIVIDES = re.compile(r"i?div ([a-z0-9]{2,4})")
_LOW = {8: 0xFF, 16: 0xFFFF, 32: 0xFFFFFFFF, 64: (1 << 64) - 1}


def _divisor(oops: Oops) -> str | None:
    """Whether the divisor was zero, by the register that held it; None where the report does not tell."""
    faulting = next((i.text for i in oops.code.instructions if i.faulting), "") if oops.code else ""
    match = _DIVIDES.fullmatch(faulting)
    if match is None or (found := _register(match[1])) is None or found[0] not in oops.registers:
        return None
    value = oops.registers[found[0]] & _LOW[found[1]]
    if not value:
        return f"it divided by zero, which {match[1]} held"
    return f"the quotient did not fit: it divided by {value:#x}, which {match[1]} held"


def _register(name: str) -> tuple[str, int] | None:
    """The 64-bit register that an operand of x86 is a part of, and how many of its lower bits it is."""
    if match := re.fullmatch(r"(r\d{1,2})([dwb]?)", name):
        return match[1], {"": 64, "d": 32, "w": 16, "b": 8}[match[2]]
    if match := re.fullmatch(r"([re]?)([abcd]x|[sd]i|[sb]p)", name):
        return f"r{match[2]}", {"r": 64, "e": 32, "": 16}[match[1]]
    if match := re.fullmatch(r"([abcd])l|(si|di|sp|bp)l", name):
        return f"r{match[1]}x" if match[1] else f"r{match[2]}", 8
    return None


_OF_CODE = frozenset({"logic-bug", "memory-corruption", "deadlock", "lockup", "unknown"})
"""Classes in which reading the code helps."""


def _where_to_look(oops: Oops) -> Iterator[NextStep]:
    """The source line to read, or the command that gives it where the log does not have it."""
    frame = oops.frame or oops.at
    if oops.family == "hang" and oops.at is not None and not _waits_there(oops.at.function):
        frame = oops.at  # the line to read is the one that the CPU stood at, not the way in
    if oops.file and oops.source_line:
        asserted = oops.kind in ("kernel-bug", "warning", "refcount-warning")
        what = "the condition there is what the code found broken" if asserted else "that is where it stood"
        yield NextStep(text=f"Read {oops.file}:{oops.source_line}: {what}.", value=0.7)
    if frame is None or frame.offset is None or oops.file:
        return
    where = f"{frame.function}+{frame.offset:#x}" + (f"/{frame.size:#x}" if frame.size is not None else "")
    binary = f"{frame.module}.ko" if frame.module else "vmlinux"
    yield NextStep(
        text=f"Get the source line of {where}, from the {binary} with debuginfo that matches the release.",
        command=f"scripts/faddr2line {binary} {where}   # in the kernel's source",
        value=0.55,
    )
