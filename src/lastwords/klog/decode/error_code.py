"""What a fault's error code says, on each architecture.

Formats: `arch/x86/mm/fault.c: show_fault_oops()`, `arch/x86/kernel/traps.c`, `arch/arm64/mm/fault.c:
mem_abort_decode()`, `arch/arm/mm/fsr-2level.c` and `fsr-3level.c`, `arch/powerpc/kernel/process.c`,
`arch/s390/kernel/dumpstack.c: die()`, `arch/riscv/kernel/traps.c`, `arch/mips/kernel/traps.c`,
`arch/loongarch/kernel/traps.c`.
"""

import re
from collections.abc import Iterable, Mapping

from lastwords.model import ErrorCode

from . import esr

# x86: `arch/x86/include/asm/trap_pf.h`.

_PF_CAUSES = (
    # bit, what it says where it is set
    (3, "a reserved bit is set in a page table entry: the page table is corrupt"),
    (5, "forbidden by the protection keys"),
    (6, "shadow stack access"),
    (15, "SGX access violation"),
    (31, "forbidden by the reverse map table (SEV-SNP)"),
)


def x86_page_fault(value: int) -> ErrorCode:
    """The bits of an x86 page fault's error code."""
    access = "instruction fetch" if value & 16 else "write" if value & 2 else "read"
    meaning = [
        access,
        "from user mode" if value & 4 else "from kernel mode",
        "the page is present and does not allow it" if value & 1 else "no page is mapped there",
        *(text for bit, text in _PF_CAUSES if value >> bit & 1),
    ]
    return ErrorCode(value=value, meaning=tuple(meaning))


def x86_selector(value: int) -> ErrorCode:
    """The selector error code of #GP, #SS, #NP and #TS (Intel SDM volume 3, "Error Code")."""
    if not value:
        return ErrorCode(value=0, meaning=("no segment is involved",))
    table = "IDT" if value & 2 else "LDT" if value & 4 else "GDT"
    meaning = [f"entry {value >> 3 & 0x1FFF} of the {table}"]
    if value & 1:
        meaning.append("while an external event was delivered")
    return ErrorCode(value=value, meaning=tuple(meaning))


_CONTROL_PROTECTION = {
    1: "near return to an address that the shadow stack does not hold",
    2: "far return or iret to an address that the shadow stack does not hold",
    3: "indirect branch to an instruction that is not endbr",
    4: "rstorssp: bad shadow stack token",
    5: "setssbsy: bad supervisor shadow stack token",
}


def x86_control_protection(value: int) -> ErrorCode:
    """The error code of #CP (`arch/x86/kernel/cet.c`)."""
    text = _CONTROL_PROTECTION.get(value & 0x7FFF)
    return ErrorCode(value=value, meaning=(text,) if text else ())


# arm: the fault status register's FS field, `arch/arm/mm/fsr-2level.c` and, with LPAE, `fsr-3level.c`.

_FSR_SHORT = {
    1: "alignment fault",
    2: "debug event",
    3: "access flag fault, section",
    4: "fault in cache maintenance",
    5: "no translation: the section is not mapped",
    6: "access flag fault, page",
    7: "no translation: the page is not mapped",
    8: "synchronous external abort",
    9: "domain fault, section",
    11: "domain fault, page",
    12: "external abort while the page table was read, level 1",
    13: "permission fault, section",
    14: "external abort while the page table was read, level 2",
    15: "permission fault, page",
    22: "asynchronous external abort",
}
_FSR_LONG = ("", "no translation", "access flag fault", "permission fault")
_FSR_LONG_OTHER = {
    16: "synchronous external abort",
    17: "asynchronous external abort",
    33: "alignment fault",
    34: "debug event",
}


def arm_fsr(value: int) -> ErrorCode:
    """32-bit arm's fault status register; bit 31 is Linux's own mark of an instruction fetch."""
    fetch = bool(value >> 31)
    meaning = ["instruction fetch" if fetch else "write" if value >> 11 & 1 else "read"]
    if value >> 9 & 1:
        status = value & 0x3F
        cause = f"{_FSR_LONG[status >> 2]}, level {status & 3}" if 4 <= status < 16 else _FSR_LONG_OTHER.get(status, "")
    else:
        cause = _FSR_SHORT.get((value & 15) | (value >> 6 & 16), "")
    if cause:
        meaning.append(cause)
    return ErrorCode(value=value, meaning=tuple(meaning))


# powerpc: `arch/powerpc/include/asm/reg.h`.

