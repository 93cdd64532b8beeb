"""Which oopses are consequences of an earlier one.

After its first oops a kernel goes on with locks held, tasks dead and memory in doubt: what it reports next is rarely
a bug of its own. Of the oopses of one boot, those soon after the first and those whose taint says that the first
damaged the kernel are tied to it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from lastwords.glossary.clock import apart
from lastwords.glossary.taints import from_letters
from lastwords.model import Oops, Sighting

from .catalogue import KINDS
from .wall_clock import iso

Any = TypeVar("Any", Oops, Sighting)

_YIELDING = frozenset(kind.name for kind in KINDS if kind.yields)
_NEAR = 600.0
"""Seconds before a crash within which an event that yields is told as what came before it (`precursors.WINDOW`)."""
_NEAR_LINES = 3000
"""The same in lines, where the log has no time stamps."""

_SOON = 300.0
"""Seconds within which an oops counts as a consequence of the first."""

# Taint flags that an earlier report leaves behind (`Documentation/admin-guide/tainted-kernels.rst`): a machine check,
# a bad page, a die, a lockup. W is not among them: most warnings harm nothing.
_DAMAGE = frozenset("MBDL")


def tied(oopses: Sequence[Any], boots: Sequence[int]) -> list[Any]:
    """The oopses with `boot` and `follows` filled in.

    Events that yield to a crash soon behind them are left out.

    Args:
        oopses: of one log, in order.
        boots: the lines where boots begin.
    """
    oopses = _news(oopses, boots)
    result: list[Any] = []
    first: dict[int, int] = {}
    for index, oops in enumerate(oopses):
        boot = _boot(oops.line, boots)
        lead = first.setdefault(boot, index)
        follows = lead if lead != index and _consequence(oopses[lead], oops) else None
        result.append(msgspec.structs.replace(oops, boot=boot, follows=follows))
    return result


def _news(oopses: Sequence[Any], boots: Sequence[int]) -> list[Any]:
    """The oopses without events that are no news beside the next crash of the same boot."""
    kept: list[Any] = []
    crash: Any | None = None
    for oops in reversed(oopses):
        if oops.kind not in _YIELDING:
            crash = oops
        elif crash is not None and _boot(oops.line, boots) == _boot(crash.line, boots) and _leads_to(oops, crash):
            continue
        kept.append(oops)
    return kept[::-1]


def _leads_to(event: Oops | Sighting, crash: Oops | Sighting) -> bool:
    between = _seconds(event, crash)
    return crash.line - event.line <= _NEAR_LINES if between is None else between <= _NEAR


def _seconds(first: Oops | Sighting, later: Oops | Sighting) -> float | None:
    """Seconds between two reports, by the kernel's clock or else by the wall's; None where the log has neither."""
    if first.time is not None and later.time is not None:
        return later.time - first.time
    return apart(iso(first.wall), iso(later.wall)) if first.wall and later.wall else None


def _boot(line: int, boots: Sequence[int]) -> int:
    """Number of the boot, from 1; what stands before the first banner of a log is a boot of its own."""
    if not boots:
        return 1
    return max(bisect_right(boots, line), 1)


def _consequence(first: Oops | Sighting, later: Oops | Sighting) -> bool:
    if later.family == "panic":
        return True
    if _letters(later) & _DAMAGE - _letters(first):
        return True
    between = _seconds(first, later)
    return between is None or between <= _SOON


def _letters(oops: Oops | Sighting) -> frozenset[str]:
    return frozenset(taint.letter for taint in from_letters(oops.taint or ""))
