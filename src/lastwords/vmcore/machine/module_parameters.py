"""Parameters of a module as /sys/module/NAME/parameters shows them: include/linux/moduleparam.h, kernel/params.c."""

from typing import Literal

import drgn

from .strings import decoded, one_line, text

_MOST = 500
_MOST_ELEMENTS = 64
_LONGEST = 200

# Sizes of the integers behind `param_ops_NAME`, negative for signed ones; hexadecimal where kernel/params.c prints so.
_INTEGERS = {"byte": 1, "short": -2, "ushort": 2, "int": -4, "uint": 4, "long": 0, "ulong": 0, "ullong": 8, "hexint": 4}
_BOOLEANS = ("bool", "bool_enable_only", "invbool")


def parameters(module: drgn.Object, problems: list[str]) -> dict[str, str]:
    """By name; one whose value has a format of the module's own is left out."""
    number = module.num_kp.value_()
    found: dict[str, str] = {}
    for place in range(min(number, _MOST)):
        try:
            parameter = module.kp[place]
            name = text(module.prog_, parameter.name.value_()) or "?"
            value = _value(module.prog_, _kind(module.prog_, parameter.ops.value_()), parameter)
        except Exception as failure:  # drgn raises what fits: not in the dump
            problems.append(f"parameter {place} of {decoded(module.name.string_())}: {one_line(failure)}")
            continue
        if value is not None:
            found[name] = value[:_LONGEST]
    return found


def _kind(prog: drgn.Program, ops: int) -> str:
    """The type of a parameter, from the name of its functions: `int` of `param_ops_int`."""
    try:
        name: str = prog.symbol(ops).name
    except LookupError:
        return ""
    return {"param_array_ops": "array"}.get(name, name.removeprefix("param_ops_") if "param_ops_" in name else "")


def _value(prog: drgn.Program, kind: str, parameter: drgn.Object) -> str | None:
    if kind == "array":
        return _array(prog, parameter.arr)
    if kind == "string":
        return text(prog, parameter.str.string.value_()) or ""
    return _scalar(prog, kind, parameter.arg.value_())


def _array(prog: drgn.Program, array: drgn.Object) -> str | None:
    """Elements behind each other, separated by commas, as kernel/params.c: param_array_get()."""
    number = array.max.value_()
    if array.num.value_():
        number = prog.read_u32(array.num.value_())
    size, start = array.elemsize.value_(), array.elem.value_()
    kind = _kind(prog, array.ops.value_())
    values = [_scalar(prog, kind, start + place * size) for place in range(min(number, _MOST_ELEMENTS))]
    more = ["…"] if number > _MOST_ELEMENTS else []
    return None if None in values else ",".join([*(value or "" for value in values), *more])


def _scalar(prog: drgn.Program, kind: str, address: int) -> str | None:
    if kind in _BOOLEANS:
        return "Y" if bool(prog.read_u8(address)) != (kind == "invbool") else "N"
    if kind == "bint":
        return "Y" if prog.read_u32(address) else "N"
    if kind == "charp":
        pointer = prog.read_word(address)
        return (text(prog, pointer) or "") if pointer else "(null)"
    if kind not in _INTEGERS:
        return None
    size = _INTEGERS[kind] or prog.address_size()
    size = -size if kind == "long" else size
    order: Literal["little", "big"] = (
        "little" if prog.platform and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags else "big"
    )
    value = int.from_bytes(prog.read(address, abs(size)), order, signed=size < 0)
    return hex(value) if kind == "hexint" else str(value)
