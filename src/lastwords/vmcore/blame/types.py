"""Names for fields: from the types of DWARF or BTF and the parameters of functions, or not at all."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .architecture import Architecture
from .origin import Node, choose
from .program_dump import ProgramDump
from .walk import Source

if TYPE_CHECKING:
    import drgn

_PATH_MAX = 12
_LOCALS_MAX = 200
_HOPS_MAX = 8


class Pointer(NamedTuple):
    """A pointer with a type: to `offset` bytes into a struct; `name` is how the code may call the pointer.

    `source` says where the type is known from: `local`, `parameter`, `return`, `member`, `variable`.
    """

    type: "drgn.Type"
    offset: int
    name: str
    source: str = ""


class Field(NamedTuple):
    """A member: `object_type` holds `path`; `expression` as C has it; `type` is the member's own."""

    object_type: str
    path: str
    expression: str
    type: Any
    source: str


class Types:
    """What is known of the types of pointers, in one stack."""

    def __init__(self, dump: ProgramDump, frames: "list[list[drgn.StackFrame]]", task: int | None) -> None:
        """`frames` are drgn's by physical frame, inlined ones first; `task` the address of the current task."""
        self.dump = dump
        self.prog = dump.prog
        self.frames = frames
        self.task = task
        self._locals: dict[int, list[tuple[int, str, Any]]] = {}

    def loaded_field(self, node: Node) -> Field | None:
        """The member that a load reads."""
        memory = node.memory
        if memory is None:
            return None
        size = node.instruction.size
        if node.address is not None and node.activation.on_stack:
            base = (node.address - memory.displacement) & (1 << 64) - 1
            if memory.scaled is None and (found := self._by_local(node, base, node.address, size, exact=True)):
                return found
        if memory.base is None and memory.scaled is None:
            if memory.segment in (None, "gs"):  # a per-CPU variable's address is what is added to gs
                return self._variable(memory.displacement, size)
            return None
        found_by_type = self._agreed(self._through(each, node, size) for each in self._chosen(node.base))
        variable = None if node.address is None else self._variable(node.address, size)
        if variable is None and node.address is not None and self.dump.per_cpu is not None:
            variable = self._variable(node.address - self.dump.per_cpu & (1 << 64) - 1, size)
        if found_by_type is not None:
            same = variable and variable[:2] == found_by_type[:2]
            return variable if same else found_by_type
        if node.address is None:
            return None
        if node.activation.on_stack and (found := self._by_local(node, None, node.address, size, exact=False)):
            return found
        return variable  # what container_of() found may be in one

    def container_of(self, node: Node) -> str | None:
        """Where a load's pointer has a type that the access lies outside of: that type, which is part of the object."""
        for base in self._chosen(node.base):
            pointer = next(self.pointers(base), None)
            if pointer is not None and is_compound(pointer.type):
                return type_name(pointer.type)
        return None

    def accessed_field(self, nodes: list[Node], offset: int, size: int) -> Field | None:
        """The member at `offset` from the pointer that some nodes describe."""
        return self._agreed(self._member(each, offset, size) for each in self._chosen(nodes))

    def _through(self, base: Node, node: Node, size: int) -> Field | None:
        """The member that a load reads through one pointer."""
        memory = node.memory
        if memory is None:
            return None
        offset = memory.displacement
        if memory.scaled is not None:
            held = base.held()
            if node.address is None or held is None:
                return None
            offset = node.address - held
        return self._member(base, offset, size)

    def _member(self, node: Node, offset: int, size: int) -> Field | None:
        for pointer in self.pointers(node):
            if (found := field(pointer, pointer.offset + offset, size)) is not None:
                return found
        return None

    @staticmethod
    def _agreed(found: Iterable[Field | None]) -> Field | None:
        """The field, if all ways on which there is one come to the same."""
        fields = [each for each in found if each is not None]
        return fields[0] if len({(each.object_type, each.path) for each in fields}) == 1 else None

    @staticmethod
    def _chosen(nodes: list[Node]) -> list[Node]:
        choice = choose(nodes)
        return [each for each in (choice.node, *choice.others) if each is not None][:3]

    def pointers(self, node: Node, hops: int = _HOPS_MAX) -> Iterator[Pointer]:
        """What a value can point to, the surest first."""
        if hops <= 0:
            return
        delta, source = node.definition.delta, node.definition.source
        if node.definition.loose:
            return
        if source is Source.ENTRY:
            found: Iterator[Pointer] = self._entry(node, hops)
        elif source is Source.RETURNED:
            found = self._returned(node)
        elif source is Source.LOAD:
            found = self._loaded(node)
        elif source is Source.CONSTANT:
            found = self._constant(node)
        else:
            return
        for pointer in found:
            yield pointer._replace(offset=pointer.offset + delta)

    def _entry(self, node: Node, hops: int) -> Iterator[Pointer]:
        function, place = node.activation.function.symbol, node.definition.place
        arguments = self.dump.architecture.arguments
        if place in arguments and not function.is_clone:
            parameter = self.parameter(function.start, arguments.index(str(place)))
            if parameter is not None and (inner := pointee(parameter[1])) is not None:
                if not is_compound(inner):
                    return  # `char *` says that it is no struct; `void *` says nothing
                yield Pointer(inner, 0, parameter[0] or "argument", "parameter")
        for each in self._chosen(node.further):
            yield from self.pointers(each, hops - 1)

    def _returned(self, node: Node) -> Iterator[Pointer]:
        for callee in (node.callee, *node.passed_on):
            if callee is None:
                continue
            function = self.function_type(callee)
            symbol = self.dump.symbol(callee)
            if function is not None and symbol is not None and (inner := pointee(function.type)) is not None:
                yield Pointer(inner, 0, f"{symbol.source_name}()", "return")

    def _loaded(self, node: Node) -> Iterator[Pointer]:
        if self.task is not None and _defined(node) == self.task and node.memory and node.memory.segment:
            try:
                yield Pointer(self.prog.type("struct task_struct"), 0, "current", "variable")
            except LookupError:
                return
        found = self.loaded_field(node)
        if found is not None and (inner := pointee(found.type)) is not None:
            yield Pointer(inner, 0, found.expression, "member")

    def _constant(self, node: Node) -> Iterator[Pointer]:
        value = node.definition.value
        if value is None:
            return
        variable = self._object_at(value)
        if variable is not None:
            name, kind, offset = variable
            yield Pointer(kind, offset, f"&{name}", "variable")

    def _variable(self, address: int, size: int) -> Field | None:
        """The global variable, or the member of one, at an address."""
        found = self._object_at(address)
        if found is None:
            return None
        name, kind, offset = found
        if is_compound(kind):
            inner = field(Pointer(kind, offset, f"&{name}", "variable"), offset, size)
            return inner and inner._replace(expression=inner.expression.replace(f"&{name}->", f"{name}."))
        path = _path(kind, offset, size, _PATH_MAX) if offset else ([], kind)  # an element of an array
        if path is None:
            return None
        element = name + "".join(path[0])
        return Field(type_name(kind), element, element, path[1], "variable")

    def _object_at(self, address: int) -> "tuple[str, drgn.Type, int] | None":
        try:
            symbol = self.prog.symbol(address)
            found = self.prog.variable(symbol.name)
            if found.address_ != symbol.address:
                return None
            return symbol.name, found.type_, address - symbol.address
        except Exception:  # no such symbol, or nothing is known of its type
            return None

    def function_type(self, address: int) -> Any:  # noqa: ANN401
        """The prototype of the function at an address, None where it is not known for sure."""
        symbol = self.dump.symbol(address)
        if symbol is None or symbol.start != address or symbol.is_clone:
            return None
        return self._own_type(symbol.name, address)

    def _own_type(self, name: str, address: int) -> Any:  # noqa: ANN401
        """Of several functions with one name, the type of the one at an address."""
        for file in (None, self._source_file(address)):
            try:
                found = self.prog.function(name, file)
            except Exception:  # LookupError, or types that contradict themselves
                continue
            # An inlined function's description has no address; the file says that it is the one.
            if found.address_ is None:
                if file is not None:
                    return found.type_
            elif 0 <= found.address_ - address <= self.dump.architecture.tracing_entry:
                return found.type_
        return None

    def _source_file(self, address: int) -> str | None:
        try:
            place = address + self.dump.architecture.tracing_entry
            return str(self.prog.source_location(place)[-1].filename)
        except Exception:  # no debuginfo for it
            return None

    def parameter_name(self, address: int, number: int) -> str | None:
        """What the source calls the parameter that comes in the `number`th argument register."""
        found = self.parameter(address, number)
        return found[0] if found else None

    def parameter(self, address: int, number: int) -> "tuple[str | None, drgn.Type] | None":
        """Name and type of the parameter that comes in the `number`th argument register."""
        function = self.function_type(address)
        if function is None:
            return None
        place = 0
        try:
            for parameter in function.parameters:
                words = _registers_for(self.dump.architecture, parameter.type)
                if place == number and words == 1:
                    return parameter.name, parameter.type
                place += words
        except Exception:  # a type that can't be resolved
            return None
        return None

    def _by_local(self, node: Node, base: int | None, address: int, size: int, *, exact: bool) -> Field | None:
        """The variable of the source that points to the object, in the frame of the load."""
        found: list[Field] = []
        for value, name, kind in self._variables(node.activation.frame):
            if (exact and value != base) or not value <= address:
                continue
            member = field(Pointer(kind, 0, name, "local"), address - value, size)
            if member is not None:
                found.append(member)
        types = {(each.object_type, each.path) for each in found}
        return found[0] if len(types) == 1 else None

    def _variables(self, number: int) -> list[tuple[int, str, Any]]:
        """Value, name and struct of each variable of a frame that points to a struct."""
        if number not in self._locals:
            rows: list[tuple[int, str, Any]] = []
            for frame in self.frames[number] if number < len(self.frames) else ():
                try:
                    names = frame.locals()
                except Exception:
                    continue
                for name in names[:_LOCALS_MAX]:
                    try:
                        variable = frame[name]
                        inner = pointee(variable.type_)
                        if inner is not None and is_compound(inner) and (value := variable.value_()) > 1 << 63:
                            rows.append((value, name, inner))
                    except Exception:  # optimised out, or of a type that is only declared
                        continue
            self._locals[number] = rows
        return self._locals[number]


