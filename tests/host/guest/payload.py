"""lastwords as disks for the guest: its wheel with its base install, and apart from that what reads dumps.

All at their locked versions. A server that is to be ready for a crash does without the second one.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lastwords.lab.cache import cache, kept
from lastwords.lab.system import directory_disk

ROOT = Path(os.environ.get("LASTWORDS_PAYLOAD_SOURCE", Path(__file__).parents[3]))
EXTRAS = ("drgn",)
"""Locked, but not of the base install."""
_NEWEST = 6
"""Each change of the sources makes another one, of 120 MB."""

MOUNT = """
mkdir -p /opt/lastwords
mount -o ro /dev/disk/by-id/virtio-lastwords /opt/lastwords
cat > /usr/local/bin/lastwords <<'SH'
#!/bin/sh
PYTHONPATH=/opt/lastwords:/opt/extras exec python3 -c 'from lastwords.__main__ import main; main()' "$@"
SH
chmod +x /usr/local/bin/lastwords
echo '/dev/disk/by-id/virtio-lastwords /opt/lastwords ext4 ro,nofail 0 0' >> /etc/fstab
"""
MOUNT_EXTRAS = """
mkdir -p /opt/extras
mount -o ro /dev/disk/by-id/virtio-extras /opt/extras
"""


def disk() -> Path:
    """The base install, built anew when the sources change."""
    sources = sorted(path for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")
    digest = hashlib.sha256(_lock() + (ROOT / "pyproject.toml").read_bytes())
    for path in sources:
        digest.update(str(path).encode() + path.read_bytes())

    def fill(target: Path) -> None:
        _install(target, lambda name: name not in EXTRAS)
        _pip("--no-deps", str(ROOT), "--target", str(target))

    return _disk("lastwords", digest.hexdigest(), fill)


def extras() -> Path:
    """What the base install does without."""
    return _disk("extras", hashlib.sha256(_lock()).hexdigest(), lambda target: _install(target, EXTRAS.__contains__))


def devices() -> list[str]:
    """The base install, for QEMU."""
    return _device("lastwords", disk())


def extra_devices() -> list[str]:
    """What the base install does without, for QEMU."""
    return _device("extras", extras())


def _device(name: str, path: Path) -> list[str]:
    return [
        *("-drive", f"file={path},if=none,id={name},format=raw,readonly=on"),
        *("-device", f"virtio-blk-pci,drive={name},serial={name}"),
    ]


def _disk(name: str, digest: str, fill: Callable[[Path], None]) -> Path:
    made = cache() / "systems" / f"{name}-{digest[:12]}.disk"

    def make() -> None:
        target, making = made.with_suffix(".tree"), made.with_suffix(".part")
        shutil.rmtree(target, ignore_errors=True)
        fill(target)
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(target)], check=False)
        directory_disk(target, making)
        shutil.rmtree(target)
        making.rename(made)

    return kept(made, make, f"payload-{made.name}", _NEWEST)


def _lock() -> bytes:
    return (ROOT / "lock" / "runtime.txt").read_bytes()


def _install(target: Path, wanted: Callable[[str], bool]) -> None:
    lines = re.sub(r"\\\n", " ", _lock().decode()).splitlines()
    chosen = [line for line in lines if (match := re.match(r"[\w.-]+", line)) and wanted(match[0])]
    target.parent.mkdir(parents=True, exist_ok=True)
    listed = target.with_suffix(".txt")
    listed.write_text("\n".join(chosen) + "\n")
    # The guest's Python is Debian 12's.
    platform = ("--python-version", "3.11", "--only-binary=:all:", "--no-deps")
    _pip("--require-hashes", "-r", str(listed), "--target", str(target), *platform)
    listed.unlink()


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
