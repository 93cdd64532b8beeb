"""The machine itself: DMI, PCI, CPUs with their microcode, memory, and whether a hypervisor stands below it."""

from .collector import collector
from .take import Take

DMI = ("/sys/class/dmi/id/*",)
PCI = tuple(
    f"/sys/bus/pci/devices/*/{name}"
    for name in (
        "vendor",
        "device",
        "subsystem_vendor",
        "subsystem_device",
        "class",
        "revision",
        "irq",
        "enable",
        "current_link_speed",
        "current_link_width",
        "max_link_speed",
        "max_link_width",
        "numa_node",
        "resource",
    )
)
CPU = (
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/offline",
    "/sys/devices/system/cpu/present",
    "/sys/devices/system/cpu/vulnerabilities/*",
    "/sys/devices/system/cpu/cpu*/microcode/version",
    "/sys/devices/system/cpu/smt/*",
    "/sys/devices/system/cpu/cpufreq/policy0/scaling_*",
    "/sys/devices/system/node/node*/meminfo",
    "/sys/firmware/devicetree/base/model",
    "/sys/firmware/devicetree/base/compatible",
)
HYPERVISOR = (
    "/sys/hypervisor/type",
    "/sys/hypervisor/uuid",
    "/sys/hypervisor/version/*",
    "/sys/hypervisor/properties/*",
    "/proc/xen/capabilities",
    "/sys/firmware/qemu_fw_cfg/rev",
    "/sys/bus/vmbus/devices/*/class_id",
    "/sys/class/misc/vmci/uevent",
    "/sys/bus/acpi/devices/QEMU0001*/status",
    "/sys/bus/acpi/devices/QEMUVGID*/status",
    "/sys/bus/acpi/devices/VMGENID*/status",
    "/sys/class/dmi/id/sys_vendor",
    "/sys/class/dmi/id/product_name",
    "/sys/devices/system/clocksource/clocksource0/*_clocksource",
    "/sys/module/kvm*/version",
)
_SERIAL = ("serial", "uuid", "asset_tag", "uevent")


@collector("hardware", "hardware", "DMI, PCI, CPUs and memory", order=140, timeout=60)
def hardware(take: Take) -> None:
    """From /sys and /proc; dmidecode and lspci where they are. No serial numbers but those in the raw DMI table."""
    for path in ("/proc/cpuinfo", "/proc/meminfo", "/proc/interrupts", "/proc/ioports", "/proc/cmdline"):
        take.file(path)
    take.small_files("dmi.txt", DMI, without=lambda path: any(word in path for word in _SERIAL))
    for path in ("/sys/firmware/dmi/tables/DMI", "/sys/firmware/dmi/tables/smbios_entry_point"):
        take.file(path)
    take.small_files("pci.txt", PCI)
    take.small_files("cpu.txt", CPU)
    for name, argv in (
        ("dmidecode.txt", ("dmidecode",)),
        ("lspci.txt", ("lspci", "-nnk")),
        ("lsblk.txt", ("lsblk", "-J", "-O")),
    ):
        take.command(name, *argv, silent=True)


@collector("hypervisor", "hypervisor", "what is below: hypervisor and cloud", order=142, timeout=30)
def hypervisor(take: Take) -> None:
    """Marks that hypervisors leave in /sys, and what cloud-init was told (its file without secrets)."""
    take.small_files("marks.txt", HYPERVISOR)
    take.file("/run/cloud-init/instance-data.json")
    take.command("systemd-detect-virt.txt", "systemd-detect-virt", silent=True)
