"""How the kernel was built and set: its configuration, command line and sysctls, and what kdump was told."""

from .collector import collector
from .take import Take

FILES = (
    "/proc/cmdline",
    "/proc/version",
    "/proc/version_signature",
    "/proc/iomem",
    "/proc/consoles",
    "/proc/mounts",
    "/proc/swaps",
    "/proc/config.gz",
    "/etc/sysctl.conf",
    "/etc/default/grub",
    "/etc/kernel/cmdline",
    "/etc/kdump.conf",
    "/etc/default/kdump-tools",
    "/etc/sysconfig/kdump",
    "/etc/systemd/pstore.conf",
    "/etc/systemd/journald.conf",
    "/etc/fstab",
)
_DEPTHS = ("*", "*/*", "*/*/*")
SYSCTLS = (
    *(f"/proc/sys/{area}/{depth}" for area in ("kernel", "vm", "fs", "dev") for depth in _DEPTHS),
    "/proc/sys/net/core/*",
    "/proc/sys/net/ipv4/*",
    "/proc/sys/net/netfilter/*",
)
STATE = (
    "/sys/kernel/kexec_crash_*",
    "/sys/kernel/kexec_loaded",
    "/sys/kernel/fadump/*",
    "/sys/kernel/security/lockdown",
    "/sys/module/pstore/parameters/*",
    "/sys/module/printk/parameters/*",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/power/state",
)
_RANDOM = ("random/", "stable_secret")
"""Each read of some gives another value, and secrets explain no crash."""


@collector("settings", "config", "kernel configuration, command line and sysctls", order=120, timeout=60)
def settings(take: Take) -> None:
    """Of the configurations in /boot, those of the newest kernels: the crashed one need not be the running one."""
    for path in FILES:
        take.file(path)
    take.files("/boot/config-*", "/usr/lib/modules/*/config", "/lib/modules/*/config", newest=6)
    take.files(
        "/etc/sysctl.d/*.conf", "/usr/lib/sysctl.d/*.conf", "/etc/default/grub.d/*.cfg", "/boot/loader/entries/*.conf"
    )
    take.small_files("sysctl.txt", SYSCTLS, without=lambda path: any(part in path for part in _RANDOM))
    take.small_files("kernel-state.txt", STATE)
