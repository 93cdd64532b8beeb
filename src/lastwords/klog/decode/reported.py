"""The address that the kernel says it could not use."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Reported(NamedTuple):
    """A faulting address as reported.

    Attributes:
        value: the address.
        paging: the MMU looked it up in page tables; False of x86's general protection faults.
        page_only: only the page is known: s390 reports no more.
    """

    value: int
    paging: bool = True
    page_only: bool = False


_LONGEST = 400
_ADDRESS = r"(?P<address>\(null\)|<null>|0x[0-9a-f]{1,16}|[0-9a-f]{8,16})(?![\w.])"
_WORDINGS = (
    re.compile(r".{0,80}?general protection fault.{0,40}? for (?:non-canonical )?address " + _ADDRESS),
    # x86, arm64, arm, riscv, mips, loongarch; x86 before 4.20 pads the address with blanks.
    re.compile(
        r"(?:BUG: |CPU \d{1,6} )?[Uu]nable to handle (?:kernel|page fault)[\w -]{0,80}?"
        r"(?: at(?: virtual address| address)?| for address:| for data at address| for instruction fetch at)\s{1,40}"
        + _ADDRESS
    ),
    # Since Linux 5.2 on x86 (`arch/x86/mm/fault.c: show_fault_oops()`); powerpc's has "at".
    re.compile(r"(?:BUG: )?[Kk]ernel NULL pointer dereference(?:, address:| (?:on \w{1,8} )?at) " + _ADDRESS),
    re.compile(r"(?:BUG: )?Unable to handle kernel (?:data access|instruction fetch)(?: on \w{1,8})? at " + _ADDRESS),
    re.compile(r"Kernel attempted to \w{1,10} (?:user|\S{1,20}) page \((?P<address>[0-9a-f]{1,16})\)"),
    # parisc, arc
    re.compile(r"[\w ()?-]{3,60}: Code=\d{1,3} .{1,60}?(?:at addr |Addr=)" + _ADDRESS),
    re.compile(r"(?:\[ECR   \]: .{1,16}=> )?(?:Invalid \w{2,5} @|Misaligned r/w from) " + _ADDRESS),
    re.compile(r"Unhandled (?:fault|prefetch abort): .{1,80}? at " + _ADDRESS),
    # Since Linux 4.15 %p prints a hash: only what looks like the kernel's own is an address.
    re.compile(r"BUG: (?:[\w#!-]{1,20} )?stack guard page was hit at (?P<address>ffff[0-9a-f]{12})(?![\w.])"),
)
_SOFTWARE = (
    re.compile(r"BUG: KASAN: [\w-]{1,40} (?:on|in) .{0,600}?(?: at addr | on address )" + _ADDRESS),
    re.compile(r"(?:Read|Write) (?:of size \d{1,10}|by task .{1,40}) at addr " + _ADDRESS),
    # KFENCE.
    re.compile(r"(?:Out-of-bounds|Use-after-free|Invalid) (?:read|write) at " + _ADDRESS),
)
_S390 = re.compile(r"Failing address: ([0-9a-f]{16})\b")
_GENERAL_PROTECTION = 0
_NEAR = ("address", " at", "attempted", "Addr=", " @ ", "Misaligned")
"""Every wording has one of these."""


# Where the headline is cut off, or names no address as that of an unaligned access, a register may still hold it. Not x86's CR2: the next page fault, perhaps while
# the report is printed, overwrites it.
_RISCV_ADDRESS_CAUSES = (4, 5, 6, 7, 12, 13, 15)
_PPC_ADDRESS_TRAPS = (0x300, 0x380)
_MIPS_ADDRESS_CODES = range(1, 6)
_LOONGARCH_ADDRESS_CODES = range(1, 10)


def reported_address(texts: Iterable[str], registers: Mapping[str, int]) -> Reported | None:
    """The address that the MMU refused, or None where the report names none.

    Args:
        texts: headlines and error lines of the report, in order.
        registers: its registers by name.
    """
    for text in texts:
        failing = _S390.match(text)
        if failing is not None:
            return Reported(int(failing[1], 16), page_only=True)
        if not any(word in text for word in _NEAR):
            continue
        for number, pattern in enumerate(_WORDINGS):
            match = pattern.match(text[:_LONGEST])
            if match is not None:
                return Reported(_number(match), paging=number != _GENERAL_PROTECTION)
    if registers.get("cause") in _RISCV_ADDRESS_CAUSES and "badaddr" in registers:
        return Reported(registers["badaddr"])
    if registers.get("trap") in _PPC_ADDRESS_TRAPS and "dar" in registers:
        return Reported(registers["dar"])
    if "far" in registers:
        return Reported(registers["far"])
    if "badvaddr" in registers and registers.get("cause", 0) >> 2 & 31 in _MIPS_ADDRESS_CODES:
        return Reported(registers["badvaddr"])
    if "badv" in registers and registers.get("estat", 0) >> 16 & 63 in _LOONGARCH_ADDRESS_CODES:
        return Reported(registers["badv"])
    return None


def checked_address(texts: Iterable[str]) -> Reported | None:
    """The address that KASAN or KFENCE did not allow, or None; the MMU need not have been asked about it."""
    for text in texts:
        for pattern in _SOFTWARE:
            match = pattern.match(text[:1000])
            if match is not None:
                return Reported(_number(match), paging=False)
    return None


def _number(match: re.Match[str]) -> int:
    digits = match["address"]
    return 0 if "null" in digits else int(digits, 16)


_RANGE = re.compile(r"KASAN: [\w -]{1,60}? in range \[0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]")


def kasan_range(texts: Iterable[str]) -> tuple[int, int] | None:
    """First and last address behind a fault in KASAN's shadow (`mm/kasan/report.c: kasan_non_canonical_hook()`)."""
    for text in texts:
        if text.startswith("KASAN: ") and (match := _RANGE.match(text[:_LONGEST])) is not None:
            return int(match[1], 16), int(match[2], 16)
    return None
