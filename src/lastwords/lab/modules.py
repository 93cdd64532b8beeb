"""Builds a case's module with the kernel's own compiler, against its own headers."""

import hashlib
import shutil
from pathlib import Path

from .cache import cache, locked
from .cases import FOLDER, Case
from .kernels import Kernel

# A tail call would take the caller's frame out of the trace.
_KBUILD = """obj-m := {name}.o
{name}-y := module.o
ccflags-y := -fno-optimize-sibling-calls
"""


def module(case: Case, kernel: Kernel) -> Path | None:
    """The case's module for a kernel: built on first use, kept until its source changes.

    Returns:
        The .ko, with its DWARF, or None for a case without a module of its own.

    Raises:
        LabError: it does not compile; with the compiler's errors.
    """
    if case.source is None:
        return None
    sources = {
        "lab.h": (FOLDER / "lab.h").read_bytes(),
        f"{case.name}/module.c": case.source.read_bytes(),
        f"{case.name}/Kbuild": _KBUILD.format(name=case.module).encode(),
    }
    digest = hashlib.sha256(b"\0".join(sources.values())).hexdigest()[:12]
    built = cache() / "modules" / kernel.release / f"{case.name}-{digest}" / f"{case.module}.ko"
    with locked(f"suite-build-{kernel.suite.name}"):
        if not built.exists():
            _build(case, kernel, sources, built)
    return built


def _build(case: Case, kernel: Kernel, sources: dict[str, bytes], built: Path) -> None:
    # Always the same path, so that the source paths in the DWARF and in the log are the same everywhere.
    folder = kernel.suite.root / "lab"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file, content in sources.items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    kernel.suite.run(f"make -s {kernel.make} M=/lab/{case.name} modules 2>&1")
    built.parent.mkdir(parents=True, exist_ok=True)
    part = built.with_suffix(".part")
    shutil.copyfile(folder / case.name / built.name, part)
    part.rename(built)
