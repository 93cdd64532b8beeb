"""The files that a user hands over, told apart by looking into them: dumps, vmlinux, modules, logs.

Nothing depends on names or on the order of arguments. A directory is searched as each distribution's kdump fills it:

    Debian, Ubuntu (kdump-tools)   /var/crash/202411240538/dump.202411240538, dmesg.202411240538
    Fedora, RHEL (kdump-utils)     /var/crash/127.0.0.1-2024-11-24-05:38:11/vmcore, vmcore-dmesg.txt, kexec-dmesg.log
    SUSE (kdump)                   /var/crash/2024-11-24-05:38/vmcore, dmesg.txt, README.txt, vmlinux-6.4.0.gz

The live kernel (/proc/kcore) is refused: nobody wants it read for a dump that could not be opened.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lastwords.compressed import compression

from .formats import containers, elf, flattened, kdump
from .formats.foreign import HEAD, foreign, looks_like_text
from .formats.raw import read_raw, set_key
from .formats.storage import NotADump, start_of

LIVE = ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/crash")
_DEPTH = 3
_KERNELS_OWN = ("/proc", "/sys", "/dev")
_UNKNOWN = "neither dump, vmlinux nor log; of a dump whose beginning is lost, lastwords salvage saves what is left"
_MOST_FILES = 10_000


@dataclass
class Files:
    """What was found.

    Attributes:
        dumps: each the paths of one dump: one, or the files of a split one.
        vmlinux: kernels with symbols or debuginfo, compressed or not.
        modules: kernel modules and their debuginfo.
        logs: texts.
        refused: what can't be used, with the reason in one line.
    """

    dumps: list[tuple[str, ...]] = field(default_factory=list)
    vmlinux: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


Walk = Callable[[str], Iterable[str | OSError]]
"""Gives the files below a directory, and why it could not look into some directories."""


def sort_files(paths: Sequence[str], walk: Walk | None = None) -> Files:
    """Look at files and directories and tell them apart.

    Args:
        paths: as the user gave them. Of a directory, only what is of use is listed; of files, all.
        walk: finds what is below a directory, in place of the search through a few levels of it.
    """
    files = Files()
    dumps: list[str] = []
    for path in dict.fromkeys(paths):
        if _is_live(path):
            files.refused.append((path, "the running kernel, not a dump"))
            continue
        try:
            mode = Path(path).stat().st_mode
        except (OSError, ValueError) as error:
            files.refused.append((path, (isinstance(error, OSError) and error.strerror) or str(error)))
            continue
        if stat.S_ISDIR(mode):
            _sort_directory(path, (walk or _walk)(path), files, dumps)
        else:
            _sort_file(path, mode, files, dumps)
    files.dumps = _grouped(dumps)
    return files


def _is_live(path: str) -> bool:
    """Also where a symbolic link leads there."""
    try:
        return path in LIVE or str(Path(path).resolve()) in LIVE
    except (OSError, ValueError, RuntimeError):
        return False


def _sort_directory(top: str, below: Iterable[str | OSError], files: Files, dumps: list[str]) -> None:
    before = len(dumps)
    others = Files()
    for path in below:
        try:
            if isinstance(path, str) and not _is_live(path):
                _sort_file(path, Path(path).stat().st_mode, others, dumps)
        except OSError as error:
            others.refused.append((str(path), error.strerror or str(error)))
    files.vmlinux += others.vmlinux
    files.modules += others.modules
    files.logs += others.logs
    if len(dumps) == before and not others.logs:
        files.refused.append((top, "no dump in this directory"))


def _walk(top: str) -> Iterator[str]:
    depth = top.rstrip("/").count("/")
    count = 0
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if os.path.realpath(Path(folder, name)) not in _KERNELS_OWN)
        if folder.rstrip("/").count("/") - depth >= _DEPTH:
            folders.clear()
        for name in sorted(names):
            count += 1
            if count > _MOST_FILES:
                return
            yield str(Path(folder, name))


def _sort_file(path: str, mode: int, files: Files, dumps: list[str]) -> None:
    if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):
        files.refused.append((path, "not a regular file"))
        return
    try:
        head = start_of(path, HEAD)
    except OSError as error:
        files.refused.append((path, error.strerror or str(error)))
        return
    if compression(head):
        head = containers.head_inside(path, HEAD)
    kind = _kind(head)
    if kind == "dump":
        dumps.append(path)
    elif kind == "":
        known = foreign(head)
        files.refused.append((path, f"{known.what}: {known.advice}" if known else _UNKNOWN))
    else:
        getattr(files, kind).append(path)


def _kind(head: bytes) -> str:
    """`dump`, or the name of the list in `Files`, or the empty string."""
    if head.startswith((kdump.SIGNATURE, flattened.SIGNATURE)):
        return "dump"
    if head.startswith(elf.MAGIC) and len(head) >= 18:
        types = {elf.ET_CORE: "dump", elf.ET_EXEC: "vmlinux", elf.ET_DYN: "vmlinux", elf.ET_REL: "modules"}
        return types.get(int.from_bytes(head[16:18], "little" if head[5] == 1 else "big"), "dump")
    return "logs" if looks_like_text(head) else ""


def _grouped(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Each dump once; the files of one split dump together."""
    groups: dict[object, list[str]] = {}
    for path in dict.fromkeys(paths):
        groups.setdefault(_set_of(path) or path, []).append(path)
    return [tuple(group) for group in groups.values()]


def _set_of(path: str) -> object:
    """What tells the split dump that a file is part of, or None. Those are neither flattened nor compressed."""
    try:
        if not start_of(path, len(kdump.SIGNATURE)).startswith(kdump.SIGNATURE):
            return None
        raw = read_raw(path)
    except (NotADump, OSError):
        return None  # opening it says what is wrong
    raw.storage.close()
    return set_key(raw)
