"""arm64 machine code as `Instruction`s: one instruction may be several, see `instruction.Line`."""

import re
from functools import lru_cache
from typing import Any

from .instruction import MASK, ZERO, Act, Instruction, Line, Memory

_WIDTH = 4
_TAG_BITS = 0xFF
"""Lowest bits of a pointer in which the kernel keeps flags, and masks them out before it follows the pointer."""
_ALIASES = {"fp": "x29", "lr": "x30", "sp": "sp", "wsp": "sp", "xzr": ZERO, "wzr": ZERO}
_GENERAL = re.compile(r"[xw](\d{1,2})", re.ASCII)
_MOVED = re.compile(r"\]!|\], [#x]", re.ASCII)
# Three registers, nothing shifted.
_PLAIN = re.compile(r"([a-z]{1,2}\d{0,2}), ([a-z]{1,2}\d{0,2}), ([a-z]{1,2}\d{0,2})", re.ASCII)
_AND = re.compile(r"(x\d{1,2}), (x\d{1,2}), #(?:-\d{1,3}|0x[0-9a-f]{1,16})", re.ASCII)
_PAIR = re.compile(r"([xw](?:\d{1,2}|zr)|fp|lr), ", re.ASCII)
# Loads and stores of one general register, and the bytes and sign of those that are not as wide as the register.
_LOAD_NAMES = """
ldr ldur ldrb ldurb ldrh ldurh ldrsb ldursb ldrsh ldursh ldrsw ldursw ldtr ldtrb ldtrh ldtrsb ldtrsh ldtrsw
ldar ldarb ldarh ldapr ldaprb ldaprh ldlar ldxr ldxrb ldxrh ldaxr ldaxrb ldaxrh ldraa ldrab
"""
_STORE_NAMES = "str stur strb sturb strh sturh sttr sttrb sttrh stlr stlrb stlrh stllr"
_LOADS, _STORES = frozenset(_LOAD_NAMES.split()), frozenset(_STORE_NAMES.split())
_EXCLUSIVE = frozenset(("stxr", "stxrb", "stxrh", "stlxr", "stlxrb", "stlxrh"))
_PAIRS = frozenset(("ldp", "ldnp", "ldpsw", "stp", "stnp"))
# Instructions whose first register is read, whatever capstone's tables say of it.
_READS_ONLY = re.compile(
    r"f?cmpe?|fccmpe?|cmn|tst|ccm[np]|cbn?z|tbn?z|b\..{1,4}|br|ret|st[lnu]?[rp][bh]?|stt?ur[bh]?", re.ASCII
)
_SWAPS = re.compile(r"(?:swp|cas)(?:a|al|l)?", re.ASCII)
_NARROW = (("sw", 4, True), ("sb", 1, True), ("sh", 2, True), ("b", 1, False), ("h", 2, False))
_NOTHING_NAMES = """
nop hint bti paciasp pacibsp autiasp autibsp dmb dsb isb sb csdb esb yield wfe wfi sev sevl prfm prfum msr
clrex psb tsb ssbb pssbb dc ic tlbi at
"""
_NOTHING = frozenset(_NOTHING_NAMES.split())
# The conditions as x86-64 names them: those behind a comparison mean the same.
CONDITIONS = {
    **{"eq": "e", "ne": "ne", "hs": "ae", "cs": "ae", "lo": "b", "cc": "b", "mi": "s", "pl": "ns", "vs": "o"},
    **{"vc": "no", "hi": "a", "ls": "be", "ge": "ge", "lt": "l", "gt": "g", "le": "le"},
}
# Registers that hold the task that runs and where the CPU's variables are: arch/arm64/include/asm/{current,percpu}.h
_SYSTEM = frozenset(("sp_el0", "tpidr_el1", "tpidr_el2"))
_SHIFT_LSL = 1


def whole(register: str) -> str:
    """The whole register that a name is a part of: `x0` of `w0`."""
    if match := _GENERAL.fullmatch(register):
        return f"x{match[1]}"
    return _ALIASES.get(register, register)


def parts(mnemonic: str, operands: str) -> int:
    """How many things an instruction does one after the other."""
    moves = mnemonic.startswith(("ld", "st")) and _MOVED.search(operands) is not None
    if mnemonic in _PAIRS:
        return (2 if _PAIR.match(operands) else 1) + moves
    if mnemonic in ("add", "adds", "sub", "subs"):
        match = _PLAIN.fullmatch(operands)
        return 2 if match and _split(mnemonic, *match.groups()) else 1
    if mnemonic == "and":
        match = _AND.fullmatch(operands)
        return 2 if match and match[1] != match[2] and _keeps_pointer(operands.rpartition("#")[2]) else 1
    return 2 if moves and (mnemonic in _LOADS or mnemonic in _STORES) else 1


