"""Crash a lab's kernel with each case of a battery.

    python -m tests.vmcore.blame.battery.make answers|inside|more KERNEL DIR [CASE...]

Leaves DIR/CASE.elf for each, and the module with its DWARF as DIR/blame_*.ko.
"""

import shutil
import sys
from pathlib import Path

from lastwords.lab import Kernel, kernel
from lastwords.lab.cache import locked
from lastwords.lab.cases import PANIC
from lastwords.lab.dump import qemu_dump
from lastwords.lab.errors import LabError
from lastwords.lab.initramfs import initramfs, userland
from lastwords.lab.machine import Machine

from .answers import answers

_HERE = Path(__file__).parent
_SOURCES = {"answers": "battery", "inside": "inside", "more": "more"}
# Cases that need a kernel with debugging of its slab allocator.
_APPEND = {"freed": "slub_debug=PU"}
_TIMEOUT = 150.0


def build(name: str, victim: Kernel, folder: Path) -> Path:
    """Build a battery's module with the kernel's own compiler."""
    there = victim.suite.root / "lab"
    with locked(f"suite-build-{victim.suite.name}"):
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir()
        shutil.copyfile(_HERE / f"{name}.c", there / f"{name}.c")
        # Not by the source's name alone: some kernels have a driver called `battery`.
        (there / "Kbuild").write_text(f"obj-m := blame_{name}.o\nblame_{name}-y := {name}.o\n")
        victim.suite.run(f"make -s {victim.make} M=/lab modules 2>&1")
        built = folder / f"blame_{name}.ko"
        shutil.copyfile(there / built.name, built)
    return built


def crash(module: Path, case: str, victim: Kernel, dump: Path) -> None:
    """Boot, set one case off, dump.

    Raises:
        LabError: it does not crash.
    """
    run = f"sysctl -q kernel.panic_on_oops=1\ninsmod /case/{module.name}\necho {case} > /dev/battery\n"
    files = userland(victim, f"#!/bin/busybox sh\n{run}", modules=["qemu_fw_cfg"], programs=[])
    files[f"/case/{module.name}"] = module.read_bytes()
    console = dump.with_suffix(".log")
    machine = Machine(
        victim.image,
        initramfs(files),
        console,
        append=_APPEND.get(case, ""),
        architecture=victim.architecture,
    )
    with machine:
        if not machine.wait_for(PANIC, _TIMEOUT):
            raise LabError("no panic")
        qemu_dump(machine, dump, "elf")


def main(battery: str, kernel_name: str, directory: Path, wanted: list[str]) -> None:
    """Make the dumps, one after the other."""
    victim = kernel(kernel_name)
    directory.mkdir(parents=True, exist_ok=True)
    module = build(_SOURCES[battery], victim, directory)
    for case in wanted or answers(battery):
        try:
            crash(module, case, victim, directory / f"{case}.elf")
        except LabError as error:
            print(f"{case}: {error}")
        else:
            print(f"{case}: dumped")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
