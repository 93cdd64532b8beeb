"""Whose code it is, and whom to ask."""

from typing import Literal

import msgspec

from lastwords.model import Culprit

from .crash import Crash

# Modules that people meet outside the kernel's tree, and who makes them.
_VENDORS = {
    "nvidia": "NVIDIA (linux-bugs@nvidia.com)",
    "nvidia_uvm": "NVIDIA (linux-bugs@nvidia.com)",
    "nvidia_modeset": "NVIDIA (linux-bugs@nvidia.com)",
    "nvidia_drm": "NVIDIA (linux-bugs@nvidia.com)",
    "vboxdrv": "Oracle VirtualBox (virtualbox.org)",
    "vboxguest": "Oracle VirtualBox (virtualbox.org)",
    "vboxsf": "Oracle VirtualBox (virtualbox.org)",
    "vboxnetflt": "Oracle VirtualBox (virtualbox.org)",
    "vmmon": "Broadcom (VMware Workstation)",
    "vmnet": "Broadcom (VMware Workstation)",
    "zfs": "OpenZFS (github.com/openzfs/zfs)",
    "spl": "OpenZFS (github.com/openzfs/zfs)",
    "falcon_lsm_serviceable": "CrowdStrike",
    "falcon_kal": "CrowdStrike",
    "wl": "Broadcom (broadcom-sta)",
    "mlx_compat": "NVIDIA networking (MLNX_OFED)",
    "lustre": "Lustre (lustre.org)",
    "ptlrpc": "Lustre (lustre.org)",
    "lnet": "Lustre (lustre.org)",
    "mmfs26": "IBM (Storage Scale)",
    "mmfslinux": "IBM (Storage Scale)",
    "openafs": "OpenAFS (openafs.org)",
    "drbd": "LINBIT",
    "gsch": "Trend Micro (Deep Security)",
    "bmhook": "Trend Micro (Deep Security)",
    "tmhook": "Trend Micro (Deep Security)",
    "vxfs": "Veritas",
    "vxio": "Veritas",
    "vxdmp": "Veritas",
    "emcp": "Dell EMC (PowerPath)",
    "evdi": "DisplayLink (evdi)",
    "wireguard": "WireGuard",
    "r8168": "Realtek",
    "veeamsnap": "Veeam",
    "snapapi26": "Acronis",
}


def owner_of(crash: Crash, culprit: Culprit) -> Culprit:
    """The culprit with its origin and owner, as far as taint letters and names tell."""
    origin = culprit.origin or origin_of(crash, culprit.module)
    if culprit.module is None and (culprit.function is None or _cut_off(crash, culprit.function)):
        origin = culprit.origin
    owner = culprit.owner or _owner(crash, culprit, origin)
    return msgspec.structs.replace(culprit, origin=origin, owner=owner)


def _cut_off(crash: Crash, function: str) -> bool:
    """All that names the function is a line that ends before the place where a module would stand."""
    frame = crash.oops.frame if crash.oops else None
    if frame is None or frame.function != function or crash.machine is not None:
        return False
    return frame.offset is not None and frame.size is None


def letters_of(crash: Crash, module: str) -> str | None:
    """A module's taint letters, or None where neither dump nor log lists it."""
    if crash.machine is not None and crash.machine.modules is not None:
        told = next((m.taints for m in crash.machine.modules if m.name == module), None)
        if told is not None:
            return told
    for oops in crash.reports:
        for linked in oops.modules:
            if linked.name == module:
                return linked.flags
    return None


def origin_of(crash: Crash, module: str | None) -> Literal["in-tree", "out-of-tree", "proprietary"] | None:
    """`in-tree`, `out-of-tree` or `proprietary`; None where neither dump nor log tells."""
    if module is None:
        return "in-tree"
    letters = letters_of(crash, module)
    if letters is None:
        return None
    return "proprietary" if "P" in letters else "out-of-tree" if "O" in letters else "in-tree"


def _owner(crash: Crash, culprit: Culprit, origin: str | None) -> str | None:
    if culprit.module in _VENDORS:
        return _VENDORS[culprit.module]
    if origin == "in-tree" and culprit.function is not None:
        return distributor(crash)
    return f"the makers of {culprit.module}" if origin in ("out-of-tree", "proprietary") else None


# What a release or a build says of who built the kernel.
_DISTRIBUTORS = (
    ("Debian", "Debian's kernel team (package linux)"),
    ("debian", "Debian's kernel team (package linux)"),
    ("Ubuntu", "Ubuntu's kernel team (package linux)"),
    (".el", "Red Hat or the distribution that rebuilds it (package kernel)"),
    (".fc", "Fedora's kernel maintainers (package kernel)"),
    ("SUSE", "SUSE (package kernel-default)"),
    ("-default", "SUSE (package kernel-default)"),
    ("-arch", "Arch Linux (package linux)"),
    (".amzn", "Amazon Linux (package kernel)"),
    ("uek", "Oracle (package kernel-uek)"),
    ("azure", "Ubuntu's kernel team (package linux-azure)"),
)


def distributor(crash: Crash) -> str | None:
    """Who built the kernel, by its release and banner."""
    oops, machine = crash.oops, crash.machine
    told = f"{oops.release} {oops.build}" if oops else ""
    told += f" {machine.version}" if machine else ""
    return next((whom for mark, whom in _DISTRIBUTORS if mark in told), None)
