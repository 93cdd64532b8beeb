"""Instructions run backwards: what is known behind one, and from it what was before."""

from .function import Dump, Function, word
from .instruction import MASK, ZERO, Act, Instruction, Memory

FLAGS = "flags"
_STACK_MAX = 0x4000
Place = str | int
"""Where a value is: a register by name, or a word on the stack by its address."""


class State:
    """What is known of registers and stack at one point on one path.

    `values` has registers by name, words on the stack by address; a word that is there with None was overwritten
    later, so that the dump no longer shows what it held here. `floor` is the highest that the stack pointer has been
    since: whatever lies below may have been written over by calls and interrupts. `shared` is the part of the stack
    whose addresses other functions were given.
    """

    __slots__ = ("architecture", "dump", "floor", "shared", "values")

    def __init__(self, dump: Dump, floor: int, values: dict[Place, int | None]) -> None:
        self.dump = dump
        self.architecture = dump.architecture
        self.floor = floor
        self.values = values
        self.shared: tuple[int, int] | None = None

    def copy(self) -> "State":
        """A copy that may go another way."""
        other = State(self.dump, self.floor, dict(self.values))
        other.shared = self.shared
        return other

    def get(self, place: Place) -> int | None:
        """The value in a register or a word of the stack, None where it is not known."""
        if place == ZERO:
            return 0
        if place in self.values or isinstance(place, str):
            return self.values.get(place)
        return word(self.dump, place) if self.on_stack(place) and not self.is_shared(place) else None

    def is_shared(self, address: int) -> bool:
        """A word of the stack that a function which was called since may have changed."""
        return self.shared is not None and self.shared[0] <= address < self.shared[1]

    def on_stack(self, address: int) -> bool:
        """An address on the stack that the dump shows as it was."""
        return self.floor <= address < self.floor + _STACK_MAX

    def learn(self, place: Place, value: int | None) -> bool:
        """Note what a place holds; False where it contradicts what is known."""
        if value is None:
            return True
        known = self.get(place)
        if known is None:
            self.values[place] = value
            return True
        return known == value

    def forget(self, register: str) -> None:
        """A register's value before is not known."""
        self.values.pop(register, None)

    def address(self, memory: Memory) -> int | None:
        """Where a memory operand points."""
        total = memory.displacement
        if memory.segment == "gs":
            if self.dump.per_cpu is None:
                return None
            total += self.dump.per_cpu
        elif memory.segment is not None:
            return None
        if memory.base is not None:
            value = self.get(memory.base)
            if value is None:
                return None
            total += value
        if memory.scaled is not None:
            value = self.get(memory.scaled)
            if value is None:
                return None
            total += memory.scaled_value(value)
        return total & MASK

    def key(self) -> frozenset[tuple[Place, int | None]]:
        """Everything that is known."""
        return frozenset(self.values.items())


def undo(function: Function, instruction: Instruction, state: State) -> bool:
    """Go back over an instruction. False where that shows that this path was not taken."""
    if instruction.sets_flags or instruction.act is Act.CALL:
        state.forget(FLAGS)
    handler = _HANDLERS.get(instruction.act)
    if handler is None:
        _overwrite(instruction, state)
        for register in instruction.writes:
            state.forget(register)
        return True
    consistent = bool(handler(function, instruction, state))
    stack = state.values.get(state.architecture.stack_pointer)
    if stack is not None and state.floor < stack < state.floor + _STACK_MAX:
        state.floor = stack
    return consistent


WIDEST = 64
"""Bytes that one instruction other than a string instruction writes at most."""


def _overwrite(instruction: Instruction, state: State) -> None:
    """An instruction that may have written to memory, nobody knows what."""
    address = state.address(instruction.memory) if instruction.memory is not None else None
    if address is not None and state.on_stack(address):
        for place in range(address & -8, address + WIDEST, 8):
            state.values[place] = None


def _take(instruction: Instruction, state: State) -> int | None:
    target = instruction.target
    return state.values.pop(target, None) if target is not None else None