_DSISR = (
    (0x80000000, "direct-store segment"),
    (0x40000000, "no page is mapped there"),
    (0x08000000, "the page's protection does not allow it"),
    (0x00400000, "a data breakpoint matched"),
    (0x00200000, "forbidden by a storage key, or no segment"),
    (0x00080000, "unsupported MMU configuration"),
    (0x00040000, "the reference and change bits could not be set"),
    (0x00020000, "fault in the partition or process table"),
)


def ppc_dsisr(value: int) -> ErrorCode:
    """Powerpc's data storage interrupt status register."""
    causes = (text for bit, text in _DSISR if value & bit)
    return ErrorCode(value=value, meaning=("write" if value & 0x02000000 else "read", *causes))


# s390: program interruption codes, `arch/s390/kernel/pgm_check.c`.

_S390 = {
    0x01: "operation exception: illegal instruction",
    0x02: "privileged operation",
    0x03: "execute exception",
    0x04: "protection exception: the page does not allow the access",
    0x05: "addressing exception: no such real address",
    0x06: "specification exception",
    0x07: "data exception",
    0x08: "fixed point overflow",
    0x09: "fixed point divide exception",
    0x0F: "floating point divide exception",
    0x10: "segment translation exception: nothing is mapped there",
    0x11: "page translation exception: no page is mapped there",
    0x12: "translation specification exception: the page table is corrupt",
    0x13: "special operation exception",
    0x15: "operand exception",
    0x1C: "space switch event",
    0x38: "ASCE type exception: address beyond the address space",
    0x39: "region first translation exception: nothing is mapped there",
    0x3A: "region second translation exception: nothing is mapped there",
    0x3B: "region third translation exception: nothing is mapped there",
    0x3D: "secure storage access exception",
    0x3E: "non-secure storage access exception",
    0x3F: "secure storage violation",
    0x40: "monitor event: a BUG or WARN",
}


def s390_interruption(value: int) -> ErrorCode:
    """s390's program interruption code; bit 0x200 says that a transaction was aborted, 0x80 that PER was on."""
    text = _S390.get(value & 0x7F)
    return ErrorCode(value=value, meaning=(text,) if text else ())


# riscv: the privileged specification's scause.

_RISCV = {
    0: "instruction address misaligned",
    1: "instruction access fault",
    2: "illegal instruction",
    3: "breakpoint: a BUG or WARN, or a probe",
    4: "read address misaligned",
    5: "read access fault",
    6: "write or atomic operation: address misaligned",
    7: "write or atomic operation: access fault",
    8: "system call from user mode",
    12: "instruction fetch: no page that allows it",
    13: "read: no page that allows it",
    15: "write or atomic operation: no page that allows it",
    18: "software check: control flow violation",
    19: "hardware error",
}


def riscv_cause(value: int) -> ErrorCode:
    """Riscv's scause; its highest bit marks an interrupt."""
    if value >> 63 or (value < 1 << 32 and value >> 31):
        return ErrorCode(value=value, meaning=(f"interrupt {value & 0xFF}",))
    text = _RISCV.get(value)
    return ErrorCode(value=value, meaning=(text,) if text else ())


# mips: the Cause register's ExcCode, `arch/mips/include/asm/mipsregs.h`.

_MIPS = {
    0: "interrupt",
    1: "write to a page that is read-only",
    2: "read or instruction fetch: no page is mapped there",
    3: "write: no page is mapped there",
    4: "read or instruction fetch: address misaligned, or not a kernel's to use",
    5: "write: address misaligned, or not a kernel's to use",
    6: "bus error on an instruction fetch",
    7: "bus error on a data access",
    8: "system call",
    9: "breakpoint: a BUG or WARN",
    10: "reserved instruction",
    11: "coprocessor unusable",
    12: "arithmetic overflow",
    13: "trap: a BUG or WARN",
    15: "floating point exception",
    19: "read inhibited by the page",
    20: "execution inhibited by the page",
    24: "machine check",
    26: "cache error",
}


def mips_cause(value: int) -> ErrorCode:
    """The exception code in mips's Cause register."""
    text = _MIPS.get(value >> 2 & 31)
    return ErrorCode(value=value, meaning=(text,) if text else ())


# loongarch: ESTAT, `arch/loongarch/include/asm/loongarch.h`.

