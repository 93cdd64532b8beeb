"""Dumps of a crashed guest: by QEMU from outside, or by kexec and makedumpfile from inside."""

import subprocess
from pathlib import Path

from .errors import LabError
from .initramfs import Files, initramfs
from .kernels import Kernel
from .machine import COMMAND_LINE, Machine

# How the crash kernel gets at the disk that it writes to. The first is not there before 6.0.
DISK = ("virtio_pci", "virtio_blk")
KEXEC = ("/sbin/kexec", "/usr/bin/makedumpfile")
CRASHKERNEL = 256
"""MiB set aside for the crash kernel; the guest gets as much again, and half."""
SPACE = 1 << 30
"""Bytes of the (sparse) disk for the dump."""
SECONDS = 180.0
SAVED = "makedumpfile ended with status"
"""What the crash kernel's console shows when the dump is on the disk."""
SWITCHING_OFF = 20.0
"""Seconds for that, afterwards. A guest that does not manage has its dump all the same."""

# What the crash kernel's user land does in place of the case. A block device takes no holes: so, flattened.
# More than one way to switch off: a crash kernel inherits its devices from one that died.
_SAVE = """#!/bin/busybox sh
makedumpfile -F -c -d 31 /proc/vmcore > /dev/vda 2> /tmp/makedumpfile
status=$?
sync
tr '\\r' '\\n' < /tmp/makedumpfile | tail -3
echo "makedumpfile ended with status $status"
poweroff -f
echo o > /proc/sysrq-trigger
sleep 5
reboot -f
"""
_LOAD = f"""
arguments='{COMMAND_LINE} nr_cpus=1 irqpoll reset_devices panic=1'
kexec -p /kexec/vmlinuz --initrd=/kexec/initramfs --append="$arguments" || echo 'no kdump'
"""


def qemu_dump(machine: Machine, path: Path, form: str = "elf") -> None:
    """Dump a running guest's memory by QEMU's `dump-guest-memory`.

    Args:
        machine: it stands still from now on.
        path: file to make.
        form: `elf`, as large as the guest's memory, or `kdump-zlib`, flattened, as libvirt's users make it.
    """
    path.unlink(missing_ok=True)
    machine.qmp("stop")
    machine.qmp("dump-guest-memory", paging=False, protocol=f"file:{path.absolute()}", format=form)
    path.chmod(0o644)


def with_kdump(kernel: Kernel, files: Files) -> Files:
    """A guest's files, with a crash kernel loaded before the case begins that writes a dump to /dev/vda."""
    script = files["/case/run"].decode()
    files = {**files, "/case/run": _SAVE.encode()}
    second = initramfs(files)
    return {
        **files,
        "/case/run": f"{_LOAD}\n{script}".encode(),
        "/kexec/vmlinuz": kernel.image.read_bytes(),
        "/kexec/initramfs": second,
    }


def disk(path: Path) -> list[str]:
    """Make the disk for the dump; gives the arguments for QEMU."""
    with path.open("wb") as file:
        file.truncate(SPACE)
    return ["-drive", f"file={path},if=virtio,format=raw"]


def reassembled(written: Path, path: Path) -> None:
    """From the flattened stream on the disk to a kdump-compressed file.

    Raises:
        LabError: makedumpfile did not get that far in the guest, or is missing here.
    """
    path.unlink(missing_ok=True)
    with written.open("rb", buffering=0) as file:  # unbuffered: makedumpfile goes on where we stand
        if file.read(12) != b"makedumpfile":
            raise LabError("the crash kernel wrote no dump: see the console log")
        file.seek(0)
        try:
            done = subprocess.run(
                ["makedumpfile", "-R", path], stdin=file, capture_output=True, text=True, errors="replace", check=False
            )
        except FileNotFoundError as error:
            raise LabError("makedumpfile is missing: run scripts/setup-lab") from error
    if done.returncode or not path.exists():
        raise LabError(f"makedumpfile -R: {done.stderr.strip()[-200:]}")
    path.chmod(0o644)