def _split(mnemonic: str, target: str, left: str, right: str) -> bool:
    """A sum of two other registers: moved first, then added to."""
    return target[0] != "w" and target not in (left, right) and "zr" not in target + left + right


def _keeps_pointer(number: str) -> bool:
    return int(number, 0) & MASK >= MASK - _TAG_BITS


@lru_cache(maxsize=1)
def _engine() -> Any:  # noqa: ANN401 - capstone has no types
    import capstone  # type: ignore[import-untyped]

    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    engine.detail = True
    return engine


@lru_cache(maxsize=1)
def _constants() -> Any:  # noqa: ANN401
    import capstone.arm64 as constants  # type: ignore[import-untyped]

    return constants


def outline(code: bytes, address: int) -> list[Line]:
    """Each instruction in short, in its parts; what is no instruction comes out as `(bad)`."""
    import capstone

    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    found: list[Line] = []
    at = 0
    while at + _WIDTH <= len(code):
        for where, length, mnemonic, operands in engine.disasm_lite(code[at:], address + at):
            count = parts(mnemonic, operands)
            found += (Line(where, length, mnemonic, operands, part, count) for part in range(count))
            at = where + length - address
        if at + _WIDTH <= len(code):
            found.append(Line(address + at, _WIDTH, "(bad)", ""))
            at += _WIDTH
    return found


def decode(code: bytes, address: int) -> tuple[Instruction, ...]:
    """One instruction, in full and in its parts."""
    raw = next(_engine().disasm(code[:_WIDTH], address, 1), None)
    if raw is None:
        return (Instruction(address, _WIDTH, "(bad)", Act.OTHER),)
    operands = [_Operand(raw, operand) for operand in raw.operands]
    common: dict[str, Any] = {
        "address": address,
        "length": raw.size,
        "text": f"{raw.mnemonic} {raw.op_str}".strip(),
        "writes": frozenset() if _READS_ONLY.fullmatch(raw.mnemonic) else _written(raw, operands),
        "sets_flags": bool(raw.update_flags) or raw.mnemonic in ("ccmp", "ccmn"),
    }
    found = _meanings(raw, operands)
    if len(found) != parts(raw.mnemonic, raw.op_str):  # it writes what it writes
        found = [{"act": Act.OTHER, "memory": _memory_of(operands)}] * parts(raw.mnemonic, raw.op_str)
        return tuple(Instruction(**common, **fields) for fields in found)
    if len(found) > 1:
        for fields in found:
            own = fields.get("target")
            fields["writes"] = frozenset((own,)) if own not in (None, ZERO) else frozenset()
    return tuple(Instruction(**{**common, **fields}) for fields in found)


def _written(raw: Any, operands: list["_Operand"]) -> frozenset[str]:  # noqa: ANN401
    """The registers that an instruction changes: by capstone's tables, and the first of its operands in any case."""
    _, written = raw.regs_access()
    found = {whole(raw.reg_name(register)) for register in written}
    if operands and operands[0].register is not None and not raw.mnemonic.startswith(("bl", "br")):
        found.add(operands[0].register)
    return frozenset(each for each in found if each == "sp" or _GENERAL.fullmatch(each))


class _Operand:
    """An operand in our own terms: a register, a number or memory, and how wide it is."""

    __slots__ = ("bits", "memory", "name", "number", "register", "scale", "size", "system")

    def __init__(self, raw: Any, operand: Any) -> None:  # noqa: ANN401
        constants = _constants()
        self.register: str | None = None
        self.name = ""
        self.number: int | None = None
        self.memory: Memory | None = None
        self.system = False
        self.size = 8
        # Of a register that is shifted or cut off: how it counts; a scale of 0 for what can't be told so.
        self.scale, self.bits = 1, 64
        if operand.shift.type:
            self.scale = 1 << operand.shift.value if operand.shift.type == _SHIFT_LSL else 0
        if operand.ext:
            extends = {
                constants.ARM64_EXT_UXTW: 32,
                constants.ARM64_EXT_SXTW: -32,
                constants.ARM64_EXT_UXTX: 64,
                constants.ARM64_EXT_SXTX: 64,
            }
            self.bits = extends.get(operand.ext, 0)
            self.scale = self.scale if self.bits else 0
        if operand.type == constants.ARM64_OP_REG:
            self.name = raw.reg_name(operand.reg)
            self.register = whole(self.name)
            self.size = 4 if self.name.startswith("w") else 8 if self.register[0] in "xsz" else 16
        elif operand.type == constants.ARM64_OP_IMM:
            self.number = operand.imm * self.scale & MASK
        elif operand.type == constants.ARM64_OP_MEM:
            memory = operand.mem
            index = whole(raw.reg_name(memory.index)) if memory.index else None
            self.memory = Memory(whole(raw.reg_name(memory.base)), index, self.scale, memory.disp, bits=self.bits)


