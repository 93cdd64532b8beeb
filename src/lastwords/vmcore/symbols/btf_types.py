"""drgn types made from BTF, one by one as they are asked for."""

from collections.abc import Callable

import drgn
from drgn import Qualifiers, TypeEnumerator, TypeKind, TypeMember, TypeParameter

from .btf import Btf
from .btf_format import BtfError, Header, Kind

# What drgn asks for -> the kinds of BTF that may answer.
_ANSWERS = {
    TypeKind.INT: (Kind.INT,),
    TypeKind.BOOL: (Kind.INT,),
    TypeKind.FLOAT: (Kind.FLOAT,),
    TypeKind.STRUCT: (Kind.STRUCT,),
    TypeKind.UNION: (Kind.UNION,),
    TypeKind.ENUM: (Kind.ENUM, Kind.ENUM64),
    TypeKind.TYPEDEF: (Kind.TYPEDEF,),
}
_QUALIFIED = {
    Kind.CONST: Qualifiers.CONST,
    Kind.VOLATILE: Qualifiers.VOLATILE,
    Kind.RESTRICT: Qualifiers.RESTRICT,
    # Notes for sparse and BPF such as __user, __rcu and __percpu: nothing that changes a type's layout.
    Kind.TYPE_TAG: Qualifiers.NONE,
    Kind.DECL_TAG: Qualifiers.NONE,
}
# BTF says of an enum how wide it is, not which type it is compatible with.
_ENUM_INTEGERS = {
    (1, False): "unsigned char",
    (1, True): "signed char",
    (2, False): "unsigned short",
    (2, True): "short",
    (4, False): "unsigned int",
    (4, True): "int",
    (8, False): "unsigned long",
    (8, True): "long",
}
_DEPTH_MAX = 128


