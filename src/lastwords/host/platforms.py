"""Hypervisors and clouds: how to know them, and their own way to a dump, an NMI or the console."""

import re
from typing import TYPE_CHECKING

from lastwords.model.oops import Struct

if TYPE_CHECKING:
    from .machine import Host

DMI = "/sys/class/dmi/id"


class Platform(Struct, frozen=True, kw_only=True):
    """A hypervisor or cloud.

    Attributes:
        name: as users know it.
        pattern: in the DMI strings (vendor, product, BIOS, asset tag).
        qemu: its machine is QEMU's, with fw_cfg and pvpanic if they are switched on.
        dump: how a dump, or an NMI, is had from outside.
        console: where the console is recorded.
    """

    name: str
    pattern: str
    dump: str
    console: str = ""
    qemu: bool = False


# The first that fits counts: clouds stand before the hypervisors that they are built on.
PLATFORMS = (
    Platform(
        name="Amazon EC2",
        pattern=r"Amazon EC2|amazon",
        dump="aws ec2 send-diagnostic-interrupt --instance-id ID (an NMI: wants unknown_nmi_panic=1 and kdump)",
        console="aws ec2 get-console-output --latest --instance-id ID",
    ),
    Platform(
        name="Microsoft Azure",
        pattern=r"7783-7084-3265-9085-8269-3286-77",
        dump="portal, serial console, `Send Non-Maskable Interrupt` (wants unknown_nmi_panic=1 and kdump)",
        console="az vm boot-diagnostics get-boot-log",
    ),
    Platform(
        name="Hyper-V",
        pattern=r"Microsoft Corporation.{0,40}Virtual Machine",
        dump="Debug-VM -InjectNonMaskableInterrupt, or a saved state (.vmrs) with its memory",
    ),
    Platform(
        name="Google Compute Engine",
        pattern=r"Google",
        dump="none from outside: kdump in the guest",
        console="gcloud compute instances get-serial-port-output NAME",
    ),
    Platform(
        name="OpenStack",
        pattern=r"OpenStack",
        dump="openstack server dump create ID (an NMI: wants unknown_nmi_panic=1 and kdump)",
        console="openstack console log show ID",
        qemu=True,
    ),
    Platform(
        name="VMware",
        pattern=r"VMware",
        dump="suspend or snapshot with memory, then vmss2core; or an NMI: vmdumper ID nmi",
    ),
    Platform(name="VirtualBox", pattern=r"VirtualBox|innotek", dump="VBoxManage debugvm NAME dumpvmcore --filename=F"),
    Platform(name="Xen", pattern=r"\bXen\b", dump="xl dump-core DOMAIN FILE, in dom0"),
    Platform(
        name="KVM",
        pattern=r"QEMU|KVM|Red Hat|Proxmox|Alibaba|DigitalOcean|Hetzner|Bochs|oVirt|RHEV",
        dump="virsh dump --memory-only --format=elf DOMAIN FILE; virsh inject-nmi DOMAIN",
        console="virsh console DOMAIN, or <log file=…> at its serial port",
        qemu=True,
    ),
)


# Elsewhere than on x86 the CPU does not say that it is virtual.
_FIRMWARE = ("/proc/device-tree/hypervisor/compatible", "/sys/hypervisor/type")


def is_guest(host: "Host") -> bool:
    """It is a virtual machine: the CPU says so (x86), the firmware, or the maker's name."""
    if " hypervisor" in (host.root.text("/proc/cpuinfo", 16384) or ""):
        return True
    if any(host.root.exists(path) for path in _FIRMWARE) or "Control Program" in _sysinfo(host):
        return True
    return host.machine not in ("x86_64", "i686") and _named(host) is not None


def platform(host: "Host") -> Platform | None:
    """The hypervisor or cloud; None on bare metal or where it can't be told."""
    return _named(host) if is_guest(host) else None


def _named(host: "Host") -> Platform | None:
    names = ("sys_vendor", "product_name", "bios_vendor", "chassis_asset_tag", "board_vendor")
    strings = [host.root.text(f"{DMI}/{name}", 256) or "" for name in names]
    strings += [host.root.text(path, 64) or "" for path in _FIRMWARE]
    text = " ".join([*strings, _sysinfo(host)])
    return next((one for one in PLATFORMS if re.search(one.pattern, text, re.I)), None)


def _sysinfo(host: "Host") -> str:
    """What s390 says of its hypervisor: `VM00 Control Program: KVM/Linux`."""
    return " ".join(re.findall(r"Control Program: .{1,60}", host.root.text("/proc/sysinfo", 1 << 16) or ""))
