"""Kernel modules: what was loaded, with versions and parameters, and what was built outside the kernel's tree."""

from collections.abc import Iterator

from .collector import collector
from .take import Take

OUTSIDE = ("updates", "extra", "extras", "weak-updates", "kernel/updates", "dkms")
_MOST = 5000
_DEEP = 6


@collector("modules", "modules", "kernel modules", order=130, timeout=60)
def modules(take: Take) -> None:
    """The list, versions and parameters of what is loaded, and a listing of modules from outside the tree."""
    for path in ("/proc/modules", "/proc/devices", "/proc/misc", "/proc/filesystems"):
        take.file(path)
    take.small_files(
        "module-versions.txt",
        [f"/sys/module/*/{name}" for name in ("version", "srcversion", "taint", "initstate", "coresize")],
    )
    take.small_files("module-parameters.txt", ["/sys/module/*/parameters/*"])
    take.files("/etc/modprobe.d/*.conf", "/etc/modules-load.d/*.conf", "/etc/modules", "/proc/sys/kernel/tainted")
    listing = "".join(f"{line}\n" for line in _outside(take))
    if listing:
        take.output(
            "outside-the-tree.txt", "/lib/modules/*/{updates,extra,weak-updates,…}", listing.encode(errors="replace")
        )


@collector("dkms", "dkms", "modules that DKMS builds", order=132, timeout=60)
def dkms(take: Take) -> None:
    """What DKMS says, the recipes, and logs of the last builds."""
    take.files("/var/lib/dkms/*/*/source/dkms.conf", newest=50)
    take.files("/var/lib/dkms/*/*/*/*/log/make.log", "/var/lib/dkms/*/*/build/make.log", newest=20, tail=1 << 20)
    take.command("status.txt", "dkms", "status", silent=True)


def _outside(take: Take) -> Iterator[str]:
    """Modification time, size and path of each."""
    count = 0
    for release in take.glob("/lib/modules/*"):
        for folder in OUTSIDE:
            for path in _walk(take, f"{release}/{folder}", _DEEP):
                if (found := take.root.stat(path)) and count < _MOST:
                    count += 1
                    yield f"{found.st_mtime:.0f} {found.st_size} {path}"


def _walk(take: Take, directory: str, depth: int) -> Iterator[str]:
    for name in take.names(directory):
        path = f"{directory}/{name}"
        if take.root.is_dir(path):
            if depth:
                yield from _walk(take, path, depth - 1)
        else:
            yield path