_LOONGARCH = {
    0: "interrupt",
    1: "read: no page is mapped there",
    2: "write: no page is mapped there",
    3: "instruction fetch: no page is mapped there",
    4: "write to a page that is read-only",
    5: "read of a page that is not readable",
    6: "execution of a page that is not executable",
    7: "privilege level too low for the page",
    8: "address not a kernel's to use",
    9: "address misaligned",
    10: "bound check",
    11: "system call",
    12: "breakpoint: a BUG or WARN",
    13: "instruction does not exist",
    14: "instruction privilege",
}


def loongarch_estat(value: int) -> ErrorCode:
    """The exception code in loongarch's ESTAT."""
    text = _LOONGARCH.get(value >> 16 & 63)
    return ErrorCode(value=value, meaning=(text,) if text else ())


# Which of them a report has

_X86_LINE = re.compile(
    r"(?:Oops: )?(?P<name>[a-z][a-z -]{0,60}?[a-z])?(?:, (?:probably|maybe) for (?:non-canonical )?address 0x[0-9a-f]{1,16})?: ?"
    r"(?P<code>[0-9a-f]{4,8}) \[#?\d{1,9}\]"  # x86_64 before Linux 2.6.27 numbers them without the sign
)
_PF_LINE = re.compile(r"#PF: error_code\(0x(?P<code>[0-9a-f]{1,8})\)")
_OOPS_LINE = re.compile(r"Oops: (?P<code>[0-9a-f]{4,8}) \[#?\d{1,9}\]")
_ARM_LINE = re.compile(r"Internal error: (?P<name>[^\[]{0,100}?): ?(?P<code>[0-9a-f]{1,16}) \[#\d{1,9}\]")
_SERROR_LINE = re.compile(r"SError Interrupt on CPU\d{1,5}, code 0x(?P<code>[0-9a-f]{8,16})\b")
_S390_LINE = re.compile(r"[\w :-]{1,60}: (?P<code>[0-9a-f]{4}) ilc:\d")
_SELECTOR_FAULTS = frozenset(
    (
        "general protection fault",
        "segment-related general protection fault",
        "stack segment",
        "segment not present",
        "invalid TSS",
    )
)


def error_code(architecture: str | None, texts: Iterable[str], registers: Mapping[str, int]) -> ErrorCode | None:
    """The error code of a report, decoded, or None where it has none or its architecture is not known.

    Args:
        architecture: as in `Code.architecture`, or None.
        texts: headlines and error lines of the report, in order.
        registers: its registers by name.
    """
    texts = [text[:400] for text in texts]
    if architecture in ("x86_64", "i386", None):
        return _x86(texts)
    if architecture == "arm64":
        value = registers.get("esr")
        match = _search(_ARM_LINE, texts) or _search(_SERROR_LINE, texts)
        if value is None and match is not None:
            value = int(match["code"], 16)
        # Older kernels print 0 for a BUG and other traps that are no aborts: no syndrome at all.
        return esr.arm64_esr(value) if value else None
    if architecture == "arm":
        match = _search(_ARM_LINE, texts)
        # Other names are of traps that print no status but their own number.
        return arm_fsr(int(match["code"], 16)) if match is not None and match["name"] in ("Oops", "") else None
    if architecture == "s390x":
        match = _search(_S390_LINE, texts)
        return s390_interruption(int(match["code"], 16)) if match is not None else None
    if architecture in ("ppc64", "ppc"):
        # Only data storage and alignment interrupts set DSISR: in others it is what the last one left.
        return (
            ppc_dsisr(registers["dsisr"]) if "dsisr" in registers and registers.get("trap") in (0x300, 0x600) else None
        )
    name, decode = {
        "riscv64": ("cause", riscv_cause),
        "mips": ("cause", mips_cause),
        "loongarch64": ("estat", loongarch_estat),
    }.get(architecture, ("", riscv_cause))
    return decode(registers[name]) if name in registers else None


def _x86(texts: list[str]) -> ErrorCode | None:
    for text in texts:
        if (match := _PF_LINE.match(text) or _OOPS_LINE.match(text)) is not None:
            return x86_page_fault(int(match["code"], 16))
        match = _X86_LINE.search(text) if " [#" in text else None
        if match is None or not match["name"]:
            continue
        name = match["name"].removeprefix("traps: ")
        if name.endswith(tuple(_SELECTOR_FAULTS)):
            return x86_selector(int(match["code"], 16))
        if name.endswith("control protection fault"):
            return x86_control_protection(int(match["code"], 16))
    return None


def _search(pattern: re.Pattern[str], texts: list[str]) -> re.Match[str] | None:
    return next((match for text in texts if (match := pattern.match(text)) is not None), None)
