"""Arguments and local variables of a frame as text, where DWARF tells where they are."""

import drgn

from .strings import decoded, text

_MOST = 32
_LONGEST = 160
_LARGEST = 64
"""Bytes of a struct or array that is shown by value; of a larger one only its type and address."""

_NAMES_OF_THE_COMPILER = ("__func__", "__FUNCTION__", "__PRETTY_FUNCTION__")
_COMPOUND = (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION, drgn.TypeKind.CLASS, drgn.TypeKind.ARRAY)


def variables(frame: drgn.StackFrame) -> dict[str, str]:
    """Those of a frame that have a value, by name.

    Example:
        `{"req": "(struct lab_request *)0xffff88ae02951080", "bytes": "(size_t)512"}`
    """
    found: dict[str, str] = {}
    try:
        names = frame.locals()
    except Exception:  # drgn raises what fits; no debuginfo here
        return found
    for name in names:
        if name in _NAMES_OF_THE_COMPILER:
            continue
        if len(found) == _MOST:
            break
        try:
            value = _value(frame[name])
        except Exception:  # optimized out, or in memory that is not in the dump
            continue
        if value is not None:
            found[name] = value
    return found


def _value(variable: drgn.Object) -> str | None:
    if variable.absent_:
        return None
    kind = variable.type_.unaliased()
    if kind.kind == drgn.TypeKind.FUNCTION:
        return None
    if kind.kind == drgn.TypeKind.ARRAY and _is_char(kind.type):
        return _cut(f'({variable.type_.type_name()})"{decoded(_characters(variable))}"')
    if kind.kind in _COMPOUND and drgn.sizeof(kind) > _LARGEST:
        where = f" at {variable.address_:#x}" if variable.address_ is not None else ""
        return _cut(f"({variable.type_.type_name()}){where}")
    shown = variable.format_(dereference=False, symbolize=True, string=False)
    shown = " ".join(shown.split())
    return _cut(shown + _quoted(variable, kind))


def _quoted(variable: drgn.Object, kind: drgn.Type) -> str:
    """What a `char *` points to. drgn would read on for as long as no byte is 0."""
    if kind.kind != drgn.TypeKind.POINTER:
        return ""
    if not _is_char(kind.type):
        return ""
    found = text(variable.prog_, variable.value_(), 80)
    return f' "{found}"' if found is not None else ""


def _is_char(kind: drgn.Type) -> bool:
    kind = kind.unaliased()
    return kind.kind == drgn.TypeKind.INT and kind.size == 1 and kind.name in ("char", "signed char")


def _characters(array: drgn.Object) -> bytes:
    """The text in an array, wherever that is."""
    size = min(drgn.sizeof(array), _LONGEST)
    if array.address_ is not None:
        data: bytes = array.prog_.read(array.address_, size)
    else:
        data = array.to_bytes_()[:size]
    return data.partition(b"\0")[0]


def _cut(shown: str) -> str:
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
