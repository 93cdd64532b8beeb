"""Directories of this machine in which dumps may lie: where kdump's settings say, and the distributions' own place."""

import posixpath
from collections.abc import Iterator

from .distribution import distribution
from .dump_settings import DumpSettings, dump_settings
from .mounts import block_device, mounts
from .root import NoRight, Root

DEFAULT = "/var/crash"


def dump_directories(root: Root) -> list[str]:
    """The configured ones first. A target that is not mounted, or on a server, has none here."""
    try:
        settings = dump_settings(root, distribution(root))
    except NoRight:
        settings = None
    configured = _configured(root, settings) if settings else ()
    return list(dict.fromkeys([*map(posixpath.normpath, configured), DEFAULT]))


def _configured(root: Root, settings: DumpSettings) -> Iterator[str]:
    if settings.kind == "local":
        yield settings.path
    elif settings.kind in ("device", "nfs"):
        device = block_device(root, settings.where)
        for mount in mounts(root):
            # Of an NFS target, `path` is the export's with the directory below it.
            server, _, export = mount.device.partition(":")
            if settings.kind == "nfs" and server == settings.where and export and settings.path.startswith(export):
                yield f"{mount.directory}/{settings.path.removeprefix(export)}"
            elif mount.device == settings.where or (device and block_device(root, mount.device) == device):
                yield f"{mount.directory}/{settings.path}"
