"""What takes evidence of one subject each; found by itself.

A collector is one function in a module of this package, or behind an entry point of the group `lastwords.collectors`:

    @collector("atop", "atop", "samples of atop", order=80, timeout=60)
    def atop(take: Take) -> None:
        take.files("/var/log/atop/atop_*", newest=3)

It runs in a process of its own, with its own time limit (`host/capture.py`), and tells `take` what to take; it need
not catch anything.
"""

from lastwords.plugins import BrokenPlugin, discover

from .collector import Collector, collector, registered
from .take import Take

GROUP = "lastwords.collectors"


def all_collectors() -> tuple[list[Collector], list[BrokenPlugin]]:
    """The collectors, in the order in which they run: what would be overwritten next goes first.

    Returns:
        The collectors; and the plugins that could not be loaded.
    """
    broken = discover(__name__, GROUP)
    return sorted(registered(), key=lambda one: (one.order, one.id)), broken


__all__ = ["GROUP", "Collector", "Take", "all_collectors", "collector"]
