"""Where the bad pointer of the crash came from; the work is done in `vmcore/blame`."""

from typing import TYPE_CHECKING

from msgspec import structs

from lastwords.model import Blame, Listing
from lastwords.vmcore.blame.blame import blame as find_out
from lastwords.vmcore.blame.listing import NotFoundError, listing

from .part import part

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel


_BEFORE, _BEHIND = 6, 3
"""Instructions around the one that faulted."""


@part("blame")
def blame(kernel: "Kernel") -> Blame | None:
    """The way of the bad pointer; None where the crash is none of a bad pointer."""
    return find_out(kernel)


@part("code")
def code(kernel: "Kernel") -> Listing | None:
    """The code around the instruction that faulted; None where the crash was no fault, or it is not known where."""
    try:
        found = listing(kernel, None, faults_only=True)
    except NotFoundError:
        return None
    place = next((place for place, line in enumerate(found.lines) if line.marked), 0)
    return structs.replace(found, lines=found.lines[max(place - _BEFORE, 0) : place + _BEHIND + 1])