def _defined(node: Node) -> int | None:
    """The value of a definition, without what was added later."""
    held = node.held()
    return None if held is None else (held - node.definition.delta) & (1 << 64) - 1


def pointee(kind: Any) -> Any:  # noqa: ANN401
    """What a pointer type points to, None for other types and for void and functions."""
    from drgn import TypeKind

    kind = _plain(kind)
    if kind.kind != TypeKind.POINTER:
        return None
    inner = _plain(kind.type)
    return None if inner.kind in (TypeKind.VOID, TypeKind.FUNCTION) else inner


def is_compound(kind: Any) -> bool:  # noqa: ANN401
    """A struct or union whose members are known."""
    from drgn import TypeKind

    return kind.kind in (TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS) and bool(kind.is_complete())


def _plain(kind: Any) -> Any:  # noqa: ANN401
    from drgn import TypeKind

    for _ in range(32):
        if kind.kind != TypeKind.TYPEDEF:
            return kind
        kind = kind.type
    return kind


def type_name(kind: Any) -> str:  # noqa: ANN401
    """A type as C writes it."""
    return str(kind.unqualified().type_name())


def _registers_for(architecture: Architecture, kind: Any) -> int:  # noqa: ANN401
    """Argument registers that a parameter takes."""
    from drgn import sizeof

    plain = _plain(kind)
    if not is_compound(plain):
        return 1
    return architecture.argument_registers(sizeof(plain))


