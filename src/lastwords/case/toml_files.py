"""Changes to TOML files that people edit too: keys are set, tables appended, and all else stays as it was typed."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .atomic import write_file
from .errors import CaseError

Value = str | int | bool | datetime
Table = tuple[str, Mapping[str, Value]]

_MOST = 4 << 20
"""Bytes of a file: a case with ten thousand notes has less."""
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_TO_ESCAPE = re.compile(r'[\\"\x00-\x1f\x7f]|[\ud800-\udfff]')


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content.

    Raises:
        CaseError: it can't be read, or is no TOML.
    """
    return _parsed(path, read_text(path))


def read_text(path: Path) -> str:
    """The file as it was typed.

    Raises:
        CaseError: it can't be read, or is too large for what it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror or error}") from error
    if len(data) > _MOST:
        raise CaseError(f"{path}: larger than {_MOST >> 20} MiB, which is no file of a case")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CaseError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error


def change_toml(path: Path, keys: Mapping[str, Value] | None = None, tables: Sequence[Table] = ()) -> None:
    """Set keys before the first table, and append tables (`[[name]]`); the change is there whole or not at all.

    Raises:
        CaseError: the file is no TOML, or so written that the change can't be made without changing more.
    """
    text = read_text(path)
    wanted = _parsed(path, text)
    for key, value in (keys or {}).items():
        wanted[key] = value
        text = _with_key(text, key, value)
    for name, table in tables:
        wanted.setdefault(name, [])
        if not isinstance(wanted[name], list):
            raise CaseError(f"{path}: {name} should be a list of tables, [[{name}]]")
        wanted[name] = [*wanted[name], dict(table)]
        text = text.rstrip("\n") + f"\n\n{as_table(name, table)}"
    try:
        same = tomllib.loads(text) == wanted
    except (tomllib.TOMLDecodeError, RecursionError):
        same = False
    if not same:
        raise CaseError(f"{path}: can't be changed by lastwords as it is written: put plain keys before [[tables]]")
    write_file(path, text.encode())


def as_table(name: str, table: Mapping[str, Value]) -> str:
    """One table of a list of tables, as text."""
    return f"[[{name}]]\n{as_keys(table)}"


def as_keys(table: Mapping[str, Value]) -> str:
    """Keys and values as text, one a line."""
    return "".join(f"{key} = {as_value(value)}\n" for key, value in table.items())


def as_value(value: Value) -> str:
    """A value as text. Times are written in UTC, to the second."""
    if isinstance(value, str):
        return f'"{_TO_ESCAPE.sub(_escaped, value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def when(seconds: float) -> datetime:
    """Seconds since the epoch as TOML takes them."""
    return datetime.fromtimestamp(int(seconds), UTC)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    # A surrogate is a byte of a file's name that is no UTF-8; TOML has no way to write it.
    return _ESCAPES.get(char) or ("\N{REPLACEMENT CHARACTER}" if ord(char) > 0xFF else f"\\u{ord(char):04x}")


def _with_key(text: str, key: str, value: Value) -> str:
    lines = text.splitlines(keepends=True)
    first_table = next((number for number, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    new = f"{key} = {as_value(value)}\n"
    for number, line in enumerate(lines[:first_table]):
        if line.split("=", 1)[0].strip() == key:
            lines[number] = new
            return "".join(lines)
    last_key = max((n for n, line in enumerate(lines[:first_table]) if line.strip()), default=-1)
    if last_key >= 0 and not lines[last_key].endswith("\n"):
        lines[last_key] += "\n"
    lines.insert(last_key + 1, new)
    return "".join(lines)


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{path}: {error}") from error
    except RecursionError as error:
        raise CaseError(f"{path}: nested too deeply") from error
