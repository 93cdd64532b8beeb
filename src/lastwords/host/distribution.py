"""Which distribution this is, and what kdump, packages and the boot loader are called on it.

Names come from the packages themselves: Debian's and Ubuntu's kdump-tools, Fedora's and RHEL's kexec-tools and
kdump-utils, SUSE's kdump, and the Arch wiki's page on kdump. os-release is described in os-release(5).
"""

import re
import shlex
from typing import Literal

import msgspec

from lastwords.model.oops import Struct

from .root import NoRight, Root

Family = Literal["debian", "fedora", "suse", "arch", ""]
BootLoader = Literal["grub", "grubby", "rpm-ostree", "kernel-install", "zipl", ""]


class Kdump(Struct, frozen=True, kw_only=True):
    """What kdump is called in a family. `{release}` in paths stands for `uname -r`.

    Attributes:
        packages: what to install for it.
        service: the systemd unit that loads the crash kernel.
        config: the file that says where dumps go.
        settings: the file with the capture kernel's command line; often the same.
        initrds: where its initrd may be, the likeliest first.
        directory: where dumps go unless the configuration says otherwise.
        rebuild: commands that build the initrd anew and load it.
        check: the distribution's own command that says whether it is ready.
    """

    packages: tuple[str, ...]
    service: str
    config: str
    settings: str
    initrds: tuple[str, ...]
    directory: str = "/var/crash"
    rebuild: str
    check: str = ""


class Distribution(Struct, frozen=True, kw_only=True):
    """A distribution, as far as fixes need to know it.

    Attributes:
        id: os-release's ID: `debian`, `rhel`, `opensuse-leap`; empty where it is not known.
        version: its VERSION_ID, may be empty (Arch, Debian unstable).
        name: as the user knows it.
        family: whose names it uses; empty where it is not known.
        package_manager: the program that installs: `apt-get`, `dnf`, `zypper`, `pacman`, `rpm-ostree`, …
        boot_loader: what keeps the kernel's command line.
        grub_update: the command after a change of /etc/default/grub, empty where there is none.
        grub_drop_ins: /etc/default/grub.d/*.cfg is read (Debian's update-grub does).
        kdump: names of kdump.
    """

    id: str = ""
    version: str = ""
    name: str = "distribution not known"
    family: Family = ""
    package_manager: str = ""
    boot_loader: BootLoader = ""
    grub_update: tuple[str, ...] = ()
    grub_drop_ins: bool = False
    kdump: Kdump

    @property
    def major(self) -> int:
        """The version's first number, 0 where it has none."""
        found = re.match(r"\d{1,6}", self.version)
        return int(found[0]) if found else 0

    def install(self, *packages: str) -> str:
        """The command that installs packages."""
        verb = _INSTALL.get(self.package_manager)
        return f"{verb} {' '.join(packages)}" if verb else f"install {', '.join(packages)}"

    def install_kdump(self) -> str:
        """The command that installs kdump."""
        return self.install(*self.kdump.packages)

    def enable(self, service: str = "") -> str:
        """The command that starts a service now and at each boot; kdump's by default."""
        return f"systemctl enable --now {service or self.kdump.service}"

    def set_argument(self, argument: str) -> str:
        """How to put an argument on the command line of the kernels to come: `crashkernel=256M`."""
        if self.boot_loader == "grub" and self.grub_drop_ins:
            name = re.split(r"[=.]", argument, maxsplit=1)[0]
            line = f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT {argument}"'
            file = f"/etc/default/grub.d/zz-{name}.cfg"
            return f"echo {shlex.quote(line)} > {file} && {' '.join(self.grub_update)}"
        if self.boot_loader == "grub":
            return (
                f"add {argument} to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then: {' '.join(self.grub_update)}"
            )
        return _SET_ARGUMENT[self.boot_loader].format(argument=argument)

    def debuginfo(self, release: str) -> str:
        """How to get the debuginfo of a kernel."""
        if self.id == "ubuntu":
            return f"{self.install(f'linux-image-unsigned-{release}-dbgsym')}   # from ddebs.ubuntu.com"
        if self.family == "debian":
            return self.install(f"linux-image-{release}-dbg")
        if self.family == "fedora":
            return f"{self.package_manager or 'dnf'} debuginfo-install kernel-{release}"
        if self.family == "suse":
            flavour = release.rpartition("-")[2] or "default"
            return f"{self.install(f'kernel-{flavour}-debuginfo')}   # with the debug repository enabled"
        server = DEBUGINFOD.get(self.family, "https://debuginfod.elfutils.org")
        return f"export DEBUGINFOD_URLS={server}"


