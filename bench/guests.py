"""Dumps of guests of any size, made in the lab (`scripts/setup-lab`)."""

from pathlib import Path

from lastwords.lab.initramfs import initramfs, userland
from lastwords.lab.kernels import kernel
from lastwords.lab.machine import Machine

# The crash is of one's own free will, with what busybox has: copies of itself fill the memory.
_SCRIPT = """#!/bin/busybox sh
mkdir -p /fill
mount -t tmpfs -o size=95% tmpfs /fill
number=0
while [ $number -lt {copies} ]; do
    cp /bin/busybox /fill/$number || break
    number=$((number + 1))
done
echo c > /proc/sysrq-trigger
"""


def make_dump(path: Path, memory: int, *, filled: int = 0, form: str = "kdump-zlib") -> None:
    """Crash a guest and dump it from outside.

    Args:
        path: file to make.
        memory: of the guest, MiB.
        filled: how many MiB of it hold something.
        form: `elf` or `kdump-zlib`.
    """
    victim = kernel("6.1")
    copies = (filled << 20) // len(victim.busybox)
    image = initramfs(userland(victim, _SCRIPT.format(copies=copies), modules=["qemu_fw_cfg"]))
    console = path.with_suffix(".console")
    with Machine(victim.image, image, console, memory=memory) as machine:
        if not machine.wait_for("sysrq triggered crash[^$]*---\\[ end", 300 + filled / 5):
            raise SystemExit(f"the guest did not crash: see {console}")
        # Larger than any time-out that the lab has for its own small guests.
        machine.qmp("stop")
        machine.qmp("dump-guest-memory", timeout=3600.0, paging=False, protocol=f"file:{path.absolute()}", format=form)
    console.unlink()
