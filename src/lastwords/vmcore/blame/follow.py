"""From a fault to the nodes of the bad pointer's way; needs no more of a dump than memory and symbols."""

from typing import NamedTuple

from .callers import Activation, Stack, called, is_return, pointer_place
from .fault import Bad, Fault, bad_operand, values
from .function import Dump, Function
from .instruction import MASK, Act
from .origin import Node, Tracer, choose
from .undo import State
from .walk import Budget, Source

_JUMPS_MAX = 8
_HOPS_MAX = 32


class Followed(NamedTuple):
    """The way of a bad pointer.

    Attributes:
        function: that faulted, or called through the bad function pointer.
        at: the index of that instruction.
        bad: the operand.
        nodes: where its value can have come from.
        target: it was a function pointer.
    """

    function: Function
    at: int
    bad: Bad
    nodes: list[Node]
    target: bool = False

    @property
    def root(self) -> tuple[int, int] | None:
        """The value as it was where it came from, and what was added to it since; None where one is not known."""
        nodes, added = self.nodes, 0
        for _ in range(_HOPS_MAX):
            node = choose(nodes).node
            if node is None or node.definition.loose or node.definition.mask != MASK:
                return None
            added += node.definition.delta
            if not node.further:
                value = node.definition.value
                return None if value is None else (value, added)
            nodes = node.further
        return None

    @property
    def holder(self) -> Node | None:
        """The load that the bad pointer came from."""
        nodes = self.nodes
        for _ in range(_HOPS_MAX):
            node = choose(nodes).node
            if node is None or node.definition.source is Source.LOAD:
                return node
            nodes = node.further
        return None


def follow(dump: Dump, fault: Fault, budget: Budget | None = None) -> Followed | None:
    """Follow the bad pointer of a fault; None where no register can be told to be bad."""
    stack = Stack(dump, fault.frames)
    tracer = Tracer(dump, stack, budget or Budget())
    architecture = dump.architecture
    state = State(dump, fault.registers[architecture.stack_pointer], values(architecture, fault.registers))
    pc = fault.registers[architecture.program_counter]
    function = stack.function(pc)
    at = function.index(pc) if function is not None else None
    if function is None or at is None:
        return _bad_target(dump, fault, stack, tracer, state)
    bad = bad_operand(dump, function.parts(at), fault)
    if bad is None or bad.place == architecture.stack_pointer:
        return None  # a stack that overflowed: nobody put a bad pointer there
    nodes = tracer.trace(Activation(function, at, state, 0), bad.place)
    return Followed(function, at, bad, nodes)


def _bad_target(dump: Dump, fault: Fault, stack: Stack, tracer: Tracer, state: State) -> Followed | None:
    """A call or jump through a bad function pointer: there is no instruction where it went."""
    architecture = dump.architecture
    target, pointer = fault.registers[architecture.program_counter], fault.registers[architecture.stack_pointer]
    site = stack.call_site(1)
    if site is None or pointer + architecture.call_pushes != fault.frames[1].sp:
        return None
    if architecture.return_address(dump, fault.registers) != fault.frames[1].pc:
        return None
    function, at = site
    before = state.copy()
    before.values[architecture.stack_pointer] = before.floor = fault.frames[1].sp
    before.forget(architecture.link_register or "")
    activation = Activation(function, at, before, 1)
    call = function.instruction(at)
    if pointer_place(dump, call) is None and call.memory is None and call.number is not None:
        jump = _tail_jump(dump, stack, call.number, state, target)
        if jump is None:
            return None
        function, at = jump
        activation = Activation(function, at, state, 0, on_stack=False)
        call = function.instruction(at)
    place = pointer_place(dump, call)
    if place is not None:
        nodes = tracer.trace(activation, place)
    else:
        nodes = [tracer.load(activation, target)] if call.memory else []
    held_in = place if place is not None else architecture.program_counter
    return Followed(function, at, Bad(held_in, target, 0, target, 8), nodes, target=True)


def _tail_jump(
    dump: Dump, stack: Stack, start: int, state: State, target: int, depth: int = 3
) -> tuple[Function, int] | None:
    """The jump through a pointer by which a function left the stack: the only one that can have gone to `target`."""
    function = stack.function(start)
    if function is None or depth == 0:
        return None
    found: list[tuple[Function, int]] = []
    for index in function.exits():
        jump = function.instruction(index)
        if jump.act is not Act.JUMP or is_return(dump, jump):
            continue
        goes = called(dump, jump, state)
        if goes == target or (goes is None and pointer_place(dump, jump) is None and jump.number is None):
            found.append((function, index))
        elif goes is not None and goes != start and dump.symbol(goes) is not None and len(found) < _JUMPS_MAX:
            inner = _tail_jump(dump, stack, goes, state, target, depth - 1)
            if inner is not None:
                found.append(inner)
    return found[0] if len(found) == 1 else None
