"""The register lines of every architecture, by the word that they begin with.

Formats: `__show_regs()` in `arch/x86/kernel/process_{32,64}.c`, `arch/arm64/kernel/process.c`,
`arch/arm/kernel/process.c`, `arch/riscv/kernel/process.c`; `show_regs()` in `arch/mips/kernel/traps.c`,
`arch/loongarch/kernel/traps.c` and `arch/s390/kernel/dumpstack.c`; `arch/powerpc/kernel/process.c`.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from lastwords.klog.decode import other_register_lines as other
from lastwords.klog.decode.location import where

Values = dict[str, int]

LONGEST = 320
"""Characters of a line that are looked at: no architecture prints a longer register line."""


class Line(NamedTuple):
    """How to read the lines that begin with a certain word."""

    read: Callable[[str], Values | None]
    """Gives the line's registers, or None if it is no register line after all."""
    architecture: str = ""
    """Which architecture prints such a line, or the empty string if several do."""
    opens: bool = False
    """The first line of a register set."""
    repeats: bool = False
    """May come twice for one set."""
    locates: bool = False
    """Says where the instruction pointer is."""


# x86

_SELECTOR_AND_ADDRESS = re.compile(
    r"\s*[RE]IP: {1,4}([0-9a-f]{4}):(?:\[<\s{0,20}([0-9a-f]{8,16}|\(null\))>\]|0x([0-9a-f]{1,16})\b)?"
)
_FLAGS_AFTER_EIP = re.compile(r"EFLAGS: ([0-9a-f]{8})\b")
_RSP = re.compile(
    r"\s*RSP: ([0-9a-f]{4}):([0-9a-f]{16})\b(?:\s{1,2}EFLAGS: ([0-9a-f]{8})\b)?(?: ORIG_RAX: ([0-9a-f]{16})\b)?"
)
_FS = re.compile(
    r"\s*FS:\s{1,2}([0-9a-f]{16})\(([0-9a-f]{4})\) GS:\s?([0-9a-f]{16})\(([0-9a-f]{4})\)(?: knlGS:\s?([0-9a-f]{16})\b)?"
)
_X86_64 = re.compile(r"(R[A-D0-9S][A-Z0-9]): ([0-9a-f]{16})\b")
# Not CS: it is that of the CPU while it prints; the one beside RIP is of the context that crashed.
_X86_SYSTEM = re.compile(r"\b([DEFGS]S|CR[0-9]|DR[0-7]|PKRU|EFLAGS):\s{1,2}([0-9a-f]{16}|[0-9a-f]{8}|[0-9a-f]{4})\b")
# In lower case until Linux 2.6.24.
_I386_OLD = re.compile(r"\b(e[a-d]x|e[sd]i|e[bs]p|[c-gs]s):\s{1,2}([0-9a-f]{8}|[0-9a-f]{4})\b")
# arch/x86/kernel/doublefault_32.c: `eip = c03190f9, esp = ce83bfc4`, until Linux 5.5.
_I386_DOUBLE_FAULT = re.compile(r"\b(e[a-d]x|e[sd]i|e[bs]p|eip) = (?:0x)?([0-9a-f]{8})\b")
_I386 = re.compile(r"\b(E[A-DSIB][XPI]|EDI|EFLAGS|CR[0-9]|DR[0-7]|[C-GS]S): ([0-9a-f]{8}|[0-9a-f]{4})\b")

_SPELLED = {"r08": "r8", "r09": "r9"}

SUMMARY: Values = {}
"""Stands for the line that repeats RIP and RSP below the trace (before Linux 4.20): nothing new in it."""


def _selector_and_address(text: str, name: str) -> Values | None:
    found = _SELECTOR_AND_ADDRESS.match(text)
    if found is None:
        return None
    values = {"cs": int(found[1], 16)}
    address = found[2] or found[3]
    if address:
        values[name] = 0 if address == "(null)" else int(address, 16)
    flags = _FLAGS_AFTER_EIP.search(text, found.end()) if name == "eip" else None
    if flags:
        values["eflags"] = int(flags[1], 16)
    return values


