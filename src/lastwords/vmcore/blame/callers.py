"""Who called a function: up the stack, and through the functions that a tail call took off it."""

from typing import NamedTuple

from .function import Dump, Function, function_at, word
from .instruction import Act, Instruction
from .undo import Place, State, share_stack

_TAIL_DEPTH = 3
_TAIL_SITES_MAX = 6
_FUNCTIONS_MAX = 24


class Frame(NamedTuple):
    """One frame of the stack, as the unwinder has it: for a caller, `pc` is the return address.

    `registers` are those that it knows; `interrupted` that an exception or interrupt came here.
    """

    pc: int
    sp: int
    interrupted: bool
    registers: dict[str, int]


class Activation(NamedTuple):
    """A function that was running: before which instruction, and what is known there.

    Attributes:
        function: the function.
        at: of its call of the next one, or of the faulting instruction.
        state: what is known before that instruction.
        frame: the number of its frame; for a function that a tail call took off the stack that of its caller's callee.
        on_stack: it has a frame of its own.
    """

    function: Function
    at: int
    state: State
    frame: int
    on_stack: bool = True


class Caller(NamedTuple):
    """One way into a function: where it was called, and whether the dump shows that it was this function."""

    activation: Activation
    sure: bool


class Stack:
    """The frames from the fault on, and the functions in them."""

    def __init__(self, dump: Dump, frames: list[Frame]) -> None:
        self.dump = dump
        self.architecture = dump.architecture
        self.frames = frames
        self._functions: dict[int, Function | None] = {}

    def function(self, address: int) -> Function | None:
        """The function that contains an address; read once."""
        symbol = self.dump.symbol(address)
        key = symbol.start if symbol else address
        if key not in self._functions:
            if len(self._functions) >= _FUNCTIONS_MAX:
                return None
            self._functions[key] = function_at(self.dump, address)
        return self._functions[key]

    def frame_of(self, address: int) -> int | None:
        """The frame that a place on the stack belongs to."""
        for number in range(1, len(self.frames) - 1):
            if self.frames[number].sp <= address < self.frames[number + 1].sp - self.architecture.call_pushes:
                return number
        return None

    def call_site(self, frame: int) -> tuple[Function, int] | None:
        """The function of a calling frame and the index of its call."""
        if not 0 < frame < len(self.frames) or self.frames[frame].interrupted:
            return None
        pc = self.frames[frame].pc
        function = self.function(pc - 1)
        index = function.index_ending(pc) if function else None
        if function is None or index is None or function.instruction(index).act is not Act.CALL:
            return None
        return function, index

    def callers(self, activation: Activation, entry: State) -> list[Caller]:
        """Where a function was called from.

        Args:
            activation: of the function.
            entry: what is known where it begins.
        """
        site = self.call_site(activation.frame + 1)
        if site is None:
            return []
        frame = self.frames[activation.frame + 1]
        if not self._returns_to(entry, frame):
            return []
        function, index = site
        state = entry.copy()
        state.values[self.architecture.stack_pointer] = frame.sp
        state.floor = max(state.floor, frame.sp)
        call = function.instruction(index)
        state.forget(self.architecture.link_register or "")
        # Memory shows what the called function left there, not what was there before the call.
        share_stack(function, call, state)
        target = called(self.dump, call, state)
        start = activation.function.symbol.start
        direct = Activation(function, index, state, activation.frame + 1)
        if target is None or target == start:
            return [Caller(self._with_registers(direct, frame), target is not None)]
        return self._through_tail_calls(activation, entry, target)

    def _returns_to(self, entry: State, frame: Frame) -> bool:
        """Whether what is known where a function begins agrees with its return to a frame."""
        pointer = entry.get(self.architecture.stack_pointer)
        if pointer is not None and pointer + self.architecture.call_pushes != frame.sp:
            return False
        known = {name: value for name, value in entry.values.items() if isinstance(name, str) and value is not None}
        if pointer is None and self.architecture.call_pushes:
            return True
        back = self.architecture.return_address(self.dump, known)
        return back == frame.pc or (back is None and not self.architecture.call_pushes)

    def _with_registers(self, activation: Activation, frame: Frame) -> Activation:
        """With what the unwinder knows of the caller's registers, where debuginfo tells it."""
        for register in self.architecture.callee_saved:
            value = frame.registers.get(register)
            if value is not None and activation.state.get(register) is None:
                activation.state.values[register] = value
        return activation

    def _through_tail_calls(self, activation: Activation, entry: State, target: int) -> list[Caller]:
        found = self._tail_sites(target, activation.function.symbol.start, entry, _TAIL_DEPTH)
        sure = [each for each in found if each[2]]
        return [
            Caller(Activation(function, index, entry.copy(), activation.frame, on_stack=False), is_sure)
            for function, index, is_sure in (sure or found)[:_TAIL_SITES_MAX]
        ]

    def _tail_sites(self, start: int, wanted: int, entry: State, depth: int) -> list[tuple[Function, int, bool]]:
        """The jumps by which the function at `start`, or one that it jumps to, goes on into the one at `wanted`."""
        function = self.function(start)
        if function is None or function.symbol.start != start or depth == 0:
            return []
        found = []
        for index in function.exits():
            jump = function.instruction(index)
            target = called(self.dump, jump, entry)
            if target == wanted:
                found.append((function, index, True))
            elif target is None and not is_return(self.dump, jump):
                found.append((function, index, False))
            elif target is not None and not is_return(self.dump, jump):
                symbol = self.dump.symbol(target)
                if symbol is not None and symbol.start == target and target != start:
                    found += self._tail_sites(target, wanted, entry, depth - 1)
        return found


def is_return(dump: Dump, jump: Instruction) -> bool:
    """A jump that stands for a return."""
    if jump.number is None:
        return False
    symbol = dump.symbol(jump.number)
    return symbol is not None and dump.architecture.is_return_thunk(symbol.name)


def pointer_place(dump: Dump, instruction: Instruction) -> Place | None:
    """The register that a call or jump goes through, also by way of a retpoline."""
    if instruction.source is not None:
        return instruction.source
    if instruction.number is None:
        return None
    return dump.architecture.thunk_register(dump, instruction.number)


def called(dump: Dump, instruction: Instruction, state: State) -> int | None:
    """The function that a call or jump goes to, None where that is not known."""
    register = pointer_place(dump, instruction)
    if register is not None:
        return state.get(register)
    if instruction.number is not None:
        return dump.architecture.real_target(dump, instruction.number)
    if instruction.memory is not None:
        address = state.address(instruction.memory)
        return None if address is None else word(dump, address)
    return None
