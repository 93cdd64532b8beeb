"""How BTF is laid out: its header, the kinds of type and the records in them.

Everything here is defined by include/uapi/linux/btf.h and Documentation/bpf/btf.rst.
"""

import struct
import sys
from array import array
from enum import IntEnum
from typing import NamedTuple

_MAGIC = 0xEB9F


class BtfError(ValueError):
    """These bytes are no BTF, or a part of it contradicts itself."""


class Kind(IntEnum):
    """BTF_KIND_*."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16  # Linux 5.13
    DECL_TAG = 17  # Linux 5.16
    TYPE_TAG = 18  # Linux 5.17
    ENUM64 = 19  # Linux 6.0


# Words after the three that every type has: a fixed number, and a number for each of its elements.
FIXED_WORDS = {Kind.INT: 1, Kind.ARRAY: 3, Kind.VAR: 1, Kind.DECL_TAG: 1}
WORDS_EACH = {Kind.STRUCT: 3, Kind.UNION: 3, Kind.ENUM: 2, Kind.FUNC_PROTO: 2, Kind.DATASEC: 3, Kind.ENUM64: 3}
QUALIFIERS = frozenset({Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG})


class Header(NamedTuple):
    """The three words that every type begins with.

    Attributes:
        kind: a `Kind`, or a number above them all in a kernel newer than this table.
        name: the name's offset into the strings; 0 for none.
        length: the number of elements (members, enumerators, parameters, variables); a linkage for a function.
        flag: for an enum, that it is signed; for a forward declaration, that it is a union; for a struct, that
            the members' offsets hold the widths of bit fields too.
        value: a size in bytes, or the number of another type, as the kind wants it.
    """

    kind: int
    name: int
    length: int
    flag: bool
    value: int


class Member(NamedTuple):
    """One member of a struct or union; `bit_size` is 0 but for bit fields, `name` None for anonymous ones."""

    name: str | None
    type: int
    bit_offset: int
    bit_size: int


class Enumerator(NamedTuple):
    """One name of an enum."""

    name: str
    value: int


class Parameter(NamedTuple):
    """One parameter of a function; a last one without name and type stands for `...`."""

    name: str | None
    type: int


class Integer(NamedTuple):
    """How an integer type is encoded: `bit_offset` and `bits` differ from 0 and the size in old bit fields only."""

    signed: bool
    boolean: bool
    bit_offset: int
    bits: int


def sections(data: bytes) -> tuple[bytes, bytes, bytes, bool]:
    """The types, the strings, the table of layouts (empty before Linux 7.1) and whether all is little-endian."""
    if len(data) < 24:
        raise BtfError("too short for BTF")
    order = "<" if data[0] == _MAGIC & 0xFF else ">"
    magic, version, _, length, *fields = struct.unpack_from(order + "HBB5I", data)
    if magic != _MAGIC or version != 1 or not 24 <= length <= len(data):
        raise BtfError("no BTF header")
    if length >= 32:
        fields += struct.unpack_from(order + "2I", data, 24)
    parts = [data[length + at : length + at + size] for at, size in zip(fields[::2], fields[1::2], strict=True)]
    types, strings, layout = (*parts, b"")[:3]
    if fields[0] % 4 or len(types) != fields[1] or not strings:
        # Without all types or any strings, names and numbers would be off.
        raise BtfError("BTF is cut off")
    return types, strings, layout, order == "<"


def words(types: bytes, little_endian: bool) -> "array[int]":
    """The section of types as 32-bit numbers."""
    found = array("I")
    found.frombytes(types[: len(types) & ~3])
    if little_endian != (sys.byteorder == "little"):
        found.byteswap()
    return found


def steps(layout: bytes) -> tuple[list[int], list[int]]:
    """For each kind, its fixed number of words, 0 for a kind that is not known, and that for each element.

    Linux 7.1 added a table to BTF that tells the size of each kind, for readers that don't know it.
    """
    fixed, each = [0] * 128, [0] * 128
    for kind, (fixed_size, each_size, _) in enumerate(struct.iter_unpack("=BBH", layout[: min(len(layout) & ~3, 512)])):
        fixed[kind], each[kind] = 3 + fixed_size // 4, each_size // 4
    for kind in Kind:
        if kind != Kind.VOID:
            fixed[kind], each[kind] = 3 + FIXED_WORDS.get(kind, 0), WORDS_EACH.get(kind, 0)
    return fixed, each
