"""Trees as each distribution's kdump and its neighbours leave them after a crash, from their documented layouts."""

import os
import struct
from collections.abc import Mapping
from pathlib import Path

CRASHED = 1_795_498_691.0
"""2026-11-24 05:38:11 UTC."""
BOOTS = (CRASHED - 40 * 86400, CRASHED - 9 * 86400, CRASHED + 120)
"""Two boots before the crash, the second of which crashed, and the one after it."""

Tree = Mapping[str, tuple[str | bytes, float]]


def build(directory: Path, tree: Tree) -> Path:
    """Write files with their times of modification."""
    for name, (content, when) in tree.items():
        path = directory / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (when, when))
    return directory


def wtmp(*boots: float, size: int = 384) -> bytes:
    """A record for each boot, of utmp(5)'s type BOOT_TIME, and a login behind it."""
    records = b""
    for boot in boots:
        for kind, user in ((2, b"reboot"), (7, b"root")):
            if size == 384:
                records += struct.pack(
                    "<hxxi32s4s32s256shhiii36x", kind, 0, b"~", b"~~", user, b"6.1.0", 0, 0, 0, int(boot), 0
                )
            else:
                records += struct.pack(
                    "<hxxi32s4s32s256shhqqq16x20x4x", kind, 0, b"~", b"~~", user, b"6.1", 0, 0, 0, int(boot), 0
                )
    assert len(records) == len(boots) * 2 * size
    return records


COMMON: Tree = {
    "/etc/hostname": ("db7\n", 0),
    "/var/log/wtmp": (wtmp(*BOOTS), BOOTS[-1]),
    "/sys/fs/pstore/dmesg-efi-179549869101001": ("Panic#1 Part1\n<0>[ 1.0] Kernel panic\n", CRASHED),
    "/sys/fs/pstore/dmesg-efi-179549869102001": ("Panic#1 Part2\n<0>[ 0.9] Oops\n", CRASHED),
    "/var/lib/systemd/pstore/1795498691/dmesg.txt": ("Kernel panic\n", CRASHED + 130),
    "/var/lib/systemd/pstore/1700000000/dmesg.txt": ("an old panic\n", CRASHED - 3e7),
}

DEBIAN: Tree = {
    **COMMON,
    "/etc/os-release": ("ID=debian\nVERSION_ID=12\n", 0),
    "/etc/default/kdump-tools": ("USE_KDUMP=1\n", 0),
    "/var/crash/202611240538/dump.202611240538": (b"KDUMP   " + b"d" * 5000, CRASHED + 20),
    "/var/crash/202611240538/dmesg.202611240538": ("[ 1.0] BUG: kernel NULL pointer dereference\n", CRASHED + 10),
    "/var/crash/202610010101/dump.202610010101": (b"KDUMP   old", CRASHED - 54 * 86400),
    "/var/crash/202610010101/dmesg.202610010101": ("old\n", CRASHED - 54 * 86400),
    "/var/crash/kexec_cmd": ("/sbin/kexec -p\n", CRASHED + 130),
    "/var/crash/kdump_lock": ("", CRASHED + 130),
    "/var/log/kern.log": ("Nov 24 05:38:11 db7 kernel: BUG\n", CRASHED + 150),
    "/var/log/kern.log.1": ("Nov 20\n", CRASHED - 2 * 86400),
    "/var/log/kern.log.4.gz": (b"\x1f\x8b", CRASHED - 60 * 86400),
    "/var/log/dpkg.log": ("2026-11-23 upgrade\n", CRASHED - 80000),
    "/var/log/apt/history.log": ("Start-Date: 2026-11-23\n", CRASHED - 80000),
    "/var/lib/dpkg/status": ("Package: linux-image\n", CRASHED - 80000),
    "/var/log/sysstat/sa24": (b"\x96\xd5", CRASHED),
    "/var/log/atop/atop_20261124": (b"atop", CRASHED),
    "/var/lib/rasdaemon/ras-mc_event.db": (b"SQLite format 3\0", CRASHED),
    "/boot/config-6.1.0-9-amd64": ("CONFIG_KEXEC=y\n", 0),
    "/proc/cmdline": ("root=/dev/sda1 crashkernel=256M\n", CRASHED + 130),
    "/var/lib/dkms/nvidia/535/source/dkms.conf": ("PACKAGE_NAME=nvidia\n", 0),
    "/lib/modules/6.1.0-9-amd64/updates/dkms/nvidia.ko": (b"\x7fELF", 0),
    "/sys/devices/system/edac/mc/mc0/ce_count": ("3\n", CRASHED + 130),
    "/sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count": ("3\n", CRASHED + 130),
}

