"""What was found out, in plain words."""

import time
from dataclasses import dataclass

from lastwords.model import Blame, BlameStep, FlippedBit
from lastwords.model.blame import Confidence

from .fault import Bad, Fault
from .function import Function
from .instruction import Memory
from .listing import source_line
from .origin import Node, choose
from .program_dump import ProgramDump
from .sense import Sense
from .types import Field, Types
from .undo import Place
from .walk import Budget, Source
from .x86 import ARGUMENTS, STACK_POINTER

_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th")
_STEPS_MAX = 32
_OBJECT_STEPS_MAX = 12


@dataclass
class Found:
    """Everything that is known of a fault, before it is told."""

    dump: ProgramDump
    function: Function
    index: int
    bad: Bad
    sense: Sense
    nodes: list[Node]
    types: Types
    fault: Fault
    memory: tuple[str, ...]
    budget: Budget
    target: bool = False


def told(found: Found, *, flipped: tuple[FlippedBit, ...] = (), began: float = 0.0) -> Blame:
    """The result, with its sentences.

    Args:
        found: what was found out.
        flipped: bits of the code that differ from the vmlinux.
        began: when the search for it began, by `time.monotonic()`.
    """
    return _Teller(found).blame(flipped, began)


class _Teller:
    def __init__(self, found: Found) -> None:
        self.found = found
        self.steps: list[BlameStep] = []
        self.alternatives: list[str] = []
        self.sure = True
        self.checked = True
        self.field: Field | None = None
        self.last: Node | None = None

    def blame(self, flipped: tuple[FlippedBit, ...], began: float) -> Blame:
        found = self.found
        instruction = found.function.instruction(found.index)
        accessed = None
        if found.bad.offset is not None and not found.target and found.bad.role == "pointer":
            accessed = found.types.accessed_field(found.nodes, found.bad.offset, found.bad.size)
        self._fault_step(accessed)
        self._pointer(found.nodes)
        self._object()
        last = self.last
        function = last.activation.function.symbol if last is not None else found.function.symbol
        field = self.field
        memory = last.memory if last is not None and last.definition.source is Source.LOAD else None
        return Blame(
            function=found.function.symbol.source_name,
            module=found.function.symbol.module,
            address=instruction.address,
            instruction=instruction.text,
            register=self._place(found.bad.place),
            value=found.bad.value,
            sense=found.sense.text,
            fault_address=found.bad.address,
            accessed=accessed.expression if accessed else None,
            steps=tuple(self.steps),
            origin=function.source_name if last is not None else None,
            origin_module=function.module if last is not None else None,
            object_type=field.object_type if field else None,
            field=field.path if field else None,
            field_offset=memory.displacement if memory is not None and memory.base is not None else None,
            alternatives=tuple(self.alternatives),
            memory=found.memory,
            flipped=flipped,
            confidence="low" if flipped else self._confidence(),
            text=self._text(accessed) + _damage(flipped),
            seconds=round(time.monotonic() - began, 3),
        )

    def _place(self, place: Place) -> str:
        if isinstance(place, str):
            return place
        offset = place - self.found.fault.registers[STACK_POINTER]
        return f"[rsp{offset:+#x}]" if offset else "[rsp]"

    def _confidence(self) -> Confidence:
        if self.last is None:
            return "none"
        source = self.last.definition.source
        if source in (Source.LOST, Source.CLOBBERED, Source.COMPUTED, Source.ENTRY):
            return "low"
        if self.alternatives or not self.sure or not self.found.bad.sure:
            return "low"
        if not self.checked or source is Source.FILLED_IN:
            return "medium"
        return "high"

    def _fault_step(self, accessed: Field | None) -> None:
        found = self.found
        instruction = found.function.instruction(found.index)
        if found.target:
            text = f"called through a function pointer that was {found.sense.text}"
        else:
            what = f", {accessed.expression}" if accessed else ""
            text = f"`{instruction.text}` accessed {found.bad.address:#x}{what}: {self._bad_words()}"
        self._add(found.function, instruction.address, "fault", text, checked=True, value=found.bad.value)

    def _bad_words(self) -> str:
        bad = self.found.bad
        kind = "the index " if bad.role == "index" else ""
        words = f"{bad.value:#x}" if bad.role == "index" else self.found.sense.text
        return f"{kind}{self._place(bad.place)} was {words}"

    def _add(self, function: Function, address: int, kind: str, text: str, **rest: object) -> None:
        place = source_line(self.found.dump, address)
        symbol = function.symbol
        self.steps.append(
            BlameStep(
                kind=kind,  # type: ignore[arg-type]
                function=symbol.source_name,
                module=symbol.module,
                address=address,
                text=text,
                file=place[0] if place else None,
                line=place[1] if place else None,
                **rest,  # type: ignore[arg-type]
            )
        )

    def _pointer(self, nodes: list[Node]) -> None:
        """The way of the bad pointer itself."""
        while nodes and len(self.steps) < _STEPS_MAX:
            choice = choose(nodes)
            node = choice.node
            if node is None:
                return
            if not choice.sure and (choice.others or node.checked is False):
                self.sure = False
            self.alternatives += [self._other(each) for each in choice.others]
            self.last = node
            self._step(node, "pointer")
            nodes = node.further
        if self.last is None or self.last.definition.source is Source.ENTRY:
            self.sure = False

    def _object(self) -> None:
        """The way of the pointer to the object that held the bad one, as far as the next load or call."""
        node = self.last
        if node is None or node.definition.source is not Source.LOAD:
            return
        nodes = node.base
        for _ in range(_OBJECT_STEPS_MAX):
            choice = choose(nodes)
            if choice.node is None or choice.others:
                return
            self._step(choice.node, "object")
            nodes = choice.node.further

    def _other(self, node: Node) -> str:
        function = node.activation.function
        return f"{function.offset(node.instruction.address)}: {self._words(node, None)[2]}"

    def _step(self, node: Node, about: str) -> None:
        for index in node.definition.spills:
            instruction = node.activation.function.instruction(index)
            if (
                about == "pointer"
                and instruction.text.startswith("mov")
                and f", qword ptr [{STACK_POINTER}" in instruction.text
            ):
                text = f"it waited on the stack and was taken back by `{instruction.text}`"
                self._add(node.activation.function, instruction.address, "spill", text, checked=True, about=about)
        field = self.found.types.loaded_field(node) if node.definition.source is Source.LOAD else None
        kind, expression, text = self._words(node, field)
        if about == "pointer":
            if node.definition.source is Source.LOAD:
                self.field = field
            if node.checked is not True:
                self.checked = False
        self._add(
            node.activation.function,
            node.instruction.address,
            kind,
            text,
            register=self._place(node.definition.place) if node.definition.place else None,
            expression=expression,
            field=field.expression if field else None,
            object_type=field.object_type if field else None,
            value=node.definition.value,
            checked=node.checked is True,
            about=about,
        )

    def _words(self, node: Node, field: Field | None) -> tuple[str, str | None, str]:
        """Kind, expression and text of a step."""
        source = node.definition.source
        place = self._place(node.definition.place) if node.definition.place else "the target"
        added = node.definition.delta
        then = f" (then {added:+#x})" if added else ""
        if source is Source.ENTRY:
            return self._entry(node, place, then)
        if source is Source.LOAD:
            return self._load(node, place, then, field)
        if source is Source.CONSTANT:
            value = node.definition.value
            text = "NULL" if value == 0 else f"{value:#x}" if value is not None else "a constant"
            return "constant", text, f"{place} was set to {text} here{then}"
        if source is Source.RETURNED:
            name = self._callee(node)
            text = f"{place} is what {name}() returned"
            if node.returned_at is not None:
                inner = self.found.dump.symbol(node.returned_at)
                at = f"{inner.name}+{node.returned_at - inner.start:#x}" if inner else hex(node.returned_at)
                text += f" ({'it makes this value' if node.only else 'it can make this value'} at {at})"
            elif node.passed_on:
                names = [self._name(address) for address in node.passed_on]
                text += f", which hands on what {' or '.join(names)} returned"
            elif node.checked is True:
                text += " (several paths in it return this)"
            elif node.checked is False:
                text += ", although no path in it seems to return this"
            return "return-value", f"{name}()", text + then
        if source is Source.FILLED_IN:
            name = self._callee(node)
            text = f"{place} is a local variable whose address {name}() was given: it set it so, or left it so"
            return "return-value", f"{name}(&…)", text + then
        instruction = node.instruction
        if source is Source.CLOBBERED:
            text = f"{place} can't be followed over the call of {self._callee(node)}()"
        elif source is Source.COMPUTED:
            text = f"{place} was computed by `{instruction.text}`, which can't be followed"
        else:
            text = f"{place} can't be followed further: there are too many paths"
        return "unknown", None, text + then

    def _entry(self, node: Node, place: str, then: str) -> tuple[str, str | None, str]:
        symbol = node.activation.function.symbol
        number = ARGUMENTS.index(place) if place in ARGUMENTS else None
        if number is None:
            what = f"{place} came in from the caller" if place not in ARGUMENTS else place
            expression = None
            if isinstance(node.definition.place, int):
                what = f"{place} came in on the stack: an argument behind the sixth"
        else:
            parameter = None if symbol.is_clone else self.found.types.parameter(symbol.start, symbol.name, number)
            expression = parameter[0] if parameter else None
            known = f" `{parameter[0]}`" if parameter and parameter[0] else ""
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
        return "argument", expression, what + then

    def _load(self, node: Node, place: str, then: str, field: Field | None) -> tuple[str, str | None, str]:
        memory = node.memory
        expression = memory_text(memory, self.found.dump) if memory is not None else "memory"
        name = f" = {field.expression} ({field.object_type})" if field else ""
        at = f" at {node.address:#x}" if node.address is not None else ""
        if node.definition.value is None and node.checked is None:
            held = ""
        elif node.checked is True:
            held = f", which holds {_short(node.definition.value)}"
        elif node.checked is False and node.holds is not None:
            held = f", but now holds {_short(node.holds)}: it was changed since, or it is not this one"
        elif node.overwritten:
            held = ", which was overwritten after that, so it can't be checked"
        else:
            held = ", which can't be read back"
        untyped = ""
        if field is None and memory is not None and memory.base is not None:
            part = self.found.types.container_of(node)
            untyped = (
                f"; it is outside of the {part}, in what contains it" if part else "; the object's type is not known"
            )
        return "load", expression, f"{place} came from {expression}{name}{at}{held}{untyped}{then}"

    def _callee(self, node: Node) -> str:
        return self._name(node.callee) if node.callee is not None else "a function called through a pointer"

    def _name(self, address: int) -> str:
        symbol = self.found.dump.symbol(address)
        return symbol.source_name if symbol is not None else hex(address)

    def _text(self, accessed: Field | None) -> str:
        found = self.found
        where = found.function.symbol.source_name
        if found.target:
            text = f"{where} called through a function pointer that was {found.sense.text}"
        elif accessed is not None:
            text = f"{where} accessed {accessed.expression}, but {self._bad_words()}"
        else:
            text = f"{where} accessed {found.bad.address:#x}: {self._bad_words()}"
        steps = [step for step in self.steps if step.about == "pointer" and step.kind not in ("fault", "spill")]
        arguments = [step for step in steps if step.kind == "argument"]
        last = steps[-1] if steps else None
        if last is None:
            return text + ". Where it came from is not known."
        if arguments and last is not arguments[-1]:
            way = list(dict.fromkeys(step.function for step in arguments))
            text += f". It came down as an argument through {', '.join(reversed(way))}"
        text += f". {last.function}: {last.text}."
        if any("free memory" in sentence for sentence in found.memory):
            text += " The memory that it was read from is free: a use after free."
        if self.alternatives:
            text += f" Unsure, because paths differ; it may also be: {'; '.join(self.alternatives)}."
        return text


