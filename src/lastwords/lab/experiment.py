"""One run of one case: boot, crash, record, dump."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import dump
from .answers import Answer
from .cases import Case
from .errors import LabError
from .initramfs import initramfs, userland
from .kernels import Kernel
from .machine import Machine
from .modules import modules
from .record import record

BOOTED = r"Run /\S+ as init process"
"""What the console shows when the guest's own programs begin (`init/main.c: run_init_process()`). A busy host's
emulator sometimes does not see that the kernel patched its own code at boot, and it dies of an int3 before that."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave.

    Attributes:
        case: its name; `release` is the kernel's.
        answer: what there is to be found in the log.
        log: the recorded console.
        dump: the ELF dump, `kdump` the kdump-compressed one; or None.
        modules: the case's modules, with their DWARF, in one folder.
        seconds: from the start of the guest to its end, dumps included.
    """

    case: str
    release: str
    answer: Answer
    log: Path
    dump: Path | None
    kdump: Path | None
    modules: tuple[Path, ...]
    seconds: float


def run(
    case: Case,
    kernel: Kernel,
    log: Path,
    *,
    elf: Path | None = None,
    zlib: Path | None = None,
    kdump: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Crash a kernel.

    Args:
        case: what to do to it.
        kernel: the victim.
        log: file for the console.
        elf: file for a dump that QEMU makes from outside, or None.
        zlib: file for such a dump in QEMU's kdump format, or None.
        kdump: file for a dump that kexec and makedumpfile make inside the guest, or None.
        say: called with what is going on, for people who wait.

    Raises:
        LabError: the crash did not come in time, or there was no dump of it. The log is there all the same.
    """
    if kdump and (elf or zlib):
        raise LabError("a guest that saves its own dump is gone when QEMU could make one: ask for one of them")
    if kernel.name not in case.kernels:
        raise LabError(f"{case.name} can't be done on {kernel.name}, only on {', '.join(case.kernels)}")
    if kdump and not case.initramfs:
        raise LabError(f"{case.name} has no user land to load a crash kernel from")
    if kdump and kernel.architecture != "amd64":
        raise LabError(f"{kernel.name}: kexec and makedumpfile are there for amd64 only, so only QEMU can dump it")
    say("building the module")
    built = modules(case, kernel)
    image = _image(case, kernel, built, with_kdump=kdump is not None)
    started = time.monotonic()
    with TemporaryDirectory(prefix="lastwords-lab-") as scratch:
        console, disk = Path(scratch) / "console", Path(scratch) / "disk"
        machine = Machine(
            kernel.image,
            image,
            console,
            append=f"{case.append} crashkernel={dump.CRASHKERNEL}M" if kdump else case.append,
            memory=case.memory + (dump.CRASHKERNEL * 3 // 2 if kdump else 0),
            devices=[*case.devices, *(dump.disk(disk) if kdump else ())],
            architecture=kernel.architecture,
        )
        try:
            with machine:
                say("booting, and waiting for the crash")
                _wait(case, machine, to_the_end=kdump is not None)
                for path, form in ((elf, "elf"), (zlib, "kdump-zlib")):
                    if path:
                        say("dumping its memory")
                        dump.qemu_dump(machine, path, form)
        finally:
            record(console, log)
        if kdump:
            dump.reassembled(disk, kdump)
    return Outcome(
        case.name, kernel.release, case.known_answer(kernel.name), log, elf, kdump, built, time.monotonic() - started
    )


def _image(case: Case, kernel: Kernel, built: tuple[Path, ...], *, with_kdump: bool) -> bytes | None:
    if not case.initramfs:
        return None
    files = userland(
        kernel,
        f"#!/bin/busybox sh\n{case.run}",
        modules=["qemu_fw_cfg", *case.modules, *(dump.DISK if with_kdump else ())],
        programs=[*case.programs, *(dump.KEXEC if with_kdump else ())],
    )
    files |= {f"/case/{file.name}": file.read_bytes() for file in built}
    return initramfs(dump.with_kdump(kernel, files) if with_kdump else files)


def _wait(case: Case, machine: Machine, *, to_the_end: bool) -> None:
    if case.provoke is not None:
        if not machine.wait_for(case.provoke.when, case.timeout):
            raise LabError(f"{case.name}: the console does not show {case.provoke.when!r} in {case.timeout:.0f} s")
        machine.qmp(case.provoke.command, **case.provoke.arguments)
    if to_the_end:
        saved = machine.wait_for(dump.SAVED, case.timeout + dump.SECONDS)
        if not machine.wait_for_end(dump.SWITCHING_OFF) and not saved:
            raise LabError(f"{case.name}: no dump after {case.timeout + dump.SECONDS:.0f} s: see the console log")
    elif not machine.wait_for(case.until, case.timeout):
        raise LabError(f"{case.name}: the console does not show {case.until!r} after {case.timeout:.0f} s")
    if case.initramfs and not machine.wait_for(BOOTED, 0.1):
        raise LabError(f"{case.name}: the kernel died before the case began: see the console log, and try again")
