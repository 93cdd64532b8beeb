import pytest

from lastwords.host.command import Ran

from ..trees import NOW
from .cases import Case, judge


def set_loaded(tree, value="0"):
    return tree.write("/sys/kernel/kexec_crash_loaded", value)


def no_hotplug(tree):
    tree.remove("/sys/devices/system/memory/crash_hotplug")
    for rule in ("50-kdump-tools", "98-kexec", "70-kdump"):
        if tree.at(f"/usr/lib/udev/rules.d/{rule}.rules").exists():
            tree.remove(f"/usr/lib/udev/rules.d/{rule}.rules")


def by_its_links(tree):
    """No systemd that answers: the unit's file and the link that enables it tell."""
    tree.commands.clear()
    unit = "/lib/systemd/system/kdump-tools.service"
    tree.write(unit).link("/etc/systemd/system/basic.target.wants/kdump-tools.service", unit)


def initrd(tree):
    return {
        "debian": f"/var/lib/kdump/initrd.img-{tree.release}",
        "fedora": f"/boot/initramfs-{tree.release}kdump.img",
    }["fedora" if tree.at("/etc/kdump.conf").exists() else "debian"]


CASES = [
    Case("crash-kernel-loaded", "ok"),
    Case("crash-kernel-loaded", "fail", set_loaded, fix="systemctl enable --now kdump-tools.service"),
    Case("crash-kernel-loaded", "fail", set_loaded, fix="enable --now kdump.service.*journalctl -u kdump", on="suse15"),
    Case(
        "crash-kernel-loaded",
        "fail",
        lambda tree: set_loaded(tree).write("/sys/kernel/kexec_crash_size", "0"),
        value="no memory is reserved",
    ),
    Case("crash-kernel-loaded", "unknown", lambda tree: tree.remove("/sys/kernel", "/proc/sys")),
    Case("kdump-service", "ok", value="enabled and active"),
    Case("kdump-service", "ok", on="fedora41"),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump-tools.service", LoadState="not-found"),
        fix="apt-get install kdump-tools",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump.service", LoadState="not-found"),
        fix="dnf install kexec-tools",
        on="rhel9",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump.service", LoadState="not-found"),
        fix="dnf install kdump-utils",
        on="fedora41",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump.service", LoadState="not-found"),
        fix="zypper install kdump",
        on="suse15",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump.service", LoadState="not-found"),
        fix="pacman -S kexec-tools",
        on="arch",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.swap("/etc/default/kdump-tools", "USE_KDUMP=1", "USE_KDUMP=0"),
        value="USE_KDUMP",
        fix="USE_KDUMP=1",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump-tools.service", UnitFileState="disabled"),
        fix="enable --now",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump.service", LoadState="masked", UnitFileState="masked"),
        fix="unmask",
        on="rhel9",
    ),
    Case(
        "kdump-service",
        "fail",
        lambda tree: tree.unit("kdump.service", ActiveState="failed").says(
            "journalctl -u kdump.service ", "kdump: Starting kdump: [FAILED]\nkdump: mkdumprd failed\n"
        ),
        value=r"failed: kdump: Starting kdump: \[FAILED\]",
        on="rhel9",
    ),
    Case(
        "kdump-service",
        "warn",
        lambda tree: tree.unit("kdump.service", ActiveState="inactive"),
        fix="restart",
        on="suse15",
    ),
    Case(
        "kdump-service",
        "ok",
        by_its_links,
        value="^enabled$",
    ),
    Case("kexec-load-disabled", "ok"),
    Case(
        "kexec-load-disabled",
        "ok",
        lambda tree: tree.sysctl("kernel.kexec_load_disabled", "1"),
        value="but it is loaded",
    ),
    Case(
        "kexec-load-disabled",
        "fail",
        lambda tree: (
            set_loaded(tree)
            .sysctl("kernel.kexec_load_disabled", "1")
            .write("/etc/sysctl.d/50-hard.conf", "kernel.kexec_load_disabled=1\n")
        ),
        fix="/etc/sysctl.d/50-hard.conf",
    ),
    Case(
        "kexec-load-disabled",
        "fail",
        lambda tree: set_loaded(tree).sysctl("kernel.kexec_load_limit_panic", "0"),
        value="limit 0",
    ),
    Case("kexec-load-disabled", "not-applicable", lambda tree: tree.sysctl("kernel.kexec_load_disabled", None)),
    Case("crash-kernel-release", "ok"),
    Case("crash-kernel-release", "ok", on="rhel9"),
    Case("crash-kernel-release", "ok", on="suse15"),
    Case(
        "crash-kernel-release",
        "fail",
        lambda tree: tree.sysctl("kernel.osrelease", "6.1.0-29-amd64"),
        value="/boot/vmlinuz-6.1.0-28-amd64, and 6.1.0-29-amd64 runs",
        fix="kdump-config reload",
    ),
    Case("crash-kernel-release", "unknown", lambda tree: tree.remove("/var/lib/kdump/kernel"), on="suse15"),
    Case("crash-initrd", "ok", value="20 MiB"),
    Case("crash-initrd", "ok", value="30 MiB", on="fedora41"),
    Case(
        "crash-initrd",
        "fail",
        lambda tree: tree.remove(initrd(tree), "/var/lib/kdump/initrd.img"),
        fix="postinst.d/kdump-tools",
    ),
    Case("crash-initrd", "fail", lambda tree: tree.remove(initrd(tree)), fix="kdumpctl rebuild", on="rhel9"),
    Case("crash-initrd", "fail", lambda tree: tree.remove("/var/lib/kdump/initrd"), fix="mkdumprd -f", on="suse15"),
    Case("crash-initrd", "unknown", on="arch"),
    Case("crash-initrd-current", "ok"),
    Case(
        "crash-initrd-current",
        "warn",
        lambda tree: tree.write("/etc/kdump.conf", "path /var/crash\n", at=NOW),
        value="older than /etc/kdump.conf",
        fix="kdumpctl rebuild",
        on="rhel9",
    ),
    Case(
        "crash-initrd-current",
        "warn",
        lambda tree: tree.write("/etc/kdump/post.d/10-mail.sh", "#!", at=NOW),
        value="10-mail.sh",
        on="fedora41",
    ),
    Case("crash-initrd-current", "warn", lambda tree: tree.write("/etc/kdump/sysctl.conf", "", at=NOW)),
    Case(
        "crash-initrd-current",
        "warn",
        lambda tree: tree.write("/usr/bin/makedumpfile", "#!", at=NOW, mode=0o755),
        on="suse15",
    ),
    Case("crash-initrd-drivers", "ok", value="ahci, ext4, sd_mod"),
    Case("crash-initrd-drivers", "ok", on="rhel9"),
    Case(
        "crash-initrd-drivers",
        "fail",
        lambda tree: tree.says(
            "lsinitramfs ", "usr/lib/modules/x/kernel/fs/ext4/ext4.ko\nusr/lib/modules/x/sd_mod.ko.zst\n"
        ),
        value="without ahci",
        fix="kdump-config reload",
    ),
    Case(
        "crash-initrd-drivers",
        "unknown",
        lambda tree: tree.says("lsinitrd ", "-rw-r--r-- 1 root root 9 Jan 1 squash-root.img\n"),
        value="squashed",
        on="rhel9",
    ),
    Case(
        "crash-initrd-drivers",
        "fail",
        lambda tree: tree.add("/etc/kdump.conf", "ssh root@dumps\n"),
        value="the key /root/.ssh/kdump_id_rsa",
        on="rhel9",
    ),
    Case(
        "crash-initrd-drivers",
        "ok",
        lambda tree: tree.add("/etc/kdump.conf", "ssh root@dumps\n").says("lsinitrd ", "root/.ssh/kdump_id_rsa\n"),
        on="rhel9",
    ),
    Case("crash-initrd-drivers", "unknown", lambda tree: tree.remove("/usr/bin/lsinitrd"), on="suse15"),
    Case("crash-hotplug", "ok", value="kernel does it"),
    Case(
        "crash-hotplug", "ok", lambda tree: tree.remove("/sys/devices/system/memory/crash_hotplug"), value="udev rule"
    ),
    Case("crash-hotplug", "warn", no_hotplug, on="rhel9"),
    Case("capture-command-line", "ok"),
    Case("capture-command-line", "ok", on="rhel9"),
    Case("capture-command-line", "ok", on="suse15"),
    Case(
        "capture-command-line",
        "warn",
        lambda tree: tree.swap("/etc/sysconfig/kdump", "irqpoll nr_cpus=1", "irqpoll"),
        value="nr_cpus",
        fix="/etc/sysconfig/kdump",
        on="rhel9",
    ),
    Case(
        "capture-command-line",
        "fail",
        lambda tree: tree.argument("hugepages=512").swap("/etc/sysconfig/kdump", "hugepages hugepagesz ", ""),
        value="hugepages",
        on="fedora41",
    ),
    Case(
        "capture-command-line",
        "fail",
        lambda tree: tree.write(
            "/var/crash/kexec_cmd",
            '/sbin/kexec -p --command-line="root=/dev/sda2 crashkernel=512M nr_cpus=1 reset_devices" --initrd=/x /y\n',
        ),
        value="crashkernel",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)


def test_an_initrd_that_may_not_be_read_is_unknown(tree):
    tree.says("lsinitrd ", Ran(status=1))
    judge(Case("crash-initrd-drivers", "unknown", lambda tree: tree.says("lsinitrd ", Ran(status=1)), on="rhel9"), tree)
