"""An index over BTF, the compact type information that a kernel carries in its own memory.

A blob has a header, a section of types, numbered from 1 in their order, and a section of strings. The BTF of a
module is split: its types go on counting where the kernel's end, and so do the offsets of its strings.

Everything here works on bytes that may be damaged or made up by an attacker. What doesn't fit raises `BtfError`.
"""

from array import array
from collections.abc import Iterator
from functools import cached_property

from .btf_format import (
    QUALIFIERS,
    WORDS_EACH,
    BtfError,
    Enumerator,
    Header,
    Integer,
    Kind,
    Member,
    Parameter,
    sections,
    steps,
    words,
)

_NAME_MAX = 4096
_TYPES_MAX = 0xFFFFF  # BTF_MAX_TYPE


class Btf:
    """An index over one BTF blob.

    Attributes:
        first: the number of its first own type: 1, or where its base ends.
        end: the number after its last type.
        little_endian: the byte order of the machine that it describes.
        complete: False where the types stop before their section does: cut off, or of an unknown kind.
    """

    def __init__(self, data: bytes, base: "Btf | None" = None) -> None:
        """Index `data`; 95,000 types take about 0.05 s.

        Args:
            data: the whole blob, header first.
            base: the kernel's BTF, where `data` is a module's.

        Raises:
            BtfError: `data` doesn't start with a BTF header, or the header points outside of it.
        """
        self.base = base
        types, self._strings, layout, self.little_endian = sections(data)
        self._words = words(types, self.little_endian)
        self.first: int = base.end if base else 1
        self._first_string: int = base._strings_end if base else 0
        self._strings_end: int = self._first_string + len(self._strings)
        self._starts = array("I")
        self._named: dict[int, int] = {}
        self._namesakes: dict[int, list[int]] = {}
        self._enums: list[int] = []
        self.complete = self._index(steps(layout))
        self.end: int = self.first + len(self._starts)

    def _index(self, sizes: tuple[list[int], list[int]]) -> bool:
        """Note where each type starts and what it is called; False if the walk had to stop early."""
        words, starts, named = self._words, self._starts, self._named
        fixed, each = sizes
        at, end, number, enums = 0, len(words), self.first, (Kind.ENUM, Kind.ENUM64)
        while at + 3 <= end:
            info = words[at + 1]
            # Linux 7.1 widened the kind to 7 bits and the length to 24; the bits were 0 before.
            kind = info >> 24 & 0x7F
            step = fixed[kind]
            if not step or number > _TYPES_MAX:
                return False
            following = at + step + each[kind] * (info & 0xFFFFFF)
            if following > end:
                return False
            name = words[at]
            if name and named.setdefault(name, number) != number:
                self._namesakes.setdefault(name, []).append(number)
            if kind in enums:
                self._enums.append(number)
            starts.append(at)
            number += 1
            at = following
        return at == end

    def header(self, number: int) -> Header:
        """The common part of a type; `void` for number 0. Raises `BtfError` where there is no such type."""
        if number == 0:
            return Header(Kind.VOID, 0, 0, False, 0)
        if number < self.first:
            if self.base is None:
                raise BtfError(f"BTF has no type {number}")
            return self.base.header(number)
        at = self._start(number)
        name, info, value = self._words[at : at + 3]
        return Header(info >> 24 & 0x7F, name, info & 0xFFFFFF, bool(info >> 31), value)

    def _start(self, number: int) -> int:
        if not self.first <= number < self.end:
            raise BtfError(f"BTF has no type {number}")
        return self._starts[number - self.first]

    def _body(self, number: int, count: int) -> "array[int]":
        """`count` words after the header of an own type. The index has made sure that they are there."""
        at = self._start(number) + 3
        return self._words[at : at + count]

    def string(self, offset: int) -> str | None:
        """The string at `offset`, None for 0, which stands for no name."""
        if offset < self._first_string and self.base is not None:
            return self.base.string(offset)
        at = offset - self._first_string
        if not 0 <= at < len(self._strings):
            raise BtfError(f"BTF has no string at {offset}")
        end = self._strings.find(b"\0", at, at + _NAME_MAX)
        return self._strings[at : end if end >= 0 else at + _NAME_MAX].decode("utf-8", "replace") or None

    def name(self, number: int) -> str | None:
        """What a type is called, None for an anonymous one."""
        return self.string(self.header(number).name)

    def numbers(self, name: str) -> Iterator[int]:
        """The own types, variables and functions called `name`, those of the base aside."""
        for offset in self._offsets(name.encode()):
            if (first := self._named.get(offset)) is not None:
                yield first
                yield from self._namesakes.get(offset, ())

    def _offsets(self, name: bytes) -> Iterator[int]:
        """Where a string stands; pahole stores each one once, and those that the base has only there."""
        if self.base is not None:
            yield from self.base._offsets(name)
        if (at := self._places.get(name)) is not None:
            yield self._first_string + at

    @cached_property
    def _places(self) -> dict[bytes, int]:
        """Each string's place; what a search through all of them takes adds up."""
        places: dict[bytes, int] = {}
        at = 0
        for string in bytes(self._strings).split(b"\0")[:-1]:
            places.setdefault(string, at)
            at += len(string) + 1
        return places

    def owner(self, number: int) -> "Btf":
        """The blob that a type is written in: this one or its base."""
        return self if number >= self.first or self.base is None else self.base.owner(number)

    def integer(self, number: int) -> Integer:
        """How an INT is encoded (BTF_INT_ENCODING and its neighbours)."""
        encoding = self.owner(number)._body(number, 1)[0]
        return Integer(bool(encoding & 1 << 24), bool(encoding & 4 << 24), encoding >> 16 & 0xFF, encoding & 0xFF)

    def element(self, number: int) -> tuple[int, int]:
        """Element type and number of elements of an ARRAY; 0 elements also stand for a flexible array."""
        element, _, length = self.owner(number)._body(number, 3)
        return element, length

    def members(self, number: int) -> list[Member]:
        """The members of a STRUCT or UNION."""
        header, body = self._elements(number, 3)
        found = []
        for i in range(0, len(body), 3):
            name, kind, offset = body[i : i + 3]
            if header.flag:
                found.append(Member(self.string(name), kind, offset & 0xFFFFFF, offset >> 24))
            else:
                shift, bits = self._old_bit_field(kind)
                found.append(Member(self.string(name), kind, offset + shift, bits))
        return found

    def _old_bit_field(self, number: int) -> tuple[int, int]:
        """Before Linux 5.0 the width of a bit field stood in an integer type of its own."""
        try:
            target = self.resolve(number)
        except BtfError:
            # The other members are of use all the same; this one raises when its type is asked for.
            return 0, 0
        header = self.header(target)
        if header.kind != Kind.INT:
            return 0, 0
        integer = self.integer(target)
        plain = integer.bit_offset == 0 and integer.bits in (0, header.value * 8)
        return (0, 0) if plain else (integer.bit_offset, integer.bits)

    def resolve(self, number: int) -> int:
        """The type behind typedefs, qualifiers and tags."""
        for _ in range(64):
            header = self.header(number)
            if header.kind not in QUALIFIERS:
                return number
            number = header.value
        raise BtfError("BTF typedefs go in a circle")

    def parameters(self, number: int) -> list[Parameter]:
        """The parameters of a FUNC_PROTO."""
        _, body = self._elements(number, 2)
        return [Parameter(self.string(body[i]), body[i + 1]) for i in range(0, len(body), 2)]

    def variables(self, number: int) -> list[tuple[int, int, int]]:
        """Of a DATASEC, the number, the place and the size of each variable."""
        _, body = self._elements(number, 3)
        return [(body[i], body[i + 1], body[i + 2]) for i in range(0, len(body), 3)]

    def enumerators(self, number: int) -> list[Enumerator]:
        """The names and values of an ENUM or ENUM64."""
        header = self.header(number)
        step = WORDS_EACH[Kind(header.kind)]
        _, body = self._elements(number, step)
        signed = self.is_signed(number)
        return [
            Enumerator(self.string(body[i]) or "", _value(body[i + 1 : i + step], signed))
            for i in range(0, len(body), step)
        ]

    def is_signed(self, number: int) -> bool:
        """Whether an enum is signed.

        Linux 6.0 began to say so. In what was written before, it is where a value looks like a small negative one.
        """
        header = self.header(number)
        owner = self.owner(number)
        if header.flag or owner._tells_signs or header.kind == Kind.ENUM64:
            return header.flag
        _, body = self._elements(number, 2)
        return any(value >= 2**32 - 4096 for value in body[1::2])

    @cached_property
    def _tells_signs(self) -> bool:
        headers = map(self.header, self._enums)
        return any(header.flag or header.kind == Kind.ENUM64 for header in headers)

    def _elements(self, number: int, words: int) -> "tuple[Header, array[int]]":
        header = self.header(number)
        return header, self.owner(number)._body(number, header.length * words)

    def constant(self, name: str) -> tuple[int, int] | None:
        """The enum that has an enumerator called `name`, and its value."""
        for offset in self._offsets(name.encode()):
            if (number := self._constants.get(offset)) is not None:
                return number, next(value for known, value in self.enumerators(number) if known == name)
        return None

    @cached_property
    def _constants(self) -> dict[int, int]:
        """Offset of an enumerator's name -> its enum."""
        found: dict[int, int] = {}
        for number in self._enums:
            step = WORDS_EACH[Kind(self.header(number).kind)]
            for name in self._elements(number, step)[1][::step]:
                found.setdefault(name, number)
        return found


def _value(words: "array[int]", signed: bool) -> int:
    value = sum(word << 32 * place for place, word in enumerate(words))
    bits = 32 * len(words)
    return value - (1 << bits) if signed and value >> bits - 1 else value
