"""Which architecture a report is from, where the log never says so: by its registers, symbols and hardware."""

import re
from collections.abc import Iterable, Mapping, Sequence

# Ways into the kernel that only one architecture has.
_SYMBOLS = {
    **dict.fromkeys(
        (
            "entry_SYSCALL_64_after_hwframe",
            "entry_SYSCALL_64",
            "entry_SYSCALL_64_fastpath",
            "system_call_fastpath",
            "do_syscall_64",
            "ret_from_fork_asm",
            "x64_sys_call",
        ),
        "x86_64",
    ),
    **dict.fromkeys(
        (
            "entry_INT80_32",
            "entry_SYSENTER_32",
            "do_int80_syscall_32",
            "sysenter_past_esp",
            "sysenter_do_call",
            "syscall_call",
        ),
        "i386",
    ),
    **dict.fromkeys(("el0_svc", "el0t_64_sync", "el0_svc_naked", "el0_sync", "el1h_64_sync", "el1_irq"), "arm64"),
    **dict.fromkeys(("ret_fast_syscall", "__irq_svc", "__dabt_svc", "__und_svc", "vector_swi"), "arm"),
    **dict.fromkeys(("system_call_exception", "system_call_vectored_common", "data_access_common_virt"), "ppc64"),
    **dict.fromkeys(("do_trap_ecall_u", "handle_exception", "ret_from_exception"), "riscv64"),
}
# `ret_from_exception` and `handle_exception` are also m68k's and sh's, which have no other support here either.

_RELEASES = re.compile(
    r"[.-](x86_64|amd64|i[3-6]86|aarch64|arm64|armmp|ppc64le|ppc64|s390x|riscv64|loongarch64|loong64)\b"
)
# `arch/x86/mm/fault.c: show_fault_oops()` since Linux 5.2, whose address is as wide as the machine.
_WIDE = re.compile(r" address: [0-9a-f]{16}\b")
_HARDWARE = re.compile(r"riscv-virtio|ARM-Versatile Express|IBM pSeries|^IBM \d{4} \w{3} ")
_NAMES = {
    "amd64": "x86_64",
    "aarch64": "arm64",
    "armmp": "arm",
    "ppc64le": "ppc64",
    "loong64": "loongarch64",
    "riscv-virtio": "riscv64",
    "ARM-Versatile Express": "arm",
    "IBM pSeries": "ppc64",
}


# arch/s390/kernel/dumpstack.c: die(), of the length of the instruction
_S390_DIED = re.compile(r": [0-9a-f]{4} ilc:[1-3] \[#\d")


def architecture(
    registers: str | None,
    values: Mapping[str, int],
    texts: Sequence[str] = (),
    functions: Iterable[str] = (),
    release: str | None = None,
    hardware: str | None = None,
) -> str | None:
    """The architecture, or None if nothing tells.

    Args:
        registers: what the register lines are known to be of (`RegisterReader.architecture`), or None.
        values: the registers.
        texts: headlines and error lines of the report.
        functions: symbols of its traces, innermost last or first.
        release: `6.1.0-18-amd64`, `5.14.0-362.el9.aarch64`.
        hardware: text behind `Hardware name:`.
    """
    if registers == "ppc64" and values and max(values.values()) < 1 << 32 and ("dear" in values or "r31" in values):
        return "ppc"
    if registers is not None:
        return registers
    for text in texts:
        if text.startswith("#PF: ") and any(_WIDE.search(other) for other in texts):
            return "x86_64"
        if text.startswith("Internal error: "):
            # arm ends this line with its instruction set, arm64 with nothing (`arch/arm/kernel/traps.c: __die()`).
            return "arm" if re.search(r"\b(?:ARM|THUMB2)\s*\Z", text[-40:]) else "arm64"
        if _S390_DIED.search(text[:100]) is not None:
            return "s390x"
    for function in functions:
        if (found := _SYMBOLS.get(function)) is not None:
            return found
    match = _RELEASES.search(release[:200]) if release else None
    if match is None and hardware:
        match = _HARDWARE.search(hardware[:200])
    if match is None:
        return None
    word = match[match.lastindex or 0]
    if re.match(r"i[3-6]86", word):
        return "i386"
    return _NAMES.get(word, "s390x" if word.startswith("IBM") else word)
