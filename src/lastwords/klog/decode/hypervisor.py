"""Which hypervisor the machine ran under, from the name that the firmware gave it."""

import re
from collections.abc import Mapping
from functools import lru_cache

_LONGEST = 300

# Each with the words of the "Hardware name:" line that tell it; the first that matches counts. A cloud is named where
# the firmware names it: which hypervisor it uses is its own affair.
_NAMES = (
    (r"Amazon EC2(?! \S{1,20}\.metal)", "Amazon EC2"),
    (r"Google Compute Engine|Google Google/", "Google Compute Engine"),
    (r"Microsoft Corporation Virtual Machine", "Hyper-V"),
    (r"VMware", "VMware"),
    (r"VirtualBox", "VirtualBox"),
    (r"Xen (?:HVM )?domU|\bXen\b.{0,40}\bHVM", "Xen"),
    (r"OpenStack", "OpenStack"),
    (r"Alibaba Cloud ECS", "Alibaba Cloud ECS"),
    (r"Tencent Cloud CVM", "Tencent Cloud"),
    (r"DigitalOcean Droplet", "DigitalOcean"),
    (r"Hetzner vServer", "Hetzner Cloud"),
    (r"Linode Compute Instance", "Linode"),
    (r"Vultr VC2|Vultr VHF|Vultr VHP", "Vultr"),
    (r"Nutanix AHV", "Nutanix AHV"),
    (r"oVirt|RHEV Hypervisor", "oVirt"),
    (r"Parallels .{0,40}Virtual", "Parallels"),
    (r"Apple Virtualization", "Apple Virtualization"),
    (r"\bBHYVE\b", "bhyve"),
    (r"Cloud Hypervisor", "Cloud Hypervisor"),
    (r"\(KVM/Linux\)", "KVM"),
    (r"\(z/VM [\d.]{1,10}\)", "z/VM"),
    (r"\(LPAR\)", "PR/SM (LPAR)"),
    (r"\bKVM\b|Red Hat RHEL-\d|Red Hat RHEL\b", "KVM"),
    (r"QEMU|[Ee]mulated by qemu|riscv-virtio,qemu|Bochs Bochs|BIOS rel-[\d.]{1,12}-\S{1,40}\.qemu\.org", "QEMU"),
    (r"IBM,\d{4}-\w{3}\b.{0,100}\bpSeries|\bphyp\b.{0,60}pSeries", "PowerVM"),
    (r"linux,dummy-virt", "QEMU or another with its virt machine"),
)
_PATTERNS = tuple((re.compile(pattern), name) for pattern, name in _NAMES)


@lru_cache(maxsize=256)
def _named(hardware: str) -> str | None:
    text = hardware[:_LONGEST]
    return next((name for pattern, name in _PATTERNS if pattern.search(text) is not None), None)


_XEN_SELECTORS = frozenset((0xE030, 0xE033, 0xE02B))
"""Of the kernel's code and stack in a paravirtualised guest (`include/xen/interface/xen-x86_64.h: FLAT_KERNEL_CS64`)."""


def hypervisor(hardware: str | None, registers: Mapping[str, int] | None = None) -> str | None:
    """The hypervisor that a report gives away, or None: a physical machine, or one that does not tell.

    Args:
        registers: the report's registers by name.
        hardware: text behind `Hardware name:` (`kernel/printk/printk.c: dump_stack_set_arch_desc()`; on x86 the DMI
            strings of vendor, product and board and the BIOS version, on s390 the machine and what it runs under).
    """
    if registers and registers.get("cs") in _XEN_SELECTORS:
        return "Xen"
    return _named(hardware) if hardware else None