def _memory_of(operands: list[_Operand]) -> Memory | None:
    return next((each.memory for each in operands if each.memory), None)


_Fields = dict[str, Any]


def _meanings(raw: Any, operands: list[_Operand]) -> list[_Fields]:  # noqa: ANN401
    """The fields of the `Instruction`s that say what it does."""
    mnemonic = raw.mnemonic
    if mnemonic in _PAIRS:
        return _pair(raw, operands)
    if mnemonic in _LOADS or mnemonic in _STORES:
        return _single(raw, operands)
    if mnemonic in _EXCLUSIVE and len(operands) == 3:
        size = _access_size(mnemonic, operands[1])[0]
        # The register that tells whether it went well is in `writes`; as a target it would be taken for what is stored.
        return [{"act": Act.STORE, "memory": operands[2].memory, **_stored(operands[1]), "size": size}]
    if _SWAPS.fullmatch(mnemonic) and len(operands) == 3 and operands[0].size >= 4:
        old = operands[0] if mnemonic.startswith("cas") else operands[1]
        return [{"act": Act.EXCHANGE, "target": old.register, "memory": operands[2].memory, "size": old.size}]
    if mnemonic in _NOTHING:
        return [{"act": Act.NOTHING, "writes": frozenset()}]
    meaning = _MEANINGS.get(mnemonic)
    if meaning is not None:
        found: list[_Fields] = meaning(operands)
        return found
    if mnemonic.startswith("b.") and len(operands) == 1:
        return [{"act": Act.BRANCH, "number": operands[0].number, "condition": CONDITIONS.get(mnemonic[2:])}]
    if mnemonic == "csel" and len(operands) == 3:
        condition = CONDITIONS.get(raw.op_str.rpartition(", ")[2])
        return _chosen(operands, condition)
    if mnemonic == "mrs" and len(operands) == 2:
        register = raw.op_str.rpartition(", ")[2]
        if register in _SYSTEM:
            return [{"act": Act.LOAD, "target": operands[0].register, "memory": Memory(None, None, 1, 0, register)}]
    return [{"act": Act.OTHER, "memory": _memory_of(operands)}]


def _access_size(mnemonic: str, register: _Operand) -> tuple[int, bool]:
    for suffix, size, signed in _NARROW:
        if mnemonic.endswith(suffix):
            return size, signed
    return register.size, False


def _stored(operand: _Operand) -> _Fields:
    return {"number": 0} if operand.register == ZERO else {"source": operand.register}


def _moving(operands: list[_Operand], writeback: bool) -> tuple[Memory | None, _Fields | None, bool]:
    """The memory operand, the step that moves its base, and whether that comes first.

    A stack pointer moves first, so that what lies above it is stack. Any other moves last, so that the instruction
    accesses what its registers point to when it begins.
    """
    memory = _memory_of(operands)
    if memory is None or not writeback:
        return memory, None, False
    behind = operands[-1].number if operands[-1].memory is None else None
    if operands[-1].memory is None and behind is None:
        return memory, {"act": Act.OTHER, "target": memory.base}, False  # by a register
    number = memory.displacement if behind is None else behind
    step = {"act": Act.ADD, "target": memory.base, "number": number & MASK}
    if behind is not None:
        return memory, step, False
    if memory.base == "sp":
        return memory._replace(displacement=0), step, True
    return memory, step, False


