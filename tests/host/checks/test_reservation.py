import pytest

from .cases import Case, judge


def not_yet(tree):
    return tree.write("/sys/kernel/kexec_crash_size", "0\n").swap("/proc/cmdline", " crashkernel=512M", "")


def no_reservation(tree):
    for file in ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", f"/boot/loader/entries/0123-{tree.release}.conf"):
        if tree.at(file).exists():
            tree.swap(file, "crashkernel=512M", "")
    tree.write("/sys/kernel/kexec_crash_size", "0\n").swap("/proc/cmdline", " crashkernel=512M", "")


def entries_without(tree):
    tree.swap("/boot/grub/grub.cfg", " crashkernel=512M", "")


CASES = [
    Case("kexec-supported", "ok"),
    Case(
        "kexec-supported",
        "ok",
        lambda tree: tree.remove("/sys/kernel/kexec_crash_loaded").write("/sys/kernel/kexec/crash_loaded", "1"),
    ),
    Case("kexec-supported", "fail", lambda tree: tree.remove("/sys/kernel/kexec_crash_loaded"), fix="CONFIG_KEXEC"),
    Case("kexec-supported", "unknown", lambda tree: tree.remove("/sys/kernel", "/proc/sys")),
    Case("crashkernel-reserved", "ok", value="^512 MiB$"),
    Case(
        "crashkernel-reserved",
        "ok",
        lambda tree: tree.add("/proc/iomem", "  400000000-40fffffff : Crash kernel\n"),
        value=r"512 MiB below 4 GiB, 256 MiB above",
    ),
    Case(
        "crashkernel-reserved",
        "ok",
        lambda tree: tree.write("/sys/kernel/kexec_crash_cma_ranges", "100000000-107ffffff\n"),
        value="and 128 MiB of CMA",
    ),
    Case("crashkernel-reserved", "fail", no_reservation, "no crashkernel=", r"crashkernel=256M.*grub\.d.*update-grub"),
    Case(
        "crashkernel-reserved", "fail", no_reservation, fix="grubby --update-kernel=ALL --args=crashkernel=", on="rhel9"
    ),
    Case("crashkernel-reserved", "fail", no_reservation, fix="grub2-mkconfig -o /boot/grub2/grub.cfg", on="suse15"),
    Case("crashkernel-reserved", "fail", no_reservation, fix="grub-mkconfig -o /boot/grub/grub.cfg", on="arch"),
    Case(
        "crashkernel-reserved",
        "fail",
        lambda tree: tree.write("/sys/kernel/kexec_crash_size", "0"),
        value="although the command line has crashkernel=512M",
    ),
    Case("crashkernel-reserved", "fail", not_yet, value="none yet: the next boot will", fix="^reboot$"),
    Case("crashkernel-reserved", "unknown", lambda tree: tree.remove("/sys/kernel/kexec_crash_size")),
    Case("crashkernel-refused", "ok"),
    Case(
        "crashkernel-refused",
        "fail",
        lambda tree: tree.says(
            "dmesg ",
            "[    0.000000] Linux version 6.1\n[    0.010000] crashkernel reservation failed - No suitable area\n",
        ),
        value="^crashkernel reservation failed - No suitable",
        fix="crashkernel=256M,high",
    ),
    Case(
        "crashkernel-refused",
        "fail",
        lambda tree: tree.says(
            "dmesg ", "[    0.0] Linux version 6.1\n[    0.0] cannot allocate crashkernel (size:0x40000000)\n"
        ),
    ),
    Case("crashkernel-refused", "unknown", lambda tree: tree.commands.pop("dmesg ")),
    # The ring buffer has gone round: what was said at boot is gone.
    Case("crashkernel-refused", "unknown", lambda tree: tree.says("dmesg ", "[99.0] usb 1-1: new device\n")),
    Case(
        "crashkernel-refused",
        "ok",
        lambda tree: tree.says("dmesg ", "[99.0] usb\n").says("journalctl -k -b ", "[0.0] kernel: Linux version 6.1\n"),
    ),
    Case("crashkernel-next-boot", "ok"),
    Case("crashkernel-next-boot", "ok", on="rhel9"),
    Case("crashkernel-next-boot", "fail", entries_without, "no boot entry", "update-grub"),
    Case(
        "crashkernel-next-boot",
        "warn",
        lambda tree: tree.write("/boot/loader/entries/0123-6.99.conf", "title New (6.99)\noptions root=/dev/sda2 ro\n"),
        value=r"1 of 2 boot entries have it, not: New \(6.99\)",
        fix="grubby",
        on="rhel9",
    ),
    Case(
        "crashkernel-next-boot",
        "warn",
        lambda tree: tree.remove("/etc/default/grub.d/kdump-tools.cfg"),
        value="/etc/default/grub does not",
        fix="update-grub",
    ),
    Case("crashkernel-next-boot", "ok", lambda tree: tree.remove("/boot/grub/grub.cfg"), value="the defaults have it"),
    Case(
        "crashkernel-next-boot",
        "fail",
        lambda tree: tree.remove("/boot/grub/grub.cfg", "/etc/default/grub.d/kdump-tools.cfg"),
        value="the defaults don't",
    ),
    Case(
        "crashkernel-next-boot",
        "unknown",
        lambda tree: tree.remove("/boot/grub/grub.cfg", "/etc/default/grub.d/kdump-tools.cfg", "/etc/default/grub"),
    ),
    Case(
        "crashkernel-next-boot",
        "ok",
        lambda tree: tree.swap(
            f"/boot/loader/entries/0123-{tree.release}.conf", "crashkernel=512M", "$kernelopts"
        ).write("/boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=ro crashkernel=512M\n"),
        on="rhel9",
    ),
    Case("crashkernel-size", "ok", value="kernel 32 . initrd 3 x 20 . buffer 16"),
    Case(
        "crashkernel-size",
        "fail",
        lambda tree: tree.write("/sys/kernel/kexec_crash_size", f"{64 << 20}"),
        value="should have at least 108 MiB",
        fix="crashkernel=256M",
    ),
    Case(
        "crashkernel-size",
        "warn",
        lambda tree: tree.write("/sys/kernel/kexec_crash_size", f"{160 << 20}"),
        value="default for this machine is 256 MiB",
        on="rhel9",
    ),
    Case(
        "crashkernel-size",
        "warn",
        lambda tree: tree.write("/sys/kernel/kexec_crash_size", f"{256 << 20}").write(
            "/proc/iomem", "00001000-1fffffffff : System RAM\n"
        ),
        value="default for this machine is 512 MiB",
        on="suse15",
    ),
    Case("crashkernel-size", "warn", lambda tree: tree.write("/sys/kernel/kexec_crash_size", f"{96 << 20}")),
    Case("crashkernel-size", "not-applicable", no_reservation),
    Case("kernel-config", "ok"),
    Case(
        "kernel-config",
        "warn",
        lambda tree: tree.swap(f"/boot/config-{tree.release}", "CONFIG_DEBUG_INFO_BTF=y\n", ""),
        value="DEBUG_INFO_BTF",
    ),
    Case(
        "kernel-config",
        "fail",
        lambda tree: tree.swap(f"/boot/config-{tree.release}", "CONFIG_CRASH_DUMP=y\n", ""),
        value="CRASH_DUMP",
    ),
    Case("kernel-config", "unknown", lambda tree: tree.remove(f"/boot/config-{tree.release}")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)
