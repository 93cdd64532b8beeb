"""Who built a kernel, and the commands that install its debuginfo there.

A kernel tells by its release (`5.14.0-362.el9.x86_64`) and by its banner, which names the user and host that built
it and the compiler (`mockbuild@x64-builder02.almalinux.org`).
"""

import re
from typing import NamedTuple

_BANNER_MAX = 1024
_SAFE_RELEASE = re.compile(r"[\w.+~-]{1,64}", re.ASCII)


class Packages(NamedTuple):
    """How to come by debuginfo.

    Attributes:
        distribution: who built the kernel, or None if that is not known.
        commands: what installs its debuginfo, in order; lines that begin with `#` are for the reader.
    """

    distribution: str | None
    commands: tuple[str, ...]


class _Distribution(NamedTuple):
    """One row: how its kernels are known, and how their debuginfo is installed.

    `release` and `banner` must both be found; groups that they name can be used in `commands`.
    """

    name: str
    release: str
    banner: str
    commands: tuple[str, ...]


# What an rpm of the kernel is called after its flavour: `5.14.0-362.el9.x86_64+rt` is kernel-rt.
_RPM_FLAVOUR = r"(?:\+(?P<flavour>[\w-]{1,32}))?$"
_RHEL = r"\.el(?P<major>\d+)(?P<minor>_\d+)?(?:[\w.]*?)\.(?P<arch>x86_64|aarch64|ppc64le|s390x)" + _RPM_FLAVOUR
_DNF = "sudo dnf --enablerepo='*debug*' install kernel{dash}debuginfo-{rpm}"

# The first row that fits counts, so a rebuild stands before what it is rebuilt from.
_DISTRIBUTIONS = (
    _Distribution(
        "Oracle Linux (UEK)",
        r"\.el(?P<major>\d+)(?:_\d+)?uek(?:\.\w+)?\.(?P<arch>x86_64|aarch64)",
        "",
        (
            "sudo dnf install https://oss.oracle.com/ol{major}/debuginfo/kernel-uek-debuginfo-common-{rpm}.rpm \\\n"
            "  https://oss.oracle.com/ol{major}/debuginfo/kernel-uek-debuginfo-{rpm}.rpm",
        ),
    ),
    _Distribution(
        "Oracle Linux",
        _RHEL,
        r"@[\w.-]*oracle\.com|\(mockbuild@host-\d+|Oracle America",
        (
            "sudo dnf install https://oss.oracle.com/ol{major}/debuginfo/kernel-debuginfo-common-{arch}-{rpm}.rpm \\\n"
            "  https://oss.oracle.com/ol{major}/debuginfo/kernel-debuginfo-{rpm}.rpm",
        ),
    ),
    _Distribution("AlmaLinux", _RHEL, r"@[\w.-]*almalinux\.org", (_DNF,)),
    _Distribution("Rocky Linux", _RHEL, r"@[\w.-]*rockylinux\.org", (_DNF,)),
    _Distribution(
        "CentOS 7",
        r"\.el7\.x86_64" + _RPM_FLAVOUR,
        r"@[\w.-]*centos\.org",
        (
            "sudo yum install http://debuginfo.centos.org/7/x86_64/kernel-debuginfo-common-x86_64-{rpm}.rpm \\\n"
            "  http://debuginfo.centos.org/7/x86_64/kernel{dash}debuginfo-{rpm}.rpm",
        ),
    ),
    _Distribution("CentOS", _RHEL, r"@[\w.-]*(?:centos\.org|stream\.rdu2\.redhat\.com)", (_DNF,)),
    _Distribution(
        "Red Hat Enterprise Linux 7",
        r"\.el7(?:a)?\.(?P<arch>x86_64|ppc64le|aarch64|s390x)" + _RPM_FLAVOUR,
        r"redhat\.com",
        (
            "sudo subscription-manager repos --enable rhel-7-server-debug-rpms",
            "sudo yum install kernel{dash}debuginfo-{rpm}",
        ),
    ),
    _Distribution(
        "Red Hat Enterprise Linux",
        _RHEL,
        r"redhat\.com",
        (
            "sudo subscription-manager repos --enable rhel-{major}-for-{arch}-baseos-debug-rpms",
            "sudo dnf install kernel{dash}debuginfo-{rpm}",
        ),
    ),
    _Distribution("a rebuild of Red Hat Enterprise Linux", _RHEL, "", (_DNF,)),
    _Distribution(
        "Amazon Linux 2",
        r"\.amzn2\.(?:x86_64|aarch64)$",
        "",
        ("sudo yum --enablerepo='*debuginfo*' install kernel-debuginfo-{rpm}",),
    ),
    _Distribution(
        "Amazon Linux 2023",
        r"^(?P<version>\d+\.\d+)\..*\.amzn2023\.(?:x86_64|aarch64)$",
        "",
        (
            # From 6.12 on the packages carry the version in their names.
            "sudo dnf --enablerepo='*debuginfo*' install kernel{amazon}-debuginfo-{rpm}",
        ),
    ),
    _Distribution(
        "Fedora",
        r"\.fc\d+\.(?P<arch>\w+?)" + _RPM_FLAVOUR,
        "",
        (
            "sudo dnf --enablerepo='*debug*' install kernel{dash}debuginfo-{rpm}",
            "# or, without installing: DEBUGINFOD_URLS=https://debuginfod.fedoraproject.org/ lastwords …",
            "# or, for a build that has left the mirrors: koji download-build --debuginfo --arch={arch} kernel-{bare}",
        ),
    ),
    _Distribution(
        "Azure Linux",
        r"\.(?:azl\d+|cm\d+)",
        "",
        ("sudo tdnf install azurelinux-repos-debug", "sudo tdnf install kernel-debuginfo-{release}"),
    ),
    _Distribution(
        "SUSE",
        r"^(?P<suse>[\d.]+-[\d.]+)-(?P<flavour>default|azure|rt|preempt|64kb|kvmsmall|longterm|vanilla)$",
        r"\(geeko@",
        (
            "sudo zypper --plus-content debug install 'kernel-{flavour}-debuginfo = {suse}.1'",
            "# the last number counts rebuilds; zypper --plus-content debug search -s kernel-{flavour}-debuginfo "
            "lists them",
        ),
    ),
    _Distribution(
        "Ubuntu",
        r"^\d+\.\d+\.\d+-\d+-[a-z]",
        r"-Ubuntu\b|\(Ubuntu ",
        (
            "sudo apt install ubuntu-dbgsym-keyring",
            'echo "deb http://ddebs.ubuntu.com {codename} main restricted universe multiverse\n'
            'deb http://ddebs.ubuntu.com {codename}-updates main restricted universe multiverse" | '
            "sudo tee /etc/apt/sources.list.d/ddebs.list",
            "sudo apt update",
            # Flavours that come signed have their symbols under the name of the unsigned package.
            "sudo apt install linux-image-unsigned-{release}-dbgsym || sudo apt install linux-image-{release}-dbgsym",
        ),
    ),
    _Distribution(
        "Debian",
        "",
        r"debian-kernel@lists\.debian\.org",
        (
            "sudo apt install linux-image-{release}-dbg",
            "# if that has left the mirrors: https://snapshot.debian.org/package/linux/{debian}/",
        ),
    ),
    _Distribution(
        "Arch Linux",
        r"-(?:arch\d+-\d+|lts|zen\d+-\d+|hardened\d+-\d+)$|-\d+-(?:lts|zen|hardened)$",
        r"\((?:linux(?:-\w+)?|builduser)@archlinux",
        ("# Arch has no package with debuginfo of its kernels. Try DEBUGINFOD_URLS=https://debuginfod.archlinux.org",),
    ),
)