def _move(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    if instruction.source is None:
        return True
    if instruction.size == 8:
        return state.learn(instruction.source, value)
    known = state.get(instruction.source)
    if value is None or known is None:
        return True
    return extend(known, instruction) == value


def extend(value: int, instruction: Instruction) -> int:
    """A value as it is after a move of `size` bytes."""
    bits = 8 * instruction.size
    value &= (1 << bits) - 1
    if instruction.signed and value >> bits - 1:
        # movsx to 32 bits clears the upper half; the difference does not matter to a pointer.
        value |= MASK ^ ((1 << bits) - 1)
    return value


def _constant(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    return value is None or value & instruction.mask == instruction.number


def _load(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    if value is None or instruction.memory is None or instruction.size != 8:
        return True
    address = state.address(instruction.memory)
    if address is None or not is_frame(state, instruction.memory):
        return True
    if address < state.floor and address not in state.values:
        # It was read before the stack pointer went up: what the dump has there may be of later.
        state.values[address] = value
        return True
    return state.learn(address, value) if state.on_stack(address) else True


def is_frame(state: State, memory: Memory) -> bool:
    """An operand that reaches into the function's own frame."""
    return memory.base in state.architecture.frame_registers and memory.scaled is None


def _address(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    memory = instruction.memory
    if value is None or memory is None:
        return True
    if memory.scaled is None and memory.base is not None:
        return state.learn(memory.base, value - memory.displacement & MASK)
    if memory.base is None or memory.scaled is None or memory.base == memory.scaled:
        return True
    index = state.get(memory.scaled) if memory.scaled != instruction.target else None
    if index is not None:
        return state.learn(memory.base, value - memory.displacement - memory.scaled_value(index) & MASK)
    return True


def _add(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    if value is not None and instruction.number is not None and instruction.target is not None:
        state.values[instruction.target] = value - instruction.number & MASK
    return True


def _add_register(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    if value is None or instruction.source is None or instruction.source == instruction.target:
        return True
    source = state.get(instruction.source)
    if source is not None and instruction.target is not None:
        source = source if instruction.act is Act.ADD_REGISTER else -source
        state.values[instruction.target] = value - source & MASK
    return True


def _add_memory(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    added = memory_word(instruction, state)
    if value is not None and added is not None and instruction.target is not None:
        state.values[instruction.target] = value - added & MASK
    return True


def memory_word(instruction: Instruction, state: State) -> int | None:
    """What an instruction's memory operand holds in the dump; None where the target is part of its address."""
    memory = instruction.memory
    if memory is None or instruction.target in (memory.base, memory.scaled):
        return None
    address = state.address(memory)
    return None if address is None else word(state.dump, address)


def _negate(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    if value is not None and instruction.target is not None:
        state.values[instruction.target] = (-value if instruction.act is Act.NEGATE else ~value) & MASK
    return True


def _store(_: Function, instruction: Instruction, state: State) -> bool:
    if instruction.memory is None:
        return True
    address = state.address(instruction.memory)
    if address is None:
        return True
    consistent = True
    if instruction.size == 8 and is_frame(state, instruction.memory):
        held = state.get(address)
        if held is not None and instruction.source is not None:
            consistent = state.learn(instruction.source, held)
        elif held is not None and instruction.number is not None:
            consistent = held == instruction.number
    for place in range(address & -8, address + instruction.size, 8):
        state.values[place] = None
    return consistent


def _exchange(_: Function, instruction: Instruction, state: State) -> bool:
    _take(instruction, state)
    address = state.address(instruction.memory) if instruction.memory is not None else None
    if address is not None:
        state.values[address & -8] = None
    return True


def _push(_: Function, instruction: Instruction, state: State) -> bool:
    pointer = state.architecture.stack_pointer
    after = state.get(pointer)
    if after is None:
        return True
    held = state.get(after)
    consistent = True
    state.values[pointer] = after + 8 & MASK
    if held is not None and instruction.source is not None and instruction.source != pointer:
        consistent = state.learn(instruction.source, held)
    state.values[after] = None
    return consistent


def _pop(_: Function, instruction: Instruction, state: State) -> bool:
    value = _take(instruction, state)
    pointer = state.architecture.stack_pointer
    after = state.get(pointer)
    if after is None or instruction.target == pointer:
        return True
    slot = after - 8 & MASK
    state.values[pointer] = slot
    # After the pop, the word was nobody's: what the dump has there may be of later.
    state.values[slot] = value
    return True


def _call(function: Function, instruction: Instruction, state: State) -> bool:
    if keeps_registers(function, instruction):
        return True
    share_stack(function, instruction, state)
    for register in state.architecture.caller_saved:
        state.forget(register)
    return True


def share_stack(function: Function, instruction: Instruction, state: State) -> None:
    """What a called function may have written to is not known before the call."""
    shared, stack = function.shared_stack, state.get(state.architecture.stack_pointer)
    index = function.index(instruction.address)
    height = function.stack_height(index) if index is not None else None
    if shared is None or stack is None:
        return
    low, high = (stack - height + shared[0], stack - height + shared[1]) if height is not None else (stack, MASK)
    state.shared = (max(low, stack), min(high, stack + _STACK_MAX))
    for place in [place for place in state.values if isinstance(place, int) and state.is_shared(place)]:
        state.values[place] = None


def keeps_registers(function: Function, instruction: Instruction) -> bool:
    """The called function gives all registers back."""
    if instruction.number is None:
        return False
    symbol = function.dump.symbol(instruction.number)
    return symbol is not None and symbol.name in function.architecture.keeps_all


def _nothing(_: Function, __: Instruction, ___: State) -> bool:
    return True


_HANDLERS = {
    Act.MOVE: _move,
    Act.CONSTANT: _constant,
    Act.PAGE: _constant,
    Act.LOAD: _load,
    Act.ADDRESS: _address,
    Act.ADD: _add,
    Act.ADD_MEMORY: _add_memory,
    Act.ADD_REGISTER: _add_register,
    Act.SUBTRACT_REGISTER: _add_register,
    Act.NEGATE: _negate,
    Act.INVERT: _negate,
    Act.EXCHANGE: _exchange,
    Act.STORE: _store,
    Act.PUSH: _push,
    Act.POP: _pop,
    Act.CALL: _call,
    Act.JUMP: _nothing,
    Act.BRANCH: _nothing,
    Act.RETURN: _nothing,
    Act.COMPARE: _nothing,
    Act.TEST: _nothing,
    Act.END: _nothing,
    Act.NOTHING: _nothing,
}