DEBUGINFOD = {
    "debian": "https://debuginfod.debian.net",
    "ubuntu": "https://debuginfod.ubuntu.com",
    "fedora": "https://debuginfod.fedoraproject.org",
    "centos": "https://debuginfod.centos.org",
    "suse": "https://debuginfod.opensuse.org",
    "arch": "https://debuginfod.archlinux.org",
}

_INSTALL = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "yum": "yum install",
    "tdnf": "tdnf install",
    "microdnf": "microdnf install",
    "rpm-ostree": "rpm-ostree install",
    "zypper": "zypper install",
    "transactional-update": "transactional-update pkg install",
    "pacman": "pacman -S",
}

_SET_ARGUMENT: dict[BootLoader, str] = {
    "grubby": "grubby --update-kernel=ALL --args={argument}",
    "rpm-ostree": "rpm-ostree kargs --append={argument}",
    "kernel-install": "add {argument} to /etc/kernel/cmdline, then: kernel-install add-all (or: reinstall the kernel)",
    "zipl": "add {argument} to the parameters line of /etc/zipl.conf, then: zipl",
    "": "add {argument} to the kernel's command line in the boot loader's configuration",
}

_FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("debian", "ubuntu", "raspbian", "linuxmint", "pop", "kali", "proxmox", "devuan"), "debian"),
    **dict.fromkeys(
        ("fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn", "azurelinux", "mariner"), "fedora"
    ),
    **dict.fromkeys(("suse", "opensuse", "sles", "sled", "sle-micro", "sle_hpc", "opensuse-leap"), "suse"),
    **dict.fromkeys(("arch", "archarm", "manjaro", "endeavouros", "steamos", "cachyos"), "arch"),
}

# By family; the first that is there.
_PACKAGE_MANAGERS: dict[Family, tuple[str, ...]] = {
    "debian": ("apt-get",),
    "fedora": ("dnf", "yum", "tdnf", "microdnf"),
    "suse": ("transactional-update", "zypper"),
    "arch": ("pacman",),
    "": ("apt-get", "dnf", "zypper", "pacman"),
}

_KDUMP: dict[Family, Kdump] = {
    "debian": Kdump(
        # kdump-tools only recommends makedumpfile; without it, it "saves" dumps of no bytes and says all is well.
        packages=("kdump-tools", "makedumpfile"),
        service="kdump-tools.service",
        config="/etc/default/kdump-tools",
        settings="/etc/default/kdump-tools",
        initrds=("/var/lib/kdump/initrd.img-{release}", "/var/lib/kdump/initrd.img"),
        rebuild="/etc/kernel/postinst.d/kdump-tools $(uname -r) && kdump-config reload",
        check="kdump-config show",
    ),
    "fedora": Kdump(
        packages=("kexec-tools",),
        service="kdump.service",
        config="/etc/kdump.conf",
        settings="/etc/sysconfig/kdump",
        initrds=("/boot/initramfs-{release}kdump.img", "/var/lib/kdump/initramfs-{release}kdump.img"),
        rebuild="kdumpctl rebuild && kdumpctl restart",
        check="kdumpctl status",
    ),
    "suse": Kdump(
        packages=("kdump", "kexec-tools", "makedumpfile"),
        service="kdump.service",
        config="/etc/sysconfig/kdump",
        settings="/etc/sysconfig/kdump",
        initrds=("/var/lib/kdump/initrd", "/boot/initrd-{release}-kdump"),
        rebuild="mkdumprd -f && systemctl restart kdump.service",
        check="systemctl status kdump.service",
    ),
    # Arch has no kdump service of its own: the wiki's page has one to be written by hand, under this name.
    "arch": Kdump(
        packages=("kexec-tools", "makedumpfile"),
        service="kdump.service",
        config="/etc/systemd/system/kdump.service",
        settings="/etc/systemd/system/kdump.service",
        initrds=("/boot/initramfs-kdump.img", "/boot/initramfs-linux-kdump.img"),
        rebuild="mkinitcpio -P && systemctl restart kdump.service",
    ),
    "": Kdump(
        packages=("kexec-tools", "makedumpfile"),
        service="kdump.service",
        config="/etc/kdump.conf",
        settings="/etc/sysconfig/kdump",
        initrds=(),
        rebuild="build the crash initrd anew and load it with kexec -p",
    ),
}


