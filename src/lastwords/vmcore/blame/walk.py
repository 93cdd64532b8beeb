"""All the ways by which a value can have come to a place in a function."""

import time
from enum import Enum, auto
from typing import NamedTuple

from .conditions import agrees
from .function import Function
from .instruction import MASK, ZERO, Act, Instruction
from .undo import WIDEST, Place, State, is_frame, keeps_registers, memory_word, undo

_ENVIRONMENTS_MAX = 5
"""Different knowledge with which one instruction is looked at; more is reduced to what all of it agrees on."""
_SPILLS_MAX = 8
_REACH_MAX = 1500
_DELTAS_MAX = 4
_ROUNDS_MAX = 2
_POINTER_MIN = 1 << 32
"""Of two numbers that are added up to a pointer, the one above this is the pointer."""


class Budget:
    """How much may still be done: steps, and seconds as a second bound for slow machines."""

    def __init__(self, steps: int = 25_000, seconds: float = 0.4) -> None:
        self.steps = steps
        self._end = time.monotonic() + seconds

    def spend(self) -> bool:
        """Take one step; False when there is none left."""
        self.steps -= 1
        if self.steps & 0xFF == 0 and time.monotonic() > self._end:
            self.steps = 0
        return self.steps > 0


class Source(Enum):
    """How a value came to be where it was found."""

    ENTRY = auto()  # it was there when the function was entered
    LOAD = auto()
    CONSTANT = auto()
    RETURNED = auto()
    FILLED_IN = auto()  # a word on the stack whose address a function was given
    CLOBBERED = auto()  # a call destroyed what was there before
    STACK = auto()  # the address of a variable on the stack
    COMPUTED = auto()
    LOST = auto()  # the walk had to stop


class Definition(NamedTuple):
    """Where a value was defined.

    Attributes:
        source: how.
        at: of the instruction; of the entry, for what came from outside.
        place: where the value was then: a register, or an address on the stack.
        delta: what was added to it afterwards; `loose` where a loop moved it on, nobody knows how far.
        mask: bits that were kept of it, and `wanted` what was left.
        value: that was there, if known.
        state: what is known before that instruction.
        spills: indices of the instructions that put the value on the stack or took it from there.
    """

    source: Source
    at: int
    place: Place
    delta: int
    value: int | None
    state: State
    spills: tuple[int, ...] = ()
    loose: bool = False
    mask: int = MASK
    wanted: int | None = None


_Seen = dict[tuple[int, Place, int, bool], list[State]]


class _Visit(NamedTuple):
    at: int
    place: Place
    delta: int
    state: State
    spills: tuple[int, ...]
    loose: bool = False
    mask: int = MASK
    wanted: int | None = None


def definitions(function: Function, index: int, place: Place, state: State, budget: Budget) -> list[Definition]:
    """Where the value in `place` before an instruction can come from, along every path that leads there.

    Args:
        function: to walk in.
        index: of the instruction.
        place: a register, or an address on the stack.
        state: what is known before that instruction.
        budget: how far to go.
    """
    found: list[Definition] = []
    seen: _Seen = {}
    deltas: dict[tuple[int, Place], set[int]] = {}
    work = [_Visit(index, place, 0, state, ())]
    while work:
        visit = work.pop()
        if visit.place == function.architecture.stack_pointer:
            found.append(_define(Source.STACK, visit))
            continue
        if not budget.spend():
            found.append(_define(Source.LOST, visit))
            break
        if visit.at == function.entry:
            found.append(_define(Source.ENTRY, visit))
        for edge in function.before(visit.at):
            before = visit.state.copy()
            if edge.taken is not None and not agrees(function, edge.at, edge.taken, before):
                continue
            for step in _step(function, edge.at, visit._replace(state=before)):
                if isinstance(step, Definition):
                    found.append(step)
                elif (fresh := _fresh(seen, _widened(deltas, step))) is not None:
                    work.append(fresh)
    merged = _merged(found)
    if len(merged) > 1:
        merged = [each for each in merged if _reachable(function, each, budget)]
    return merged


def _reachable(function: Function, definition: Definition, budget: Budget) -> bool:
    """Whether a way from the function's entry to a definition agrees with what is known behind it."""
    if definition.source in (Source.ENTRY, Source.LOST):
        return True
    seen: dict[int, list[State]] = {}
    work = [(definition.at, definition.state)]
    for _ in range(_REACH_MAX):
        if not work:
            return False
        at, state = work.pop()
        if at == function.entry or not budget.spend():
            return True
        for edge in function.before(at):
            before = state.copy()
            if edge.taken is not None and not agrees(function, edge.at, edge.taken, before):
                continue
            if not undo(function, function.instruction(edge.at), before):
                continue
            states = seen.setdefault(edge.at, [])
            items = before.values.items()
            if len(states) < _ENVIRONMENTS_MAX and not any(known.values.items() <= items for known in states):
                states.append(before)
                work.append((edge.at, before))
            elif len(states) >= _ENVIRONMENTS_MAX:
                return True
    return True


