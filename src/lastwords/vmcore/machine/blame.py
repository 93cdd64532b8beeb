"""Where the bad pointer of the crash came from; the work is done in `vmcore/blame`."""

from typing import TYPE_CHECKING

from lastwords.model import Blame
from lastwords.vmcore.blame.blame import blame as find_out

from .part import part

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel


@part("blame")
def blame(kernel: "Kernel") -> Blame | None:
    """The way of the bad pointer; None where the crash is none of a bad pointer."""
    return find_out(kernel)
