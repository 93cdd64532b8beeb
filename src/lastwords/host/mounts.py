"""Mounted file systems, and what devices they stand on."""

import re
from collections.abc import Iterator

from lastwords.model.oops import Struct

from .root import NoRight, Root

_DEPTH = 8


class Mount(Struct, frozen=True, kw_only=True):
    """One mounted file system, as /proc/mounts or fstab has it.

    Attributes:
        device: `/dev/sda1`, `server:/export`, `tmpfs`.
        directory: where it is mounted.
        file_system: `ext4`, `xfs`, `nfs4`, `tmpfs`, …
        options: `ro`, `rw`, …
        source: the file that says so.
    """

    device: str
    directory: str
    file_system: str
    options: tuple[str, ...]
    source: str


def mounts(root: Root) -> list[Mount]:
    """What is mounted; where the root is not a running system, what its fstab mounts."""
    for source in ("/proc/self/mounts", "/proc/mounts", "/etc/fstab"):
        try:
            text = root.text(source)
        except NoRight:
            continue
        if text is None:
            continue
        found = []
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if len(words) >= 4 and words[1].startswith("/"):
                device, directory = (_unescaped(word) for word in words[:2])
                found.append(
                    Mount(
                        device=device,
                        directory=directory,
                        file_system=words[2],
                        options=tuple(words[3].split(",")),
                        source=source,
                    )
                )
        return found
    return []


def mount_of(root: Root, path: str) -> Mount | None:
    """The file system that a path is on; None where that is not known."""
    real = root.real(path)
    best: Mount | None = None
    for mount in mounts(root):
        directory = mount.directory.rstrip("/")
        inside = real == directory or real.startswith(f"{directory}/")
        # Of two mounted on the same directory the later one is seen.
        if inside and (best is None or len(directory) >= len(best.directory.rstrip("/"))):
            best = mount
    return best


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def block_device(root: Root, device: str) -> str:
    """The kernel's name of a device: `dm-0` for `/dev/mapper/vg-root`; empty where it is none or not there."""
    for prefix, directory in (("UUID=", "by-uuid"), ("LABEL=", "by-label"), ("PARTUUID=", "by-partuuid")):
        if device.startswith(prefix):
            quoted = device.removeprefix(prefix).strip('"')
            device = f"/dev/disk/{directory}/{quoted}"
    if not device.startswith("/dev/"):
        return ""
    name = root.real(device).removeprefix("/dev/")
    return name if root.exists(f"/sys/class/block/{name}") else ""


def stack(root: Root, name: str, depth: int = 0) -> Iterator[str]:
    """The device and what it stands on, down to the disks: `dm-0`, then `sda3`."""
    if depth > _DEPTH:
        return
    yield name
    for below in root.names(f"/sys/class/block/{name}/slaves"):
        yield from stack(root, below, depth + 1)


def is_encrypted(root: Root, device: str) -> bool:
    """It is a dm-crypt device, or stands on one."""
    name = block_device(root, device)
    if not name:
        return False
    uuids = (root.text(f"/sys/class/block/{one}/dm/uuid", 256) or "" for one in stack(root, name))
    return any(uuid.startswith("CRYPT-") for uuid in uuids)


def drivers(root: Root, device: str) -> set[str]:
    """Kernel modules of the drivers that a device needs: its disks', controllers' and buses'."""
    name = block_device(root, device)
    found: set[str] = set()
    for one in stack(root, name) if name else ():
        path = root.real(f"/sys/class/block/{one}")
        uuid = root.text(f"/sys/class/block/{one}/dm/uuid", 256) or ""
        if uuid:
            found.add("dm_crypt" if uuid.startswith("CRYPT-") else "dm_mod")
        while path.count("/") > 3:
            module = f"{path}/driver/module"
            if root.exists(module):
                found.add(root.real(module).rpartition("/")[2])
            path = path.rpartition("/")[0]
    return found
