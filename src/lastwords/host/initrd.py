"""What is in the crash kernel's initrd: the listing of the distribution's own tool."""

import re

from lastwords.model.oops import Struct

from .machine import Host

_TOOLS = ("lsinitrd", "lsinitramfs")
_SQUASHED = ("squash-root.img", "squashfs-root.img", "erofs-root.img")
_LISTING_LIMIT = 8 << 20


class Initrd(Struct, frozen=True, kw_only=True):
    """The crash initrd.

    Attributes:
        path: where it is.
        size: bytes.
        built: when it was written, seconds since the epoch.
    """

    path: str
    size: int
    built: float


class Contents(Struct, frozen=True, kw_only=True):
    """Its listing.

    Attributes:
        modules: kernel modules in it, dashes told as underscores.
        files: paths in it.
        squashed: part of it is an image that the listing may not look into.
        tool: what listed it.
    """

    modules: frozenset[str]
    files: frozenset[str]
    squashed: bool
    tool: str


def crash_initrd(host: Host) -> Initrd | None:
    """The initrd that is loaded with the crash kernel of this release; None where there is none.

    Raises:
        NoRight: its directory may not be searched.
    """
    for pattern in host.distribution.kdump.initrds:
        path = pattern.format(release=host.release)
        found = host.root.stat(path)
        if found is not None and found.st_size:
            return Initrd(path=host.root.real(path), size=found.st_size, built=found.st_mtime)
    return None


def contents(host: Host, initrd: Initrd) -> Contents | None:
    """What is in it; None where no tool can list it here.

    Raises:
        NoRight: it may not be read.
    """
    for tool in _TOOLS:
        if host.root.which(tool) is None:
            continue
        host.root.open(initrd.path).close()  # the tools' own complaints are less clear
        ran = host.root.run(tool, initrd.path, seconds=60, limit=_LISTING_LIMIT)
        if ran is None or not ran.out:
            continue
        files = frozenset(line.split(" -> ")[0].split()[-1] for line in ran.text.splitlines() if line.strip())
        modules = (re.search(r"([^/]{1,200})\.ko(?:\.\w{2,4})?$", path) for path in files)
        return Contents(
            modules=frozenset(match[1].replace("-", "_") for match in modules if match),
            files=files,
            squashed=any(path.endswith(_SQUASHED) for path in files),
            tool=tool,
        )
    return None
