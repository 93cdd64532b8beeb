"""Each step on the way of a bad pointer in plain words."""

from typing import NamedTuple, Protocol

from lastwords.model.blame import StepKind

from .function import Dump
from .instruction import MASK, Memory
from .origin import Node
from .undo import Place
from .walk import Source

_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")


class FieldName(Protocol):
    """What a sentence needs of a field: see `types.Field`."""

    @property
    def object_type(self) -> str:
        """The struct."""

    @property
    def path(self) -> str:
        """The member in it."""

    @property
    def expression(self) -> str:
        """Both, as C has it."""


class Names(Protocol):
    """Names by types: see `types.Types`."""

    def loaded_field(self, node: Node) -> FieldName | None:
        """The member that a load reads."""

    def accessed_field(self, nodes: list[Node], offset: int, size: int) -> FieldName | None:
        """The member at an offset from a pointer."""

    def container_of(self, node: Node) -> str | None:
        """The type that a load's pointer points to, where the load reads outside of it."""

    def parameter_name(self, address: int, number: int) -> str | None:
        """A parameter of the function at an address, by its argument register."""


class Words(NamedTuple):
    """A step: its kind, where the value came from as an expression, and both as a sentence."""

    kind: StepKind
    expression: str | None
    text: str


class Speaker:
    """Says what a node is.

    Args:
        dump: for the names of functions.
        names: for the names of fields and parameters.
        stack: the stack pointer that places on the stack are named by.
    """

    def __init__(self, dump: Dump, names: Names, stack: int) -> None:
        self.dump = dump
        self.names = names
        self.stack = stack

    def place(self, place: Place) -> str:
        """A register, or a place on the stack."""
        if isinstance(place, str):
            return place
        offset = place - self.stack
        pointer = self.dump.architecture.stack_pointer
        return f"[{pointer}{offset:+#x}]" if offset else f"[{pointer}]"

    def words(self, node: Node, field: FieldName | None) -> Words:
        """Kind, expression and text of a step."""
        source = node.definition.source
        place = self.place(node.definition.place) if node.definition.place else "the target"
        added = node.definition.delta
        then = f" (then {added:+#x})" if added else ""
        if node.definition.loose:
            then = " (then moved on by a loop)"
        if node.definition.mask != MASK:
            then = f" (its low bits cleared){then}"
        if source is Source.ENTRY:
            return self._entry(node, place, then)
        if source is Source.LOAD:
            return self._load(node, place, then, field)
        if source is Source.CONSTANT:
            value = node.definition.value
            text = "NULL" if value == 0 else self._number(value) if value is not None else "a constant"
            return Words("constant", text, f"{place} was set to {text} here{then}")
        if source is Source.RETURNED:
            name = self._callee(node)
            text = f"{place} is what {name}() returned"
            if node.returned_at is not None:
                inner = self.dump.symbol(node.returned_at)
                at = f"{inner.name}+{node.returned_at - inner.start:#x}" if inner else hex(node.returned_at)
                text += f" ({'it makes this value' if node.only else 'it can make this value'} at {at})"
            elif node.passed_on:
                names = [self._name(address) for address in node.passed_on]
                text += f", which hands on what {' or '.join(names)} returned"
            elif node.checked is True:
                text += " (several paths in it return this)"
            elif node.checked is False:
                text += ", although no path in it seems to return this"
            return Words("return-value", f"{name}()", text + then)
        if source is Source.FILLED_IN:
            name = self._callee(node)
            text = f"{place} is a local variable whose address {name}() was given: it set it so, or left it so"
            return Words("return-value", f"{name}(&…)", text + then)
        instruction = node.instruction
        if source is Source.STACK:
            return Words(
                "constant", None, f"points to a local variable of {node.activation.function.symbol.source_name}"
            )
        if source is Source.CLOBBERED:
            text = f"{place} can't be followed over the call of {self._callee(node)}()"
        elif source is Source.COMPUTED:
            text = f"{place} was computed by `{instruction.text}`, which can't be followed"
        else:
            text = f"{place} can't be followed further: there are too many paths"
        return Words("unknown", None, text + then)

    def _entry(self, node: Node, place: str, then: str) -> Words:
        symbol = node.activation.function.symbol
        arguments = self.dump.architecture.arguments
        number = arguments.index(place) if place in arguments else None
        if number is None:
            what = f"{place} came in from the caller"
            expression = None
            if isinstance(node.definition.place, int):
                what = f"{place} came in on the stack: an argument behind the {_ORDINALS[len(arguments) - 1]}"
        else:
            expression = None if symbol.is_clone else self.names.parameter_name(symbol.start, number)
            known = f" `{expression}`" if expression else ""
            what = f"{place} came in as the {_ORDINALS[number]} argument{known}"
            if symbol.is_clone:
                what += " of a copy that the compiler made, so it may be another in the source"
        if not node.activation.on_stack:
            what += f" ({symbol.source_name} left by a tail call and is not on the stack)"
        if node.further:
            callers = dict.fromkeys(each.activation.function.symbol.source_name for each in node.further)
            what += f", from {' or '.join(callers)}"
        else:
            what += ", and who passed it can't be told"
        return Words("argument", expression, what + then)

    def _load(self, node: Node, place: str, then: str, field: FieldName | None) -> Words:
        memory = node.memory
        if memory is not None and node.names_address and node.address is not None:
            memory = Memory(None, None, 1, node.address)
        expression = memory_text(memory, self.dump) if memory is not None else "memory"
        name = f" = {field.expression} ({field.object_type})" if field else ""
        at = f" at {node.address:#x}" if node.address is not None else ""
        at = "" if f"[{at[4:]}]" == expression else at
        if node.definition.value is None and node.checked is None:
            held = ""
        elif node.checked is True:
            held = f", which holds {_short(node.definition.value)}"
        elif node.holds is not None:
            held = f", but now holds {_short(node.holds)}: it was changed since, or it is not this one"
        elif node.overwritten:
            held = ", which was overwritten after that, so it can't be checked"
        else:
            held = ", which can't be read back"
        untyped = ""
        if field is None and memory is not None and memory.base is not None:
            part = self.names.container_of(node)
            untyped = (
                f"; it is outside of the {part}, in what contains it" if part else "; the object's type is not known"
            )
        return Words("load", expression, f"{place} came from {expression}{name}{at}{held}{untyped}{then}")

    def _callee(self, node: Node) -> str:
        return self._name(node.callee) if node.callee is not None else "a function called through a pointer"

    def _number(self, value: int) -> str:
        """A number, with what is there if it is an address."""
        symbol = self.dump.symbol(value) if value >> 63 else None
        if symbol is None:
            return f"{value:#x}"
        offset = value - symbol.start
        return f"{value:#x}, the address of {symbol.name}{f'+{offset:#x}' if offset else ''},"

    def _name(self, address: int) -> str:
        symbol = self.dump.symbol(address)
        return symbol.source_name if symbol is not None else hex(address)


def _short(value: int | None) -> str:
    if value is None:
        return "something"
    return "NULL" if value == 0 else f"{value:#x}"


def memory_text(memory: Memory, dump: Dump) -> str:
    """A memory operand as `[rbx+0x18]`, or by the name of a variable."""
    segment = f"{memory.segment}:" if memory.segment else ""
    if memory.base is None and memory.scaled is None:
        if memory.segment not in (None, "gs"):
            return memory.segment or ""
        symbol = dump.symbol(memory.displacement)
        if symbol is not None:
            offset = memory.displacement - symbol.start
            return f"{segment}{symbol.name}{f'+{offset:#x}' if offset else ''}"
        return f"{segment}[{memory.displacement:#x}]"
    parts = [memory.base] if memory.base else []
    if memory.scaled:
        parts.append(f"{memory.scaled}*{memory.scale}" if memory.scale != 1 else memory.scaled)
    text = "+".join(parts)
    if memory.displacement:
        text += f"{'+' if memory.displacement > 0 else '-'}{abs(memory.displacement):#x}"
    return f"{segment}[{text}]"
