"""Results as JSON, and back.

Addresses and register values are 64 bits wide, and most readers of JSON (jq, JavaScript) keep only 53 of them: so
they are written as strings like `"0xffffffff81000000"`.
"""

from typing import TypeVar

import msgspec

T = TypeVar("T")

HEXADECIMAL = frozenset(
    {"address", "fault_address", "blocked_on", "locks", "value", "base_value", "registers", "arguments"},
)
"""Fields that hold an address, a register or an error code, or a list or mapping of such."""

TEXTS = frozenset({"variables", "parameters", "sysctls"})
"""Mappings of texts whose keys are the machine's own names: a module may have a parameter `address`."""


def to_json(result: msgspec.Struct, *, indent: int = 0) -> bytes:
    """A struct of the model as JSON.

    Args:
        result: any struct of `lastwords.model`.
        indent: spaces for each level; 0 for one line.
    """
    data = msgspec.json.encode(_hexadecimal(msgspec.to_builtins(result)))
    return msgspec.json.format(data, indent=indent) if indent else data


def from_json(data: bytes | str, kind: type[T]) -> T:
    """The struct that `to_json` wrote.

    Args:
        data: the JSON.
        kind: which struct it holds.

    Raises:
        msgspec.ValidationError: it is no JSON, or not of that struct.
    """
    return msgspec.convert(_numbers(msgspec.json.decode(data)), kind)


def _hexadecimal(value: object, key: str = "") -> object:
    if isinstance(value, dict):
        return {k: _hexadecimal(v, key if key == "registers" else k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_hexadecimal(item, key) for item in value]
    return hex(value) if isinstance(value, int) and key in HEXADECIMAL and not isinstance(value, bool) else value


def _numbers(value: object, key: str = "") -> object:
    if key in TEXTS:
        return value
    if isinstance(value, dict):
        return {k: _numbers(v, key if key == "registers" else k) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(item, key) for item in value]
    if isinstance(value, str) and key in HEXADECIMAL and value.startswith(("0x", "-0x")):
        return int(value, 16)
    return value