def _rip(text: str) -> Values | None:
    values = _selector_and_address(text, "rip")
    if values is None and " RSP: " in text and where(text) is not None:
        return SUMMARY
    return values


# klogd put this in front of the line that it could not decode: `EIP:    0060:[free_block+449/489]    Not tainted`.
_KLOGD = re.compile(r"\s*EIP: {1,4}[0-9a-f]{4}:\[[A-Za-z_]")


def _eip(text: str) -> Values | None:
    if _KLOGD.match(text) is not None:
        return SUMMARY
    values = _selector_and_address(text, "eip")
    if values is None and where(text) is not None:
        return SUMMARY if " SS:ESP " in text else {}  # Linux 4.14 and later print no selector.
    return values


def _symbol(text: str) -> Values | None:
    return {} if where(text) is not None else None


def _rsp(text: str) -> Values | None:
    found = _RSP.match(text)
    if found is None:
        return {} if text.startswith("RSP <", 1) or text.startswith("RSP <") else None
    values = {"ss": int(found[1], 16), "rsp": int(found[2], 16)}
    if found[3]:
        values["eflags"] = int(found[3], 16)
    if found[4]:
        values["orig_rax"] = int(found[4], 16)
    return values


def _fs(text: str) -> Values | None:
    found = _FS.match(text)
    if found is None:
        return None
    values = {
        "fs_base": int(found[1], 16),
        "fs": int(found[2], 16),
        "gs_base": int(found[3], 16),
        "gs": int(found[4], 16),
    }
    if found[5]:
        values["kernel_gs_base"] = int(found[5], 16)
    return values


def _x86_64(text: str) -> Values | None:
    names = _X86_NAMES
    try:
        # Most register lines are of this form, and this is three times faster than the regular expression.
        one, a, two, b, three, c = text.split()
        if len(a) == len(b) == len(c) == 16:
            return {names[one[:-1]]: int(a, 16), names[two[:-1]]: int(b, 16), names[three[:-1]]: int(c, 16)}
    except (ValueError, KeyError):
        pass  # Cut off, or something else in the line.
    return {names[name]: int(digits, 16) for name, digits in _X86_64.findall(text) if name in names} or None


_X86_NAMES = {
    spelled.upper(): _SPELLED.get(spelled, spelled)
    for spelled in (
        *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"),
        *(f"r{n:02}" for n in range(8, 16)),
    )
}


def _pairs(pattern: re.Pattern[str]) -> Callable[[str], Values | None]:
    """Read `NAME: value` pairs."""
    findall = pattern.findall

    def read(text: str) -> Values | None:
        return {name.lower(): int(digits, 16) for name, digits in findall(text)} or None

    return read


# Architectures that write `name : value`, the name in lower case

_COLON_64 = re.compile(r"\b([a-z][a-z0-9]{0,7})\s{0,4}:\s{1,2}(?:\[<)?([0-9a-f]{16})\b")
_COLON_32 = re.compile(r"\b([a-z][a-z0-9]{0,7})\s{0,4}:\s{1,2}(?:\[<)?([0-9a-f]{8})\b")
_PSTATE = re.compile(r"\b(pstate|psr): ([0-9a-f]{8}(?:[0-9a-f]{8})?)\b")
_STATUS = re.compile(r"\b(status|badaddr|cause): ([0-9a-f]{16}|[0-9a-f]{8})\b")


def _colon(text: str) -> Values | None:
    """Read `x29: … x28: …`, `epc : … ra : …`, `sp : … ip : …`; all values of a line have the same width."""
    found = _COLON_64.findall(text) or _COLON_32.findall(text)
    return {name: int(digits, 16) for name, digits in found} or None


def _program_counter(text: str) -> Values | None:
    values = _colon(text)
    if values is None:
        return _symbol(text)
    status = _PSTATE.search(text)
    if status is not None:
        values.pop("psr", None)
        values["pstate" if status[1] == "pstate" else "cpsr"] = int(status[2], 16)
    return values


