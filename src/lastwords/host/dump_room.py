"""Room for a dump on this machine's own disks."""

from lastwords.model.oops import Struct

from .mounts import block_device, mount_of
from .root import Root


class Room(Struct, frozen=True, kw_only=True):
    """What is free on a file system.

    Attributes:
        free: bytes that anybody can write; negative never.
        for_root: bytes that root can write: ext4 keeps a part of the disk for root (mke2fs -m, 5 % by default), and
            the crash kernel, which is root, fills that too. What ext4 keeps for itself nobody gets.
        inodes: files that can still be made; None where the file system makes them as it goes (btrfs).
    """

    free: int
    for_root: int
    inodes: int | None


def room(root: Root, directory: str) -> Room | None:
    """The room in a directory, or where it will be made; None where that can't be told (statvfs(3))."""
    while directory not in ("", "/") and not root.exists(directory):
        directory = directory.rpartition("/")[0]
    found = root.room(directory or "/")
    if found is None:
        return None
    kept = _kept_by_ext4(root, directory) * found.f_frsize
    return Room(
        free=found.f_bavail * found.f_frsize,
        for_root=max(found.f_bfree * found.f_frsize - kept, 0),
        inodes=found.f_favail if found.f_files else None,
    )


def _kept_by_ext4(root: Root, directory: str) -> int:
    """Blocks that statfs() counts as free and write() never gives: 2 %, 4096 at most (ext4_calculate_resv_clusters)."""
    mount = mount_of(root, directory or "/")
    name = block_device(root, mount.device) if mount is not None and mount.file_system == "ext4" else ""
    return root.number(f"/sys/fs/ext4/{name}/reserved_clusters") or 0 if name else 0
