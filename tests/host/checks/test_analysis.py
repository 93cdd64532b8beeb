import pytest

from ..trees import BUILD_ID, MODULE_ID, elf
from .cases import Case, judge

DEBUG = f"/usr/lib/debug/.build-id/{BUILD_ID[:2]}/{BUILD_ID[2:]}.debug"
MODULE_DEBUG = f"/usr/lib/debug/.build-id/{MODULE_ID[:2]}/{MODULE_ID[2:]}.debug"
OTHER = "ff" * 20


def no_debuginfo(tree):
    return tree.remove("/usr/lib/debug")


CASES = [
    Case("debuginfo", "ok", value=BUILD_ID),
    Case("debuginfo", "warn", no_debuginfo, fix="apt-get install linux-image-6.1.0-28-amd64-dbg"),
    Case("debuginfo", "warn", no_debuginfo, fix="linux-image-unsigned-6.8.0-49-generic-dbgsym", on="ubuntu2404"),
    Case("debuginfo", "warn", no_debuginfo, fix="dnf debuginfo-install kernel-5.14.0-503", on="rhel9"),
    Case("debuginfo", "warn", no_debuginfo, fix="zypper install kernel-default-debuginfo", on="suse15"),
    Case("debuginfo", "warn", no_debuginfo, fix="DEBUGINFOD_URLS=https://debuginfod.archlinux.org", on="arch"),
    Case(
        "debuginfo",
        "ok",
        lambda tree: no_debuginfo(tree).write(f"/usr/lib/debug/boot/vmlinux-{tree.release}", elf(BUILD_ID)),
        value=BUILD_ID,
    ),
    Case(
        "debuginfo",
        "warn",
        lambda tree: no_debuginfo(tree).write(f"/usr/lib/debug/lib/modules/{tree.release}/vmlinux", elf(OTHER)),
        value="of another build: ffff",
        on="fedora41",
    ),
    Case(
        "debuginfo",
        "unknown",
        lambda tree: (
            no_debuginfo(tree)
            .remove("/sys/kernel/notes")
            .write(f"/usr/lib/debug/boot/vmlinux-{tree.release}", elf(BUILD_ID))
        ),
    ),
    Case("module-debuginfo", "ok", value="of all 1"),
    Case("module-debuginfo", "warn", lambda tree: tree.remove(MODULE_DEBUG), value="not: ext4"),
    Case("module-debuginfo", "not-applicable", no_debuginfo),
    Case("kernel-btf", "ok"),
    Case("kernel-btf", "warn", lambda tree: tree.remove("/sys/kernel/btf"), fix="debuginfo-install", on="rhel9"),
    Case("kernel-btf", "unknown", lambda tree: tree.remove("/sys/kernel/btf", "/proc/sys")),
    Case("kallsyms", "ok"),
    Case("kallsyms", "warn", lambda tree: tree.swap(f"/boot/config-{tree.release}", "CONFIG_KALLSYMS_ALL=y\n", "")),
    Case("kallsyms", "unknown", lambda tree: tree.remove(f"/boot/config-{tree.release}")),
    Case("debuginfod", "ok", value="debuginfod.example"),
    Case(
        "debuginfod",
        "warn",
        lambda tree: tree.remove("/etc/debuginfod/x.urls"),
        fix="debuginfod.ubuntu.com",
        on="ubuntu2404",
    ),
    Case("taint", "ok", value="not tainted"),
    Case("taint", "ok", lambda tree: tree.sysctl("kernel.tainted", "4097"), value="P .*, O "),
    Case("taint", "warn", lambda tree: tree.sysctl("kernel.tainted", "640"), value="D .*, W ", fix="reboot"),
    Case("taint", "unknown", lambda tree: tree.remove("/proc/sys")),
    Case("out-of-tree-modules", "ok"),
    Case(
        "out-of-tree-modules",
        "warn",
        lambda tree: tree.add("/proc/modules", "nvidia 1 0 - Live 0x0 (POE)\n"),
        value=r"nvidia \(POE\)",
    ),
    Case("out-of-tree-modules", "not-applicable", lambda tree: tree.remove("/proc/modules")),
    Case("analysis-tools", "ok", value="crash .*, kexec "),
    Case("analysis-tools", "not-applicable", lambda tree: tree.remove("/usr/bin/crash", "/usr/bin/kexec")),
    Case(
        "analysis-tools",
        "ok",
        lambda tree: tree.says("rpm -q --qf %{VERSION}-%{RELEASE} crash ", "8.0.5-1.el9"),
        value="crash 8.0.5-1.el9",
        on="rhel9",
    ),
    Case(
        "analysis-tools",
        "ok",
        lambda tree: tree.write("/var/lib/pacman/local/crash-8.0.6-1/desc"),
        value="crash 8.0.6-1",
        on="arch",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)
