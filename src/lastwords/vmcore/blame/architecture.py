"""What differs from one kind of processor to another: registers, calling convention, shape of the code.

One subclass each, in `x86.py` and `arm64.py`; everything else in this package works on what they say.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .instruction import Flow, Instruction, Line

if TYPE_CHECKING:
    import drgn

    from .function import Dump


class Flags(NamedTuple):
    """The flags as x86-64 has them: `carry` is a borrow. None for what is not known."""

    carry: bool | None
    zero: bool
    sign: bool
    overflow: bool | None


class StackAddress(NamedTuple):
    """An instruction that computes `base + offset` into `target`: `base` is the stack or the frame pointer."""

    target: str
    base: str
    offset: int


class Architecture(ABC):
    """A kind of processor, and the kernel's conventions on it.

    Attributes:
        name: as people call it.
        drgn_name: drgn's enumerator for it.
        stack_pointer: its register; likewise `program_counter` and `flags`, by drgn's names, and `return_register`.
        frame_pointer: the register that may hold a frame's address, `keeps_frame_pointer` whether it always does.
        registers: that are followed, all but the program counter and the flags.
        arguments: registers of the arguments, in their order.
        caller_saved: registers that a called function may change.
        callee_saved: those that it gives back.
        call_pushes: bytes that a call puts on the stack.
        link_register: that a call puts the return address into, None where it is pushed.
        tracing_entry: bytes at a function's beginning that are kept free for ftrace, which DWARF has no line for.
        user_end: the first address behind those of user space; `kernel_start` the first of the kernel's.
        entries: functions of the kernel through which an exception that a bad pointer causes comes in, and its name.
        served: names of exceptions that are no crash by themselves.
        dying: functions on the stack of a kernel that dies of one.
        panicking: where a stack begins that panic() saved by itself, or a CPU that it stopped.
        current: the system register that holds the running task; `per_cpu_registers` those with the address of the
            CPU's variables, or what is added to one's.
        keeps_all: functions that give every register back.
    """

    name: ClassVar[str]
    drgn_name: ClassVar[str]
    stack_pointer: ClassVar[str]
    program_counter: ClassVar[str]
    flags: ClassVar[str]
    return_register: ClassVar[str]
    frame_pointer: ClassVar[str]
    keeps_frame_pointer: ClassVar[bool]
    registers: ClassVar[tuple[str, ...]]
    arguments: ClassVar[tuple[str, ...]]
    caller_saved: ClassVar[frozenset[str]]
    callee_saved: ClassVar[tuple[str, ...]]
    call_pushes: ClassVar[int]
    link_register: ClassVar[str | None]
    tracing_entry: ClassVar[int]
    user_end: ClassVar[int]
    kernel_start: ClassVar[int]
    entries: ClassVar[Mapping[str, str]]
    served: ClassVar[frozenset[str]]
    dying: ClassVar[frozenset[str]]
    panicking: ClassVar[frozenset[str]]
    keeps_all: ClassVar[frozenset[str]]
    current: ClassVar[str | None]
    per_cpu_registers: ClassVar[frozenset[str]]

    @property
    def frame_registers(self) -> tuple[str, str]:
        """The registers through which code reaches into its own frame."""
        return self.stack_pointer, self.frame_pointer

    @abstractmethod
    def outline(self, code: bytes, address: int) -> list[Line]:
        """Each instruction in short; bytes that are none come out as `(bad)`."""

    @abstractmethod
    def decode(self, code: bytes, address: int) -> tuple[Instruction, ...]:
        """One instruction in full, in as many parts as `outline` has for it."""

    @abstractmethod
    def flow(self, line: Line) -> Flow | None:
        """Where it may go on from an instruction; None where that is right behind it."""

    @abstractmethod
    def height_after(self, height: int, line: Line) -> int | None:
        """The height of the stack pointer behind an instruction, from that before it; None where it can't be told."""

    @abstractmethod
    def stack_address(self, line: Line) -> StackAddress | None:
        """The address on the stack that an instruction computes."""

    @abstractmethod
    def saved_at(self, line: Line) -> int | None:
        """Where a prologue's instruction saves a register for the caller, from the stack pointer behind it."""

    @abstractmethod
    def condition_flags(self, word: int) -> Flags:
        """The flags in the flags register."""

    @abstractmethod
    def implied(self, instruction: Instruction) -> tuple[str, ...]:
        """The registers that point to memory in an instruction that does not name it as an operand."""

    @abstractmethod
    def return_address(self, dump: "Dump", registers: Mapping[str, int]) -> int | None:
        """Where a function returns to that was just entered with these registers."""

    @abstractmethod
    def as_before_call(self, dump: "Dump", registers: Mapping[str, int]) -> bytes | None:
        """The registers of the caller of a function that was just entered, as `struct pt_regs` has them.

        None where a stack's unwinder knows them by itself.
        """

    @abstractmethod
    def is_return_thunk(self, name: str) -> bool:
        """Whether code that a function jumps to stands for a return."""

    @abstractmethod
    def thunk_register(self, dump: "Dump", address: int) -> str | None:
        """The register that code calls through which a compiler puts in the place of an indirect call."""

    @abstractmethod
    def real_target(self, dump: "Dump", address: int) -> int:
        """The function behind a trampoline; the address itself where there is none."""

    @abstractmethod
    def argument_registers(self, size: int) -> int:
        """How many argument registers a struct of `size` bytes takes."""

    @abstractmethod
    def named_address(self, line: Line) -> int | None:
        """The address that an instruction names: of what it calls or jumps to, or of a variable."""

    @abstractmethod
    def may_be_patched(self, line: Line) -> bool:
        """Whether the kernel changes instructions of this kind in its own text."""


@cache
def _all() -> dict[str, Architecture]:
    from .arm64 import Arm64
    from .x86 import X86

    return {each.drgn_name: each for each in (X86(), Arm64())}


def architecture_of(prog: "drgn.Program") -> Architecture | None:
    """The architecture of a program, None for one whose code is not followed."""
    return _all().get(prog.platform.arch.name) if prog.platform is not None else None


def named(name: str) -> Architecture:
    """An architecture by its name.

    Raises:
        KeyError: there is none of that name.
    """
    return {each.name: each for each in _all().values()}[name]
