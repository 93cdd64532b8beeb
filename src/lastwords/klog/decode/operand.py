"""The memory operand of an instruction, worked out from the registers.

Read from the disassembler's text, which is cheaper than capstone's own details and, for what writes to memory, more
reliable: those call `cmpxchg`, `setae` and `stxr` reads.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lastwords.model import MemoryOperand

from . import layout


class Access(NamedTuple):
    """One place in memory that an instruction names: `base + indexed_by * scale + displacement`.

    Attributes:
        text: as in the assembly.
        base, indexed_by: registers, or the empty string.
        scale: factor of the index.
        displacement: in bytes.
        size: bytes accessed, 1 where not known.
        write: it stores there.
        segment: x86's fs or gs, or the empty string.
    """

    text: str
    base: str = ""
    indexed_by: str = ""
    scale: int = 1
    displacement: int = 0
    size: int = 1
    write: bool = False
    segment: str = ""


def memory_operand(
    architecture: str,
    mnemonic: str,
    operands: str,
    length: int,
    registers: Mapping[str, int],
    reported: int | None,
    page_only: bool = False,
) -> MemoryOperand | None:
    """The memory that an instruction accesses, or None where it names none.

    Args:
        architecture: as in `Code.architecture`.
        mnemonic: with prefixes such as `lock` and `rep`.
        operands: Intel syntax on x86.
        length: bytes of the instruction, for addresses relative to the next one.
        registers: values when the fault came, by name.
        reported: the address that the kernel reported, or None.
        page_only: only the page of that address is known.
    """
    read = _READERS.get(architecture)
    if read is None:
        return None
    known = _Values(architecture, registers, length)
    found = [_worked_out(access, known, reported, page_only) for access in read(mnemonic, operands)]
    if not found:
        return None
    # Of two operands (movs, s390's mvc) the one that explains the report.
    agreeing = [operand for operand in found if operand.agrees]
    if agreeing:
        return agreeing[0]
    return found[0] if len(found) == 1 else None


class _Values:
    """Values of registers under all names that a disassembler uses."""

    def __init__(self, architecture: str, registers: Mapping[str, int], length: int) -> None:
        self.registers = registers
        self.mask = (1 << layout.bits(architecture, max(registers.values(), default=0))) - 1
        # arm64 may report an address without its highest byte, where tags are.
        self.seen = self.mask >> 8 if architecture == "arm64" else self.mask
        self.rename = _RENAMED.get(architecture, {})
        self.next = _NEXT.get(architecture, ("", 0))
        self.length = length

    def value(self, name: str) -> int | None:
        if name in _ZERO:
            return 0
        if name == self.next[0]:
            at = self.registers.get(name)
            return None if at is None else at + (self.next[1] or self.length)
        known = self.registers.get(name)
        if known is not None:
            return known
        full, bits, shift = self.rename.get(name, ("", 0, 0))
        known = self.registers.get(full)
        return None if known is None else known >> shift & ((1 << bits) - 1)


def _worked_out(access: Access, known: _Values, reported: int | None, page_only: bool) -> MemoryOperand:
    address: int | None = access.displacement
    words = []
    base_value = None
    for name, scale in ((access.base, 1), (access.indexed_by, access.scale)):
        if not name:
            continue
        value = known.value(name)
        if name == access.base:
            base_value = value
        address = None if value is None or address is None else address + value * scale
        words.append(f"{name}{f'*{scale}' if scale != 1 else ''} ({'not known' if value is None else hex(value)})")
    if access.segment:
        start = known.registers.get(f"{access.segment}_base")
        address = None if start is None or address is None else address + start
        words.insert(0, f"{access.segment} base ({'not known' if start is None else hex(start)})")
    if address is not None:
        address &= known.mask
    expression = " + ".join(words)
    if access.displacement or not words:
        sign = "-" if access.displacement < 0 else "+"
        expression = (
            f"{expression} {sign} {abs(access.displacement):#x}" if words else f"{access.displacement & known.mask:#x}"
        )
    return MemoryOperand(
        text=access.text,
        expression=expression,
        address=address,
        base=access.base,
        base_value=base_value,
        displacement=access.displacement,
        write=access.write,
        agrees=_agrees(
            address if address is None else address & known.seen,
            access.size,
            reported if reported is None else reported & known.seen,
            page_only,
        ),
    )


def _agrees(address: int | None, size: int, reported: int | None, page_only: bool) -> bool | None:
    if address is None or reported is None:
        return None
    if page_only:
        return address >> 12 == reported >> 12 or (address + size - 1) >> 12 == reported >> 12
    return address <= reported < address + size


# x86

_X86_OPERAND = re.compile(r"(?:(\w{4,7}) ptr )?(?:([c-gs]s):)?\[([^\]]{1,80})\]")
_X86_TERM = re.compile(r"([+-]?) ?(?:(0x[0-9a-f]{1,16}|\d{1,10})(?![\w*])|([a-z][a-z0-9]{1,4})(?:\*([1248]))?)")
_SIZES = {
    "byte": 1,
    "word": 2,
    "dword": 4,
    "qword": 8,
    "fword": 6,
    "tbyte": 10,
    "xmmword": 16,
    "ymmword": 32,
    "zmmword": 64,
}
_WHOLE_STATE = 512
"""Bytes that fxsave and its kin touch; capstone gives their operand no size."""
_X86_NONE = re.compile(r"lea|nop|prefetch|(?:cl)?demote|ud[012]")
_X86_READS = re.compile(
    r"cmp(?!xchg)|test|push|call|jmp|bt$|mul|imul|div|idiv|scas|outs|lods|f(?:ld|add|mul|sub|div|com|rstor)|l[gil]dt|ltr|lmsw|v?ldmxcsr"
    r"|fxrstor|xrstor|verr|verw|invlpg|clflush|clwb|clac|vmptrld|vmclear|ret|bound"
)
_X86_PREFIXES = re.compile(r"(?:(?:lock|rep|repe|repz|repne|repnz|xacquire|xrelease|bnd|notrack|data16) ){1,4}")
_STACK = {"push": True, "call": True, "pop": False, "ret": False}


def _x86(mnemonic: str, operands: str) -> Iterator[Access]:
    name = _X86_PREFIXES.sub("", mnemonic, count=1) if " " in mnemonic else mnemonic
    if _X86_NONE.match(name) is not None:
        return
    explicit = False
    for match in _X86_OPERAND.finditer(operands[:200]):
        explicit = True
        access = _x86_access(match)
        if access is not None:
            yield access._replace(write=match.start() == 0 and _X86_READS.match(name) is None)
    if not explicit and name in _STACK:
        store = _STACK[name]
        yield Access("[rsp]", "rsp", displacement=-8 if store else 0, size=8, write=store)


def _i386(mnemonic: str, operands: str) -> Iterator[Access]:
    for access in _x86(mnemonic, operands):
        if access.base == "rsp":
            yield Access("[esp]", "esp", displacement=access.displacement // 2, size=4, write=access.write)
        else:
            yield access


def _x86_access(match: re.Match[str]) -> Access | None:
    base, index, scale, displacement = "", "", 1, 0
    for sign, number, register, factor in _X86_TERM.findall(match[3]):
        if number:
            displacement += -int(number, 0) if sign == "-" else int(number, 0)
        elif factor or base:
            if index:
                return None
            index, scale = register, int(factor or 1)
        else:
            base = register
    if displacement >= 1 << 63:
        displacement -= 1 << 64
    size = _SIZES.get(match[1] or "", _WHOLE_STATE)
    return Access(
        match[0], base, index, scale, displacement, size, segment=match[2] if match[2] in ("fs", "gs") else ""
    )


# arm64, arm

_ARM_OPERAND = re.compile(
    r"\[(\w{2,4})(?:\], #?-?\w{1,10}|, #(?P<number>-?(?:0x[0-9a-f]{1,8}|\d{1,5}))\]?"
    r"|, (?P<sign>-?)(?P<index>[a-z]\w{1,3})(?:, (?P<how>\w{3,4})(?: #(?P<shift>0x[0-9a-f]{1,2}|\d{1,2}))?)?)?"
)
_ARM_WRITES = re.compile(r"st|swp|cas|ld(?:add|clr|set|eor|smax|smin|umax|umin)|dc")


def _arm(mnemonic: str, operands: str) -> Iterator[Access]:
    match = _ARM_OPERAND.search(operands[:100])
    if match is None or mnemonic.startswith(("prfm", "pld", "pli")):
        return
    write = _ARM_WRITES.match(mnemonic) is not None
    size = 16 if mnemonic.startswith(("ldp", "stp", "ldxp", "stxp", "ldrd", "strd")) else 8
    if mnemonic.startswith(("ld", "st")):
        size = 1 if mnemonic.rstrip("t").endswith("b") else 2 if mnemonic.rstrip("t").endswith("h") else size
    text = operands[match.start() :]
    if match["number"]:
        yield Access(text, match[1], displacement=int(match["number"], 0), size=size, write=write)
    elif match["index"]:
        how, shift = match["how"], int(match["shift"] or "0", 0)
        if how not in (None, "lsl", "uxtw", "sxtx", "uxtx"):
            return  # Sign extended or rotated: rare, and not worth a wrong answer.
        factor = -1 if match["sign"] else 1
        yield Access(text, match[1], match["index"], factor << min(shift, 32), size=size, write=write)
    else:
        yield Access(text, match[1], size=size, write=write)


# powerpc, riscv, mips: displacement(base)

_RISC_OPERAND = re.compile(r"(-?(?:0x[0-9a-f]{1,8}|\d{1,6})?)\(\$?(\w{1,4})\)")
_PPC_INDEXED = re.compile(r"(?:\w{1,4}, )?(r\d{1,2}|0), (r\d{1,2})\Z")
_PPC_INDEXING = re.compile(r"(?:l|st)\w{1,4}x$|l\w{1,2}arx|st\w{1,2}cx|dcbz|lxv|stxv")


def _displaced(mnemonic: str, operands: str) -> Iterator[Access]:
    for match in _RISC_OPERAND.finditer(operands[:100]):
        base = "" if match[2] == "0" else match[2]
        displacement = int(match[1] or "0", 0)
        yield Access(match[0], base, displacement=displacement, size=8, write=_RISC_WRITES.match(mnemonic) is not None)


_RISC_WRITES = re.compile(r"s[bhwdqc]|st|c\.s[bhwdq]|c\.fs|fs[whdq]|amo|dcbz|sc")


def _ppc(mnemonic: str, operands: str) -> Iterator[Access]:
    match = _PPC_INDEXED.match(operands[:40]) if _PPC_INDEXING.match(mnemonic) is not None else None
    if match is None:
        yield from _displaced(mnemonic, operands)
        return
    base = "" if match[1] == "0" else match[1]
    write = mnemonic.startswith(("st", "dcbz"))
    yield Access(f"{match[1]}, {match[2]}", base, match[2], size=8, write=write)


# s390: displacement(index,base), displacement(length,base) or displacement(base)

_S390_OPERAND = re.compile(r"(-?\d{1,7})\((?:(%r\d{1,2}|\d{1,3}),)?%r(\d{1,2})\)")
_S390_WRITES = re.compile(r"st|mv|xc|ni$|niy|oi$|oiy|xi$|xiy|oc$|nc$|asi|agsi|alsi|cs|cds|la[anox]")
_S390_NONE = re.compile(r"la$|lay$|larl|bas|br|bc|sll|srl|sra|rll|risb|pfd|mc$|svc")


def _s390(mnemonic: str, operands: str) -> Iterator[Access]:
    if _S390_NONE.match(mnemonic) is not None:
        return
    for match in _S390_OPERAND.finditer(operands[:200]):
        number, inner, base = match.groups()
        index = f"gpr{inner[2:]}" if inner and inner.startswith("%r") and inner != "%r0" else ""
        size = int(inner) if inner and not inner.startswith("%") else 8
        # Register 0 as a base means none.
        name = f"gpr{base}" if base != "0" else ""
        write = match.start() == 0 or not mnemonic.startswith(("mv", "xc", "oc", "nc"))
        yield Access(match[0], name, index, 1, int(number), size, write and _S390_WRITES.match(mnemonic) is not None)


# loongarch: register, base, displacement or index; of atomic operations the base stands last

_LOONGARCH_OPERAND = re.compile(r"\$\w{2,4}, \$(\w{2,4}), (?:\$(\w{2,4})|(-?\d{1,6}))\Z")
_LOONGARCH_ACCESS = re.compile(r"(?P<how>ld|st|ldx|stx|ldptr|stptr|ll|sc|am\w{2,8})\.(?P<size>[bhwd])u?\Z")


def _loongarch(mnemonic: str, operands: str) -> Iterator[Access]:
    how = _LOONGARCH_ACCESS.match(mnemonic)
    match = _LOONGARCH_OPERAND.match(operands[:60])
    if how is None or match is None:
        return
    size = {"b": 1, "h": 2, "w": 4, "d": 8}[how["size"]]
    text = operands.partition(", ")[2]
    if how["how"].startswith("am"):
        yield Access(text, match[2] or "", size=size, write=True)
    else:
        write = how["how"].startswith(("st", "sc"))
        yield Access(text, match[1], match[2] or "", displacement=int(match[3] or 0), size=size, write=write)


# sparc: [%base + %index] or [%base + displacement]

_SPARC_OPERAND = re.compile(
    r"\[%(\w{2,3})(?:\+%(?P<index>\w{2,3})|(?P<sign>[+-])(?P<number>0x[0-9a-f]{1,4}|\d{1,4}))?\]"
)
_SPARC_SIZES = (("x", 8), ("d", 8), ("h", 2), ("b", 1))


def _sparc(mnemonic: str, operands: str) -> Iterator[Access]:
    match = _SPARC_OPERAND.search(operands[:80])
    if match is None or not mnemonic.startswith(("ld", "st", "cas", "swap")):
        return
    size = 4 if mnemonic in ("ld", "st") else next((n for end, n in _SPARC_SIZES if mnemonic.endswith(end)), 4)
    displacement = int(match["number"] or "0", 0) * (-1 if match["sign"] == "-" else 1)
    write = mnemonic.startswith(("st", "cas", "swap"))
    yield Access(match[0], match[1], match["index"] or "", displacement=displacement, size=size, write=write)


_READERS = {
    "x86_64": _x86,
    "i386": _i386,
    "arm64": _arm,
    "arm": _arm,
    "ppc64": _ppc,
    "ppc": _ppc,
    "riscv64": _displaced,
    "mips": _displaced,
    "s390x": _s390,
    "loongarch64": _loongarch,
    "sparc64": _sparc,
}

_ZERO = frozenset(("g0", "zero", "xzr", "wzr", "eiz", "riz"))
# Where "relative to the program counter" counts from: bytes behind the instruction, 0 for its own length.
_NEXT = {"x86_64": ("rip", 0), "arm": ("pc", 8)}


def _x86_names() -> dict[str, tuple[str, int, int]]:
    """Parts of x86-64's registers: the whole one, bits, and where they begin."""
    names = {}
    for letter in "abcd":
        names[f"e{letter}x"], names[f"{letter}x"] = (f"r{letter}x", 32, 0), (f"r{letter}x", 16, 0)
    for letters in ("si", "di", "bp", "sp"):
        names[f"e{letters}"], names[letters] = (f"r{letters}", 32, 0), (f"r{letters}", 16, 0)
    for number in range(8, 16):
        names[f"r{number}d"] = (f"r{number}", 32, 0)
    return names


_MIPS_NAMES = (
    *("zero", "at", "v0", "v1", "a0", "a1", "a2", "a3"),
    *(f"t{n}" for n in range(8)),
    *(f"s{n}" for n in range(8)),
    *("t8", "t9", "k0", "k1", "gp", "sp", "fp", "ra"),
)
_RENAMED: dict[str, dict[str, tuple[str, int, int]]] = {
    "x86_64": _x86_names(),
    "arm64": {**{f"w{n}": (f"x{n}", 32, 0) for n in range(31)}, "lr": ("x30", 64, 0), "fp": ("x29", 64, 0)},
    "arm": {"sb": ("r9", 32, 0), "sl": ("r10", 32, 0), "fp": ("r11", 32, 0), "ip": ("r12", 32, 0)},
    "riscv64": {"fp": ("s0", 64, 0), "s0": ("fp", 64, 0)},
    "sparc64": {"o6": ("sp", 64, 0), "fp": ("i6", 64, 0)},
    "mips": {name: (f"r{number}", 64, 0) for number, name in enumerate(_MIPS_NAMES)},
}
