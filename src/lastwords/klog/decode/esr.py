"""arm64's exception syndrome register (`arch/arm64/include/asm/esr.h`, `arch/arm64/mm/fault.c: mem_abort_decode()`)."""

from lastwords.model import ErrorCode

_CLASSES = {
    0x00: "undefined instruction",
    0x01: "trapped wait instruction",
    0x07: "floating point or vector instruction that is switched off",
    0x0D: "branch target exception: indirect branch to a place that is no target",
    0x0E: "illegal execution state",
    0x11: "32-bit system call",
    0x15: "system call",
    0x18: "trapped system register access",
    0x19: "SVE instruction that is switched off",
    0x1C: "pointer authentication failure",
    0x20: "instruction abort from user mode",
    0x21: "instruction abort from kernel mode",
    0x22: "the program counter is misaligned",
    0x24: "data abort from user mode",
    0x25: "data abort from kernel mode",
    0x26: "the stack pointer is misaligned",
    0x27: "memory operation exception",
    0x2C: "floating point exception",
    0x2D: "guarded control stack exception",
    0x2F: "SError: asynchronous, often hardware",
    0x30: "hardware breakpoint from user mode",
    0x31: "hardware breakpoint",
    0x32: "single step from user mode",
    0x33: "single step",
    0x34: "watchpoint from user mode",
    0x35: "watchpoint",
    0x3C: "brk instruction",
}
_DATA_ABORTS = (0x24, 0x25)
_INSTRUCTION_ABORTS = (0x20, 0x21)

_LEVELLED = {
    0x00: "address size fault",
    0x04: "translation fault: nothing is mapped there",
    0x08: "access flag fault",
    0x0C: "permission fault",
    0x14: "synchronous external abort while the page table was read",
    0x1C: "parity or ECC error while the page table was read",
}
_STATUS = {
    0x10: "synchronous external abort",
    0x11: "memory tag check fault",
    0x18: "parity or ECC error",
    0x21: "alignment fault",
    0x30: "TLB conflict",
    0x31: "unsupported atomic update of a page table entry",
    0x34: "lockdown abort",
    0x35: "unsupported exclusive or atomic access",
}

# The immediate of brk says who put it there (`arch/arm64/include/asm/brk-imm.h`): value, mask, meaning.
_BREAKS = (
    (0x004, 0xFFFF, "kprobe"),
    (0x100, 0xFFFF, "fault on purpose"),
    (0x400, 0xFFFE, "kgdb"),
    (0x800, 0xFFFF, "a BUG or WARN"),
    (0x900, 0xFF00, "KASAN with software tags"),
    (0x5500, 0xFF00, "UBSAN trap"),
    (0x8000, 0xFC00, "control flow integrity (CFI) failure"),
)


def fault_status(status: int) -> str:
    """The fault status code (DFSC, IFSC) in words, or the empty string."""
    if status in _STATUS:
        return _STATUS[status]
    text = _LEVELLED.get(status & 0x3C)
    return f"{text}, level {status & 3}" if text else ""


def arm64_break(immediate: int) -> str:
    """Who put a brk instruction with this immediate into the kernel, or the empty string."""
    return next((text for value, mask, text in _BREAKS if immediate & mask == value), "")


def arm64_esr(value: int) -> ErrorCode:
    """The fields of an exception syndrome, in words."""
    kind = value >> 26 & 63
    meaning = [_CLASSES[kind]] if kind in _CLASSES else []
    if kind in _DATA_ABORTS:
        # Cache maintenance sets WnR too, though it writes nothing of its own.
        maintenance = value >> 8 & 1
        meaning.append("cache maintenance" if maintenance else "write" if value >> 6 & 1 else "read")
    if kind in _DATA_ABORTS or kind in _INSTRUCTION_ABORTS:
        if status := fault_status(value & 63):
            meaning.append(status)
        if value >> 7 & 1:
            meaning.append("while the page table was walked, at stage 2")
        if value >> 10 & 1 and value & 63 == 0x10:
            meaning.append("the fault address is not valid")
    if kind == 0x3C and (who := arm64_break(value & 0xFFFF)):
        meaning.append(who)
    return ErrorCode(value=value, meaning=tuple(meaning))
