"""Debian's kernels: which there are, and how they get here."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .cache import cache, hold, locked
from .errors import LabError
from .suite import BACKPORTS, Suite

# Name: the release of Debian whose kernel it is. Cloud kernels: the same source, few drivers, small packages.
# "backports" is the newest that Debian has built for its stable release: it moves, so its name has no version.
KERNELS = {
    "6.1": "bookworm",
    "6.12": "trixie",
    "5.10": "bullseye",
    "backports": f"trixie{BACKPORTS}",
    "6.1-arm64": "bookworm",
    "6.12-arm64": "trixie",
}

_RELEASE = re.compile(r"linux-headers-(\d\S*-cloud-amd64)")


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel.

    Attributes:
        name: as in KERNELS.
        release: what `uname -r` says in it.
        suite: the chroot with its headers and compiler.
        root: where its package is unpacked.
        architecture: by Debian's name: `amd64` or `arm64`.
    """

    name: str
    release: str
    suite: Suite
    root: Path
    architecture: str = "amd64"

    @property
    def busybox(self) -> bytes:
        """The guest's user land: one static program."""
        if self.architecture == "amd64":
            return self.suite.read("/bin/busybox")
        places = (self.root / folder / "busybox" for folder in ("bin", "usr/bin"))  # Debian 13 moved it
        return next(place for place in places if place.exists()).read_bytes()

    @property
    def make(self) -> str:
        """Arguments for `make`, to build a module."""
        cross = "" if self.architecture == "amd64" else " ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-"
        return f"-C /usr/src/linux-headers-{self.release}{cross}"

    @property
    def image(self) -> Path:
        """The bzImage."""
        boot = self.root / "boot" / f"vmlinuz-{self.release}"
        return boot if boot.exists() else self.modules / "vmlinuz"  # Debian's 7.x has it there

    @property
    def modules(self) -> Path:
        """`/lib/modules/RELEASE`."""
        return self.root / "lib" / "modules" / self.release

    def debuginfo(self) -> Path:
        """The vmlinux with DWARF, fetched on first use (280 to 350 MB, 1.7 to 2 GB unpacked).

        Raises:
            LabError: Debian's mirrors no longer have the package of just this version.
        """
        where = cache() / "debuginfo" / self.release
        with locked(f"debuginfo-{self.release}"):
            if not where.exists():
                _unpack(self.suite, where, f"linux-image-{self.release}-dbg")
            hold(where)
        return where / "usr" / "lib" / "debug" / "boot" / f"vmlinux-{self.release}"


def kernel(name: str) -> Kernel:
    """Make a kernel ready, with its headers; fetched on first use, then kept (delete the cache to renew it).

    Args:
        name: one of KERNELS.

    Raises:
        LabError: there is no such kernel, or it can't be had.
    """
    if name not in KERNELS:
        raise LabError(f"no kernel {name}: there are {', '.join(KERNELS)}")
    if name.endswith("-arm64"):
        return _arm64(name, kernel(name.removesuffix("-arm64")))
    suite = Suite(KERNELS[name])
    with locked(f"kernel-{name}"):
        release = _installed_headers(suite) or _install_headers(suite)
        where = cache() / "kernels" / release
        if not where.exists():
            _unpack(suite, where, *_image(suite, release))
        hold(where)
    return Kernel(name, release, suite, where)


def _image(suite: Suite, release: str) -> list[str]:
    """The packages that hold a kernel and its modules: one, or, from Debian's 7.x on, those that the one depends on."""
    image = f"linux-image-{release}"
    wanted = suite.run(f"apt-get update -qq; apt-cache depends --important {image}")
    return re.findall(rf"Depends: (linux-[a-z]+-{re.escape(release)})$", wanted, re.MULTILINE) or [image]


def _arm64(name: str, same: Kernel) -> Kernel:
    """A kernel of the same version for arm64. Its headers' tools are the other's; the compiler is a cross compiler."""
    suite, release = same.suite, same.release.replace("amd64", "arm64")
    where = cache() / "kernels" / release
    with locked(f"kernel-{name}"):
        if not where.exists():
            suite.run(
                "dpkg --add-architecture arm64; apt-get update -qq;"
                " apt-get install -qq gcc-aarch64-linux-gnu; apt-get clean"
            )
            _fetch(suite, f"linux-headers-{release}:arm64")
            # Not straight into /, where the package's own /lib would take the place of the link to /usr/lib.
            suite.run("cd /fetched; dpkg-deb --extract *.deb tree; cp -a tree/usr/src/* /usr/src/")
            _unpack(suite, where, f"linux-image-{release}", "busybox-static:arm64")
        hold(where)
    return Kernel(name, release, suite, where, "arm64")


def _installed_headers(suite: Suite) -> str | None:
    for path in sorted((suite.root / "usr" / "src").glob("linux-headers-*-cloud-amd64")):
        if match := _RELEASE.fullmatch(path.name):
            return str(match[1])
    return None


def _install_headers(suite: Suite) -> str:
    """Install the newest kernel's headers.

    Not by the meta package `linux-headers-cloud-amd64`: mirrors sometimes lack just that one for a while.
    """
    lists = suite.run("apt-get update -qq; apt-cache search --names-only '^linux-headers-[0-9].*-cloud-amd64$'")
    own = {release for release in _RELEASE.findall(lists) if _belongs(release, suite)}
    for release in sorted(own, key=_by_version, reverse=True)[:3]:
        try:
            suite.run(f"apt-get install -qq {suite.target} linux-headers-{release}; apt-get clean")
        except LabError:
            continue
        return str(release)
    raise LabError(f"{suite.name}: no linux-headers-…-cloud-amd64 can be installed")


def _belongs(release: str, suite: Suite) -> bool:
    """Whether a kernel is the suite's own one and no newer one that it offers besides (bullseye has 6.1 too).

    Backports' own are all that no release has.
    """
    releases = [of for name, of in KERNELS.items() if release.startswith(f"{name}.")]
    return suite.name in releases if releases else suite.name.endswith(BACKPORTS)


def _by_version(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release)]


# Debian 13 moved modules to /usr/lib; depmod and our own code look in /lib.
_EXTRACT = """
for package in *.deb; do dpkg-deb --extract "$package" tree; done
if [ -d tree/usr/lib/modules ]; then mkdir -p tree/lib; mv tree/usr/lib/modules tree/lib/; fi
for modules in tree/lib/modules/*/kernel; do
  if [ -d "$modules" ]; then depmod -b /fetched/tree "$(basename "$(dirname "$modules")")"; fi
done
"""


def _unpack(suite: Suite, where: Path, *packages: str) -> None:
    """Fetch packages, checked by apt, and unpack them.

    The signed kernel is sometimes not to be had: then its unsigned twin is as good.
    """
    try:
        _fetch(suite, *packages)
    except LabError:
        _fetch(suite, *(_unsigned(package) for package in packages))
    suite.run(f"cd /fetched; {_EXTRACT}")
    where.parent.mkdir(parents=True, exist_ok=True)
    (suite.root / "fetched" / "tree").rename(where)
    shutil.rmtree(suite.root / "fetched")


def _fetch(suite: Suite, *packages: str) -> None:
    names = " ".join(packages)
    suite.run(f"apt-get update -qq; rm -rf /fetched; mkdir /fetched; cd /fetched; apt-get download -qq {names}")


def _unsigned(package: str) -> str:
    if package.startswith("linux-binary-"):
        return package.replace("linux-binary-", "linux-binary-unsigned-")
    return f"{package}-unsigned" if package.startswith("linux-image-") else package