UBUNTU: Tree = {
    **COMMON,
    "/etc/os-release": ("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=24.04\n", 0),
    "/var/crash/202611240538/dump-incomplete": (b"KDUMP   half", CRASHED + 60),
    "/var/crash/202611240538/dmesg.202611240538": ("[ 1.0] general protection fault\n", CRASHED + 10),
    "/var/crash/linux-image-6.8.0-31-generic-202611240538.crash": ("ProblemType: KernelCrash\n", CRASHED + 140),
    "/var/crash/_usr_bin_gedit.1000.crash": ("ProblemType: Crash\n", CRASHED),
}

FEDORA: Tree = {
    **COMMON,
    "/etc/os-release": ("ID=fedora\nVERSION_ID=41\n", 0),
    "/etc/kdump.conf": ("path /var/crash\ncore_collector makedumpfile -l -d 31\n", 0),
    "/var/crash/127.0.0.1-2026-11-24-05:38:11/vmcore": (b"KDUMP   f", CRASHED + 30),
    "/var/crash/127.0.0.1-2026-11-24-05:38:11/vmcore-dmesg.txt": ("[ 1.0] BUG\n", CRASHED + 20),
    "/var/crash/127.0.0.1-2026-11-24-05:38:11/kexec-dmesg.log": ("[ 0.0] Linux\n", CRASHED + 40),
    "/var/crash/127.0.0.1-2026-09-01-00:00:00/vmcore": (b"KDUMP   old", CRASHED - 84 * 86400),
    "/var/log/messages": ("Nov 24 kernel: BUG\n", CRASHED),
    "/var/log/sa/sa24": (b"\x96\xd5", CRASHED),
    "/var/log/dnf.rpm.log": ("Upgraded: kernel\n", CRASHED - 80000),
    "/var/lib/rpm/rpmdb.sqlite": (b"SQLite format 3\0", CRASHED - 80000),
    "/var/spool/abrt/vmcore-127.0.0.1-2026-11-24-05:38:11/backtrace": ("BUG\n", CRASHED + 200),
    "/var/spool/abrt/vmcore-127.0.0.1-2026-11-24-05:38:11/vmcore": (b"KDUMP   f", CRASHED + 30),
    "/var/spool/abrt/ccpp-2026-11-24-05:38:11-1/coredump": (b"\x7fELF", CRASHED),
}

FEDORA_FULL_DISK: Tree = {
    **COMMON,
    "/etc/os-release": ("ID=rhel\nVERSION_ID=9.4\n", 0),
    "/etc/kdump.conf": ("path /crashes\n", 0),
    "/crashes/127.0.0.1-2026-11-24-05:38:11/vmcore-incomplete": (b"KDUMP   half", CRASHED + 30),
    "/crashes/127.0.0.1-2026-11-24-05:38:11/vmcore-dmesg.txt": ("[ 1.0] BUG\n", CRASHED + 20),
}

SUSE: Tree = {
    **COMMON,
    "/etc/os-release": ("ID=opensuse-leap\nID_LIKE=suse\nVERSION_ID=15.6\n", 0),
    "/etc/sysconfig/kdump": ('KDUMP_SAVEDIR="file:///srv/crash"\n', 0),
    "/srv/crash/2026-11-24-05:38/vmcore": (b"KDUMP   s", CRASHED + 30),
    "/srv/crash/2026-11-24-05:38/dmesg.txt": ("[ 1.0] BUG\n", CRASHED + 30),
    "/srv/crash/2026-11-24-05:38/README.txt": ("Kernel crashdump\n", CRASHED + 30),
    "/srv/crash/2026-11-24-05:38/vmlinux-6.4.0-default.gz": (b"\x1f\x8b", CRASHED + 30),
    "/srv/crash/2026-11-24-05:38/System.map-6.4.0-default": ("0 T _stext\n", CRASHED + 30),
    "/srv/crash/2026-10-01-00:00/vmcore": (b"KDUMP   old", CRASHED - 54 * 86400),
    "/var/log/zypp/history": ("2026-11-23|install|kernel\n", CRASHED - 80000),
}
