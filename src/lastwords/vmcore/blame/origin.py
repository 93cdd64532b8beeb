"""The whole way of a value: through a function, up the stack, to where it was loaded, returned or made."""

from dataclasses import dataclass, field
from typing import NamedTuple

from .callers import Activation, Stack, called, is_return
from .function import Dump, Function, word
from .instruction import MASK, Act, Instruction, Memory
from .undo import Place, State, share_stack
from .walk import Budget, Definition, Source, definitions, reached_with

_DEPTH_MAX = 24
"""Functions that a value is followed up through."""
_BASE_DEPTH = 4
"""Pointers that are followed back, one held by the object of the other: `a->b->c->d`."""
_NODES_MAX = 160
_GOES_ON = (Source.ENTRY, Source.LOAD, Source.RETURNED, Source.CONSTANT)


@dataclass
class Node:
    """One place where a value was defined, and what was before it.

    Attributes:
        definition: where and how.
        activation: in which function.
        checked: True where the dump confirms it, False where it contradicts it, None where it can't tell.
        further: for what came in from outside, where it was in the callers.
        base: for a load, where the pointer to the object came from.
        address: for a load, where the value was read.
        holds: for a load, what memory holds there now.
        callee: for a returned value, the function that was called; `passed_on` those whose result it returns.
        returned_at: the instruction in it that makes this very value; `only` that it can do nothing else.
        direct: for what came from a caller, that it is certain that this function was called.
        names_address: for a load, the code names the address of what it loads, by no pointer. For a constant, it is an
            address made of a page and a place in it (arm64), which loads by it name like that.
        overwritten: the function itself wrote to the address between the load and the fault.
        inferred: the address rests on what memory holds now, not on what a register held.
    """

    definition: Definition
    activation: Activation
    checked: bool | None = None
    further: list["Node"] = field(default_factory=list)
    base: list["Node"] = field(default_factory=list)
    address: int | None = None
    holds: int | None = None
    callee: int | None = None
    passed_on: tuple[int, ...] = ()
    returned_at: int | None = None
    only: bool = False
    direct: bool = True
    inferred: bool = False
    names_address: bool = False
    overwritten: bool = False

    @property
    def instruction(self) -> Instruction:
        """The instruction of the definition."""
        return self.activation.function.instruction(self.definition.at)

    @property
    def memory(self) -> Memory | None:
        """The memory that a load reads."""
        return self.instruction.memory

    def confirm(self) -> None:
        """What was read through this pointer is what was expected there: so this is the pointer."""
        if self.definition.source is Source.LOAD and self.checked is None:
            self.checked = True

    def held(self) -> int | None:
        """The value that was looked for: as defined, with what was added later.

        Where no register has kept it, it is what memory holds now.
        """
        value = self.definition.value
        if value is None and self.definition.source is Source.LOAD and self.instruction.size == 8:
            value = self.holds
        if value is None and self.further:
            best = choose(self.further).node
            value = best.held() if best is not None else None
        if value is None or self.definition.loose:
            return None
        return (value & self.definition.mask) + self.definition.delta & MASK


class Choice(NamedTuple):
    """The most believable of several definitions; `sure` if no other can be, `others` those that can."""

    node: Node | None
    sure: bool
    others: tuple[Node, ...]


def choose(nodes: list[Node]) -> Choice:
    """Of all places that a value can come from, the one that the dump speaks for."""
    possible = [node for node in nodes if node.checked is not False]
    if len(nodes) == 1:
        return Choice(nodes[0], nodes[0].checked is not False, ())
    if len(possible) == 1:
        return Choice(possible[0], possible[0].checked is True, ())
    if not possible:
        return Choice(nodes[0] if nodes else None, False, tuple(nodes[1:]))
    possible.sort(key=lambda node: node.checked is not True)
    return Choice(possible[0], False, tuple(possible[1:]))


