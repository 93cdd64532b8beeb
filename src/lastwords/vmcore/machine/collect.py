"""All parts of a machine, each by itself: what fails is told, and costs nothing else."""

import importlib
import pkgutil
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from lastwords.model import Machine, Part

from .part import PARTS, Read

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_LONGEST_REASON = 200


def collect(
    kernel: "Kernel", *, only: Collection[str] | None = None, progress: Callable[[str], None] | None = None
) -> Machine:
    """Read the machine out of a dump.

    Args:
        kernel: the opened dump.
        only: names of the parts that the caller wants; all of them by default.
        progress: called with each part's name before it is read.

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
        began, error = time.perf_counter(), None
        try:
            value = read(kernel)
        except Exception as failure:  # a dump may be wrong in any way; each part stands alone
            value, error = {}, reason(failure)
        fields |= value if isinstance(value, dict) and name not in Machine.__struct_fields__ else {name: value}
        if error is not None and name in Machine.__struct_fields__:
            fields[name] = None
        told.append(Part(name=name, seconds=round(time.perf_counter() - began, 4), error=error))
    fields.setdefault("release", kernel.symbols.release)
    return Machine(**fields, parts=tuple(told))


def reason(failure: Exception) -> str:
    """An exception as one line for people."""
    text = " ".join(str(failure).split())[:_LONGEST_REASON]
    kind = type(failure).__name__
    # drgn's own messages are sentences; Python's need their kind to make sense.
    return text if text and kind in ("FaultError", "LookupError", "ObjectAbsentError") else f"{kind}: {text}"


def _parts() -> dict[str, Read]:
    """The declared parts: importing a module of this package declares its own."""
    package = importlib.import_module("lastwords.vmcore.machine")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"lastwords.vmcore.machine.{module.name}")
    # What says which kernel this is comes first, and stacks come before what is worked out from them.
    return dict(sorted(PARTS.items(), key=lambda item: item[0] != "identity"))