def _pstate(text: str) -> Values | None:
    found = _PSTATE.search(text)
    return {"pstate": int(found[2], 16)} if found else None


_ARM_CONTROL = re.compile(r"\b(Control|Table|DAC): ([0-9a-f]{8,16})\b")
# With a colon where the stack is full (`panic_bad_stack()`), which also has the address.
_ESR = re.compile(r"\s*(ESR|FAR)(?: =|:) 0x([0-9a-f]{8,16})\b")


def _esr(text: str) -> Values | None:
    found = _ESR.match(text)
    return {found[1].lower(): int(found[2], 16)} if found else None


# powerpc

# Until Linux 2.6 32-bit kernels printed capitals.
_PPC = re.compile(r"\b(NIP|LR|CTR|MSR|CR|XER|CFAR|DAR|DEAR|DSISR|ESR|IRQMASK|SOFTE|TRAP):\s{1,2}([0-9a-fA-F]{1,16})\b")
_XMON = re.compile(r"\s*(pc|lr|sp|msr|dar|dsisr): {1,4}([0-9a-f]{1,16})\b")
_XMON_NAMES = {"pc": "nip", "sp": "r1"}
_PPC_GPRS = re.compile(r"\s*GPR([0-9]{2}):((?:\s[0-9a-f]{16}){1,4}|(?:\s[0-9a-fA-F]{8}){1,8})\s*$")


def _gprs(text: str) -> Values | None:
    found = _PPC_GPRS.match(text)
    if found is None:
        return None
    first = int(found[1])
    return {f"r{first + i}": int(digits, 16) for i, digits in enumerate(found[2].split()) if first + i < 32}


def _xmon(text: str) -> Values | None:
    """Powerpc's debugger (`arch/powerpc/xmon/xmon.c: excprint()`)."""
    found = _XMON.match(text)
    return {_XMON_NAMES.get(found[1], found[1]): int(found[2], 16)} if found else None


def _nip(text: str) -> Values | None:
    return _pairs(_PPC)(text) or _symbol(text)


# s390

_PSW = re.compile(r"\s*(Krnl|User) PSW\s?: ([0-9a-f]{16}) ([0-9a-f]{16})\b")
# Addresses that the kernel hides; the symbol behind them stays.
_HIDDEN_PSW = re.compile(r"\s*Krnl PSW\s?: \(_{2,4}ptrval_{2,4}\)")
_S390_GPRS = re.compile(r"\s*(?:Krnl|User) GPRS:((?:\s[0-9a-f]{16}){4})")
_FOUR_WORDS = re.compile(r"\s*([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16})\s*$")


def four_words(text: str) -> list[int] | None:
    """One of the four lines of s390's 16 registers, of which only the first has a label; None where it is none."""
    found = _FOUR_WORDS.match(text)
    return [int(digits, 16) for digits in found.groups()] if found else None


def _krnl(text: str) -> Values | None:
    psw = _PSW.match(text)
    if psw is not None:
        values = {"psw_mask": int(psw[2], 16), "psw_addr": int(psw[3], 16)}
        return values if psw[1] == "Krnl" else {**values, "user": 1}
    if _HIDDEN_PSW.match(text) is not None:
        return {}
    gprs = _S390_GPRS.match(text)
    if gprs is None:
        return None
    return {f"gpr{i}": int(digits, 16) for i, digits in enumerate(gprs[1].split())}


_PSW_BITS = re.compile(r"\s*R:\d T:\d IO:\d EX:\d Key:")


def _psw_bits(text: str) -> Values | None:
    """The fields of the PSW once more, in words."""
    return {} if _PSW_BITS.match(text) else None


# mips, and loongarch before Linux 6.0, which copied it

