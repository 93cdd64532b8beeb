"""Disks' own records: SMART and NVMe error logs."""

import re

from .collector import collector
from .take import Take

_DISK = re.compile(r"sd[a-z]{1,3}|nvme\d{1,3}n\d{1,3}|hd[a-z]")
_MOST = 64
_SECONDS = 15


@collector("smart", "smart", "disks' error records", order=150, timeout=180)
def smart(take: Take) -> None:
    """`smartctl -x` of each disk; one that sleeps is not woken up (-n standby)."""
    disks = [name for name in take.root.names("/sys/block") if _DISK.fullmatch(name)]
    if disks:
        take.small_files(
            "disks.txt",
            [
                f"/sys/block/{name}/{file}"
                for name in disks
                for file in ("size", "device/model", "device/state", "stat")
            ],
        )
    for name in disks[:_MOST]:
        take.command(f"smartctl-{name}.txt", "smartctl", "-x", "-n", "standby", f"/dev/{name}", seconds=_SECONDS)
