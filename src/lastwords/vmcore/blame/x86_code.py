"""x86-64 machine code as `Instruction`s."""

from functools import lru_cache
from typing import Any

from .instruction import MASK, Act, Instruction, Line, Memory

_FAMILIES = {
    name: row.split()[0]
    for row in (
        "rax eax ax al ah",
        "rbx ebx bx bl bh",
        "rcx ecx cx cl ch",
        "rdx edx dx dl dh",
        "rsi esi si sil",
        "rdi edi di dil",
        "rbp ebp bp bpl",
        "rsp esp sp spl",
        "rip eip",
        *(f"r{i} r{i}d r{i}w r{i}b" for i in range(8, 16)),
    )
    for name in row.split()
}
_FLAGS = ("rflags", "eflags")
_TAG_BITS = 0xFF
"""Lowest bits of a pointer in which the kernel keeps flags, and masks them out before it follows the pointer."""


@lru_cache(maxsize=1)
def _engine(detail: bool) -> Any:  # noqa: ANN401 - capstone has no types
    import capstone  # type: ignore[import-untyped]

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.detail = detail
    return engine


@lru_cache(maxsize=1)
def _constants() -> Any:  # noqa: ANN401
    import capstone.x86 as constants  # type: ignore[import-untyped]

    return constants


def whole(register: str) -> str:
    """The whole register that a name is a part of: `rax` of `eax`."""
    return _FAMILIES.get(register, register)


def is_register(name: str) -> bool:
    """Whether this is a name of a general register."""
    return name in _FAMILIES


def outline(code: bytes, address: int) -> list[Line]:
    """Each instruction in short: fast, for the shape of a function.

    Bytes that are no instruction come out as `(bad)`, one by one.
    """
    import capstone

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    found: list[Line] = []
    at = 0
    while at < len(code):
        found += (Line(*each) for each in engine.disasm_lite(code[at:], address + at))
        end = found[-1][0] + found[-1][1] - address if found else at
        if end >= len(code):
            break
        found.append(Line(address + max(end, at), 1, "(bad)", ""))
        at = max(end, at) + 1
    return found


def decode(code: bytes, address: int) -> Instruction:
    """One instruction, in full."""
    raw = next(_engine(True).disasm(code, address, 1), None)
    if raw is None:
        return Instruction(address, 1, "(bad)", Act.OTHER)
    text = f"{raw.mnemonic} {raw.op_str}".strip()
    _, written = raw.regs_access()
    names = [raw.reg_name(register) for register in written]
    common: dict[str, Any] = {
        "address": address,
        "length": raw.size,
        "text": text,
        "writes": frozenset(whole(name) for name in names if name in _FAMILIES),
        "sets_flags": any(name in _FLAGS for name in names),
    }
    operands = [_operand(raw, operand) for operand in raw.operands]
    fields = _meaning(raw.mnemonic, operands, code[: raw.size], address + raw.size)
    return Instruction(**common, **fields)


class _Operand:
    """An operand in our own terms: a register, a number or memory, and how wide it is."""

    __slots__ = ("memory", "name", "number", "register", "size")

    def __init__(self) -> None:
        self.register: str | None = None
        self.name = ""
        self.number: int | None = None
        self.memory: Memory | None = None
        self.size = 8


def _operand(raw: Any, operand: Any) -> _Operand:  # noqa: ANN401
    constants, found = _constants(), _Operand()
    found.size = operand.size
    if operand.type == constants.X86_OP_REG:
        found.name = raw.reg_name(operand.reg)
        found.register = whole(found.name)
    elif operand.type == constants.X86_OP_IMM:
        found.number = operand.imm & MASK
    elif operand.type == constants.X86_OP_MEM:
        memory = operand.mem
        base = whole(raw.reg_name(memory.base)) if memory.base else None
        displacement = memory.disp
        if base == "rip":
            base, displacement = None, (raw.address + raw.size + memory.disp) & MASK
        index = whole(raw.reg_name(memory.index)) if memory.index else None
        segment = raw.reg_name(memory.segment) if memory.segment else None
        found.memory = Memory(base, index if index != "riz" else None, memory.scale, displacement, segment)
    return found


def _meaning(mnemonic: str, operands: list[_Operand], code: bytes, end: int) -> dict[str, Any]:
    """The fields of an `Instruction` that say what it does."""
    word = mnemonic.split()[-1] if " " in mnemonic else mnemonic
    if " " in mnemonic and word not in ("jmp", "call", "ret", "nop"):
        # rep, lock: a string instruction, or memory that others change too.
        return {"act": Act.OTHER, "memory": next((each.memory for each in operands if each.memory), None)}
    if (meaning := _MEANINGS.get(word)) is not None:
        fields: dict[str, Any] = meaning(operands)
        return fields
    if word.startswith("cmov") and len(operands) == 2:
        target, source = operands
        return {
            "act": Act.CHOOSE,
            "target": target.register,
            "source": source.register,
            "memory": source.memory,
            "size": target.size,
            "condition": word[4:],
        }
    if word.startswith("j") and len(operands) == 1 and operands[0].number is not None:
        return {"act": Act.BRANCH, "number": operands[0].number, "condition": word[1:]}
    if word.startswith("nop") or word in ("endbr64", "lfence", "mfence", "sfence", "pause", "stac", "clac"):
        return {"act": Act.NOTHING}
    return {"act": Act.OTHER, "memory": next((each.memory for each in operands if each.memory), None)}