def _damage(flipped: tuple[FlippedBit, ...]) -> str:
    if not flipped:
        return ""
    bits = ", ".join(f"{bit.address:#x} holds {bit.byte:#04x} instead of {bit.expected:#04x}" for bit in flipped)
    return f" But the code itself is damaged, so none of this may be the cause: {bits}."


def _short(value: int | None) -> str:
    if value is None:
        return "something"
    return "NULL" if value == 0 else f"{value:#x}"


def memory_text(memory: Memory, dump: ProgramDump) -> str:
    """A memory operand as `[rbx+0x18]`, or by the name of a variable."""
    segment = f"{memory.segment}:" if memory.segment else ""
    if memory.base is None and memory.scaled is None:
        symbol = dump.symbol(memory.displacement) if not segment else None
        if symbol is not None:
            offset = memory.displacement - symbol.start
            return f"{symbol.name}{f'+{offset:#x}' if offset else ''}"
        return f"{segment}[{memory.displacement:#x}]"
    parts = [memory.base] if memory.base else []
    if memory.scaled:
        parts.append(f"{memory.scaled}*{memory.scale}" if memory.scale != 1 else memory.scaled)
    text = "+".join(parts)
    if memory.displacement:
        text += f"{'+' if memory.displacement > 0 else '-'}{abs(memory.displacement):#x}"
    return f"{segment}[{text}]"
