import pytest

from .cases import Case, judge

BACKEND = "/sys/module/pstore/parameters/backend"
NETCONSOLE = "/sys/kernel/config/netconsole/target1"


def no_backend(tree):
    return tree.write(BACKEND, "(null)\n")


CASES = [
    Case("pstore", "ok", value="EFI variables"),
    Case("pstore", "ok", lambda tree: tree.write(BACKEND, "ramoops\n"), value="warm reboot"),
    Case("pstore", "fail", no_backend, value="no backend", fix="modprobe efi_pstore"),
    Case(
        "pstore", "fail", lambda tree: no_backend(tree).remove("/sys/firmware/efi"), fix="ramoops.mem_size.*update-grub"
    ),
    Case(
        "pstore",
        "fail",
        lambda tree: no_backend(tree).write("/sys/module/efi_pstore/parameters/pstore_disable", "Y\n"),
        value="efi_pstore is disabled",
        fix="pstore_disable=0",
        on="rhel9",
    ),
    Case(
        "pstore",
        "warn",
        lambda tree: tree.swap("/proc/self/mounts", "pstore /sys/fs/pstore pstore rw 0 0\n", ""),
        fix="mount -t pstore",
    ),
    Case("pstore", "unknown", lambda tree: tree.remove(BACKEND, "/proc/sys")),
    Case("pstore-size", "ok", value="10 KiB of the log"),
    Case(
        "pstore-size",
        "warn",
        lambda tree: tree.write(BACKEND, "ramoops").write("/sys/module/ramoops/parameters/record_size", "4096"),
        value="4 KiB each record",
        fix="ramoops.record_size",
    ),
    Case("pstore-size", "not-applicable", no_backend),
    Case("systemd-pstore", "ok"),
    Case(
        "systemd-pstore",
        "warn",
        lambda tree: tree.unit("systemd-pstore.service", UnitFileState="disabled").write("/sys/fs/pstore/dmesg-efi-1"),
        value="1 records lie",
        fix="enable --now systemd-pstore.service",
    ),
    Case("systemd-pstore", "warn", lambda tree: tree.write("/etc/systemd/pstore.conf", "[PStore]\nStorage=none\n")),
    Case("systemd-pstore", "not-applicable", no_backend),
    Case("netconsole", "not-applicable"),
    Case(
        "netconsole",
        "ok",
        lambda tree: tree.write(f"{NETCONSOLE}/enabled", "1\n").write(f"{NETCONSOLE}/remote_ip", "10.0.0.9\n"),
        value="to 10.0.0.9",
    ),
    Case(
        "netconsole",
        "warn",
        lambda tree: tree.write(f"{NETCONSOLE}/enabled", "0\n"),
        fix=f"echo 1 > {NETCONSOLE}/enabled",
    ),
    Case(
        "netconsole",
        "ok",
        lambda tree: tree.argument("netconsole=@/eth0,@10.0.0.9/").add("/proc/modules", "netconsole 1 0 - Live 0x0\n"),
        value="eth0",
    ),
    Case(
        "netconsole",
        "ok",
        lambda tree: tree.add("/proc/modules", "netconsole 1 0 - Live 0x0\n").says(
            "dmesg ", "[    0.0] Linux version 6.1\n[   38.3] netpoll: netconsole: remote IPv4 address 10.0.2.2\n"
        ),
        value="to 10.0.2.2",
    ),
    Case("netconsole", "warn", lambda tree: tree.add("/proc/modules", "netconsole 1 0 - Live 0x0\n")),
    Case("serial-console", "ok", value="^ttyS0$"),
    Case(
        "serial-console",
        "warn",
        lambda tree: tree.write("/proc/consoles", "tty0                 -WU (EC  p  )    4:7\n"),
        value=r"only a screen \(tty0\)",
        fix="console=tty0 console=ttyS0,115200",
    ),
    Case("serial-console", "unknown", lambda tree: tree.remove("/proc/consoles")),
    Case("console-loglevel", "ok", value="^7$"),
    Case(
        "console-loglevel",
        "warn",
        lambda tree: tree.sysctl("kernel.printk", "4\t4\t1\t7"),
        fix="kernel.printk = 7 4 1 7",
    ),
    Case(
        "console-loglevel",
        "warn",
        lambda tree: tree.write("/sys/module/printk/parameters/console_no_auto_verbose", "Y"),
        value="an oops does not raise it",
    ),
    Case("persistent-journal", "ok", value="on disk"),
    Case("persistent-journal", "warn", lambda tree: tree.remove("/var/log/journal"), fix="mkdir -p /var/log/journal"),
    Case(
        "persistent-journal",
        "warn",
        lambda tree: tree.write("/etc/systemd/journald.conf", "[Journal]\nStorage=volatile\n"),
        value="Storage=volatile",
        fix="Storage=persistent in /etc/systemd/journald.conf",
    ),
    Case(
        "persistent-journal",
        "ok",
        lambda tree: tree.remove("/var/log/journal").write(
            "/etc/systemd/journald.conf.d/p.conf", "Storage=persistent\n"
        ),
        value="Storage=persistent",
    ),
    Case(
        "persistent-journal",
        "ok",
        lambda tree: tree.remove("/var/log/journal").write("/var/log/messages", "x"),
        value="by syslog",
        on="suse15",
    ),
    Case("persistent-journal", "warn", lambda tree: tree.add("/proc/self/mounts", "tmpfs /var/log tmpfs rw 0 0\n")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)