def distribution(root: Root) -> Distribution:
    """The distribution of a root, from its os-release; one without a family where it is not known."""
    facts = os_release(root)
    ids = [facts.get("ID", "").lower(), *facts.get("ID_LIKE", "").lower().split()]
    family: Family = next((found for name in ids if (found := _family(name))), "")
    version = facts.get("VERSION_ID", "")
    loader = _boot_loader(root, family)
    return Distribution(
        id=ids[0],
        version=version,
        name=facts.get("PRETTY_NAME") or facts.get("NAME") or "distribution not known",
        family=family,
        package_manager=_package_manager(root, family),
        boot_loader=loader,
        grub_update=_grub_update(root, family) if loader == "grub" else (),
        grub_drop_ins=family == "debian",
        kdump=_kdump(family, ids[0], version),
    )


def os_release(root: Root) -> dict[str, str]:
    """The variables of os-release; none where it can't be read."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = root.text(path, 1 << 16)
        except NoRight:
            continue
        if text is not None:
            return shell_variables(text)
    return {}


def shell_variables(text: str) -> dict[str, str]:
    """`NAME=value` lines of a file that a shell would read, quotes taken off; the last of a name counts.

    No expansion: what would need a shell (`$(…)`) stays as it is written.
    """
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s{0,80}(?:export\s{1,8})?([A-Za-z_][A-Za-z0-9_]{0,99})=(.*)", line)
        if match:
            found[match[1]] = _unquoted(match[2])
    return found


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value, comments=True)[:1])
    except ValueError:  # a quote that is not closed
        return value.strip().strip("\"'")


def _family(name: str) -> Family:
    return _FAMILIES.get(name) or ("suse" if name.startswith(("opensuse", "sle")) else "")


def _package_manager(root: Root, family: Family) -> str:
    if family == "fedora" and is_ostree(root):
        return "rpm-ostree"
    candidates = _PACKAGE_MANAGERS[family]
    return next(
        (name for name in candidates if root.which(name)), candidates[-1] if family == "suse" else candidates[0]
    )


def is_ostree(root: Root) -> bool:
    """The system is an ostree deployment: /usr can't be written, and the command line is kept by rpm-ostree."""
    return root.exists("/run/ostree-booted") or root.exists("/ostree/repo")


def _boot_loader(root: Root, family: Family) -> BootLoader:
    if is_ostree(root) and root.which("rpm-ostree"):
        return "rpm-ostree"
    if root.which("grubby") and family == "fedora":
        return "grubby"
    if root.exists("/etc/zipl.conf"):
        return "zipl"
    if root.exists("/etc/default/grub") or root.exists("/boot/grub/grub.cfg") or root.exists("/boot/grub2/grub.cfg"):
        return "grub"
    return "kernel-install" if root.exists("/etc/kernel/cmdline") else ""


def _grub_update(root: Root, family: Family) -> tuple[str, ...]:
    if family == "debian":
        return ("update-grub",)
    two = family in ("fedora", "suse") or root.exists("/boot/grub2")
    return ("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg") if two else ("grub-mkconfig", "-o", "/boot/grub/grub.cfg")


def _kdump(family: Family, name: str, version: str) -> Kdump:
    found = _KDUMP[family]
    major = int(match[0]) if (match := re.match(r"\d{1,6}", version)) else 0
    # Fedora 41 and RHEL 10 split kexec-tools: kdump's scripts and makedumpfile became packages of their own.
    split = major >= 41 if name == "fedora" else major >= 10 and name != "amzn"
    if family == "fedora" and split:
        return msgspec.structs.replace(found, packages=("kdump-utils", "makedumpfile"))
    return found
