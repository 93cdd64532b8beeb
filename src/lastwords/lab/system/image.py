"""The disk of a guest: Debian 12 with systemd, GRUB and a kernel of the lab, built once and kept by its recipe."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from ..cache import cache, kept
from ..errors import LabError
from ..kernels import kernel
from ..suite import bootstrap, inside

SUITE = "bookworm"
KERNEL = "6.1"
INSTALLED = (
    "ca-certificates",
    "e2fsprogs",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "procps",
    "python3",
    "systemd-sysv",
    "udev",
)
REPOSITORY = ("kdump-tools", "makedumpfile", "kexec-tools")
"""What the guest can install, with all that it depends on."""
SIZE = 3 << 30
"""Bytes of the (sparse) disk."""
_START = 1 << 20
_SECTOR = 512
_BOOT_CODE = 440
"""Bytes of the master boot record in front of the disk's signature and its partitions."""


def image() -> Path:
    """The disk, as raw image; never boot it itself, but an `overlay` of it.

    Raises:
        LabError: it can't be made.
    """
    here = Path(__file__).parent
    recipe, agent = (here / "recipe.sh").read_bytes(), (here / "agent.py").read_bytes()
    release = kernel(KERNEL).release
    ingredients = [recipe, agent, " ".join((release, *INSTALLED, "/", *REPOSITORY, str(SIZE))).encode()]
    key = hashlib.sha256(b"\0".join(ingredients)).hexdigest()[:12]
    disk = cache() / "systems" / f"{SUITE}-{key}.raw"
    return kept(disk, lambda: _make(disk, recipe.decode(), agent, release), f"system-{key}")


def terminal(disk: Path) -> Path:
    """Where what people do to a disk is kept, beside it; gone when the disk is made anew, which it would not fit."""
    return disk.with_suffix(".terminal")


def overlay(disk: Path, path: Path) -> Path:
    """Make a qcow2 file of the changes to a disk, which stays as it is; gives its path."""
    form = "qcow2" if disk.suffix == ".qcow2" else "raw"
    _tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk), "-F", form, str(path))
    return path


def directory_disk(directory: Path, disk: Path) -> Path:
    """Make a disk, an ext4 file system without partitions, that holds a directory; gives its path."""
    size = sum(path.lstat().st_size + 4096 for path in directory.rglob("*"))
    _file_system(directory, disk, "", size * 5 // 4 + (16 << 20))
    return disk


def _make(disk: Path, recipe: str, agent: bytes, release: str) -> None:
    root, making = disk.with_suffix(".root"), disk.with_suffix(".part")
    shutil.rmtree(root, ignore_errors=True)
    try:
        bootstrap(SUITE, root, "minbase", INSTALLED)
        (root / "usr/local/lib/lab-agent").write_bytes(agent)
        inside(root, f"RELEASE={release} PACKAGES='{' '.join(REPOSITORY)}'\n{recipe}")
        _file_system(root, making, f"offset={_START}", SIZE - _START)
        _boot_sectors(root, making)
        terminal(disk).unlink(missing_ok=True)
        making.rename(disk)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        making.unlink(missing_ok=True)


def _file_system(root: Path, disk: Path, options: str, size: int) -> None:
    disk.unlink(missing_ok=True)
    extended = ["-E", options] if options else []
    _tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", str(root), *extended, str(disk), f"{size >> 10}k")


def _boot_sectors(root: Path, disk: Path) -> None:
    """What `grub-bios-setup` does, which needs a block device: GRUB's own default places, one partition."""
    boot, core = ((root / "boot/grub" / name).read_bytes() for name in ("boot.img", "core.img"))
    if len(core) > _START - _SECTOR:
        raise LabError("GRUB does not fit in front of the first partition")
    partition = bytes((0x80, 0, 0, 0, 0x83, 0, 0, 0))
    partition += (_START // _SECTOR).to_bytes(4, "little") + ((SIZE - _START) // _SECTOR).to_bytes(4, "little")
    with disk.open("r+b") as file:
        file.write(boot[:_BOOT_CODE] + b"labs\0\0" + partition + bytes(48) + b"\x55\xaa" + core)
        file.truncate(SIZE)


def _tool(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is missing: run scripts/setup-lab") from error
    if done.returncode:
        raise LabError(f"{command[0]}: {done.stderr.strip()[-300:]}")
