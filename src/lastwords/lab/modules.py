"""Builds a case's modules with the kernel's own compiler, against its own headers."""

import hashlib
import shutil
from pathlib import Path

from .cache import cache, kept
from .cases import FOLDER, Case
from .kernels import Kernel

# A tail call would take the caller's frame out of the trace.
_KBUILD = "ccflags-y := -fno-optimize-sibling-calls\n"
_KBUILD_MODULE = "obj-m += {name}.o\n"
_KBUILD_RENAMED = "{name}-y := {stem}.o\n"


def modules(case: Case, kernel: Kernel) -> tuple[Path, ...]:
    """The case's modules for a kernel: built on first use, kept as long as it is used.

    Returns:
        The .ko files, with their DWARF, by themselves in a folder; none for a case without modules of its own.

    Raises:
        LabError: one does not compile; with the compiler's errors.
    """
    if not case.sources:
        return ()
    files = {"lab.h": (FOLDER / "lab.h").read_bytes(), f"{case.name}/Kbuild": _kbuild(case).encode()}
    files |= {f"{case.name}/{source.name}": source.read_bytes() for source in case.sources.values()}
    digest = hashlib.sha256(b"\0".join(files.values())).hexdigest()[:12]
    built = cache() / "modules" / kernel.release / f"{case.name}-{digest}"
    kept(built, lambda: _build(case, kernel, files, built), f"suite-build-{kernel.suite.name}")
    return tuple(built / f"{name}.ko" for name in case.sources)


def _kbuild(case: Case) -> str:
    lines = [_KBUILD]
    for name, source in case.sources.items():
        lines.append(_KBUILD_MODULE.format(name=name))
        if source.stem != name:
            lines.append(_KBUILD_RENAMED.format(name=name, stem=source.stem))
    return "".join(lines)


def _build(case: Case, kernel: Kernel, files: dict[str, bytes], built: Path) -> None:
    # Always the same path, so that the source paths in the DWARF and in the log are the same everywhere.
    folder = kernel.suite.root / "lab"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    kernel.suite.run(f"make -s {kernel.make} M=/lab/{case.name} modules 2>&1")
    part = built.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name in case.sources:
        shutil.copyfile(folder / case.name / f"{name}.ko", part / f"{name}.ko")
    part.rename(built)