def reached_with(function: Function, definition: Definition, arguments: dict[str, int], budget: Budget) -> bool:
    """Whether a definition can have been reached if the function was entered with some known arguments.

    The registers are taken to hold them still. On a way that changes one, nothing is known by that.
    """
    if definition.source in (Source.ENTRY, Source.LOST):
        return True
    state = definition.state.copy()
    for register, value in arguments.items():
        if state.get(register) is None:
            state.values[register] = value
        elif state.get(register) != value:
            return True  # it was changed on the way
    seen: set[int] = {definition.at}
    work = [(definition.at, state)]
    while work:
        at, state = work.pop()
        if at == function.entry or not budget.spend():
            return True
        for edge in function.before(at):
            instruction = function.instruction(edge.at)
            before = state.copy()
            if edge.taken is not None and not agrees(function, edge.at, edge.taken, before):
                continue
            called = instruction.act is Act.CALL and not keeps_registers(function, instruction)
            changed = function.architecture.caller_saved if called else instruction.writes
            if not changed.isdisjoint(arguments) or edge.at in seen:
                return True
            if not undo(function, instruction, before):
                continue
            seen.add(edge.at)
            work.append((edge.at, before))
    return False


def _widened(deltas: dict[tuple[int, Place], set[int]], visit: _Visit) -> _Visit:
    """The visit; without its delta where a loop makes ever new ones."""
    if visit.loose:
        return visit._replace(delta=0)
    known = deltas.setdefault((visit.at, visit.place), set())
    known.add(visit.delta)
    if len(known) <= _DELTAS_MAX:
        return visit
    state = visit.state.copy()
    state.values.pop(visit.place, None)
    return visit._replace(delta=0, state=state, loose=True)


def _fresh(seen: _Seen, visit: _Visit) -> _Visit | None:
    """The visit, unless it would find nothing new."""
    states = seen.setdefault((visit.at, visit.place, visit.delta, visit.loose), [])
    items = visit.state.values.items()
    if any(known.values.items() <= items for known in states):
        return None
    if len(states) >= _ENVIRONMENTS_MAX:
        shared = dict(items)
        for known in states:
            shared = {key: value for key, value in shared.items() if known.values.get(key, ...) == value}
        # Nothing is forgotten that was overwritten: the dump must not be asked for it.
        shared |= {key: None for key, value in items if value is None}
        visit = visit._replace(state=State(visit.state.dump, visit.state.floor, shared))
        if any(known.values.items() <= visit.state.values.items() for known in states):
            return None
    states.append(visit.state)
    return visit


def _merged(found: list[Definition]) -> list[Definition]:
    """One definition for each place of origin, with what all paths from there agree on."""
    merged: dict[tuple[Source, int, Place, int], Definition] = {}
    found = _without_rounds(found)
    exact = {(each.source, each.at, each.place) for each in found if not each.loose}
    for each in found:
        if each.loose and (each.source, each.at, each.place) in exact:
            continue
        key = (each.source, each.at, each.place, each.delta)
        other = merged.get(key)
        if other is None:
            merged[key] = each
            continue
        shared = {k: v for k, v in each.state.values.items() if other.state.values.get(k, ...) == v}
        shared |= {k: None for k, v in (*each.state.values.items(), *other.state.values.items()) if v is None}
        value = each.value if each.value == other.value else None
        merged[key] = each._replace(state=State(each.state.dump, each.state.floor, shared), value=value)
    return list(merged.values())


def _without_rounds(found: list[Definition]) -> list[Definition]:
    """The same with one definition for those that differ only in how often a loop went round."""
    rounds: dict[tuple[Source, int, Place], set[int]] = {}
    for each in found:
        rounds.setdefault((each.source, each.at, each.place), set()).add(each.delta)
    return [
        each._replace(delta=0, loose=True, value=None)
        if len(rounds[each.source, each.at, each.place]) > _ROUNDS_MAX
        else each
        for each in found
    ]


def _define(source: Source, visit: _Visit, index: int | None = None, place: Place | None = None) -> Definition:
    place = visit.place if place is None else place
    at = visit.at if index is None else index
    return _defined(source, at, place, visit, visit.state.get(place), visit.state)


def _defined(source: Source, at: int, place: Place, visit: _Visit, value: int | None, state: State) -> Definition:
    rest = (visit.loose, visit.mask, visit.wanted)
    return Definition(source, at, place, visit.delta, value, state, visit.spills, *rest)