_DOLLAR = re.compile(r"\s*\$\s?([0-9]{1,2})\s{0,4}:((?:\s[0-9a-f]{16}|\s[0-9a-f]{8}){1,4})\s*$")
_MIPS = re.compile(r"\s*(Hi|Lo|Acx|epc|era|ra|Status|Cause|BadVA|PrId)\s{0,4}:\s([0-9a-f]{16}|[0-9a-f]{8})\b")
_MIPS_NAMES = {"BadVA": "badvaddr"}


def _dollar(text: str) -> Values | None:
    found = _DOLLAR.match(text)
    if found is None:
        return None
    first = int(found[1])
    return {f"r{first + i}": int(digits, 16) for i, digits in enumerate(found[2].split()) if first + i < 32}


def _mips(text: str) -> Values | None:
    found = _MIPS.match(text)
    return {_MIPS_NAMES.get(found[1], found[1].lower()): int(found[2], 16)} if found else None


def _epc(text: str) -> Values | None:
    """`epc` of riscv (with ra and sp beside it, or a symbol alone) and of mips."""
    return _colon(text) or _mips(text) or _symbol(text)


def _ra(text: str) -> Values | None:
    return _mips(text) or _loongarch_csr(text) or _symbol(text)


# loongarch

_LOONGARCH = re.compile(r"\b(pc|ra|tp|sp|a[0-7]|t[0-8]|s[0-9]|u0|fp) ([0-9a-f]{16})\b")
_LOONGARCH_CSR = re.compile(r"\s*(CRMD|PRMD|EUEN|ECFG|ESTAT|BADV|PRID|ERA|ra):\s([0-9a-f]{16}|[0-9a-f]{8})\b")


def _loongarch(text: str) -> Values | None:
    return _pairs(_LOONGARCH)(text)


def _loongarch_csr(text: str) -> Values | None:
    return _pairs(_LOONGARCH_CSR)(text)


def _pc(text: str) -> Values | None:
    return _program_counter(text) if ":" in text[:12] else _loongarch(text) or other.alpha(text) or _symbol(text)


def _a_or_t_or_s(text: str) -> Values | None:
    return _colon(text) or _loongarch(text) or other.alpha(text)


