"""Lines about faults: the bad address, the error code, the page tables, the instruction pointer, flags."""

import re

from .. import codes, syscalls, values
from .rule import Rule, joined, rule


def _address(match: re.Match[str]) -> str:
    digits = match["address"].strip("()")
    if digits == "null":
        return "NULL"
    return values.address(int(digits, 16), 32 if len(digits) <= 8 and not match["address"].startswith("0x") else 64)


def _non_canonical(match: re.Match[str]) -> str:
    value = int(match["address"], 16)
    return values.address(value) or values.canonical(value)


def _range(match: re.Match[str]) -> str:
    """KASAN's line below a general protection fault, which already names the address behind the shadow."""
    value = int(match["address"], 16)
    text = values.telling(value)
    return f"what was accessed: {text}" if text else ""


def _walk(match: re.Match[str]) -> str:
    """`PGD 1234067 P4D 1234067 PUD 5678067 PMD 0`."""
    entries = re.findall(r"\b(PGD|P4D|PUD|PMD|PTE) ([0-9a-f]{1,16}|BAD)", match.string[:300])
    if not entries:
        return ""
    name, value = entries[-1]
    if value == "BAD":
        return f"the {name} can't be read: the page tables are corrupt"
    if int(value, 16) == 0:
        return "" if len(entries) <= 2 else f"the page-table walk ends at an empty {name}: nothing is mapped there"
    if name == "PTE" and int(value, 16) & 1:
        number = int(value, 16)
        allowed = ["readable", "writable" if number & 2 else "not writable"]
        allowed += ["not executable" if number >> 63 else "executable", "for user space" if number & 4 else ""]
        return f"a page is mapped: {joined(allowed)}"
    return ""


_COUNT = re.compile(r"\[#(\d{1,6})\]")


def _count(text: str) -> str:
    """What `[#3]` behind an oops says."""
    match = _COUNT.search(text)
    number = int(match[1]) if match else 1
    return f"oops number {number} of this boot: read the first one" if number > 1 else ""


def _oops(match: re.Match[str]) -> str:
    return joined([*codes.page_fault(int(match["code"], 16)), _count(match.string)])


def _counted(match: re.Match[str]) -> str:
    return _count(match.string)


def _arm64(match: re.Match[str]) -> str:
    value = int(match["code"], 16)
    # 32-bit kernels say ARM or THUMB2 behind the number.
    is_32_bit = match.string.rstrip().endswith(("ARM", "THUMB2"))
    words = codes.arm_fault_status(value) if is_32_bit else codes.arm64_syndrome(value)
    return joined([*words, _count(match.string)])


def flags(value: int) -> str:
    """What x86's EFLAGS say that matters for a crash."""
    words = [] if value & 0x200 else ["interrupts were off"]
    if value & 0x40000:
        words.append("user memory was open to the kernel (AC)")
    return joined(words)


def _flags(match: re.Match[str]) -> str:
    return flags(int(match["flags"], 16))


def _pstate(match: re.Match[str]) -> str:
    """Capital letters in `(nZCv daIF …)` are masks that are set."""
    return "interrupts were off" if "I" in match["masks"] else ""


def _instruction(match: re.Match[str]) -> str:
    segment, where = match["segment"], match["where"]
    if int(segment, 16) & 3 == 3:
        return "user space: from here the program entered the kernel"
    if re.fullmatch(r"0x0{1,16}", where):
        return "a jump to address 0: a NULL function pointer was called; the caller is the first frame of the trace"
    if where.startswith("0x"):
        return (
            "no function is known at this address: a bad function pointer or return address, or a module that is gone"
        )
    return ""


def _code(match: re.Match[str]) -> str:
    text = match[0]
    if "Unable to access opcode" in text or "Bad RIP value" in text or "Bad EIP value" in text:
        return "no code can be read where the CPU was: it jumped to a bad address"
    if re.search(r"<0f> 0b\b", text):
        return "at the mark: ud2, x86's BUG() or WARN()"
    if re.search(r"\((?:d4210000|d421\w{4})\)", text):
        return "at the mark: brk, arm64's BUG() or WARN()"
    return ""


