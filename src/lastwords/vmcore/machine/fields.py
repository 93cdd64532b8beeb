"""Chosen members of a struct, read many times: one read of memory for each object, and what is missing is None.

drgn's own objects look every member up anew; over a hundred thousand tasks that is what takes the time. And one
page that is not in the dump would cost all that is told of the task.
"""

import struct
from collections.abc import Mapping
from typing import Any

import drgn

_CODES = {(1, False): "B", (2, False): "H", (4, False): "I", (8, False): "Q"}
_CODES |= {(size, True): code.lower() for (size, _), code in _CODES.items()}
_LONGEST_TEXT = 4096
_LARGEST_SPAN = 1 << 16


class Fields:
    """Members of one struct type.

    Example:
        >>> task = Fields(prog, "struct task_struct", {"pid": "pid", "state": "__state|state"})
        >>> task.read(0xffff888003c40000)
        {'pid': 1, 'state': 1}
    """

    def __init__(self, prog: drgn.Program, type_name: str, members: Mapping[str, str]) -> None:
        """Find the members.

        Args:
            prog: the program that has the type.
            type_name: as `struct task_struct`.
            members: by the name to give them, their paths in the type, as `se.sum[2]`; ` | ` parts alternatives, of
                which the first that this kernel has counts. A member that it doesn't have is None in what is read.

        Raises:
            LookupError: there is no such type.
        """
        self._prog = prog
        self._absent = dict.fromkeys(members)
        order = "<" if prog.platform and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags else ">"
        whole = prog.type(type_name)
        self._members: dict[str, tuple[int, int, struct.Struct | None]] = {}
        for name, paths in members.items():
            for path in paths.split("|"):
                found = _member(whole, path.strip())
                if found is not None:
                    offset, size, code = found
                    self._members[name] = offset, size, struct.Struct(order + code) if code else None
                    break
        self._start = min((offset for offset, *_ in self._members.values()), default=0)
        self._size = max((offset + size for offset, size, _ in self._members.values()), default=0) - self._start

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def offset(self, name: str) -> int:
        """Bytes from the start of the struct."""
        return self._members[name][0]

    def read(self, address: int) -> dict[str, Any]:
        """The members' values: integers, bytes of a text; None for what this kernel or the dump lacks."""
        values: dict[str, Any] = dict(self._absent)
        try:
            data = self._prog.read(address + self._start, self._size) if self._size <= _LARGEST_SPAN else None
        except Exception:  # drgn raises FaultError, but also ValueError and OSError where a dump is damaged
            data = None
        for name, (offset, size, code) in self._members.items():
            if data is not None:
                at = offset - self._start
                values[name] = code.unpack_from(data, at)[0] if code else _text(data[at : at + size])
                continue
            try:
                alone = self._prog.read(address + offset, size)
            except Exception:  # as above
                continue
            values[name] = code.unpack(alone)[0] if code else _text(alone)
        return values


def _text(data: bytes) -> bytes:
    return data.partition(b"\0")[0]


def _member(whole: drgn.Type, path: str) -> tuple[int, int, str] | None:
    """Offset, size and format of a member; None if there is none that can be read so."""
    offset, here = 0, whole
    for step in path.split("."):
        name, _, place = step.rstrip("]").partition("[")
        here = here.unaliased()
        try:
            member = here.member(name)
        except (LookupError, TypeError):
            return None
        if member.bit_field_size is not None:
            return None
        offset += member.offset
        here = member.type
        if place:
            here = here.unaliased()
            if here.kind != drgn.TypeKind.ARRAY:
                return None
            here = here.type
            offset += int(place) * drgn.sizeof(here)
    found = _readable(here.unaliased())
    return (offset + found[0], found[1], found[2]) if found else None


def _readable(here: drgn.Type) -> tuple[int, int, str] | None:
    """Where the value is within a member of this type, its size and its format; the empty one for text."""
    kind = here.kind
    if kind == drgn.TypeKind.ARRAY:
        size = drgn.sizeof(here)
        return (0, size, "") if drgn.sizeof(here.type) == 1 and 0 < size <= _LONGEST_TEXT else None
    if kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION) and (inner := _only(here)) is not None:
        # atomic_t, refcount_t, atomic_long_t wrap one integer, some of them twice.
        return _member(here, inner)
    if kind == drgn.TypeKind.ENUM and here.type is not None:
        here = here.type.unaliased()
    signed = bool(getattr(here, "is_signed", False)) if kind != drgn.TypeKind.POINTER else False
    code = _CODES.get((here.size or 0, signed)) if kind in _SCALARS else None
    return (0, here.size or 0, code) if code else None


_SCALARS = (drgn.TypeKind.INT, drgn.TypeKind.BOOL, drgn.TypeKind.ENUM, drgn.TypeKind.POINTER)


def _only(wrapper: drgn.Type) -> str | None:
    members = list(wrapper.members or ())
    return members[0].name if len(members) == 1 else None