def _mov(operands: list[_Operand], signed: bool = False) -> dict[str, Any]:
    target, source = operands
    if target.memory is not None:
        return {
            "act": Act.STORE,
            "memory": target.memory,
            "source": source.register,
            "number": source.number,
            "size": target.size,
        }
    fields: dict[str, Any] = {"target": target.register, "size": source.size, "signed": signed}
    if target.size < 4:
        # The rest of the register stays: too rare for pointers to be worth following.
        return {"act": Act.OTHER, "memory": source.memory}
    if source.number is not None:
        return fields | {"act": Act.CONSTANT, "number": source.number & ((1 << 8 * target.size) - 1), "size": 8}
    if source.memory is not None:
        return fields | {"act": Act.LOAD, "memory": source.memory}
    return fields | {"act": Act.MOVE, "source": source.register}


def _lea(operands: list[_Operand]) -> dict[str, Any]:
    target, source = operands
    act = Act.ADDRESS if target.size == 8 else Act.OTHER
    if act is Act.ADDRESS and source.memory and source.memory.base is None and source.memory.scaled is None:
        return {"act": Act.CONSTANT, "target": target.register, "number": source.memory.displacement & MASK}
    return {"act": act, "target": target.register, "memory": source.memory}


def _add(operands: list[_Operand], sign: int = 1) -> dict[str, Any]:
    target, source = operands
    if target.register is None or target.size != 8:
        return _other(operands)
    if source.number is not None:
        return {"act": Act.ADD, "target": target.register, "number": sign * source.number & MASK}
    if source.register is not None:
        if sign < 0 and source.name == target.name:
            return {"act": Act.CONSTANT, "target": target.register, "number": 0}
        act = Act.ADD_REGISTER if sign > 0 else Act.SUBTRACT_REGISTER
        return {"act": act, "target": target.register, "source": source.register}
    return {"act": Act.ADD_MEMORY if sign > 0 else Act.OTHER, "target": target.register, "memory": source.memory}


def _sub(operands: list[_Operand]) -> dict[str, Any]:
    if operands[0].register and operands[0].name == operands[1].name:
        return {"act": Act.CONSTANT, "target": operands[0].register, "number": 0}
    return _add(operands, -1)


def _step(sign: int) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> dict[str, Any]:
        if operands[0].register and operands[0].size == 8:
            return {"act": Act.ADD, "target": operands[0].register, "number": sign & MASK}
        return _other(operands)

    return meaning


def _xor(operands: list[_Operand]) -> dict[str, Any]:
    target, source = operands
    if target.register and target.name == source.name and target.size >= 4:
        return {"act": Act.CONSTANT, "target": target.register, "number": 0}
    return _other(operands)


def _or(operands: list[_Operand]) -> dict[str, Any]:
    target, source = operands
    if target.register and source.number is not None and source.number == MASK and target.size >= 4:
        return {"act": Act.CONSTANT, "target": target.register, "number": (1 << 8 * target.size) - 1}
    return _other(operands)


def _and(operands: list[_Operand]) -> dict[str, Any]:
    target, source = operands
    if target.register and source.number == 0 and target.size >= 4:
        return {"act": Act.CONSTANT, "target": target.register, "number": 0}
    if target.register and target.size == 8 and source.number is not None and source.number >= MASK - _TAG_BITS:
        return {"act": Act.MASK, "target": target.register, "number": source.number}
    return _other(operands)


def _xchg(operands: list[_Operand]) -> dict[str, Any]:
    memory = next((each.memory for each in operands if each.memory), None)
    target = next((each.register for each in operands if each.register), None)
    if memory is None or target is None or operands[0].size < 4:
        return _other(operands)
    return {"act": Act.EXCHANGE, "target": target, "memory": memory, "size": operands[0].size}


def _unary(act: Act) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> dict[str, Any]:
        if operands[0].register and operands[0].size == 8:
            return {"act": act, "target": operands[0].register}
        return _other(operands)

    return meaning


def _compare(act: Act) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> dict[str, Any]:
        left, right = operands
        if left.size not in (4, 8) or left.memory or right.memory:
            return {"act": Act.NOTHING, "memory": left.memory or right.memory}
        return {
            "act": act,
            "source": left.register,
            "other": right.register,
            "number": right.number,
            "size": left.size,
        }

    return meaning


def _one(act: Act) -> Any:  # noqa: ANN401
    def meaning(operands: list[_Operand]) -> dict[str, Any]:
        operand = operands[0] if operands else _Operand()
        fields: dict[str, Any] = {"act": act, "memory": operand.memory, "number": operand.number}
        return fields | {"target" if act is Act.POP else "source": operand.register}

    return meaning


def _other(operands: list[_Operand]) -> dict[str, Any]:
    return {"act": Act.OTHER, "memory": next((each.memory for each in operands if each.memory), None)}


_MEANINGS: dict[str, Any] = {
    "mov": _mov,
    "movabs": _mov,
    "movzx": _mov,
    "movsx": lambda operands: _mov(operands, signed=True),
    "movsxd": lambda operands: _mov(operands, signed=True),
    "lea": _lea,
    "add": _add,
    "sub": _sub,
    "inc": _step(1),
    "dec": _step(-1),
    "neg": _unary(Act.NEGATE),
    "not": _unary(Act.INVERT),
    "xchg": _xchg,
    "xor": _xor,
    "or": _or,
    "and": _and,
    "cmp": _compare(Act.COMPARE),
    "test": _compare(Act.TEST),
    "push": _one(Act.PUSH),
    "pop": _one(Act.POP),
    "call": _one(Act.CALL),
    "jmp": _one(Act.JUMP),
    "ret": _one(Act.RETURN),
}
