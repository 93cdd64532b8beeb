"""What an instruction does to values, the same for every architecture."""

from enum import Enum, auto
from typing import NamedTuple

MASK = (1 << 64) - 1


class Act(Enum):
    """What an instruction does, as far as following values backwards needs it."""

    MOVE = auto()  # target = source, `size` bytes of it
    LOAD = auto()  # target = memory
    EXCHANGE = auto()  # target and memory change places
    STORE = auto()  # memory = source, or `number`
    CONSTANT = auto()  # target = number
    PAGE = auto()  # target = number, the upper bits of an address whose rest is added later (adrp)
    ADDRESS = auto()  # target = the address of memory (lea)
    ADD = auto()  # target += number
    ADD_MEMORY = auto()  # target += memory
    MASK = auto()  # target &= number, which only clears the lowest bits
    ADD_REGISTER = auto()  # target += source
    SUBTRACT_REGISTER = auto()  # target -= source
    NEGATE = auto()
    INVERT = auto()
    CHOOSE = auto()  # target = source or memory, if the condition holds (cmov), else other, or what it was (csel)
    PUSH = auto()  # of source, number or memory
    POP = auto()
    CALL = auto()  # of number (an address), source or memory
    JUMP = auto()  # likewise
    BRANCH = auto()  # to number, if the condition holds
    RETURN = auto()
    COMPARE = auto()  # source with other or number: only flags change
    TEST = auto()
    END = auto()  # nothing runs behind it: a trap, or what is no code
    NOTHING = auto()
    OTHER = auto()  # writes what `writes` says, and nobody knows how


class Line(NamedTuple):
    """What a disassembler says at a place: enough for the shape of a function.

    An instruction that does several things (arm64 stores two registers at a time, and moves a pointer as it goes) is
    several lines at one address, `part` of `parts`, as if there were an instruction for each.
    """

    address: int
    length: int
    mnemonic: str
    operands: str
    part: int = 0
    parts: int = 1


class Flow(NamedTuple):
    """An instruction behind which something else may run than what stands there: CALL, JUMP, BRANCH, RETURN, END.

    `target` is None where only a register or memory knows it.
    """

    act: Act
    target: int | None = None


ZERO = "zero"
"""A register that always holds 0."""


class Memory(NamedTuple):
    """A memory operand: `base + scaled * scale + displacement`, `segment` where one is named.

    `bits` of the scaled register count, sign-extended where it is negative.
    """

    base: str | None
    scaled: str | None
    scale: int
    displacement: int
    segment: str | None = None
    bits: int = 64

    def scaled_value(self, value: int) -> int:
        """What the scaled register adds if it holds `value`."""
        width = abs(self.bits)
        value &= (1 << width) - 1
        if self.bits < 0 and value >> width - 1:
            value -= 1 << width
        return value * self.scale


class Instruction(NamedTuple):
    """One instruction.

    Attributes:
        address: where it is; `length` its bytes.
        text: as the disassembler prints it.
        act: what it does.
        target: the register that it writes, by the name of the whole register (`rax` for `eax`).
        source: the register that it reads, likewise.
        other: a second one, of comparisons.
        number: an immediate value, unsigned 64 bits; or the target of a call or jump.
        mask: the bits that a constant fills in or a comparison looks at. A branch with a `source` tests these of it.
        memory: its memory operand.
        size: bytes that move; `signed` whether they are sign-extended.
        condition: of a branch, as in `conditions.py`.
        writes: all whole registers that it changes.
        sets_flags: whether it changes the flags.
    """

    address: int
    length: int
    text: str
    act: Act
    target: str | None = None
    source: str | None = None
    other: str | None = None
    number: int | None = None
    mask: int = MASK
    memory: Memory | None = None
    size: int = 8
    signed: bool = False
    condition: str | None = None
    writes: frozenset[str] = frozenset()
    sets_flags: bool = False

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.length
