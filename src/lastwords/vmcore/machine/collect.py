"""All parts of a machine, each by itself: what fails is told, and costs nothing else."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from lastwords.model import Machine, Part
from lastwords.plugins import discover

from .part import PARTS, Partial, Read
from .patience import OutOfPatience, patience
from .strings import in_words

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_LONGEST_REASON = 200
_MOST_REASONS = 4
# What says which kernel this is comes first; then what others are worked out from.
_FIRST = ("identity", "panic", "cpus", "tasks")


def collect(
    kernel: "Kernel",
    *,
    only: Collection[str] | None = None,
    progress: Callable[[str], None] | None = None,
    seconds: float | None = None,
) -> Machine:
    """Read the machine out of a dump.

    Args:
        kernel: the opened dump.
        only: names of the parts that the caller wants; all of them by default.
        progress: called with each part's name before it is read.
        seconds: that one part may take; without limit by default.

    Returns:
        The machine; its `parts` say how long each took and why it is missing. Never raises for what is in the dump.
    """
    fields: dict[str, Any] = {}
    told: list[Part] = []
    for name, read in _parts().items():
        if only is not None and name not in only and name != "identity":
            continue
        if progress is not None:
            progress(name)
        began, error, incomplete = time.perf_counter(), None, None
        try:
            with patience(seconds):
                value = read(kernel)
            if isinstance(value, Partial):
                incomplete = _joined(value.reasons)
                value = value.value
            # Numbers beyond 64 bits, which only damage makes, can't be handed on.
            msgspec.msgpack.encode(value)
        except OutOfPatience as failure:
            value, error = {}, str(failure)
        except Exception as failure:  # a dump may be wrong in any way; each part stands alone
            value, error = {}, reason(failure)
        fields |= value if isinstance(value, dict) and name not in Machine.__struct_fields__ else {name: value}
        if error is not None and name in Machine.__struct_fields__:
            fields[name] = None
        took = round(time.perf_counter() - began, 4)
        told.append(Part(name=name, seconds=took, error=error, incomplete=incomplete))
    fields.setdefault("release", kernel.symbols.release)
    return Machine(**fields, parts=tuple(told))


def reason(failure: Exception) -> str:
    """An exception as one line for people."""
    text = " ".join(str(failure).split())[:_LONGEST_REASON]
    kind = type(failure).__name__
    # drgn's own messages are sentences; Python's need their kind to make sense.
    known = text and kind in ("FaultError", "LookupError", "ObjectAbsentError", "ObjectNotFoundError")
    return in_words(text) if known else f"{kind}: {text}"


def _joined(reasons: Sequence[str]) -> str | None:
    """Several reasons as one line."""
    different = list(dict.fromkeys(reasons))
    more = [f"and {len(different) - _MOST_REASONS} more"] if len(different) > _MOST_REASONS else []
    return "; ".join(each[:_LONGEST_REASON] for each in (*different[:_MOST_REASONS], *more)) or None


def _parts() -> dict[str, Read]:
    """The declared parts: importing a module of this package declares its own."""
    discover("lastwords.vmcore.machine")
    order = {name: place for place, name in enumerate(_FIRST)}
    return dict(sorted(PARTS.items(), key=lambda item: order.get(item[0], len(order))))
