"""The files that a crash on purpose leaves behind: the marker before it, and what came of it."""

from typing import TypeVar

import msgspec

from lastwords.model.rehearsal import Rehearsal, RehearsalResult

from .root import Root
from .writing import write

Kind = TypeVar("Kind", Rehearsal, RehearsalResult)
MARKER = "/var/lib/lastwords/rehearsal.json"
RESULT = "/var/lib/lastwords/rehearsal-result.json"
_LIMIT = 1 << 16


def leave_marker(root: Root, rehearsal: Rehearsal) -> None:
    """Write it to the disk. Raises OSError where that can't be."""
    write(root, MARKER, msgspec.json.encode(rehearsal) + b"\n")


def take_marker_back(root: Root) -> None:
    """The crash did not come."""
    root.resolve(MARKER).unlink(missing_ok=True)


def marker(root: Root) -> Rehearsal | None:
    """What the last crash on purpose left; None where there was none, or the file is not ours."""
    return _read(root, MARKER, Rehearsal)


def last_result(root: Root) -> RehearsalResult | None:
    """What came of the last rehearsal that was looked at; None where there was none."""
    return _read(root, RESULT, RehearsalResult)


def keep_result(root: Root, result: RehearsalResult) -> None:
    """Set down what came of it, for `doctor`. Raises OSError where that can't be."""
    write(root, RESULT, msgspec.json.encode(result) + b"\n")


def measured_ratio(root: Root) -> float | None:
    """Bytes of dump for each byte of memory that its level kept, as the last rehearsal measured; None without one."""
    result = last_result(root)
    if result is None or result.outcome != "dump" or not result.size or result.rehearsal is None:
        return None
    pages = result.rehearsal.pages
    return min(result.size / pages, 1.5) if pages else None


def _read(root: Root, path: str, kind: type[Kind]) -> Kind | None:
    text = root.text(path, _LIMIT)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        return None
