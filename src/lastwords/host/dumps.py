"""The dumps that are on this machine, whole and incomplete, by their names."""

import stat

from lastwords.model.oops import Struct

from .root import Root

# Debian's and Ubuntu's dump.202611240538, Fedora's and SUSE's vmcore, their splits and flattened kinds.
_NAMES = ("vmcore", "vmcore.*", "vmcore-*", "dump.*", "dump-incomplete*", "kdump.*")
_NOT_DUMPS = (".txt", ".log", ".status", ".gz.tmp")


class Dump(Struct, frozen=True, kw_only=True):
    """A dump's file.

    Attributes:
        path: where it is.
        size: bytes.
        written: seconds since the epoch.
        incomplete: it was not finished: its name says so (it is renamed only after that), or it is empty.
        mode: permission bits.
    """

    path: str
    size: int
    written: float
    incomplete: bool
    mode: int


def dumps(root: Root, directory: str) -> list[Dump]:
    """Dumps in a directory and the directories in it, the newest first.

    Raises:
        NoRight: it may not be listed.
    """
    found: dict[str, Dump] = {}
    for name in _NAMES:
        for path in [*root.glob(f"{directory}/*/{name}"), *root.glob(f"{directory}/{name}")]:
            file = root.stat(path)
            if file is None or not stat.S_ISREG(file.st_mode) or path.endswith(_NOT_DUMPS) or "dmesg" in path:
                continue
            found[path] = Dump(
                path=path,
                size=file.st_size,
                written=file.st_mtime,
                # kdump-tools without makedumpfile "saves" a dump of no bytes, under its final name.
                incomplete="incomplete" in path.rpartition("/")[2] or not file.st_size,
                mode=file.st_mode & 0o7777,
            )
    return sorted(found.values(), key=lambda dump: dump.written, reverse=True)
