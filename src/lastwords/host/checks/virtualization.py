"""Virtual machines and clouds: what the host can do for a dump, and containers, which have no kernel of their own."""

import re

from lastwords.host.machine import Host
from lastwords.model.oops import Struct

from . import Found, absent, check, ok, unknown, warn
from .triggers import is_guest

_DMI = "/sys/class/dmi/id"


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


def platform(host: Host) -> Platform | None:
    """The hypervisor or cloud; None on bare metal or where it can't be told."""
    names = ("sys_vendor", "product_name", "bios_vendor", "chassis_asset_tag", "board_vendor")
    strings = [host.root.text(f"{_DMI}/{name}", 256) or "" for name in names]
    strings.append(host.root.text("/sys/hypervisor/type", 64) or "")
    text = " ".join(strings)
    virtual = is_guest(host) or host.root.exists("/sys/hypervisor/type") or host.machine != "x86_64"
    if not virtual:
        return None
    return next((one for one in PLATFORMS if re.search(one.pattern, text, re.I)), None)


@check(
    "container",
    "this is no container",
    "virtualization",
    why="A container has no kernel of its own: what crashes is its host's, and readiness is decided there.",
)
def container(host: Host) -> Found:
    """/run/systemd/container, /.dockerenv, or what systemd-detect-virt says."""
    kind = host.container
    if not kind:
        return ok("none is seen", "/run/systemd/container")
    return warn(
        f"a container ({kind}): settings and files below are partly the host's, partly the container's",
        "/run/systemd/container",
        fix="run lastwords doctor on the host",
    )


@check(
    "hypervisor",
    "the hypervisor, and its way to a dump",
    "virtualization",
    why="A virtual machine can be dumped or poked from outside when nothing inside answers any more.",
)
def hypervisor(host: Host) -> Found:
    """The DMI strings that clouds and hypervisors set."""
    found = platform(host)
    if found is not None:
        console = f"; console: {found.console}" if found.console else ""
        return ok(f"{found.name}; from outside: {found.dump}{console}", _DMI)
    if is_guest(host):
        ran = host.root.run("systemd-detect-virt", "--vm", seconds=5)
        kind = f" ({ran.text})" if ran is not None and ran.ok and ran.text else ""
        return ok(f"a virtual machine{kind}; ask its host's administrator for a dump from outside", "/proc/cpuinfo")
    return absent("none is seen", _DMI) if host.is_running else unknown("not a running system")


@check(
    "vmcoreinfo-device",
    "QEMU knows where the kernel's vmcoreinfo is",
    "virtualization",
    why="With QEMU's vmcoreinfo device, a dump that the host makes can be read in spite of KASLR.",
)
def vmcoreinfo_device(host: Host) -> Found:
    """Fw_cfg's etc/vmcoreinfo, which the qemu_fw_cfg driver shows and fills."""
    found = platform(host)
    if found is None or not found.qemu:
        return absent("not a guest of QEMU")
    source = "/sys/firmware/qemu_fw_cfg/by_name/etc/vmcoreinfo"
    if host.root.exists(source):
        return ok("yes", source)
    if not host.root.is_dir("/sys/firmware/qemu_fw_cfg"):
        load = "modprobe qemu_fw_cfg (echo qemu_fw_cfg > /etc/modules-load.d/qemu_fw_cfg.conf for each boot)"
        return warn("the driver qemu_fw_cfg is not loaded", "/sys/firmware/qemu_fw_cfg", fix=load)
    fix = "start QEMU with -device vmcoreinfo, or <vmcoreinfo state='on'/> among libvirt's <features>"
    return warn("not there: a dump made by the host may be unreadable", source, fix=fix)


@check(
    "pvpanic",
    "the hypervisor hears of a panic",
    "virtualization",
    why="With pvpanic the host knows of a panic at once, and can dump, restart or keep the guest (on_crash).",
)
def pvpanic(host: Host) -> Found:
    """The pvpanic device: ACPI QEMU0001 or PCI 1b36:0011, and its driver."""
    found = platform(host)
    if found is None or not found.qemu:
        return absent("not a guest of QEMU")
    devices = host.root.glob("/sys/bus/acpi/devices/QEMU0001:*")
    devices += [path for path in host.root.glob("/sys/bus/pci/drivers/pvpanic-pci/*") if ":" in path]
    loaded = any(name.startswith("pvpanic") for name in (*host.modules, *host.built_in_modules))
    if devices and loaded:
        return ok("device and driver", devices[0])
    if devices:
        return warn(
            "the device is there, its driver is not loaded", devices[0], fix="modprobe pvpanic-mmio pvpanic-pci"
        )
    fix = "-device pvpanic, or <panic/> among libvirt's devices, with <on_crash>coredump-restart</on_crash>"
    return warn("no device", "/sys/bus/acpi/devices", fix=fix)
