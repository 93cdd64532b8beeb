"""A dump made of a few bytes, and names for nothing."""

from collections.abc import Mapping
from typing import Any

from lastwords.vmcore.blame.architecture import named
from lastwords.vmcore.blame.function import Function, Symbol
from lastwords.vmcore.blame.origin import Node
from lastwords.vmcore.blame.undo import State

CODE = 0xFFFFFFFF81000000
STACK = 0xFFFFC90000013E00
OBJECT = 0xFFFF888003000000


class FakeDump:
    """Memory by address, and functions that follow each other from `CODE` on."""

    def __init__(
        self,
        functions: Mapping[str, str],
        memory: Mapping[int, int] = {},
        per_cpu: int | None = None,
        architecture: str = "x86-64",
    ) -> None:
        self.architecture = named(architecture)
        self.per_cpu = per_cpu
        self.current: int | None = None
        self.bytes: dict[int, int] = {}
        self.symbols: list[Symbol] = []
        at = CODE
        for name, text in functions.items():
            code = bytes.fromhex(text.replace("\n", " "))
            self.symbols.append(Symbol(name, at, at + len(code)))
            self._put(at, code)
            at += len(code)
        for address, value in memory.items():
            self._put(address, value.to_bytes(8, "little"))

    def _put(self, address: int, data: bytes) -> None:
        self.bytes |= {address + place: byte for place, byte in enumerate(data)}

    def read(self, address: int, size: int) -> bytes | None:
        try:
            return bytes(self.bytes[address + place] for place in range(size))
        except KeyError:
            return None

    def symbol(self, address: int) -> Symbol | None:
        return next((each for each in self.symbols if each.start <= address < each.end), None)

    def named(self, name: str) -> list[Symbol]:
        return [each for each in self.symbols if each.name == name]

    def function(self, name: str) -> Function:
        return Function(self, self.named(name)[0])

    def state(self, values: Mapping[Any, int]) -> State:
        return State(self, STACK, {self.architecture.stack_pointer: STACK, **values})


class NoNames:
    """What is known of types where there are none."""

    def loaded_field(self, node: Node) -> None:
        return None

    def accessed_field(self, nodes: list[Node], offset: int, size: int) -> None:
        return None

    def container_of(self, node: Node) -> None:
        return None

    def parameter_name(self, address: int, number: int) -> None:
        return None
