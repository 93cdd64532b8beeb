"""Boots that fail: no root file system, no init, an init that dies."""

import re
import shlex
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


_BY_PROGRAMS = re.compile(r"(?:UUID|LABEL|ZFS)=|/dev/(?!cciss|ida|rd|i2o)[\w.-]{1,64}/|zfs:")
"""Names that programs of an initramfs look up; the kernel itself knows device nodes, PARTUUID= and PARTLABEL=
(init/do_mounts.c, block/early-lookup.c: early_lookup_bdev())."""


def _nothing_of_that_name(boot: Boot | None, name: str, *, given: bool) -> str:
    """What `unknown-block(0,0)` means: the kernel looked for the root itself, which it does only where no initramfs took over.

    Args:
        boot: what its log tells.
        name: of the root, as root= has it, or empty.
        given: the command line names an initramfs.
    """
    error = boot.initramfs_error if boot is not None else None
    loaded = given or (boot is not None and boot.initramfs is not None)
    if error is not None:
        return f"an initramfs was loaded, but the kernel could not use it: {error}"
    if loaded:
        return (
            "an initramfs was loaded, but it did not take over: it is damaged, holds no /init, or only microcode; so the kernel looked for "
            "the root by itself"
        )
    if _BY_PROGRAMS.match(name):
        return (
            "only the programs of an initramfs find a root by such a name, and none took over. Either none was loaded (the boot "
            "loader's entry has no initrd line, or a wrong one), or one was and is damaged or holds no /init; the log does not "
            "tell which"
        )
    return (
        "the kernel, without an initramfs that took over, found no disk of that name. Either its driver is not built into the "
        "kernel and the initramfs that has it was not loaded or is damaged, or root= names what is not there"
    )


@rule(
    "no-root",
    "a kernel that finds no root file system",
    why="No initramfs took over, so that the kernel has only the drivers that are built in; or root= names what is not there.",
    sure="sure that there was none; why, only lines about the initramfs and the list of disks tell",
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
    asked = _ASKED.search(oops.message)
    name = root[1] if root is not None else asked[1] if asked is not None else ""
    if oops.kind == "no-init":
        said = "the root file system was mounted, but holds no program to start as process 1"
    elif "unknown-block(0,0)" in f"{oops.message} {oops.panic}":
        said = _nothing_of_that_name(crash.boot, name, given="initrd=" in (line or ""))
    else:
        said = "the disk is there, but holds no file system that the kernel can mount"
    if name:
        told = f"root={name}"
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
                text="See that the boot loader's entry loads an initramfs of this kernel, and that the file is there and whole.",
                command="grep -rn initrd /boot/grub*/grub.cfg /boot/loader/entries; ls -l /boot; lsinitramfs /boot/initrd.img-RELEASE",
                phase="immediate",
                value=0.8,
            ),
            NextStep(
                text="Compare root= with what the disks are called.",
                command="blkid; cat /proc/cmdline",
                phase="immediate",
                value=0.6,
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
    root = _ROOT.search((crash.boot or Boot(number=1, line=1, last_line=1)).command_line or "")
    fsck = f"fsck -n {shlex.quote(root[1])}; " if root is not None else ""
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
                command=f"{fsck}debsums -s systemd libc6   # rpm -V systemd glibc",
                value=0.5,
            ),
        ),
        weight=0.95,
    )