class BtfTypes:
    """The types of one BTF blob for one program.

    A reference to a type is followed at once, but for the members of structs and the parameters of functions, which
    drgn asks for when it needs them: so a struct may hold a pointer to itself. References that go in a circle
    without a struct between them are damage, and are refused.
    """

    def __init__(self, prog: drgn.Program, btf: Btf, base: "BtfTypes | None" = None) -> None:
        """Make types of `btf`; `base` has those of its base, where `btf` is a module's."""
        self.prog = prog
        self.btf = btf
        self._base = base
        self._made: dict[int, drgn.Type] = {}
        self._depth = 0
        self._order = "little" if btf.little_endian else "big"
        self._makers: dict[int, Callable[[int, Header], drgn.Type]] = {
            Kind.INT: self._integer,
            Kind.PTR: self._pointer,
            Kind.ARRAY: self._array,
            Kind.STRUCT: self._compound,
            Kind.UNION: self._compound,
            Kind.ENUM: self._enum,
            Kind.ENUM64: self._enum,
            Kind.FWD: self._forward,
            Kind.TYPEDEF: self._typedef,
            Kind.FUNC: self._function,
            Kind.FUNC_PROTO: self._prototype,
            Kind.VAR: self._variable,
            Kind.FLOAT: self._float,
        } | dict.fromkeys(_QUALIFIED, self._qualified)

    def find(self, kinds: "drgn.TypeKindSet", name: str) -> drgn.Type | None:
        """The type called `name` that is of one of these kinds; of several the first."""
        for kind in kinds:
            for number in self.btf.numbers(name):
                if self.btf.header(number).kind in _ANSWERS.get(kind, ()):
                    found = self.type(number)
                    if found.kind == kind:
                        return found
        return None

    def type(self, number: int) -> drgn.Type:
        """The type with this number. Raises `BtfError` if it is missing or contradicts itself."""
        if self._base is not None and number < self.btf.first:
            return self._base.type(number)
        if number == 0:
            return self.prog.void_type()
        if (known := self._made.get(number)) is not None:
            return known
        if self._depth > _DEPTH_MAX:
            raise BtfError("BTF types go in a circle")
        header = self.btf.header(number)
        maker = self._makers.get(header.kind)
        if maker is None:
            raise BtfError(f"BTF kind {header.kind} is no type")
        self._depth += 1
        try:
            made = self._made[number] = maker(number, header)
        finally:
            self._depth -= 1
        return made

    def _integer(self, number: int, header: Header) -> drgn.Type:
        integer, name = self.btf.integer(number), self._name(header)
        if integer.boolean:
            return self.prog.bool_type(name, header.value, self._order)
        return self.prog.int_type(name, header.value, integer.signed, self._order)

    def _float(self, number: int, header: Header) -> drgn.Type:
        return self.prog.float_type(self._name(header), header.value, self._order)

    def _pointer(self, number: int, header: Header) -> drgn.Type:
        return self.prog.pointer_type(self.type(header.value), self.prog.address_size(), self._order)

    def _array(self, number: int, header: Header) -> drgn.Type:
        element, length = self.btf.element(number)
        # BTF tells no difference between `[0]` and the flexible `[]`. The second reads as the first where it matters.
        return self.prog.array_type(self.type(element), length or None)

    def _compound(self, number: int, header: Header) -> drgn.Type:
        make = self.prog.struct_type if header.kind == Kind.STRUCT else self.prog.union_type
        members = [
            TypeMember(self._member(member.type, member.bit_size), member.name, member.bit_offset)
            for member in self.btf.members(number)
        ]
        return make(self.btf.string(header.name), header.value, members)

    def _member(self, number: int, bits: int) -> Callable[[], "drgn.Type | drgn.Object"]:
        if bits:
            return lambda: drgn.Object(self.prog, self.type(number), bit_field_size=bits)
        return lambda: self.type(number)

    def _enum(self, number: int, header: Header) -> drgn.Type:
        name = self.btf.string(header.name)
        if not header.length:
            # An enum without enumerators is one that is only declared.
            return self.prog.enum_type(name)
        integer = _ENUM_INTEGERS.get((header.value, signed := self.btf.is_signed(number)))
        if integer is None:
            raise BtfError(f"BTF enum of {header.value} bytes")
        compatible = self.prog.int_type(integer, header.value, signed, self._order)
        return self.prog.enum_type(
            name, compatible, [TypeEnumerator(each.name, each.value) for each in self.btf.enumerators(number)]
        )

    def _forward(self, number: int, header: Header) -> drgn.Type:
        """A struct that is only declared: its definition where there is one, for a module also the kernel's."""
        kind = Kind.UNION if header.flag else Kind.STRUCT
        name = self._name(header)
        for candidate in self.btf.numbers(name):
            if self.btf.header(candidate).kind == kind:
                return self.type(candidate)
        if self._base is not None:
            for candidate in self._base.btf.numbers(name):
                if self._base.btf.header(candidate).kind == kind:
                    return self._base.type(candidate)
        return (self.prog.union_type if header.flag else self.prog.struct_type)(name)

    def _typedef(self, number: int, header: Header) -> drgn.Type:
        return self.prog.typedef_type(self._name(header), self.type(header.value))

    def _qualified(self, number: int, header: Header) -> drgn.Type:
        inner = self.type(header.value)
        return inner.qualified(inner.qualifiers | _QUALIFIED[Kind(header.kind)])

    def _function(self, number: int, header: Header) -> drgn.Type:
        """A FUNC names a function; its type is the prototype."""
        return self.type(header.value)

    def _variable(self, number: int, header: Header) -> drgn.Type:
        return self.type(header.value)

    def _prototype(self, number: int, header: Header) -> drgn.Type:
        parameters = self.btf.parameters(number)
        variadic = bool(parameters) and parameters[-1].type == 0
        named = [
            TypeParameter(self._parameter(each.type), each.name)
            for each in (parameters[:-1] if variadic else parameters)
        ]
        return self.prog.function_type(self.type(header.value), named, variadic)

    def _parameter(self, number: int) -> Callable[[], drgn.Type]:
        return lambda: self.type(number)

    def _name(self, header: Header) -> str:
        name = self.btf.string(header.name)
        if name is None:
            raise BtfError("BTF type without the name that its kind must have")
        return name
