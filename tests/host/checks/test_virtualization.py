import pytest

from lastwords.host.platforms import PLATFORMS

from ..trees import BUILD_ID, elf
from .cases import Case, judge
from .test_triggers import guest

FW_CFG = "/sys/firmware/qemu_fw_cfg"


def dmi(tree, vendor, **names):
    guest(tree).write("/sys/class/dmi/id/sys_vendor", f"{vendor}\n")
    for name, value in names.items():
        tree.write(f"/sys/class/dmi/id/{name}", f"{value}\n")
    return tree


def arm(tree):
    return tree.write("/bin/sh", elf(BUILD_ID, machine=183), mode=0o755)


def qemu(tree):
    return dmi(tree, "QEMU", product_name="Standard PC (Q35 + ICH9, 2009)")


CASES = [
    Case("container", "ok"),
    Case("container", "warn", lambda tree: tree.write("/.dockerenv"), value="docker", fix="on the host"),
    Case("container", "warn", lambda tree: tree.write("/run/systemd/container", "lxc\n"), value="lxc"),
    Case("hypervisor", "not-applicable"),
    Case("hypervisor", "ok", qemu, value="KVM.*virsh dump --memory-only"),
    Case("hypervisor", "ok", lambda tree: dmi(tree, "Amazon EC2"), value="send-diagnostic-interrupt"),
    Case(
        "hypervisor",
        "ok",
        lambda tree: dmi(tree, "Microsoft Corporation", chassis_asset_tag="7783-7084-3265-9085-8269-3286-77"),
        value="Azure",
    ),
    Case(
        "hypervisor",
        "ok",
        lambda tree: dmi(tree, "Microsoft Corporation", product_name="Virtual Machine"),
        value="Hyper-V.*InjectNonMaskableInterrupt",
    ),
    Case(
        "hypervisor",
        "ok",
        lambda tree: dmi(tree, "Google", product_name="Google Compute Engine"),
        value="get-serial-port",
    ),
    Case("hypervisor", "ok", lambda tree: dmi(tree, "VMware, Inc."), value="vmss2core"),
    Case("hypervisor", "ok", guest, value="a virtual machine; ask"),
    Case("hypervisor", "ok", lambda tree: arm(tree).write("/sys/class/dmi/id/sys_vendor", "QEMU"), value="KVM"),
    Case("hypervisor", "not-applicable", lambda tree: arm(tree).write("/sys/class/dmi/id/sys_vendor", "Ampere")),
    Case(
        "hypervisor",
        "ok",
        lambda tree: tree.write("/proc/sysinfo", "VM00 Name: x\nVM00 Control Program: KVM/Linux\n"),
        value="KVM",
    ),
    Case("vmcoreinfo-device", "not-applicable"),
    Case("vmcoreinfo-device", "ok", lambda tree: qemu(tree).write(f"{FW_CFG}/by_name/etc/vmcoreinfo/raw")),
    Case("vmcoreinfo-device", "warn", qemu, fix="modprobe qemu_fw_cfg"),
    Case("vmcoreinfo-device", "warn", lambda tree: qemu(tree).mkdir(f"{FW_CFG}/by_name"), fix="-device vmcoreinfo"),
    Case("pvpanic", "not-applicable"),
    Case("pvpanic", "warn", qemu, value="no device", fix="-device pvpanic"),
    Case(
        "pvpanic",
        "ok",
        lambda tree: (
            qemu(tree).mkdir("/sys/bus/acpi/devices/QEMU0001:00").add("/proc/modules", "pvpanic_mmio 1 0 - Live 0x0\n")
        ),
    ),
    Case("pvpanic", "warn", lambda tree: qemu(tree).mkdir("/sys/bus/acpi/devices/QEMU0001:00"), fix="modprobe pvpanic"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_every_platform_says_how_to_dump(platform):
    assert platform.dump