def _step(function: Function, index: int, visit: _Visit) -> list[_Visit | Definition]:
    """Go back over the instruction at `index`: `visit` is behind it, and its state may be changed."""
    instruction = function.instruction(index)
    place, state = visit.place, visit.state
    if isinstance(place, str):
        if instruction.act is Act.CALL:
            changed = place in function.architecture.caller_saved and not keeps_registers(function, instruction)
        else:
            changed = place in instruction.writes and not (
                place == function.architecture.stack_pointer and instruction.act in (Act.PUSH, Act.POP)
            )
        if changed:
            return _register_written(function, index, instruction, visit)
    else:
        written = _slot_written(function, index, instruction, visit)
        if written is not None:
            return written
    if not undo(function, instruction, state):
        return []
    return [visit._replace(at=index)]


def _register_written(
    function: Function, index: int, instruction: Instruction, visit: _Visit
) -> list[_Visit | Definition]:
    state, place = visit.state, visit.place
    value = state.get(place)
    spills = visit.spills
    moved: Place | None = None
    delta = visit.delta
    act = instruction.act
    if act is Act.CHOOSE and instruction.target == place:
        return _chosen(function, index, instruction, visit)
    if act is Act.POP:
        after = state.get(function.architecture.stack_pointer)
        moved = None if after is None else after - 8 & MASK
        spills = (*spills, index)
    elif instruction.target != place:
        pass
    elif act is Act.MOVE:
        moved = instruction.source
        if instruction.size < 8 and instruction.source == place:
            moved = place  # mov eax, eax: only cuts the value off
    elif act is Act.ADDRESS and instruction.memory is not None and _follows_base(instruction, state):
        moved = instruction.memory.base
        delta += instruction.memory.displacement
        if instruction.memory.scaled is not None:
            delta += instruction.memory.scaled_value(state.get(instruction.memory.scaled) or 0)
    elif act is Act.ADD and instruction.number is not None:
        moved = place
        delta += instruction.number
    elif act is Act.MASK and instruction.number is not None:
        moved = place
        visit = visit._replace(mask=visit.mask & instruction.number, wanted=value)
    elif act is Act.ADD_MEMORY:
        return _memory_added(function, index, instruction, visit)
    elif act in (Act.ADD_REGISTER, Act.SUBTRACT_REGISTER) and instruction.source not in (None, place):
        added = state.get(instruction.source or "")
        if added is not None:
            moved, more = place, added if act is Act.ADD_REGISTER else -added
            if value is not None and _is_offset(value - more & MASK, added) and act is Act.ADD_REGISTER:
                moved, more = instruction.source, value - added
            delta += more
    elif act is Act.LOAD and instruction.memory is not None:
        moved = _spilled_to(instruction, visit)
        spills = (*spills, index)
    if not undo(function, instruction, state):
        return []
    if moved is not None and len(spills) <= _SPILLS_MAX:
        return [visit._replace(at=index, place=moved, delta=_signed(delta), spills=spills)]
    source = {
        Act.LOAD: Source.LOAD,
        Act.EXCHANGE: Source.LOAD,
        Act.CONSTANT: Source.CONSTANT,
        Act.PAGE: Source.CONSTANT,
        Act.CALL: Source.CLOBBERED,
    }.get(act, Source.COMPUTED)
    if act is Act.CALL and place == function.architecture.return_register:
        source = Source.RETURNED
    if act is Act.LOAD and instruction.target != place:
        source = Source.COMPUTED
    if source is Source.CONSTANT and value is None and instruction.mask == MASK:
        value = instruction.number  # the register was overwritten since, but the code says what it was
    return [_defined(source, index, place, visit, value, state)]


def _is_offset(number: int, other: int) -> bool:
    """Of two numbers that were added, the first is the offset and the other the pointer."""
    return number < _POINTER_MIN <= other


def _memory_added(function: Function, index: int, instruction: Instruction, visit: _Visit) -> list[_Visit | Definition]:
    """`add reg, [memory]`: the pointer is the register or what memory holds, whichever is large."""
    state, value = visit.state, visit.state.get(visit.place)
    added = memory_word(instruction, state)
    if not undo(function, instruction, state):
        return []
    if added is not None and value is not None:
        rest = value - added & MASK
        if _is_offset(rest, added):
            loaded = visit._replace(delta=_signed(visit.delta + rest))
            return [_defined(Source.LOAD, index, visit.place, loaded, added, state)]
        if _is_offset(added, rest):
            return [visit._replace(at=index, delta=_signed(visit.delta + added))]
    return [_defined(Source.COMPUTED, index, visit.place, visit, value, state)]


def _follows_base(instruction: Instruction, state: State) -> bool:
    """A computed address goes on with its base: the only register, or the one beside a known index."""
    memory = instruction.memory
    if memory is None or memory.base is None:
        return False
    if memory.scaled is None:
        return True
    return memory.scaled not in (memory.base, instruction.target) and state.get(memory.scaled) is not None


