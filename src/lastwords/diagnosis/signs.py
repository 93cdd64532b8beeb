"""What several rules look for: complaints of devices before a crash."""

import re
from collections.abc import Iterable

from lastwords.model import NextStep, Precursor

from .crash import Crash

_FILE_SYSTEM = re.compile(r"(?:EXT\d-fs|XFS|BTRFS|FAT-fs|F2FS-fs|JBD2|Aborting journal|REISERFS|GFS2|OCFS2|ZFS)\b")
"""Complaints of file systems: what they found damaged need not come from the device."""


def hardware_signs(crash: Crash) -> list[Precursor]:
    """Messages before the crash that speak of devices or memory."""
    signs = [precursor for precursor in crash.precursors if precursor.reason == "hardware"]
    return [sign for sign in signs if not _FILE_SYSTEM.match(sign.text)]


_OF_DISKS = re.compile(
    r"(?:sd|scsi|ata[0-9.]{1,8}:?|nvme|XFS|EXT4-fs|BTRFS|JBD2?|md/|blk_update_request:|I/O error, dev"
    r"|Buffer I/O error) ?\b"
)
"""Messages of disks, and of file systems about them."""


def of_disks(sign: Precursor) -> bool:
    """Whether a message is of a disk, or of a file system about one."""
    return _OF_DISKS.match(sign.text) is not None


_NAME = (
    r"(?P<name>(?:sd[a-z]{1,3}|vd[a-z]{1,2}|xvd[a-z]{1,2}|nvme[0-9]{1,3}(?:n[0-9]{1,3})?|mmcblk[0-9]|dasd[a-z]{1,3}"
    r"|dm-[0-9]{1,4}|md[0-9]{1,3}|sr[0-9])(?:p?[0-9]{1,3})?)"
)
_DEVICES = (
    # How the kernel names a disk: drivers/scsi/sd.c, block/blk-core.c, fs/buffer.c, drivers/nvme, and the file systems.
    re.compile(rf"sd [0-9N:]{{3,24}} \[{_NAME}\]"),
    re.compile(rf".{{0,120}}?\bdev(?:ice)? \(?{_NAME}\b"),
    re.compile(rf".{{0,60}}?\b(?:on|device) {_NAME}\b"),
    re.compile(rf"(?:XFS|JBD2|EXT[234]-fs(?: error| warning)?|BTRFS(?: \w{{1,16}})?):? \((?:device )?{_NAME}"),
    re.compile(rf"{_NAME}: "),
    re.compile(rf"nvme {_NAME}: "),
    re.compile(rf"md/\w{{1,16}}:{_NAME}:"),
)
_PARTITION = re.compile(
    r"(sd[a-z]+|vd[a-z]+|xvd[a-z]+|dasd[a-z]+)[0-9]+|((?:nvme[0-9]+n[0-9]+|mmcblk[0-9]+|md[0-9]+))p[0-9]+"
)
_MAPPED = ("dm-", "md")


def device_in(texts: Iterable[str]) -> str | None:
    """The block device or partition that the first message to name one names: `sda1`, `nvme0n1`."""
    found = (pattern.match(text[:400]) for text in texts for pattern in _DEVICES)
    return next((match["name"] for match in found if match is not None), None)


def disk_of(device: str) -> str:
    """The disk that a partition is of: `sda` of `sda1`."""
    match = _PARTITION.fullmatch(device)
    return (match[1] or match[2]) if match is not None else device


def look_at_disk(device: str | None, text: str, *, value: float) -> NextStep:
    """To look at a disk, by its name where the log has it.

    Args:
        device: as `device_in()` gives it.
        text: what the step is about.
        value: as of a `NextStep`.
    """
    if device is None:
        first = "lsblk; smartctl --scan"
    elif device.startswith(_MAPPED):
        first = f"lsblk -s /dev/{disk_of(device)}"
    else:
        first = f"lsblk; smartctl -x /dev/{disk_of(device)}"
    command = f"{first}; multipath -ll; cat /proc/mdstat; dmesg -l err"
    return NextStep(text=text, command=command, phase="immediate", value=value)