def _lines() -> dict[str, Line]:
    x86_64 = Line(_x86_64, "x86_64")
    system = Line(_pairs(_X86_SYSTEM))
    i386 = Line(_pairs(_I386), "i386")
    old_i386 = Line(_pairs(_I386_OLD), "i386")
    colon = Line(_colon)
    saved = Line(_a_or_t_or_s)
    gprs = Line(_gprs, "ppc64")
    ppc = Line(_pairs(_PPC), "ppc64")
    csr = Line(_loongarch_csr, "loongarch64")
    mips = Line(_mips, "mips")
    return {
        "RIP:": Line(_rip, "x86_64", opens=True, locates=True),
        "RIP": Line(_symbol, "x86_64", repeats=True, locates=True),
        "IP:": Line(_symbol, repeats=True, locates=True),
        "RSP:": Line(_rsp, "x86_64"),
        "RSP": Line(_rsp, "x86_64", repeats=True),
        "FS:": Line(_fs, "x86_64"),
        **{name + ":": x86_64 for name in _X86_NAMES if name != "RSP"},
        "CS:": system,
        "CR2:": Line(_pairs(_X86_SYSTEM), repeats=True),
        "CR0:": system,
        **{f"DR{n}:": system for n in range(8)},
        "PKRU:": system,
        "EIP:": Line(_eip, "i386", opens=True, locates=True),
        "EIP": Line(_symbol, "i386", repeats=True, locates=True),
        **{name + ":": i386 for name in ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "EFLAGS", "DS")},
        **{name + ":": old_i386 for name in ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "ds")},
        **dict.fromkeys(("eip", "eax", "esi"), Line(_pairs(_I386_DOUBLE_FAULT), "i386")),
        "pstate:": Line(_pstate, "arm64"),
        "pc": Line(_pc, locates=True),
        "PC": Line(_symbol, repeats=True, locates=True),
        "LR": Line(_symbol, repeats=True),
        "lr": Line(lambda text: _colon(text) or _symbol(text)),
        "sp": colon,
        **{f"x{n}": Line(_colon, "arm64") for n in range(31)},
        **{f"x{n}:": Line(_colon, "arm64") for n in range(31)},
        **{f"r{n}": Line(_colon, "arm") for n in range(13)},
        **{f"r{n}:": Line(_colon, "arm") for n in range(13)},
        "Control:": Line(_pairs(_ARM_CONTROL), "arm"),
        **dict.fromkeys(("ESR", "ESR:", "FAR:"), Line(_esr, "arm64", repeats=True)),
        "NIP:": Line(_nip, "ppc64", opens=True, locates=True),
        "NIP": Line(_symbol, "ppc64", repeats=True, locates=True),
        **dict.fromkeys(("REGS:", "MSR:", "CFAR:", "DAR:", "DEAR:", "DSISR:"), ppc),
        **{f"GPR{n:02}:": gprs for n in range(32)},
        "pc:": Line(_xmon, "ppc64", opens=True, locates=True),
        "lr:": Line(_xmon, "ppc64"),
        **dict.fromkeys(("sp:", "msr:", "dar:", "dsisr:"), Line(_xmon, "ppc64")),
        "Krnl": Line(_krnl, "s390x", locates=True),
        "User": Line(_krnl, "s390x"),
        **{f"R:{n}": Line(_psw_bits, "s390x") for n in (0, 1)},
        "epc": Line(_epc, locates=True),
        "epc:": Line(_epc, locates=True),  # Linux 5.11 and 5.12, without a symbol
        "ra": Line(_ra, repeats=True),
        "ra:": Line(_ra, repeats=True),
        **dict.fromkeys(("gp", "status:"), colon),
        "status:": Line(_pairs(_STATUS), "riscv64"),
        **{f"{kind}{n}": saved for kind in "ats" for n in range(12)},
        **{f"{kind}{n}:": saved for kind in "ats" for n in range(12)},
        **{f"${n}": Line(_dollar) for n in range(4, 32)},
        "$": Line(_dollar),
        **dict.fromkeys(("Hi", "Lo", "Acx", "Status:", "Cause", "BadVA", "PrId"), mips),
        "era": Line(_mips, "loongarch64", locates=True),
        "ERA:": Line(_loongarch_csr, "loongarch64", locates=True),
        "TSTATE:": Line(other.sparc_state, "sparc64", opens=True),
        "TPC:": Line(_symbol, "sparc64", repeats=True, locates=True),
        **dict.fromkeys(("RPC:", "I7:"), Line(_symbol, "sparc64", repeats=True)),
        **{f"{window}{n}:": Line(other.sparc, "sparc64") for window in "goli" for n in (0, 4)},
        "IASQ:": Line(other.parisc_queues, "parisc"),
        "IIR:": Line(other.parisc_interruption, "parisc"),
        "IAOQ[0]:": Line(_symbol, "parisc", repeats=True, locates=True),
        "RP(r2):": Line(_symbol, "parisc", repeats=True),
        **{f"r{n:02}-{n + 3:02}": Line(other.parisc_four, "parisc") for n in range(0, 32, 4)},
        "v0": Line(other.alpha, "alpha"),
        "PC:": Line(other.m68k_counter, "m68k", locates=True),
        **dict.fromkeys(("SR:", "d0:", "d4:"), Line(other.m68k, "m68k")),
        **dict.fromkeys(("[ECR", "[EFA", "[STAT32]:", "ECR:", "STAT32:"), Line(other.arc, "arc")),
        "[ERET": Line(_symbol, "arc", locates=True),
        **dict.fromkeys(("[BLINK", "BLK:"), Line(_symbol, "arc")),
        **{f"r{n:02}:": Line(other.arc, "arc") for n in range(0, 26, 3)},
        **dict.fromkeys(("CRMD:", "PRMD:", "EUEN:", "ECFG:", "ESTAT:", "BADV:"), csr),
    }


LINES = _lines()
