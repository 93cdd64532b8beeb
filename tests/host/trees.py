"""Machines as file trees: five distributions that are ready for a crash, to be changed by each test."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from lastwords.host.command import Ran
from lastwords.host.machine import Host
from lastwords.host.root import Root

GIB = 1 << 30
BUILD_ID = "3b43fad5034874490492495d552c0af6a5fab235"
MODULE_ID = "00112233445566778899aabbccddeeff00112233"
LONG_AGO, BEFORE, NOW = 1_700_000_000, 1_710_000_000, 1_720_000_000


class TreeRoot(Root):
    """A root whose free space is what the test says."""

    free = 200 * GIB
    inodes = 1_000_000

    def room(self, path: str) -> os.statvfs_result | None:
        blocks = self.free // 4096
        return os.statvfs_result((4096, 4096, blocks, blocks, blocks, self.inodes, self.inodes, self.inodes, 0, 255))


class Tree:
    """Files below a directory, and answers of commands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.commands: dict[str, str | Ran] = {}
        self.free = TreeRoot.free
        self.inodes = TreeRoot.inodes
        self.release = ""

    def at(self, path: str) -> Path:
        return self.directory / path.lstrip("/")

    def write(self, path: str, content: str | bytes = "", *, at: float = BEFORE, mode: int = 0o644) -> Self:
        file = self.at(path)
        file.unlink(missing_ok=True) if file.parent.is_dir() else file.parent.mkdir(parents=True)
        fd = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
        os.write(fd, content.encode() if isinstance(content, str) else content)
        os.close(fd)
        if mode != 0o644:
            file.chmod(mode)
        os.utime(file, (at, at))
        return self

    def big(self, path: str, size: int, *, at: float = BEFORE, mode: int = 0o644) -> Self:
        """A file of that size that takes no room."""
        self.write(path, b"", mode=mode)
        os.truncate(self.at(path), size)
        os.utime(self.at(path), (at, at))
        return self

    def add(self, path: str, text: str) -> Self:
        file = self.at(path)
        return self.write(path, (file.read_text() if file.exists() else "") + text)

    def swap(self, path: str, old: str, new: str) -> Self:
        text = self.at(path).read_text()
        assert old in text, f"{old!r} is not in {path}"
        return self.write(path, text.replace(old, new))

    def link(self, path: str, target: str) -> Self:
        file = self.at(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.symlink_to(target)
        return self

    def mkdir(self, path: str, mode: int = 0o755) -> Self:
        self.at(path).mkdir(parents=True, exist_ok=True)
        self.at(path).chmod(mode)
        return self

    def remove(self, *paths: str) -> Self:
        for path in paths:
            file = self.at(path)
            assert file.is_symlink() or file.exists(), path
            if file.is_dir() and not file.is_symlink():
                for below in sorted(file.rglob("*"), reverse=True):
                    below.rmdir() if below.is_dir() and not below.is_symlink() else below.unlink()
                file.rmdir()
            else:
                file.unlink()
        return self

    def sysctl(self, name: str, value: str | None) -> Self:
        path = f"/proc/sys/{name.replace('.', '/')}"
        return self.write(path, f"{value}\n") if value is not None else self.remove(path)

    def program(self, *names: str) -> Self:
        for name in names:
            self.write(f"/usr/bin/{name}", "#!", mode=0o755)
        return self

    def says(self, command: str, answer: str | Ran) -> Self:
        """What a command answers; of those that begin the command line the longest counts."""
        self.commands[command] = answer
        return self

    def unit(self, name: str, **state: str) -> Self:
        given = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", **state}
        return self.says(f"systemctl show {name} ", "".join(f"{key}={value}\n" for key, value in given.items()))

    def argument(self, text: str) -> Self:
        return self.add("/proc/cmdline", f" {text}")

    def root(self, *, commands: bool = True) -> TreeRoot:
        root = TreeRoot(self.directory, runner=self._run if commands else None)
        root.free, root.inodes = self.free, self.inodes
        return root

    def host(self) -> Host:
        return Host(self.root())

    def _run(self, argv: Sequence[str], seconds: float, limit: int) -> Ran:
        line = " ".join(argv) + " "
        fitting = [command for command in self.commands if line.startswith(command)]
        if not fitting:
            raise FileNotFoundError(argv[0])
        answer = self.commands[max(fitting, key=len)]
        return Ran(status=0, out=answer.encode()) if isinstance(answer, str) else answer


def note(build_id: str) -> bytes:
    """A GNU build ID as an ELF note."""
    data = bytes.fromhex(build_id)
    return (4).to_bytes(4, "little") + len(data).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"GNU\0" + data


def elf(build_id: str, machine: int = 62) -> bytes:
    """A 64-bit ELF file with one program header: the build ID's note."""
    data = note(build_id)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + (2).to_bytes(2, "little") + machine.to_bytes(2, "little")
    head += (1).to_bytes(4, "little") + bytes(8) + (64).to_bytes(8, "little") + bytes(8) + bytes(4)
    head += b"".join(number.to_bytes(2, "little") for number in (64, 56, 1, 64, 0, 0))
    program = (4).to_bytes(4, "little") + bytes(4) + (120).to_bytes(8, "little") + bytes(16)
    program += len(data).to_bytes(8, "little") * 2 + (4).to_bytes(8, "little")
    return head + program + data


KERNEL_OPTIONS = (
    "KEXEC KEXEC_FILE CRASH_DUMP PROC_VMCORE RELOCATABLE DEBUG_INFO DEBUG_INFO_BTF KALLSYMS KALLSYMS_ALL STACKTRACE"
)

SYSCTLS = {
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.panic_on_warn": "0",
    "kernel.unknown_nmi_panic": "1",
    "kernel.panic_on_unrecovered_nmi": "0",
    "kernel.panic_on_io_nmi": "0",
    "kernel.hung_task_panic": "0",
    "kernel.hung_task_timeout_secs": "120",
    "kernel.softlockup_panic": "0",
    "kernel.hardlockup_panic": "1",
    "kernel.nmi_watchdog": "1",
    "kernel.watchdog_thresh": "10",
    "kernel.panic_on_rcu_stall": "0",
    "kernel.oops_limit": "10000",
    "kernel.warn_limit": "0",
    "kernel.panic_print": "0",
    "vm.panic_on_oom": "0",
    "kernel.oops_all_cpu_backtrace": "0",
    "kernel.softlockup_all_cpu_backtrace": "1",
    "kernel.hardlockup_all_cpu_backtrace": "0",
    "kernel.hung_task_all_cpu_backtrace": "0",
    "kernel.kexec_load_disabled": "0",
    "kernel.sysrq": "1",
    "kernel.printk": "7 4 1 7",
    "kernel.tainted": "0",
    "kernel.hostname": "web7",
}

_MEMINFO = """\
MemTotal:       16000000 kB
MemFree:         4000000 kB
Buffers:          200000 kB
Cached:          6000000 kB
SwapCached:            0 kB
AnonPages:       3000000 kB
Shmem:            500000 kB
Hugetlb:               0 kB
"""


def running(tree: Tree, release: str) -> Tree:
    """What the kernel of a running bare-metal machine shows, whatever the distribution."""
    tree.release = release
    tree.write("/bin/sh", elf(BUILD_ID), mode=0o755)
    for name, value in SYSCTLS.items():
        tree.sysctl(name, value)
    tree.sysctl("kernel.osrelease", release)
    tree.write(
        "/etc/sysctl.d/99-lastwords.conf",
        "kernel.panic = 10\nkernel.panic_on_oops=1\nkernel.unknown_nmi_panic = 1\nkernel.hardlockup_panic = 1\n",
    )
    tree.write("/proc/cmdline", f"BOOT_IMAGE=/vmlinuz-{release} root=/dev/sda2 ro crashkernel=512M")
    tree.write("/proc/meminfo", _MEMINFO)
    tree.write("/proc/cpuinfo", "flags\t\t: fpu vme de pse\n")
    tree.write("/proc/modules", "ext4 1000 1 - Live 0x0\nahci 1000 1 - Live 0x0\nsd_mod 1000 1 - Live 0x0\n")
    tree.write(
        "/proc/iomem",
        "00001000-0009ffff : System RAM\n00100000-3ffffffff : System RAM\n"
        "  01000000-01ffffff : Kernel code\n  02000000-02ffffff : Kernel data\n"
        "  30000000-4fffffff : Crash kernel\n",
    )
    tree.write(
        "/proc/consoles", "tty0                 -WU (EC  p  )    4:7\nttyS0                -W- (EC  p a)    4:64\n"
    )
    tree.write(
        "/proc/self/mounts",
        "/dev/sda2 / ext4 rw,relatime 0 0\ntmpfs /run tmpfs rw 0 0\npstore /sys/fs/pstore pstore rw 0 0\n",
    )
    tree.write("/sys/kernel/kexec_crash_loaded", "1\n").write("/sys/kernel/kexec_crash_size", f"{512 << 20}\n")
    tree.write("/sys/kernel/notes", note(BUILD_ID)).write("/sys/kernel/btf/vmlinux", "BTF")
    tree.write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
    tree.write("/sys/devices/system/memory/crash_hotplug", "1\n")
    tree.mkdir("/sys/firmware/efi")
    tree.write("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\0")
    tree.write("/sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\0")
    tree.write("/sys/module/pstore/parameters/backend", "efi_pstore\n")
    tree.write("/sys/module/pstore/parameters/kmsg_bytes", "10240\n")
    tree.write("/sys/module/kernel/parameters/crash_kexec_post_notifiers", "N\n")
    tree.write("/sys/devices/system/edac/mc/mc0/mc_name", "Skylake Socket#0 IMC#0\n")
    tree.write("/sys/devices/system/edac/mc/mc0/ce_count", "0\n").write(
        "/sys/devices/system/edac/mc/mc0/ue_count", "0\n"
    )
    _disk(tree)
    tree.write("/sys/module/ext4/notes/.note.gnu.build-id", note(MODULE_ID))
    for build_id in (BUILD_ID, MODULE_ID):
        tree.write(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug", "")
    tree.write("/etc/debuginfod/x.urls", "https://debuginfod.example/\n")
    tree.mkdir("/var/log/journal")
    tree.write(f"/boot/config-{release}", "".join(f"CONFIG_{name}=y\n" for name in KERNEL_OPTIONS.split()))
    tree.big(f"/boot/vmlinuz-{release}", 8 << 20, at=LONG_AGO)
    tree.write(f"/lib/modules/{release}/modules.builtin", "kernel/fs/fuse/fuse.ko\n")
    tree.write("/etc/crypttab", "")
    tree.program("makedumpfile", "kexec", "crash")
    tree.says("dmesg ", "[    0.000000] Linux version 6.1 (gcc)\n")
    tree.says("makedumpfile -v ", "makedumpfile: version 1.7.2 (released on 20 Oct 2022)\n")
    tree.says("makedumpfile --check-params ", "")
    tree.unit("systemd-pstore.service").unit("rasdaemon.service")
    return tree


def _disk(tree: Tree) -> None:
    """sda2 on a SATA disk: its drivers are found through sysfs."""
    device = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/target0:0:0/0:0:0:0"
    tree.mkdir(f"{device}/block/sda/sda2")
    tree.link("/sys/class/block/sda2", f"../..{device.removeprefix('/sys')}/block/sda/sda2")
    tree.mkdir("/sys/module/ahci").mkdir("/sys/module/sd_mod")
    tree.link("/sys/devices/pci0000:00/0000:00:1f.2/driver", "../../../bus/pci/drivers/ahci")
    tree.mkdir("/sys/bus/pci/drivers/ahci").link("/sys/bus/pci/drivers/ahci/module", "../../../../module/ahci")
    tree.link(f"{device}/driver", "../../../../../../bus/scsi/drivers/sd")
    tree.mkdir("/sys/bus/scsi/drivers/sd").link("/sys/bus/scsi/drivers/sd/module", "../../../../module/sd_mod")
    tree.write("/dev/sda2", "")


_LISTING = "usr/lib/modules/{release}/kernel/{path}.ko.xz\n"


def _listing(tree: Tree, tool: str) -> None:
    paths = ("fs/ext4/ext4", "drivers/ata/ahci", "drivers/scsi/sd_mod")
    tree.program(tool).says(f"{tool} ", "".join(_LISTING.format(release=tree.release, path=path) for path in paths))


def debian12(tree: Tree) -> Tree:
    running(tree, "6.1.0-28-amd64")
    tree.write(
        "/etc/os-release", 'ID=debian\nVERSION_ID="12"\nNAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
    )
    return _kdump_tools(tree)


def ubuntu2404(tree: Tree) -> Tree:
    running(tree, "6.8.0-49-generic")
    tree.write("/etc/os-release", 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n')
    tree.says("makedumpfile -v ", "makedumpfile: version 1.7.4 (released on 6 Nov 2023)\n")
    return _kdump_tools(tree)


def _kdump_tools(tree: Tree) -> Tree:
    release = tree.release
    tree.program("apt-get")
    tree.write("/etc/default/kdump-tools", 'USE_KDUMP=1\nKDUMP_COREDIR="/var/crash"\n#MAKEDUMP_ARGS="-c -d 31"\n')
    tree.big(f"/var/lib/kdump/initrd.img-{release}", 20 << 20)
    tree.link("/var/lib/kdump/initrd.img", f"/var/lib/kdump/initrd.img-{release}")
    tree.link("/var/lib/kdump/vmlinuz", f"/boot/vmlinuz-{release}")
    tree.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n')
    tree.write(
        "/etc/default/grub.d/kdump-tools.cfg",
        'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=512M"\n',
    )
    tree.write(
        "/boot/grub/grub.cfg",
        f"menuentry 'GNU/Linux' {{\n\tlinux\t/boot/vmlinuz-{release} root=/dev/sda2 ro crashkernel=512M\n}}\n"
        f"menuentry 'GNU/Linux (recovery mode)' {{\n\tlinux /boot/vmlinuz-{release} root=/dev/sda2 ro single\n}}\n",
    )
    tree.write("/usr/lib/udev/rules.d/50-kdump-tools.rules", "")
    tree.mkdir("/var/crash", 0o700).mkdir("/var/crash/202403091600")
    tree.big("/var/crash/202403091600/dump.202403091600", 300 << 20, at=NOW, mode=0o600)
    tree.unit("kdump-tools.service")
    _listing(tree, "lsinitramfs")
    return tree


def rhel9(tree: Tree) -> Tree:
    running(tree, "5.14.0-503.11.1.el9_5.x86_64")
    tree.write(
        "/etc/os-release", 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.5"\nPRETTY_NAME="Red Hat Enterprise Linux 9.5"\n'
    )
    return _kdump_conf(tree)


def fedora41(tree: Tree) -> Tree:
    running(tree, "6.11.4-301.fc41.x86_64")
    tree.write("/etc/os-release", 'ID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora Linux 41 (Server Edition)"\n')
    return _kdump_conf(tree)


def _kdump_conf(tree: Tree) -> Tree:
    release = tree.release
    tree.program("dnf", "grubby")
    tree.says("makedumpfile -v ", "makedumpfile: version 1.7.6 (released on 29 Oct 2024)\n")
    tree.write("/etc/kdump.conf", "path /var/crash\ncore_collector makedumpfile -l --message-level 7 -d 31\n")
    tree.write(
        "/etc/sysconfig/kdump",
        'KDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz slub_debug quiet"\n'
        'KDUMP_COMMANDLINE_APPEND="irqpoll nr_cpus=1 reset_devices"\n',
    )
    tree.big(f"/boot/initramfs-{release}kdump.img", 30 << 20)
    tree.write(
        f"/boot/loader/entries/0123-{release}.conf",
        f"title Linux ({release})\nversion {release}\nlinux /vmlinuz-{release}\n"
        "options root=/dev/sda2 ro crashkernel=512M\n",
    )
    tree.write("/boot/loader/entries/0123-0-rescue.conf", "title Linux (0-rescue)\noptions root=/dev/sda2 ro\n")
    tree.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX="crashkernel=512M"\n')
    tree.write("/etc/fstab", "/dev/sda2 / ext4 defaults 0 0\n").mkdir("/etc/kdump/pre.d").mkdir("/etc/kdump/post.d")
    for path in ("/etc/kdump/pre.d", "/etc/kdump/post.d"):
        os.utime(tree.at(path), (LONG_AGO, LONG_AGO))
    tree.write("/usr/lib/udev/rules.d/98-kexec.rules", "")
    tree.mkdir("/var/crash").big("/var/crash/127.0.0.1-2024-03-09-16:00:00/vmcore", 300 << 20, at=NOW, mode=0o600)
    tree.unit("kdump.service")
    _listing(tree, "lsinitrd")
    return tree


def suse15(tree: Tree) -> Tree:
    release = "6.4.0-150600.23.25-default"
    running(tree, release)
    tree.write(
        "/etc/os-release",
        'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.6"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP6"\n',
    )
    tree.program("zypper")
    tree.says("makedumpfile -v ", "makedumpfile: version 1.7.4 (released on 6 Nov 2023)\n")
    tree.write(
        "/etc/sysconfig/kdump",
        'KDUMP_SAVEDIR="/var/crash"\nKDUMP_DUMPLEVEL=31\nKDUMP_KEEP_OLD_DUMPS=5\nKDUMP_FREE_DISK_SIZE=64\n'
        'KDUMP_IMMEDIATE_REBOOT="yes"\nKDUMP_CONTINUE_ON_ERROR="true"\nKDUMP_DUMPFORMAT="compressed"\n',
    )
    tree.big("/var/lib/kdump/initrd", 20 << 20).link("/var/lib/kdump/kernel", f"/boot/vmlinuz-{release}")
    tree.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet crashkernel=512M"\n')
    tree.write(
        "/boot/grub2/grub.cfg",
        f"menuentry 'SLES'  --class os {{\n\tlinux\t/boot/vmlinuz-{release} root=/dev/sda2 crashkernel=512M\n}}\n",
    )
    tree.write("/etc/fstab", "/dev/sda2 / ext4 defaults 0 0\n")
    tree.write("/usr/lib/udev/rules.d/70-kdump.rules", "")
    tree.mkdir("/var/crash", 0o700).big("/var/crash/2024-03-09-16:00/vmcore", 300 << 20, at=NOW, mode=0o600)
    tree.unit("kdump.service")
    _listing(tree, "lsinitrd")
    return tree


def arch(tree: Tree) -> Tree:
    """As the wiki's page on kdump has it: a unit of one's own, and no configuration of kdump."""
    running(tree, "6.11.9-arch1-1")
    tree.write("/etc/os-release", 'ID=arch\nPRETTY_NAME="Arch Linux"\n').program("pacman")
    tree.says("makedumpfile -v ", "makedumpfile: version 1.7.6 (released on 29 Oct 2024)\n")
    tree.write("/etc/systemd/system/kdump.service", "[Service]\nExecStart=/usr/bin/kexec -p /boot/vmlinuz-linux\n")
    tree.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet crashkernel=512M"\n')
    tree.write(
        "/boot/grub/grub.cfg", "menuentry 'Arch Linux' {\n linux /vmlinuz-linux root=/dev/sda2 crashkernel=512M\n}\n"
    )
    tree.unit("kdump.service")
    return tree


DISTRIBUTIONS: dict[str, Callable[[Tree], Tree]] = {
    "debian12": debian12,
    "ubuntu2404": ubuntu2404,
    "rhel9": rhel9,
    "fedora41": fedora41,
    "suse15": suse15,
    "arch": arch,
}