# The Ubuntu release that a kernel series belongs to, where the banner doesn't name it (`~22.04`).
_UBUNTU_NAMES = {
    "16.04": "xenial",
    "18.04": "bionic",
    "20.04": "focal",
    "22.04": "jammy",
    "23.10": "mantic",
    "24.04": "noble",
    "24.10": "oracular",
    "25.04": "plucky",
    "25.10": "questing",
    "26.04": "resolute",
}
_UBUNTU_SERIES = {
    "4.4": "16.04",
    "4.15": "18.04",
    "5.4": "20.04",
    "5.15": "22.04",
    "6.5": "23.10",
    "6.8": "24.04",
    "6.11": "24.10",
    "6.14": "25.04",
    "6.17": "25.10",
}
_UBUNTU_VERSION = re.compile(r"~(\d\d\.(?:04|10))")
_DEBIAN_VERSION = re.compile(r" Debian ([\w.+~-]{1,64})")


def debuginfo_packages(release: str, banner: str | None) -> Packages:
    """Who built this kernel, and how to install its debuginfo.

    Args:
        release: as `uname -r` has it.
        banner: the `Linux version …` line, or None.

    Example:
        >>> debuginfo_packages("5.14.0-362.el9.x86_64", "… (mockbuild@x64-builder02.almalinux.org) …").commands
        ("sudo dnf --enablerepo='*debug*' install kernel-debuginfo-5.14.0-362.el9.x86_64",)
    """
    banner = (banner or "")[:_BANNER_MAX]
    if not _SAFE_RELEASE.fullmatch(release):
        # It goes into commands that people paste into a shell.
        return Packages(None, ())
    for distribution in _DISTRIBUTIONS:
        release_match = re.search(distribution.release, release, re.ASCII)
        banner_match = re.search(distribution.banner, banner, re.ASCII)
        if release_match and banner_match:
            words = _words(release, banner, release_match.groupdict())
            return Packages(distribution.name, tuple(each.format(**words) for each in distribution.commands))
    return Packages(None, ())


def _words(release: str, banner: str, found: dict[str, str | None]) -> dict[str, str]:
    """What the commands may name."""
    words = {name: value or "" for name, value in found.items()}
    rpm, _, _ = release.partition("+")
    # A build with debugging checks has `+debug`; of others the package has the flavour in its name.
    words.setdefault("flavour", "")
    words["dash"] = f"-{words['flavour']}-" if words["flavour"] else "-"
    words["rpm"] = rpm
    words["bare"] = rpm.rpartition(".")[0]
    words["release"] = release
    version = words.get("version", "")
    words["amazon"] = version if version and tuple(map(int, version.split("."))) >= (6, 12) else ""
    words["codename"] = _ubuntu_codename(release, banner)
    debian = _DEBIAN_VERSION.search(banner)
    words["debian"] = debian[1] if debian else ""
    return words


def _ubuntu_codename(release: str, banner: str) -> str:
    named = _UBUNTU_VERSION.search(banner)
    series = ".".join(release.split(".")[:2])
    version = named[1] if named else _UBUNTU_SERIES.get(series, "")
    return _UBUNTU_NAMES.get(version, "$(lsb_release -cs)")
