"""Machines as they are installed, with nothing done for kdump: the files that a set-up reads, by distribution."""

from pathlib import Path

CMDLINE = "root=/dev/sda2 ro quiet"
DEBIAN_GRUB = 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n'
BLS = f"title Linux\nversion 6.1\nlinux /vmlinuz-6.1\noptions {CMDLINE}\n"

_RUNNING = {
    "/proc/cmdline": f"BOOT_IMAGE=/vmlinuz {CMDLINE}\n",
    "/proc/meminfo": "MemTotal:       16000000 kB\nMemFree:         8000000 kB\nCached:          4000000 kB\n",
    "/proc/sys/kernel/hostname": "web7\n",
    "/proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
    "/proc/sys/kernel/panic": "0\n",
    "/proc/sys/kernel/panic_on_oops": "0\n",
    "/proc/sys/kernel/unknown_nmi_panic": "0\n",
    "/proc/sys/kernel/sysrq": "438\n",
    "/sys/kernel/kexec_crash_size": "0\n",
    "/sys/kernel/kexec_crash_loaded": "0\n",
}

_OS = "ID={}\nVERSION_ID={}\nPRETTY_NAME={}\n"

BARE: dict[str, dict[str, str]] = {
    "debian": {
        "/etc/os-release": _OS.format("debian", "12", '"Debian GNU/Linux 12"'),
        "/etc/default/grub": DEBIAN_GRUB,
        "/boot/grub/grub.cfg": f"menuentry 'Debian' {{\n  linux /vmlinuz {CMDLINE}\n}}\n",
        "/usr/bin/apt-get": "#!",
        "/var/lib/apt/lists/deb_Packages": "",
    },
    "fedora": {
        "/etc/os-release": _OS.format("fedora", "42", '"Fedora Linux 42"'),
        "/etc/default/grub": f'GRUB_CMDLINE_LINUX="{CMDLINE}"\n',
        "/boot/loader/entries/a-6.1.conf": BLS,
        "/usr/bin/dnf": "#!",
        "/usr/sbin/grubby": "#!",
    },
    "rhel9": {
        "/etc/os-release": _OS.format("rhel", "9.4", '"Red Hat Enterprise Linux 9.4"'),
        "/etc/default/grub": f'GRUB_CMDLINE_LINUX="{CMDLINE}"\n',
        "/boot/loader/entries/a-6.1.conf": BLS,
        "/usr/bin/dnf": "#!",
        "/usr/sbin/grubby": "#!",
    },
    "ostree": {
        "/etc/os-release": _OS.format("fedora", "42", '"Fedora CoreOS 42"'),
        "/run/ostree-booted": "",
        "/usr/bin/rpm-ostree": "#!",
        "/boot/loader/entries/a-6.1.conf": BLS,
    },
    "suse": {
        "/etc/os-release": _OS.format("opensuse-leap", "15.6", '"openSUSE Leap 15.6"'),
        "/etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="splash=silent quiet"\n',
        "/boot/grub2/grub.cfg": f"menuentry 'openSUSE' {{\n  linux /boot/vmlinuz {CMDLINE}\n}}\n",
        "/usr/bin/zypper": "#!",
    },
    "s390x": {
        "/etc/os-release": _OS.format("sles", "15.6", '"SUSE Linux Enterprise Server 15 SP6"'),
        "/etc/zipl.conf": f'[linux]\n  image=/boot/image\n  parameters="{CMDLINE}"\n',
        "/usr/bin/zypper": "#!",
    },
    "arch": {
        "/etc/os-release": 'ID=arch\nPRETTY_NAME="Arch Linux"\n',
        "/etc/default/grub": "GRUB_CMDLINE_LINUX_DEFAULT='loglevel=3 quiet'\n",
        "/boot/grub/grub.cfg": f"menuentry 'Arch' {{\n  linux /vmlinuz-linux {CMDLINE}\n}}\n",
        "/boot/vmlinuz-linux": "x",
        "/usr/bin/pacman": "#!",
    },
    "systemd-boot": {
        "/etc/os-release": 'ID=arch\nPRETTY_NAME="Arch Linux"\n',
        "/etc/kernel/cmdline": f"{CMDLINE}\n",
        "/boot/loader/entries/arch.conf": BLS,
        "/boot/vmlinuz-linux-lts": "x",
        "/usr/bin/pacman": "#!",
    },
}


def lay_out(directory: Path, name: str) -> Path:
    """Write one of them below a directory."""
    for path, text in (_RUNNING | BARE[name]).items():
        file = directory / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if text == "#!":
            file.chmod(0o755)
    return directory
