"""Whether a report's text can be trusted: cut off, interleaved, without a usable trace."""

from typing import TYPE_CHECKING

from lastwords.model import Damage

from .body import Draft
from .catalogue import Kind

if TYPE_CHECKING:
    from .oopses import _Report


def assess(kind: Kind, report: "_Report", draft: Draft) -> tuple[Damage, ...]:
    """What is wrong with the text of a report; empty where it is intact."""
    found = []
    main = [trace for trace in draft.traces if trace.role == "main"]
    frames = [frame for trace in main for frame in trace.frames]
    if kind.trace == "needed":
        if not frames:
            found.append(Damage(kind="no-trace", text="The report breaks off before its call trace."))
        elif not any(frame.reliable for frame in frames):
            found.append(
                Damage(kind="unreliable-trace", text="Every frame of the call trace is marked '?': a guess of the unwinder.")
            )
    return tuple(found)