def _spilled_to(instruction: Instruction, visit: _Visit) -> int | None:
    """The word of the function's own stack that a load takes its value from."""
    memory = instruction.memory
    if memory is None or not is_frame(visit.state, memory) or instruction.size != 8:
        return None
    if memory.base == instruction.target:
        return None
    address = visit.state.address(memory)
    if address is None or address % 8 or not visit.state.on_stack(address):
        return None
    return address


def _chosen(function: Function, index: int, instruction: Instruction, visit: _Visit) -> list[_Visit | Definition]:
    """A conditional move: one side, or both where the condition is not known."""
    found: list[_Visit | Definition] = []
    kept = visit.state.copy()
    if agrees(function, index, False, kept):
        if instruction.other is None:
            found.append(visit._replace(at=index, state=kept))
        else:
            found += _taken_from(instruction.other, index, visit, kept.values.pop(instruction.target or "", None), kept)
    moved = visit.state.copy()
    if agrees(function, index, True, moved):
        value = moved.values.pop(instruction.target or "", None)
        if instruction.source is None:
            found.append(_defined(Source.LOAD, index, visit.place, visit, value, moved))
        else:
            found += _taken_from(instruction.source, index, visit, value, moved)
    return found


def _taken_from(source: str, index: int, visit: _Visit, value: int | None, state: State) -> list[_Visit | Definition]:
    """A value that was copied from another register."""
    if source == ZERO:
        return [_defined(Source.CONSTANT, index, visit.place, visit, 0, state)] if not value else []
    return [visit._replace(at=index, place=source, state=state)] if state.learn(source, value) else []


def _slot_written(
    function: Function, index: int, instruction: Instruction, visit: _Visit
) -> list[_Visit | Definition] | None:
    """Whether an instruction wrote the word of the stack that is followed, and what that means; None if not."""
    state, place = visit.state, visit.place
    assert isinstance(place, int)
    spills = (*visit.spills, index)
    if instruction.act is Act.CALL:
        if _given_address(function, index, place, state):
            undo(function, instruction, state)
            return [_defined(Source.FILLED_IN, index, place, visit, state.get(place), state)]
        return None
    if instruction.act is Act.PUSH:
        if state.get(function.architecture.stack_pointer) != place:
            return None
    elif instruction.act is Act.STORE and instruction.memory is not None:
        address = state.address(instruction.memory)
        if address is None or not (address < place + 8 and place < address + instruction.size):
            return None
        if address != place or instruction.size != 8:
            return [_defined(Source.COMPUTED, index, place, visit, None, state)]
    elif instruction.act is Act.OTHER and _may_write(function, instruction, place, state):
        return [_defined(Source.COMPUTED, index, place, visit, None, state)]
    else:
        return None
    value = state.get(place)
    if not undo(function, instruction, state):
        return []
    if instruction.source is not None and len(spills) <= _SPILLS_MAX:
        if not state.learn(instruction.source, value):
            return []
        return [visit._replace(at=index, place=instruction.source, spills=spills)]
    if instruction.number is not None:
        if value is not None and value != instruction.number:
            return []
        return [_defined(Source.CONSTANT, index, place, visit, instruction.number, state)]
    source = Source.LOAD if instruction.memory is not None and instruction.act is Act.PUSH else Source.COMPUTED
    return [_defined(source, index, place, visit, value, state)]


def _may_write(function: Function, instruction: Instruction, slot: int, state: State) -> bool:
    """An instruction that can't be followed may have written a word of the stack."""
    if instruction.text.startswith("rep"):
        return function.addresses_on_stack()
    address = state.address(instruction.memory) if instruction.memory is not None else None
    return address is not None and address - 8 < slot < address + WIDEST


_ARGUMENT_BACK = 12


def _given_address(function: Function, index: int, slot: int, state: State) -> bool:
    """A call gets the address of a word on the stack: computed shortly before, without a jump between."""
    if not function.addresses_on_stack():
        return False
    before = state.copy()
    undo(function, function.instruction(index), before)
    for place in range(index - 1, max(index - 1 - _ARGUMENT_BACK, -1), -1):
        instruction = function.instruction(place)
        if instruction.act in (Act.CALL, Act.JUMP, Act.BRANCH, Act.RETURN):
            return False
        undo(function, instruction, before)
        pointer = function.architecture.stack_pointer
        if instruction.act is Act.ADDRESS and instruction.memory is not None and instruction.target != pointer:
            if before.address(instruction.memory) == slot:
                return True
        elif instruction.act is Act.MOVE and instruction.source == pointer and before.get(pointer) == slot:
            return True
    return False


def _signed(value: int) -> int:
    value &= MASK
    return value - (1 << 64) if value >> 63 else value
