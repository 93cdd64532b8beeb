"""Virtual machines and clouds: what the host can do for a dump, and containers, which have no kernel of their own."""

from lastwords.host.machine import Host
from lastwords.host.platforms import DMI, is_guest, platform

from . import Found, absent, check, ok, unknown, warn


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
        return ok(f"{found.name}; from outside: {found.dump}{console}", DMI)
    if is_guest(host):
        ran = host.root.run("systemd-detect-virt", "--vm", seconds=5)
        kind = f" ({ran.text})" if ran is not None and ran.ok and ran.text else ""
        return ok(f"a virtual machine{kind}; ask its host's administrator for a dump from outside", "/proc/cpuinfo")
    return absent("none is seen", DMI) if host.is_running else unknown("not a running system")


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
        load = "modprobe qemu_fw_cfg && echo qemu_fw_cfg > /etc/modules-load.d/qemu_fw_cfg.conf"
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
    fix = "on the VM's host: -device pvpanic, or libvirt's <panic/> with <on_crash>coredump-restart</on_crash>"
    return warn("no device", "/sys/bus/acpi/devices", fix=fix)
