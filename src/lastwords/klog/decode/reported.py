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
    re.compile(r"Unhandled (?:fault|prefetch abort): .{1,80}? at " + _ADDRESS),
    re.compile(r"BUG: (?:[\w#!-]{1,20} )?stack guard page was hit at " + _ADDRESS),
    re.compile(r"BUG: KASAN: [\w-]{1,40} (?:on|in) .{0,600}?(?: at addr | on address )" + _ADDRESS),
    re.compile(r"(?:Read|Write) (?:of size \d{1,10}|by task .{1,40}) at addr " + _ADDRESS),
)
_S390 = re.compile(r"Failing address: ([0-9a-f]{16})\b")
_GENERAL_PROTECTION = 0


# Where the headline is cut off or has no address, a register may still hold it. x86's CR2 is that of the last page
# fault, which need not be this one; arm64's is in no register that is printed.
_REGISTERS = (("badaddr", "cause", (4, 5, 6, 7, 12, 13, 15)),)


def reported_address(texts: Iterable[str], registers: Mapping[str, int], page_fault: bool = False) -> Reported | None:
    """The address, or None where the report names none.

    Args:
        texts: headlines and error lines of the report, in order.
        registers: its registers by name.
        page_fault: the error code is one of an x86 page fault, so that CR2 is the address.
    """
    for text in texts:
        failing = _S390.match(text)
        if failing is not None:
            return Reported(int(failing[1], 16), page_only=True)
        if "address" not in text and " at" not in text and "attempted" not in text:
            continue
        for number, pattern in enumerate(_WORDINGS):
            match = pattern.match(text[:_LONGEST])
            if match is not None:
                digits = match["address"]
                value = 0 if "null" in digits else int(digits, 16)
                return Reported(value, paging=number != _GENERAL_PROTECTION)
    if page_fault and "cr2" in registers:
        return Reported(registers["cr2"])
    for name, cause, values in _REGISTERS:
        if name in registers and registers.get(cause) in values:
            return Reported(registers[name])
    if registers.get("trap") in (0x300, 0x380) and "dar" in registers:
        return Reported(registers["dar"])
    return None


_RANGE = re.compile(r"KASAN: [\w -]{1,60}? in range \[0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]")


def kasan_range(texts: Iterable[str]) -> tuple[int, int] | None:
    """First and last address behind a fault in KASAN's shadow (`mm/kasan/report.c: kasan_non_canonical_hook()`)."""
    for text in texts:
        if text.startswith("KASAN: ") and (match := _RANGE.match(text[:_LONGEST])) is not None:
            return int(match[1], 16), int(match[2], 16)
    return None