def field(pointer: Pointer, offset: int, size: int) -> Field | None:
    """The member of a struct at an offset, through structs and arrays within it.

    Args:
        pointer: to the struct.
        offset: from the struct's start, in bytes.
        size: bytes of the access; it must fit.
    """
    if not is_compound(pointer.type):
        return None
    path = _path(pointer.type, offset, size, _PATH_MAX)
    if path is None:
        return None
    names, kind = path
    text = "".join(names).lstrip(".")
    return Field(type_name(pointer.type), text, f"{pointer.name}->{text}", kind, pointer.source)


def _path(kind: Any, offset: int, size: int, depth: int) -> tuple[list[str], Any] | None:  # noqa: ANN401
    from drgn import TypeKind, sizeof

    kind = _plain(kind)
    if depth <= 0:
        return None
    if kind.kind == TypeKind.ARRAY:
        step = sizeof(kind.type)
        if step == 0 or (kind.length and offset >= step * kind.length):
            return None
        inner = _path(kind.type, offset % step, size, depth - 1)
        return inner and ([f"[{offset // step}]", *inner[0]], inner[1])
    if not is_compound(kind):
        return ([], kind) if offset == 0 and sizeof(kind) >= size else None
    found = []
    for member in kind.members:
        start = member.bit_offset // 8
        if member.bit_offset % 8 or member.bit_field_size is not None:
            continue
        try:
            length = sizeof(member.type)
        except TypeError:  # an array without a length, at the struct's end
            length = max(sizeof(kind) - start, 0) + (1 << 20)
        if start <= offset < start + length:
            inner = _path(member.type, offset - start, size, depth - 1)
            if inner is not None:
                found.append(([f".{member.name}", *inner[0]] if member.name else inner[0], inner[1]))
    if not found:
        return None
    # In a union, the member that an access of a pointer's size fits best is a pointer.
    found.sort(key=lambda each: pointee(each[1]) is None if size == 8 else sizeof(_plain(each[1])) != size)
    return found[0]