def _system_call(match: re.Match[str]) -> str:
    value = int(match["value"], 16)
    name = syscalls.x86_64(value)
    return f"the program called {name}(), system call {value} of x86-64" if name else ""


def _dsisr(match: re.Match[str]) -> str:
    return joined(codes.dsisr(int(match["value"], 16)))


def _cause(match: re.Match[str]) -> str:
    return codes.riscv_cause(int(match["value"], 16))


_ADDRESS = r"(?P<address>(?:0x)?[0-9a-f]{1,16}|\(null\))\b"

RULES: tuple[Rule, ...] = (
    rule(
        "address",
        r"(?:BUG: )?[Uu]nable to handle (?:kernel )?.{0,60}?(?:for address|at virtual address|, address|address):? "
        + _ADDRESS,
        _address,
    ),
    rule("address", r"BUG: kernel NULL pointer dereference, address: " + _ADDRESS, _address),
    rule("at ", r"(?:BUG: )?[Uu]nable to handle kernel .{0,60}? at " + _ADDRESS, _address),
    rule("for address", r"BUG: unable to handle page fault for address: " + _ADDRESS, _address),
    rule(
        "non-canonical address",
        r"(?:Oops: )?.{0,40}?(?:probably|maybe) for non-canonical address (?P<address>0x[0-9a-f]{1,16})",
        _non_canonical,
    ),
    rule("in range [", r"(?:KASAN|KMSAN): \S{1,20}(?: \S{1,30})? in range \[(?P<address>0x[0-9a-f]{1,16})-", _range),
    rule(
        "instruction fetch",
        r"#PF: supervisor instruction fetch",
        "the CPU tried to execute there: a bad function pointer or return address",
    ),
    rule("permissions violation", r"#PF: error_code", "the page is mapped, but does not allow this access"),
    rule("reserved bit", r"#PF: error_code", "the page table itself is corrupt"),
    rule("PGD ", r"PGD [0-9a-fB]", _walk),
    rule("Oops: ", r"Oops: (?P<code>[0-9a-f]{4}) \[#\d{1,6}\]", _oops),
    rule("Internal error: Oops", r"Internal error: Oops.{0,60}?: (?P<code>[0-9a-f]{1,16}) \[#", _arm64),
    rule("[#", r".{0,160}?\[#\d{1,6}\]", _counted),
    rule(
        "RIP: ",
        r"RIP: (?P<segment>[0-9a-f]{4}):(?:\[<[0-9a-f]{1,16}>\] {1,4}(?:\[<[0-9a-f]{1,16}>\] )?)?(?P<where>\S{1,500})",
        _instruction,
    ),
    rule("EFLAGS: ", r".{0,80}?EFLAGS: (?P<flags>[0-9a-f]{8})\b", _flags),
    rule("pstate: ", r"(?:.{0,40} )?pstate: [0-9a-f]{8,16} \(\w{4} (?P<masks>[dD][aA][iI][fF])", _pstate),
    rule("Code: ", r"(?:Krnl )?Code: .{0,2000}", _code),
    rule("DSISR: ", r".{0,120}?DSISR: (?P<value>[0-9a-f]{8,16})\b", _dsisr),
    rule("cause: ", r"status: .{0,80}?cause: (?P<value>[0-9a-f]{8,16})\b", _cause),
    rule("ORIG_RAX: ", r"RSP: 002b:.{0,60}?ORIG_RAX: (?P<value>[0-9a-f]{16})\b", _system_call),
    rule(
        "double fault",
        r"(?:traps: )?(?:PANIC: |Oops: )?double fault",
        "a fault while a fault was delivered: nearly always the kernel stack overflowed",
    ),
    rule("stack guard page", r"BUG: ", "the stack overflowed: look for recursion in the trace"),
    rule("Kernel Offset: 0x", r"Kernel Offset", "KASLR: subtract this from an address before looking it up in vmlinux"),
)
"""The first rule that fits and has something to say counts."""
