"""Makedumpfile: its version, and which kernels it knows."""

import re

from lastwords.model.oops import Struct

from .machine import Host
from .packages import installed_version

# The newest kernel that a version says it knows (LATEST_VERSION of makedumpfile.h). A version between two of these
# knows what the older one knows, and no more than the newer one.
_KNOWS = {
    (1, 6, 8): (5, 9),
    (1, 7, 2): (6, 0),
    (1, 7, 6): (6, 11),
    (1, 7, 8): (6, 17),
    (1, 7, 9): (6, 18),
}

# What a kernel changed that older versions get wrong: from this kernel on, the first version that copes, and the harm.
_BROKEN = (
    ((5, 10), (1, 6, 9), "it can't find the log (the ring buffer was rewritten in 5.10)"),
    ((6, 12), (1, 7, 7), "it keeps free pages, and dumps get huge (page types were renumbered in 6.12)"),
)


class Collector(Struct, frozen=True, kw_only=True):
    """Makedumpfile as it is installed.

    Attributes:
        version: (1, 7, 2).
        knows: the newest kernel that it may know, (6, 0): a newer one it does not; None where that is not known.
        harm: what it gets wrong on this kernel, empty for nothing known.
        source: where its version was read.
    """

    version: tuple[int, ...]
    knows: tuple[int, int] | None
    harm: str
    source: str

    @property
    def keeps_free_pages(self) -> bool:
        """On this kernel it does not find free pages."""
        return "free pages" in self.harm

    @property
    def text(self) -> str:
        """The version as one writes it."""
        return ".".join(map(str, self.version))


def collector(host: Host) -> Collector | None:
    """The makedumpfile that is installed; None where there is none, or its version can't be told."""
    ran = host.root.run("makedumpfile", "-v", seconds=10)
    found = (ran.text + ran.err.decode(errors="replace"), "makedumpfile -v") if ran is not None else None
    if found is None:
        found = installed_version(host.root, "makedumpfile")
    match = re.search(r"(?:version |:|^)(\d{1,3})\.(\d{1,3})\.(\d{1,3})", found[0]) if found else None
    if found is None or match is None:
        return None
    version = tuple(int(part) for part in match.groups())
    known = [kernel for one, kernel in _KNOWS.items() if one >= version]
    harms = [harm for kernel, fixed, harm in _BROKEN if host.version >= kernel and version < fixed]
    return Collector(version=version, knows=min(known, default=None), harm=harms[-1] if harms else "", source=found[1])
