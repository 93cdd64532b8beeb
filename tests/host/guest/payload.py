"""lastwords as a disk for the guest: its wheel and what its base install depends on, at their locked versions."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lastwords.lab.cache import cache, locked
from lastwords.lab.system import directory_disk

ROOT = Path(os.environ.get("LASTWORDS_PAYLOAD_SOURCE", Path(__file__).parents[3]))
EXTRAS = ("drgn",)
"""Locked, but not of the base install: a server that is to be ready for a crash does without."""

_OLD = 3 * 3600.0

MOUNT = """
mkdir -p /opt/lastwords
mount -o ro /dev/disk/by-id/virtio-lastwords /opt/lastwords
cat > /usr/local/bin/lastwords <<'SH'
#!/bin/sh
PYTHONPATH=/opt/lastwords exec python3 -c 'from lastwords.__main__ import main; main()' "$@"
SH
chmod +x /usr/local/bin/lastwords
echo '/dev/disk/by-id/virtio-lastwords /opt/lastwords ext4 ro,nofail 0 0' >> /etc/fstab
"""


def disk() -> Path:
    """The disk, built anew when the sources change."""
    sources = sorted(path for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")
    lock = (ROOT / "lock" / "runtime.txt").read_bytes()
    digest = hashlib.sha256(lock + (ROOT / "pyproject.toml").read_bytes())
    for path in sources:
        digest.update(str(path).encode() + path.read_bytes())
    made = cache() / "systems" / f"lastwords-{digest.hexdigest()[:12]}.disk"
    with locked("payload"):
        if not made.exists():
            for other in made.parent.glob("lastwords-*.disk"):
                if time.time() - other.stat().st_mtime > _OLD:  # else a guest may be running with it
                    other.unlink()
            _make(made)
    return made


def devices() -> list[str]:
    """For QEMU."""
    return [
        *("-drive", f"file={disk()},if=none,id=lastwords,format=raw,readonly=on"),
        *("-device", "virtio-blk-pci,drive=lastwords,serial=lastwords"),
    ]


def _make(made: Path) -> None:
    target = made.with_suffix(".tree")
    shutil.rmtree(target, ignore_errors=True)
    requirements = re.sub(r"\\\n", " ", (ROOT / "lock" / "runtime.txt").read_text())
    base = [line for line in requirements.splitlines() if line.strip() and not line.startswith(("#", *EXTRAS))]
    listed = made.with_suffix(".txt")
    listed.write_text("\n".join(base) + "\n")
    # The guest's Python is Debian 12's.
    platform = ("--python-version", "3.11", "--only-binary=:all:")
    _pip("--require-hashes", "-r", str(listed), "--target", str(target), *platform)
    _pip("--no-deps", str(ROOT), "--target", str(target))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(target)], check=False)
    directory_disk(target, made)
    shutil.rmtree(target)
    listed.unlink()


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