def _single(raw: Any, operands: list[_Operand]) -> list[_Fields]:  # noqa: ANN401
    register = operands[0]
    size, signed = _access_size(raw.mnemonic, register)
    load = raw.mnemonic in _LOADS
    if len(operands) == 2 and operands[1].number is not None and load:
        memory: Memory | None = Memory(
            None, None, 1, operands[1].number
        )  # behind the function, the compiler's constants
        step, first = None, False
    else:
        memory, step, first = _moving(operands, bool(raw.writeback))
    if register.size == 16 or memory is None or memory.scale == 0 or raw.mnemonic in ("ldraa", "ldrab"):
        access: _Fields = {"act": Act.OTHER, "memory": memory, "target": register.register if load else None}
    elif load:
        access = {"act": Act.LOAD, "target": register.register, "memory": memory, "size": size, "signed": signed}
    else:
        access = {"act": Act.STORE, "memory": memory, **_stored(register), "size": size}
    return _ordered([access], step, first)


def _pair(raw: Any, operands: list[_Operand]) -> list[_Fields]:  # noqa: ANN401
    memory, step, first = _moving(operands, bool(raw.writeback))
    load = raw.mnemonic.startswith("ld")
    if memory is None or operands[0].size == 16:
        return _ordered([{"act": Act.OTHER, "memory": memory}], step, first)
    size = 4 if raw.mnemonic == "ldpsw" else operands[0].size
    accesses: list[_Fields] = []
    for number, register in enumerate(operands[:2]):
        where = memory._replace(displacement=memory.displacement + number * size)
        if load:
            signed = raw.mnemonic == "ldpsw"
            accesses.append(
                {"act": Act.LOAD, "target": register.register, "memory": where, "size": size, "signed": signed}
            )
        else:
            accesses.append({"act": Act.STORE, "memory": where, **_stored(register), "size": size})
    if load and operands[0].register == memory.base:
        accesses.reverse()  # the second is read by the first one's old value
    return _ordered(accesses, step, first)


def _ordered(accesses: list[_Fields], step: _Fields | None, first: bool) -> list[_Fields]:
    if step is None:
        return accesses
    return [step, *accesses] if first else [*accesses, step]


def _other(operands: list[_Operand]) -> list[_Fields]:
    return [{"act": Act.OTHER, "memory": _memory_of(operands)}]


def _mov(operands: list[_Operand]) -> list[_Fields]:
    target, source = operands[0], operands[1]
    if source.number is not None:
        return [{"act": Act.CONSTANT, "target": target.register, "number": source.number & (1 << 8 * target.size) - 1}]
    if source.register == ZERO:
        return [{"act": Act.CONSTANT, "target": target.register, "number": 0}]
    if source.size == 16 or target.size == 16:  # with the floating-point registers
        return _other(operands)
    return [{"act": Act.MOVE, "target": target.register, "source": source.register, "size": target.size}]


def _movn(operands: list[_Operand]) -> list[_Fields]:
    number = ~(operands[1].number or 0) & (1 << 8 * operands[0].size) - 1
    return [{"act": Act.CONSTANT, "target": operands[0].register, "number": number}]


def _movk(operands: list[_Operand]) -> list[_Fields]:
    # Four of them make a large number, each fills in 16 bits.
    shift = operands[1].scale.bit_length() - 1
    mask = 0xFFFF << max(shift, 0)
    return [{"act": Act.CONSTANT, "target": operands[0].register, "number": operands[1].number, "mask": mask}]


def _page(operands: list[_Operand]) -> list[_Fields]:
    return [{"act": Act.PAGE, "target": operands[0].register, "number": operands[1].number}]


def _sum(sign: int) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> list[_Fields]:
        if len(operands) != 3 or operands[0].size != 8 or operands[0].register == ZERO:
            return _other(operands)
        target, left, right = (each.register for each in operands)
        if operands[2].number is not None:
            number = sign * operands[2].number & MASK
            if target == left:
                return [{"act": Act.ADD, "target": target, "number": number}]
            signed = number - (1 << 64) if number >> 63 else number
            return [{"act": Act.ADDRESS, "target": target, "memory": Memory(left, None, 1, signed)}]
        if right is None or ZERO in (left, right):
            return _other(operands)
        scale, bits = operands[2].scale, operands[2].bits
        add = {"act": Act.ADD_REGISTER if sign > 0 else Act.SUBTRACT_REGISTER, "target": target}
        if scale == 1 and bits == 64:
            if target == left:
                return [add | {"source": right}]
            if target == right:
                return [add | {"source": left}] if sign > 0 else _other(operands)
            return [{"act": Act.MOVE, "target": target, "source": left}, add | {"source": right}]
        if sign < 0 or scale == 0:
            return _other(operands)
        return [{"act": Act.ADDRESS, "target": target, "memory": Memory(left, right, scale, 0, bits=bits)}]

    return meaning


