"""Codes that the kernel prints as numbers, put into words: of faults, exits, preemption, allocations."""

import signal


def page_fault(code: int) -> tuple[str, ...]:
    """An x86 page fault's error code (`arch/x86/include/asm/trap_pf.h`): each bit in words.

    Example:
        >>> page_fault(0x0002)
        ('a write', 'to a page that is not mapped', 'by kernel code')
    """
    access = "an instruction fetch" if code & 0x10 else "a write" if code & 0x02 else "a read"
    where = "from" if code & 0x10 else "to" if code & 0x02 else "of"
    page = "a page that is mapped but does not allow it" if code & 0x01 else "a page that is not mapped"
    words = [access, f"{where} {page}", "by a program" if code & 0x04 else "by kernel code"]
    words += [text for bit, text in _X86_FURTHER if code & bit]
    return tuple(words)


_X86_FURTHER = (
    (0x08, "a reserved bit is set in the page table: it is corrupt"),
    (0x20, "blocked by a protection key"),
    (0x40, "a shadow-stack access"),
    (0x8000, "blocked by SGX"),
    (0x80000000, "blocked by SEV-SNP's reverse map table"),
)

# arm64: Arm Architecture Reference Manual, ESR_ELx; `arch/arm64/include/asm/esr.h`
_EXCEPTION_CLASS = {
    0x00: "an unknown or undefined instruction",
    0x07: "a floating-point or SIMD instruction that is switched off",
    0x0D: "a branch target that is no landing pad (BTI)",
    0x0E: "an illegal execution state",
    0x15: "a system call",
    0x1C: "a failed pointer authentication",
    0x20: "an instruction fetch from user space",
    0x21: "an instruction fetch",
    0x22: "a misaligned program counter",
    0x24: "a data access from user space",
    0x25: "a data access",
    0x26: "a misaligned stack pointer",
    0x2F: "an SError: a hardware error reported late",
    0x3C: "a BRK instruction: BUG(), WARN() or a sanitizer",
}
_FAULT_STATUS = {0x00: "address size fault", 0x04: "translation fault", 0x08: "access flag fault"}
_FAULT_STATUS |= {0x0C: "permission fault"}
_FAULT_MEANING = {
    "translation fault": "nothing is mapped there",
    "permission fault": "mapped, but not for this access",
    "address size fault": "the address is too large",
    "access flag fault": "the page's access flag is clear",
}
_OTHER_STATUS = {
    0x10: "synchronous external abort: the bus or memory reported an error",
    0x11: "synchronous tag check fault: the pointer's tag does not match the memory's (MTE)",
    0x18: "parity or ECC error on a memory access: hardware",
    0x21: "alignment fault",
}


def arm64_syndrome(esr: int) -> tuple[str, ...]:
    """An arm64 exception syndrome, ESR_EL1 (`arch/arm64/include/asm/esr.h`), in words.

    Example:
        >>> arm64_syndrome(0x96000004)
        ('a data access: a read', 'translation fault at level 0: nothing is mapped there')
    """
    kind = esr >> 26 & 0x3F
    words = [_EXCEPTION_CLASS.get(kind, f"exception class {kind:#x}")]
    if kind in (0x20, 0x21, 0x24, 0x25):
        if kind >= 0x24:
            words[0] += ": a write" if esr & 0x40 else ": a read"
        words += _arm64_status(esr & 0x3F)
    return tuple(words)


def _arm64_status(status: int) -> list[str]:
    if status in _OTHER_STATUS:
        return [_OTHER_STATUS[status]]
    name = _FAULT_STATUS.get(status & 0x3C)
    return [f"{name} at level {status & 3}: {_FAULT_MEANING[name]}"] if name else [f"fault status {status:#x}"]


# arm, short descriptors: `arch/arm/mm/fsr-2level.c`
_ARM_STATUS = {
    1: "alignment fault",
    5: "translation fault in the first level: nothing is mapped there",
    7: "translation fault in the second level: nothing is mapped there",
    8: "external abort: the bus or a device reported an error",
    13: "permission fault in the first level: mapped, but not for this access",
    15: "permission fault in the second level: mapped, but not for this access",
    22: "imprecise external abort: a bus error reported late",
}


def arm_fault_status(fsr: int) -> tuple[str, ...]:
    """A 32-bit arm fault status (DFSR or IFSR), in words; empty where it is not known.

    Example:
        >>> arm_fault_status(0x805)
        ('a write', 'translation fault in the first level: nothing is mapped there')
    """
    # Bit 31 is Linux's own mark of an instruction fetch, bit 9 the processor's of long descriptors (LPAE).
    access = "an instruction fetch" if fsr >> 31 else "a write" if fsr & 0x800 else "a read"
    if fsr & 0x200:
        return (access, *_arm64_status(fsr & 0x3F))
    text = _ARM_STATUS.get(fsr & 0xF | (fsr & 0x400) >> 6)
    return (access, text) if text else ()


# powerpc: `arch/powerpc/include/asm/reg.h`
_DSISR = (
    (0x40000000, "nothing is mapped there"),
    (0x08000000, "mapped, but not for this access"),
    (0x04000000, "an access that cached memory does not allow"),
    (0x00200000, "blocked by a protection key"),
    (0x00080000, "an MMU set-up that the CPU does not support"),
    (0x02000000, "a write"),
)


def dsisr(value: int) -> tuple[str, ...]:
    """Powerpc's DSISR after a data fault, in words."""
    return tuple(text for bit, text in _DSISR if value & bit)


# riscv: Privileged Architecture, scause; `arch/riscv/include/asm/csr.h`
_RISCV_CAUSE = {
    0: "a misaligned instruction address",
    1: "an instruction fetch that the bus refused",
    2: "an illegal instruction",
    3: "a breakpoint: BUG() or WARN()",
    4: "a misaligned read",
    5: "a read that the bus refused",
    6: "a misaligned write",
    7: "a write that the bus refused",
    8: "a system call",
    12: "an instruction fetch from a page that is not mapped or not executable",
    13: "a read from a page that is not mapped or not readable",
    15: "a write to a page that is not mapped or not writable",
}


def riscv_cause(value: int) -> str:
    """RISC-V's scause in words, or the empty string."""
    return _RISCV_CAUSE.get(value, "")


def exit_code(code: int) -> str:
    """A task's exit code, as `Attempted to kill init! exitcode=0x0000000b` prints it (`kernel/exit.c`).

    Example:
        >>> exit_code(0x0B)
        'killed by SIGSEGV'
    """
    number = code & 0x7F
    if number == 0:
        return f"it exited with status {code >> 8 & 0xFF}"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return f"killed by {name}"


def preempt_count(count: int) -> tuple[str, ...]:
    """Why sleeping is forbidden, from a preempt count (`include/linux/preempt.h`).

    Example:
        >>> preempt_count(0x00000100)
        ('in a softirq handler',)
        >>> preempt_count(0x00010001)
        ('preemption disabled 1 time (spinlock or preempt_disable())', 'in a hardirq handler')
    """
    words = []
    if disabled := count & 0xFF:
        words.append(f"preemption disabled {disabled} time{'s' * (disabled > 1)} (spinlock or preempt_disable())")
    if softirq := count >> 8 & 0xFF:
        # SOFTIRQ_DISABLE_OFFSET is two: an odd count means that a handler runs.
        words.append("in a softirq handler" if softirq & 1 else "softirqs disabled (spin_lock_bh())")
    if count >> 16 & 0xF:
        words.append("in a hardirq handler")
    if count >> 20 & 0xF:
        words.append("in an NMI handler")
    return tuple(words)
