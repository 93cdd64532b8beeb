"""Where the CPU was: the instruction pointer and link register lines of every architecture."""

import re
from typing import NamedTuple


class Location(NamedTuple):
    """A place in the kernel's text, as `lib/vsprintf.c: symbol_string()` prints it.

    Attributes:
        function: the symbol, or the empty string where the line has only an address.
        offset: bytes from the symbol's start, or None.
        size: the symbol's size in bytes, or None.
        module: the module's name, or the empty string.
        address: the address itself, or None where the line has only the symbol.
    """

    function: str
    offset: int | None = None
    size: int | None = None
    module: str = ""
    address: int | None = None


# The words that such a line begins with. "IP:" is what x86 printed above the registers before Linux 4.18.
_INSTRUCTION_POINTERS = frozenset(
    {"RIP:", "RIP", "EIP:", "EIP", "IP:", "pc", "pc:", "PC", "NIP:", "NIP", "epc", "epc:", "Krnl", "ERA:", "era"}
    | {"TPC:", "IAOQ[0]:", "PC:", "[ERET"}
)
_LINK_REGISTERS = frozenset({"lr", "LR", "lr:", "ra", "ra:", "RPC:", "I7:", "RP(r2):", "[BLINK", "BLK:"})
_BEGINNINGS = _INSTRUCTION_POINTERS | _LINK_REGISTERS

_LONGEST = 800
"""Characters of a line that are looked at: KSYM_NAME_LEN is 512."""

_AFTER_NAME = re.compile(r"\+0x([0-9a-f]{1,16})(?:/0x([0-9a-f]{1,16}))?(?:\s{1,4}\[([^\s\]]{1,64}))?")
_BEFORE_NAME = re.compile(r"[(<]?(?:[0-9a-f]{4}:)?\.?")
# `RIP: 0010:ext4_iget (fs/ext4/inode.c:4911)`, after scripts/decode_stacktrace.sh.
_NAME_WITHOUT_OFFSET = re.compile(
    r"\s*(?:(?:RIP|EIP):\s(?:[0-9a-f]{4}:)?|(?:e?pc|lr|ra)\s{0,4}:\s{0,4}|(?:PC|LR)\sis\sat\s)"
    r"([A-Za-z_][\w.$]{1,511})\s\(?[\w./-]{1,255}:\d{1,7}\b"
)
_ADDRESS = re.compile(
    r"\[<\s{0,20}(?:0x)?([0-9a-f]{8,16}|\(null\))>\]"
    r"|(?<![+/\w])0x([0-9a-f]{1,16})(?![0-9a-f])"
    r"|(?:NIP:?|LR|pc|epc|ra|ERA|era)\s{0,4}:?\s{0,4}\[?([0-9a-fA-F]{16}|[0-9a-fA-F]{8})(?![0-9a-fA-F])"
)
_PSW = re.compile(r"\s*Krnl\sPSW\s?:\s[0-9a-f]{16}\s([0-9a-f]{16})")


def where(text: str) -> Location | None:
    """The place that an instruction pointer or link register line names.

    Understands `RIP:`, `EIP:`, `EIP is at`, `IP:` (`arch/x86/kernel/dumpstack.c: show_ip()`), `pc :`, `lr :`,
    `PC is at`, `LR is at` (arm64, arm), `NIP [..]`, `LR [..]` (powerpc), `epc :`, `ra :` (riscv, mips),
    `Krnl PSW :` (s390) and `ERA:` (loongarch).

    Args:
        text: one log line without its prefix.

    Returns:
        The place, or None if the line is not of these kinds or gives neither symbol nor address.
    """
    beginning = text[:16].split(None, 1)
    if not beginning or beginning[0] not in _BEGINNINGS:
        return None
    return _locate(text[:_LONGEST])


def _locate(text: str) -> Location | None:
    address = _address(text)
    plus = text.find("+0x")
    after = _AFTER_NAME.match(text, plus) if plus > 0 else None
    if after is not None:
        name = text[max(text.rfind(" ", 0, plus), text.rfind("\t", 0, plus)) + 1 : plus]
        before = _BEFORE_NAME.match(name)
        name = name[before.end() :] if before else name
        if name:
            size = after[2]
            module = after[3] or ""
            if name.startswith(":"):
                # `:bonding:bond_release+0x2b/0x74`: x86_64 before Linux 2.6.26.
                module, _, name = name[1:].rpartition(":")
            return Location(name, int(after[1], 16), int(size, 16) if size else None, module, address)
    bare = _NAME_WITHOUT_OFFSET.match(text)
    if bare is not None:
        return Location(bare[1], address=address)
    return None if address is None else Location("", address=address)


def _address(text: str) -> int | None:
    psw = _PSW.match(text)
    if psw is not None:
        return int(psw[1], 16)
    found = _ADDRESS.search(text)
    if found is None:
        return None
    digits = found[found.lastindex or 0]
    # Kernels before 4.20 print a NULL in %p and %pS as "(null)".
    return 0 if digits == "(null)" else int(digits, 16)
