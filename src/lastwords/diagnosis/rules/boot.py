"""Boots that fail: no root file system, no init, an init that dies."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.model import Boot, Fact, Finding, NextStep

_EXIT = re.compile(r"exitcode=0x([0-9a-fA-F]{1,8})")
_SIGNALS = {
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    15: "SIGTERM",
    31: "SIGSYS",
}
_ASKED = re.compile(r'Cannot open root device "([^"\s]{1,200})"')
"""init/do_mounts.c: what root= named, as far as the kernel made no device of it."""
_ROOT = re.compile(r"(?:^|\s)root=(\S{1,200})")


@rule(
    "no-root",
    "a kernel that finds no root file system",
    why="The disk's driver is missing (no initramfs, or one without it), root= names what is not there, or the disk is gone.",
    sure="sure that there was none; which of the three, the command line and the list of disks tell",
)
def no_root(crash: Crash) -> Iterator[Finding]:
    """VFS: Unable to mount root fs."""
    oops = crash.oops
    if oops is None or oops.kind not in ("no-root", "no-init"):
        return
    line = (crash.boot or Boot(number=1, line=1, last_line=1)).command_line or (
        crash.machine.command_line if crash.machine else None
    )
    root = _ROOT.search(line or "")
    none = "unknown-block(0,0)" in f"{oops.message} {oops.panic}"
    initrd = "initrd=" in (line or "")
    if oops.kind == "no-init":
        said = "the root file system was mounted, but holds no program to start as process 1"
    elif none:
        said = "no disk at all was found under that name: its driver is not in the kernel or the initramfs, or no initramfs was loaded"
    else:
        said = "the disk is there, but holds no file system that the kernel can mount"
    asked = _ASKED.search(oops.message)
    if root or asked:
        told = f"root={(root or asked)[1]}"  # type: ignore[index]
    else:
        told = "the command line names no root=" if line else "the command line, which tells root=, is not in the log"
    yield Finding(
        id="no-root",
        title="there was nothing to start from" if oops.kind == "no-root" else "there was no init to start",
        text=f"The boot failed: {said} ({told}).",
        confidence=0.9,
        crash_class="configuration",
        evidence=(crash.here(), *(Fact(text=f"command line: {line}", path=oops.path, quote=True),) * bool(line)),
        next=(
            NextStep(text="Boot the kernel before this one from the boot loader's menu.", phase="immediate", value=0.9),
            NextStep(
                text="Rebuild the initramfs of this kernel, and see that it holds the disk's driver.",
                command="update-initramfs -u -k all   # Debian; dracut -f --regenerate-all: Fedora, RHEL, SUSE",
                phase="immediate",
                value=0.85,
            ),
            NextStep(
                text="Compare root= with what the disks are called.",
                command="blkid; cat /proc/cmdline",
                phase="immediate",
                value=0.6 if not initrd else 0.7,
            ),
        ),
        weight=1.0,
    )


@rule(
    "init-died",
    "process 1 that ended",
    why="Nothing can go on without it. Its exit code tells whether it gave up by itself or was killed by a signal.",
    sure="sure that it ended; why is in its own messages before",
)
def init_died(crash: Crash) -> Iterator[Finding]:
    """Attempted to kill init, with the exit code decoded."""
    oops = crash.oops
    if oops is None or oops.kind != "init-killed":
        return
    code = _EXIT.search(f"{oops.panic} {oops.message}")
    number = int(code[1], 16) if code else None
    signal = number & 0x7F if number is not None else 0
    if number is None:
        how = "ended"
    elif signal:
        how = f"was killed by signal {signal}{f' ({_SIGNALS[signal]})' if signal in _SIGNALS else ''}"
    else:
        how = f"ended by itself with status {number >> 8}"
    early = oops.time is not None and oops.time < 60
    crashed = signal in (4, 6, 7, 8, 11)
    hint = (
        " A signal such as this so soon after boot points at a broken initramfs or C library, or at memory that fails."
        if crashed and early
        else ""
    )
    yield Finding(
        id="init-died",
        title=f"process 1 {how}",
        text=f"Process 1{f' ({oops.comm})' if oops.comm else ''} {how}, and nothing can run without it.{hint}",
        confidence=0.6 if signal else 0.75,  # a signal may also come of memory that fails, or of the kernel
        crash_class="configuration",
        evidence=(crash.here(),),
        next=(
            NextStep(text="Boot the kernel or initramfs before this one.", phase="immediate", value=0.8),
            NextStep(
                text="Get a shell instead of init and start it by hand.",
                command="init=/bin/sh   # or rd.break, on the kernel command line",
                phase="immediate",
                value=0.7,
            ),
            NextStep(
                text="Check the root file system and the libraries that init needs.",
                command="fsck -n DEVICE; debsums -s systemd libc6   # rpm -V systemd glibc",
                value=0.5,
            ),
        ),
        weight=0.95,
    )