def _and(operands: list[_Operand]) -> list[_Fields]:
    if len(operands) != 3 or operands[0].size != 8 or operands[2].number is None:
        return _other(operands)
    if operands[2].number < MASK - _TAG_BITS:
        return _other(operands)
    target, source = operands[0].register, operands[1].register
    mask = {"act": Act.MASK, "target": target, "number": operands[2].number}
    return [mask] if target == source else [{"act": Act.MOVE, "target": target, "source": source}, mask]


def _extend(size: int, signed: bool) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> list[_Fields]:
        if len(operands) != 2 or operands[0].size != 8:
            return _other(operands)
        target, source = operands[0].register, operands[1].register
        return [{"act": Act.MOVE, "target": target, "source": source, "size": size, "signed": signed}]

    return meaning


def _unary(act: Act) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> list[_Fields]:
        target, source = operands[0], operands[-1]
        if target.size != 8 or target.register != source.register or source.scale != 1:
            return _other(operands)
        return [{"act": act, "target": target.register}]

    return meaning


def _compare(act: Act, sign: int = 1) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> list[_Fields]:
        left, right = operands[0], operands[-1]
        shifted = right.number is None and (right.scale != 1 or right.bits != 64)
        if len(operands) != 2 or shifted or left.register == ZERO:
            return [{"act": Act.OTHER}]
        size = 4 if left.name.startswith("w") else 8
        fields: _Fields = {"act": act, "source": left.register, "size": size}
        if right.number is not None or right.register == ZERO:
            return [fields | {"number": sign * (right.number or 0) & MASK}]
        return [fields | {"other": right.register}] if sign > 0 else [{"act": Act.OTHER}]

    return meaning


def _chosen(operands: list[_Operand], condition: str | None) -> list[_Fields]:
    target, left, right = operands
    if condition is None or target.size != 8:
        return _other(operands)
    return [
        {
            "act": Act.CHOOSE,
            "target": target.register,
            "source": left.register,
            "other": right.register,
            "condition": condition,
        }
    ]


def _test_branch(condition: str) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> list[_Fields]:
        register, target = operands[0], operands[-1]
        mask = MASK if register.size == 8 else MASK >> 32
        if len(operands) == 3:
            mask = 1 << (operands[1].number or 0)
        if register.register == ZERO:
            return _other(operands)
        return [
            {
                "act": Act.BRANCH,
                "source": register.register,
                "mask": mask,
                "number": target.number,
                "condition": condition,
            }
        ]

    return meaning


def _go(act: Act) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> list[_Fields]:
        where = operands[0]
        return [{"act": act, "number": where.number, "source": where.register}]

    return meaning


def _return(_: list[_Operand]) -> list[_Fields]:
    return [{"act": Act.RETURN}]


_MEANINGS: dict[str, Any] = {
    "mov": _mov,
    "movz": _mov,
    "movn": _movn,
    "movk": _movk,
    "adr": _mov,
    "adrp": _page,
    "add": _sum(1),
    "adds": _sum(1),
    "sub": _sum(-1),
    "subs": _sum(-1),
    "and": _and,
    "sxtw": _extend(4, True),
    "neg": _unary(Act.NEGATE),
    "mvn": _unary(Act.INVERT),
    "cmp": _compare(Act.COMPARE),
    "cmn": _compare(Act.COMPARE, -1),
    "tst": _compare(Act.TEST),
    "cbz": _test_branch("e"),
    "cbnz": _test_branch("ne"),
    "tbz": _test_branch("e"),
    "tbnz": _test_branch("ne"),
    "b": _go(Act.JUMP),
    "br": _go(Act.JUMP),
    "braa": _go(Act.JUMP),
    "brab": _go(Act.JUMP),
    "braaz": _go(Act.JUMP),
    "brabz": _go(Act.JUMP),
    "bl": _go(Act.CALL),
    "blr": _go(Act.CALL),
    "blraa": _go(Act.CALL),
    "blrab": _go(Act.CALL),
    "blraaz": _go(Act.CALL),
    "blrabz": _go(Act.CALL),
    "ret": _return,
    "retaa": _return,
    "retab": _return,
    "udf": lambda _: [{"act": Act.END}],
}
