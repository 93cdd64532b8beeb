"""What an instruction does to values, the same for every architecture."""

from enum import Enum, auto
from typing import NamedTuple


class Act(Enum):
    """What an instruction does, as far as following values backwards needs it."""

    MOVE = auto()  # target = source, `size` bytes of it
    LOAD = auto()  # target = memory
    EXCHANGE = auto()  # target and memory change places
    STORE = auto()  # memory = source, or `number`
    CONSTANT = auto()  # target = number
    ADDRESS = auto()  # target = the address of memory (lea)
    ADD = auto()  # target += number
    ADD_MEMORY = auto()  # target += memory
    MASK = auto()  # target &= number, which only clears the lowest bits
    ADD_REGISTER = auto()  # target += source
    SUBTRACT_REGISTER = auto()  # target -= source
    NEGATE = auto()
    INVERT = auto()
    CHOOSE = auto()  # target = source or memory, if the condition holds (cmov)
    PUSH = auto()  # of source, number or memory
    POP = auto()
    CALL = auto()  # of number (an address), source or memory
    JUMP = auto()  # likewise
    BRANCH = auto()  # to number, if the condition holds
    RETURN = auto()
    COMPARE = auto()  # source with other or number: only flags change
    TEST = auto()
    NOTHING = auto()
    OTHER = auto()  # writes what `writes` says, and nobody knows how


class Memory(NamedTuple):
    """A memory operand: `base + scaled * scale + displacement`, `segment` where one is named."""

    base: str | None
    scaled: str | None
    scale: int
    displacement: int
    segment: str | None = None


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
