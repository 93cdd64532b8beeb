"""The material: each case crashed and dumped once for each kernel, then kept."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lastwords.lab.cache import cache, kept
from lastwords.lab.cases import Case
from lastwords.lab.errors import LabError
from lastwords.lab.experiment import run
from lastwords.lab.kernels import Kernel
from lastwords.lab.modules import modules

# Of a recipe, what decides what the guest does.
_MAKES_THE_CRASH = (
    *("run", "append", "modules", "programs", "devices", "provoke", "memory", "initramfs", "until"),
    "timeout",
)


@dataclass(frozen=True, slots=True)
class Crash:
    """What a crash left: the console `log`, the `dump`, and the folder of the case's `modules` with DWARF, or None."""

    log: Path
    dump: Path
    modules: Path | None


def crash(case: Case, kernel: Kernel, say: Callable[[str], None] = lambda text: None) -> Crash:
    """A case's crash: from the cache, or made now.

    Args:
        case: what to do to the kernel.
        kernel: the victim.
        say: called with what is going on, for people who wait.

    Raises:
        LabError: it could not be made.
    """
    built = modules(case, kernel)
    own = built[0].parent if built else None
    folder = cache() / "crashes" / kernel.release / f"{case.name}-{_digest(case, own)}"
    log, dump = folder / "console.log", folder / "vmcore"

    def make() -> None:
        making = folder.with_suffix(".part")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        _run(case, kernel, making / log.name, making / dump.name, say)
        _dig_holes(making / dump.name)
        making.rename(folder)

    kept(folder, make, f"crash-{kernel.release}-{case.name}")
    return Crash(log, dump, own)


def _run(case: Case, kernel: Kernel, log: Path, dump: Path, say: Callable[[str], None]) -> None:
    """Twice, if it must be: on a busy machine an emulated guest may be too slow, or die at boot."""
    try:
        run(case, kernel, log, elf=dump, say=say)
    except LabError as error:
        say(f"once more, because {error}")
        run(case, kernel, log, elf=dump, say=say)


def _digest(case: Case, own: Path | None) -> str:
    recipe = [getattr(case, name) for name in _MAKES_THE_CRASH]
    return hashlib.sha256(msgspec.json.encode([recipe, own and own.name])).hexdigest()[:12]


def _dig_holes(dump: Path) -> None:
    """Most of a small guest's memory is zero; as holes it takes no room. It need not work."""
    try:
        subprocess.run(["fallocate", "--dig-holes", dump], capture_output=True, check=False)
    except FileNotFoundError:
        return