class Tracer:
    """Follows values back through one stack."""

    def __init__(self, dump: Dump, stack: Stack, budget: Budget) -> None:
        self.dump = dump
        self.stack = stack
        self.budget = budget
        self._nodes = 0

    def trace(
        self, activation: Activation, place: Place, depth: int = _DEPTH_MAX, bases: int = _BASE_DEPTH
    ) -> list[Node]:
        """Where the value in `place` came from."""
        if depth <= 0:
            return []
        found = []
        state = activation.state.copy()
        ways = definitions(activation.function, activation.at, place, state, self.budget)
        if len(ways) > 1 and (arguments := self._arguments(activation)):
            possible = [each for each in ways if reached_with(activation.function, each, arguments, self.budget)]
            ways = possible or ways
        for definition in ways:
            self._nodes += 1
            if self._nodes > _NODES_MAX:
                break
            found.append(self._node(definition, activation, depth, bases))
        return found

    def _arguments(self, activation: Activation) -> dict[str, int]:
        """The arguments that the caller's code sets to numbers: they tell which way a switch or a flag's test went."""
        site = self.stack.call_site(activation.frame + 1) if activation.on_stack else None
        if site is None:
            return {}
        function, index = site
        pointer, frame = self.dump.architecture.stack_pointer, self.stack.frames[activation.frame + 1]
        state = State(self.dump, frame.sp, {pointer: frame.sp})
        if called(self.dump, function.instruction(index), state) != activation.function.symbol.start:
            return {}
        found: dict[str, int] = {}
        for register in self.dump.architecture.arguments:
            ways = definitions(function, index, register, state.copy(), self.budget)
            if len(ways) != 1 or ways[0].source is not Source.CONSTANT or ways[0].loose or ways[0].mask != MASK:
                continue
            whole = _whole_address(ways[0], function)
            if whole.value is not None:
                found[register] = whole.value + whole.delta & MASK
        return found

    def load(self, activation: Activation, value: int) -> Node:
        """The load that a call or jump through memory does by itself."""
        state = activation.state
        definition = Definition(Source.LOAD, activation.at, "", 0, value, state)
        return self._node(definition, activation, _DEPTH_MAX, _BASE_DEPTH)

    def _node(self, definition: Definition, activation: Activation, depth: int, bases: int) -> Node:
        node = Node(self._with_system_register(_whole_address(definition, activation.function), activation), activation)
        source = definition.source
        if source is Source.ENTRY:
            self._from_callers(node, depth, bases)
        elif source is Source.LOAD:
            self._load(node, depth, bases)
        elif source is Source.STACK:
            node.checked = True
        elif source is Source.CONSTANT:
            node.checked = True if definition.value is not None else None
            node.names_address = node.instruction.act is Act.PAGE
        elif source in (Source.RETURNED, Source.FILLED_IN):
            call = node.instruction
            node.callee = called(self.dump, call, definition.state)
            if source is Source.RETURNED and node.callee is not None:
                self._returned(node, node.callee)
        return node

    def _with_system_register(self, definition: Definition, activation: Activation) -> Definition:
        """What a system register held that is the same all the time (arm64)."""
        memory = activation.function.instruction(definition.at).memory
        if definition.source is not Source.LOAD or memory is None or memory.segment is None or memory.base is not None:
            return definition
        architecture = self.dump.architecture
        if memory.segment == architecture.current:
            value = self.dump.current
        elif memory.segment in architecture.per_cpu_registers and memory.segment != "gs":
            value = self.dump.per_cpu
        else:
            return definition
        return definition if definition.value is not None else definition._replace(value=value)

    def _from_callers(self, node: Node, depth: int, bases: int) -> None:
        callers = self.stack.callers(node.activation, node.definition.state)
        place = node.definition.place
        for caller in callers:
            state = caller.activation.state
            if node.definition.value is not None and not state.learn(place, node.definition.value):
                continue
            found = self.trace(caller.activation, place, depth - 1, bases)
            for each in found:
                each.direct = caller.sure
            node.further += found
        if not node.further:
            node.checked = None
        elif all(each.checked is False for each in node.further):
            node.checked = False
        else:
            node.checked = any(each.direct for each in node.further) or None

    def _load(self, node: Node, depth: int, bases: int) -> None:
        definition, memory = node.definition, node.memory
        if memory is None:
            return
        node.address = definition.state.address(memory)
        if memory.base is not None and bases > 0:
            here = Activation(
                node.activation.function,
                definition.at,
                definition.state,
                node.activation.frame,
                node.activation.on_stack,
            )
            node.base = self.trace(here, memory.base, depth - 1, bases - 1)
            best = choose(node.base).node
            base = best.held() if best is not None else None
            node.names_address = best is not None and memory.scaled is None and best.names_address
            if node.address is None and best is not None and base is not None:
                known: State = definition.state.copy()
                known.values[memory.base] = base
                node.address = known.address(memory)
                node.inferred = best.definition.value is None or len(node.base) > 1
        if node.address is None:
            return
        size = node.instruction.size
        if node.address & -8 in definition.state.values and definition.state.get(node.address & -8) is None:
            node.overwritten = True
            return
        node.holds = word(self.dump, node.address, size)
        expected = definition.wanted if definition.mask != MASK else definition.value
        if node.holds is None or expected is None:
            return
        agrees = node.holds & definition.mask == expected & ((1 << 8 * size) - 1)
        if not node.inferred:
            node.checked = agrees
            if agrees and depth > 1:
                self._through_stack(node, node.address, size, depth, bases)
        elif agrees:
            node.checked = True
            for each in node.base:
                each.confirm()

    def _through_stack(self, node: Node, address: int, size: int, depth: int, bases: int) -> None:
        """A value that was read from a caller's local variable: go on with how it came in there."""
        owner = self.stack.frame_of(address)
        site = self.stack.call_site(owner) if owner is not None and owner > node.activation.frame else None
        if owner is None or site is None or size != 8 or address % 8:
            return
        function, index = site
        stack = self.stack.frames[owner].sp
        state = State(self.dump, stack, {self.dump.architecture.stack_pointer: stack})
        share_stack(function, function.instruction(index), state)
        state.values[address] = node.definition.value
        found = self.trace(Activation(function, index, state, owner), address, depth - 1, bases)
        # Functions that were given its address may have left it as it was.
        kept = [each for each in found if each.definition.source is not Source.FILLED_IN]
        if len(kept) == 1 and kept[0].definition.source in _GOES_ON:
            if len(kept) < len(found) and kept[0].checked:
                kept[0].checked = None
            node.further = kept

    def _returned(self, node: Node, callee: int) -> None:
        """Look into the function that returned the value: can it have?"""
        function = self.stack.function(callee)
        value = node.definition.value
        if function is None or function.symbol.start != callee or value is None or len(function) > 4000:
            return
        ways = _ways_to_return(self.dump, function, value, self.budget)
        if ways is None:
            return
        constants = {way.at for way in ways if way.source is Source.CONSTANT}
        if not ways:
            node.checked = False
        elif constants:
            node.checked = True
            if len(constants) == 1:
                node.returned_at = function.instruction(next(iter(constants))).address
                node.only = len(ways) == 1
        passed = [way for way in ways if way.source is Source.RETURNED]
        if passed and len(passed) == len(ways):
            targets = {self._target(function, way) for way in passed}
            node.passed_on = tuple(sorted(target for target in targets if target is not None))

    def _target(self, function: Function, way: Definition) -> int | None:
        return called(self.dump, function.instruction(way.at), way.state)


def _whole_address(definition: Definition, function: Function) -> Definition:
    """An address that two instructions make (`adrp`, `add`) as if one did."""
    page = definition.source is Source.CONSTANT and function.instruction(definition.at).act is Act.PAGE
    if not page or definition.value is None or definition.loose or definition.mask != MASK:
        return definition
    return definition._replace(value=definition.value + definition.delta & MASK, delta=0)


def _ways_to_return(dump: Dump, function: Function, value: int, budget: Budget) -> list[Definition] | None:
    """How a function can come to return `value`; None where that can't be told."""
    ways: list[Definition] = []
    returns = function.returns()
    register = dump.architecture.return_register
    state = State(dump, MASK, {register: value})
    for index in returns[:16]:
        ways += definitions(function, index, register, state.copy(), budget)
    for index in function.exits()[:16]:
        if index not in returns and not is_return(dump, function.instruction(index)):
            # A tail call: the result is that of the function it jumps to.
            ways.append(Definition(Source.RETURNED, index, register, 0, value, state))
    if len(returns) > 16 or budget.steps <= 0:
        return None
    if any(way.source in (Source.LOST, Source.ENTRY) for way in ways):
        return [way for way in ways if way.source is not Source.ENTRY] or None
    return ways
