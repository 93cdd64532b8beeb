"""Arguments and local variables of a frame as text, where DWARF tells where they are."""

import drgn

from .strings import text

_MOST = 32
_LONGEST = 160
_LARGEST = 64
"""Bytes of a struct or array that is shown by value; of a larger one only its type and address."""

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
    target = kind.type.unaliased()
    if target.kind != drgn.TypeKind.INT or target.size != 1 or target.name not in ("char", "signed char"):
        return ""
    found = text(variable.prog_, variable.value_(), 80)
    return f' "{found}"' if found is not None else ""


def _cut(shown: str) -> str:
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
