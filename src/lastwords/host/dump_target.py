"""Where kdump puts dumps: the distributions' own place, and what their configuration says instead."""

import posixpath
import re
from collections.abc import Iterator

from .root import NoRight, Root

DEFAULT = "/var/crash"
# kdump.conf(5): `path DIR` is below the target's mount point; a target is `ext4 UUID=…`, `xfs /dev/…`, `nfs …`.
_PATH = re.compile(r"^[ \t]{0,80}path[ \t]{1,80}(/\S{0,200})", re.MULTILINE)
_TARGET = re.compile(r"^[ \t]{0,80}(?:ext[234]|xfs|btrfs|minix|f2fs|virtiofs|nfs)[ \t]{1,80}(\S{1,300})", re.MULTILINE)
# /etc/default/kdump-tools (Debian) and /etc/sysconfig/kdump (SUSE) are shell assignments.
_COREDIR = re.compile(
    r"^[ \t]{0,80}(?:KDUMP_COREDIR|KDUMP_SAVEDIR)=[\"']?(?:file:(?://(?=/))?)?(/[^\"'\s]{0,200})", re.MULTILINE
)
_MOUNT = re.compile(r"^(\S{1,300}) (\S{1,300}) ", re.MULTILINE)


def dump_directories(root: Root) -> list[str]:
    """Directories in which dumps may lie, the configured ones first."""
    return list(dict.fromkeys([*_configured(root), DEFAULT]))


def _configured(root: Root) -> Iterator[str]:
    for path in ("/etc/default/kdump-tools", "/etc/sysconfig/kdump"):
        for found in _COREDIR.finditer(_text(root, path)):
            yield posixpath.normpath(found[1])
    conf = _text(root, "/etc/kdump.conf")
    directories = [found[1] for found in _PATH.finditer(conf)] or [DEFAULT]
    for target in _TARGET.finditer(conf):
        for where in _mount_points(root, target[1]):
            yield from (posixpath.normpath(f"{where}/{directory}") for directory in directories)
    yield from map(posixpath.normpath, directories)


def _mount_points(root: Root, device: str) -> Iterator[str]:
    """Where a device or NFS export is mounted; by UUID and label only as fstab writes them."""
    for table in ("/proc/mounts", "/etc/fstab"):
        for found in _MOUNT.finditer(_text(root, table)):
            if found[1] == device and found[2].startswith("/"):
                yield found[2]


def _text(root: Root, path: str) -> str:
    try:
        return root.text(path) or ""
    except NoRight:
        return ""
