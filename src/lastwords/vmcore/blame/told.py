"""What was found out, put together."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lastwords.model import Blame, BlameStep, FlippedBit
from lastwords.model.blame import Confidence

from .fault import Fault
from .follow import Followed
from .function import Dump, Function
from .instruction import Act
from .origin import Node, choose
from .sense import Sense
from .walk import Source
from .words import FieldName, Names, Speaker

_STEPS_MAX = 32
_OBJECT_STEPS_MAX = 12


@dataclass
class Found:
    """Everything that is known of a fault, before it is told."""

    dump: Dump
    fault: Fault
    followed: Followed
    types: Names
    sense: Sense
    memory: tuple[str, ...]
    source_line: Callable[[int], tuple[str, int] | None]


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
        self.followed = found.followed
        self.speaker = Speaker(found.dump, found.types, found.fault.registers[found.dump.architecture.stack_pointer])
        self.steps: list[BlameStep] = []
        self.alternatives: list[str] = []
        self.sure = True
        self.checked = True
        self.field: FieldName | None = None
        self.last: Node | None = None

    def blame(self, flipped: tuple[FlippedBit, ...], began: float) -> Blame:
        found = self.found
        instruction = self.followed.function.instruction(self.followed.at)
        accessed = None
        if self.followed.bad.offset is not None and not self.followed.target and self.followed.bad.role == "pointer":
            accessed = found.types.accessed_field(self.followed.nodes, self.followed.bad.offset, self.followed.bad.size)
        self._fault_step(accessed)
        self._pointer(self.followed.nodes)
        self._object()
        last = self.last
        function = last.activation.function.symbol if last is not None else self.followed.function.symbol
        field = self.field
        return Blame(
            function=self.followed.function.symbol.source_name,
            module=self.followed.function.symbol.module,
            address=instruction.address,
            instruction=instruction.text,
            register=self.speaker.place(self.followed.bad.place),
            value=self.followed.bad.value,
            sense=found.sense.text,
            fault_address=self.followed.bad.address,
            accessed=accessed.expression if accessed else None,
            steps=tuple(self.steps),
            origin=function.source_name if last is not None else None,
            origin_module=function.module if last is not None else None,
            object_type=field.object_type if field else None,
            field=field.path if field else None,
            field_offset=self._offset(),
            alternatives=tuple(self.alternatives),
            memory=found.memory,
            flipped=flipped,
            confidence="low" if flipped else self._confidence(),
            text=self._text(accessed) + _damage(flipped),
            seconds=round(time.monotonic() - began, 3),
        )

    def _offset(self) -> int | None:
        """Where the bad pointer lay, from the pointer that its object came by."""
        last = self.last
        memory = last.memory if last is not None and last.definition.source is Source.LOAD else None
        if last is None or memory is None or memory.base is None or last.names_address:
            return None
        base = choose(last.base).node
        if base is None or base.definition.source is Source.CONSTANT or base.definition.loose:
            return memory.displacement
        # To a member and from there; but what is taken off leads from a member to its object (container_of()).
        return memory.displacement + max(base.definition.delta, 0)

    def _confidence(self) -> Confidence:
        if self.last is None:
            return "none"
        source = self.last.definition.source
        if source in (Source.LOST, Source.CLOBBERED, Source.COMPUTED, Source.ENTRY, Source.STACK):
            return "low"
        if self.alternatives or not self.sure or not self.followed.bad.sure:
            return "low"
        if not self.checked or source is Source.FILLED_IN:
            return "medium"
        return "high"

    def _fault_step(self, accessed: FieldName | None) -> None:
        found = self.found
        instruction = self.followed.function.instruction(self.followed.at)
        if self.followed.target:
            text = f"called through a function pointer that was {found.sense.text}"
        else:
            what = f", {accessed.expression}" if accessed else ""
            text = f"`{instruction.text}` accessed {self.followed.bad.address:#x}{what}: {self._bad_words()}"
        self._add(
            self.followed.function, instruction.address, "fault", text, checked=True, value=self.followed.bad.value
        )

    def _bad_words(self) -> str:
        bad = self.followed.bad
        kind = "the index " if bad.role == "index" else ""
        words = f"{bad.value:#x}" if bad.role == "index" else self.found.sense.text
        return f"{kind}{self.speaker.place(bad.place)} was {words}"

    def _add(self, function: Function, address: int, kind: str, text: str, **rest: object) -> None:
        place = self.found.source_line(address)
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
        if node is None or node.definition.source is not Source.LOAD or node.names_address:
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
        return f"{function.offset(node.instruction.address)}: {self.speaker.words(node, None).text}"

    def _step(self, node: Node, about: str) -> None:
        for index in node.definition.spills:
            instruction = node.activation.function.instruction(index)
            memory = instruction.memory
            if (
                about == "pointer"
                and instruction.act is Act.LOAD
                and memory is not None
                and memory.base == self.found.dump.architecture.stack_pointer
            ):
                text = f"it waited on the stack and was taken back by `{instruction.text}`"
                self._add(node.activation.function, instruction.address, "spill", text, checked=True, about=about)
        field = self.found.types.loaded_field(node) if node.definition.source is Source.LOAD else None
        kind, expression, text = self.speaker.words(node, field)
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
            register=self.speaker.place(node.definition.place) if node.definition.place else None,
            expression=expression,
            field=field.expression if field else None,
            object_type=field.object_type if field else None,
            value=node.definition.value,
            checked=node.checked is True,
            about=about,
        )

    def _text(self, accessed: FieldName | None) -> str:
        found = self.found
        where = self.followed.function.symbol.source_name
        if self.followed.target:
            text = f"{where} called through a function pointer that was {found.sense.text}"
        elif accessed is not None:
            text = f"{where} accessed {accessed.expression}, but {self._bad_words()}"
        else:
            text = f"{where} accessed {self.followed.bad.address:#x}: {self._bad_words()}"
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
