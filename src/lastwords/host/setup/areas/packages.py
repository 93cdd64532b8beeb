"""Kdump's packages and its service, by the distribution's own means."""

import re
from collections.abc import Iterator, Sequence

from lastwords.host.distribution import Distribution
from lastwords.host.machine import Host
from lastwords.host.setup.plan import Action, Command, Edit
from lastwords.host.setup.steps import AfterReboot, CannotDo, step
from lastwords.model.readiness import Check

# A package is there if its program is.
_PROGRAMS = {
    "kdump-tools": "kdump-config",
    "kdump-utils": "kdumpctl",
    "kexec-tools": "kexec",
    "makedumpfile": "makedumpfile",
    "kdump": "mkdumprd",
}

# Not in Arch's own repositories: the script that saves the dump does without.
_LESS = {"arch": ("makedumpfile",)}

_QUIET = ("env", "DEBIAN_FRONTEND=noninteractive")
_INSTALL: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "apt-get": ((*_QUIET, "apt-get", "install", "-y"), (*_QUIET, "apt-get", "purge", "-y")),
    "dnf": (("dnf", "install", "-y"), ("dnf", "remove", "-y")),
    "yum": (("yum", "install", "-y"), ("yum", "remove", "-y")),
    "tdnf": (("tdnf", "install", "-y"), ("tdnf", "remove", "-y")),
    "microdnf": (("microdnf", "install", "-y"), ("microdnf", "remove", "-y")),
    "rpm-ostree": (("rpm-ostree", "install", "--idempotent"), ("rpm-ostree", "uninstall")),
    "zypper": (("zypper", "--non-interactive", "install"), ("zypper", "--non-interactive", "remove")),
    "transactional-update": (
        ("transactional-update", "--continue", "--non-interactive", "pkg", "install"),
        ("transactional-update", "--continue", "--non-interactive", "pkg", "remove"),
    ),
    "pacman": (("pacman", "-S", "--noconfirm", "--needed"), ("pacman", "-R", "--noconfirm")),
}


def packages(distribution: Distribution) -> tuple[str, ...]:
    """What kdump takes on a distribution."""
    less = _LESS.get(distribution.family, ())
    return tuple(name for name in distribution.kdump.packages if name not in less)


def missing(host: Host) -> tuple[str, ...]:
    """Those of them that are not installed."""
    return tuple(name for name in packages(host.distribution) if not host.root.which(_PROGRAMS.get(name, name)))


@step("kdump-service", "crash-kernel-loaded", "crashkernel-reserved", "dump-target", "makedumpfile")
def install(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Install what is missing."""
    wanted = missing(host)
    if not wanted:
        return
    manager = host.distribution.package_manager
    if manager not in _INSTALL:
        raise CannotDo(f"how this distribution installs packages is not known: install {' '.join(wanted)}")
    put, take = _INSTALL[manager]
    if manager == "apt-get" and not any(name.endswith("_Packages") for name in host.root.names("/var/lib/apt/lists")):
        yield Command(argv=("apt-get", "update"), why="There are no package lists yet.", stage="install")
    yield Command(
        argv=(*put, *wanted),
        undo=(*take, *wanted),
        why="They load the crash kernel at each boot, and save the dump.",
        stage="install",
    )


@step("kdump-service")
def switched_on(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """USE_KDUMP=1 in Debian's settings."""
    path = "/etc/default/kdump-tools"
    before = host.root.text(path) if host.distribution.family == "debian" else None
    settings = host.dump_settings
    if before is None or settings is None or settings.enabled:
        return
    text = host.root.read(path).decode(errors="surrogateescape")
    after, count = re.subn(r"^[ \t]{0,20}USE_KDUMP=.{0,80}$", "USE_KDUMP=1", text, flags=re.M)
    yield Edit(
        path=path,
        before=text,
        after=after if count else f"{text.rstrip()}\nUSE_KDUMP=1\n",
        why="With any other value kdump-tools loads nothing.",
    )


@step("kdump-service", "crash-kernel-loaded")
def service(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Enable the service; start it where memory is reserved for what it loads."""
    if host.distribution.family == "arch":
        return  # its units are files of ours: arch.py
    name = host.distribution.kdump.service
    unit = host.unit(name)
    if unit.get("UnitFileState") == "masked" or unit.get("LoadState") == "masked":
        yield Command(
            argv=("systemctl", "unmask", name), undo=("systemctl", "mask", name), why="A masked service never runs."
        )
    new = unit.get("LoadState") == "not-found"
    # Debian's package enables its service itself.
    if not (new and host.distribution.family == "debian") and unit.get("UnitFileState") not in _RUNS_AT_BOOT:
        yield Command(
            argv=("systemctl", "enable", name),
            undo=("systemctl", "disable", name),
            why="It loads the crash kernel at each boot.",
        )
    if not host.crash_size:
        # Where nothing is to be done, the boot that reserves memory brings it.
        if not new and unit.get("UnitFileState") in _RUNS_AT_BOOT:
            raise AfterReboot
    elif not new:
        yield Command(argv=("systemctl", "restart", name), why="Memory is reserved, so the crash kernel can load now.")


_RUNS_AT_BOOT = ("enabled", "enabled-runtime", "static", "generated")


@step("crash-initrd", "crash-kernel-release", "crash-initrd-current", "crash-initrd-drivers")
def rebuild(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Build the crash initrd anew, by the distribution's command. Without reserved memory the next boot does it."""
    if not host.crash_size and not missing(host):
        raise AfterReboot
    if not missing(host) and host.distribution.family in ("debian", "fedora", "suse"):
        yield Command(
            argv=("sh", "-c", host.distribution.kdump.rebuild),
            why="The crash kernel's initrd is missing, old, or lacks something.",
        )
