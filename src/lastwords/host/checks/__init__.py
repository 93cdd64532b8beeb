"""The readiness checks: one module a chapter, one function a check, found by themselves.

A third party adds checks through the entry point group `lastwords.checks`: each entry names a module (or a function)
whose import runs the decorators.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from lastwords.host.machine import Host
from lastwords.model.oops import Struct
from lastwords.model.readiness import CheckStatus
from lastwords.plugins import BrokenPlugin, discover

ENTRY_POINTS = "lastwords.checks"

# The chapters, in the order of a reader's need.
AREAS = {
    "reservation": "Memory for the crash kernel",
    "loaded": "The crash kernel",
    "trust": "Secure boot, lockdown, labels",
    "firmware": "Dumps by firmware",
    "triggers": "What makes the kernel panic",
    "target": "Where the dump goes",
    "proof": "Proof",
    "fallback": "If there is no dump",
    "analysis": "For the analysis",
    "hardware": "Hardware evidence",
    "virtualization": "Virtual machines and clouds",
}

# What a check decides: that there is a dump, or that the log survives without one.
Decides = Literal["", "kdump", "fadump", "firmware", "target", "log", "console"]


class Found(Struct, frozen=True, kw_only=True):
    """What a check's function returns; `model.Check` has the meaning of the fields."""

    status: CheckStatus
    value: str = ""
    source: str = ""
    fix: str = ""
    cost: str = ""


def ok(value: str, source: str = "") -> Found:
    """All is well."""
    return Found(status="ok", value=value, source=source)


def warn(value: str, source: str = "", fix: str = "", cost: str = "") -> Found:
    """It works, but not as well as it could."""
    return Found(status="warn", value=value, source=source, fix=fix, cost=cost)


def fail(value: str, source: str = "", fix: str = "", cost: str = "") -> Found:
    """It does not work."""
    return Found(status="fail", value=value, source=source, fix=fix, cost=cost)


def absent(value: str, source: str = "") -> Found:
    """It does not apply to this machine."""
    return Found(status="not-applicable", value=value, source=source)


def unknown(value: str, source: str = "", fix: str = "") -> Found:
    """It could not be read."""
    return Found(status="unknown", value=value, source=source, fix=fix)


CheckFunction = Callable[[Host], Found]


class Registered(Struct, frozen=True, kw_only=True):
    """A check as it was declared."""

    id: str
    title: str
    area: str
    why: str
    decides: Decides
    function: CheckFunction


_REGISTERED: dict[str, Registered] = {}


def check(
    id: str,  # noqa: A002
    title: str,
    area: str,
    *,
    why: str,
    decides: Decides = "",
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a function to be a readiness check.

    Args:
        id: its name for scripts and the manual: `crashkernel-reserved`.
        title: what it looks at, in a few words.
        area: its chapter, a key of `AREAS`.
        why: what it decides, in a sentence or two.
        decides: what of the summary rests on it; mostly nothing.

    Example:
        >>> @check("uptime", "how long it runs", "proof", why="Nobody knows.")
        ... def uptime(host):
        ...     return ok(host.root.text("/proc/uptime") or "")
    """

    def register(function: CheckFunction) -> CheckFunction:
        if id in _REGISTERED:
            raise ValueError(f"there is a check {id!r} already")
        if area not in AREAS:
            raise ValueError(f"check {id!r}: there is no area {area!r}")
        _REGISTERED[id] = Registered(id=id, title=title, area=area, why=why, decides=decides, function=function)
        return function

    return register


def built_in() -> list[Registered]:
    """The checks of this package, in the order of their areas."""
    discover(__name__)
    own = [one for one in _REGISTERED.values() if one.function.__module__.startswith(f"{__name__}.")]
    return _sorted(own)


def everything() -> tuple[list[Registered], list[BrokenPlugin]]:
    """All checks, and the entry points that can't be loaded."""
    broken = discover(__name__, ENTRY_POINTS)
    return _sorted(_REGISTERED.values()), broken


def _sorted(checks: Iterable[Registered]) -> list[Registered]:
    order = list(AREAS)
    return sorted(checks, key=lambda one: order.index(one.area))
