"""Where debuginfo of a kernel lies, by the customs of each distribution, and whether it is the right one."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lastwords.model import RefusedFile

from .elf_file import ElfFile, read_elf

# {0} is the kernel release. Whose custom each is stands beside it; drgn finds the modules in the same trees.
_VMLINUX = (
    "boot/vmlinux-{0}",  # Debian before 7.0, Ubuntu
    "usr/lib/modules/{0}/vmlinux",  # Debian 7.0 and later
    "lib/modules/{0}/vmlinux",  # Fedora, RHEL and what is built from it, Amazon
    "boot/vmlinux-{0}.debug",  # SUSE
    "usr/lib/modules/{0}/vmlinux.debug",  # SUSE with merged /usr
    "lib/modules/{0}/vmlinux.debug",
    "vmlinux-{0}",
)
_DEBUG_ROOTS = ("/usr/lib/debug",)
_SYSTEM_VMLINUX = (
    "/boot/vmlinux-{0}",
    "/lib/modules/{0}/build/vmlinux",  # built on this machine; Arch's linux-headers
    "/lib/modules/{0}/vmlinux",
    "/usr/src/linux-{0}/vmlinux",
)
_BESIDE_DUMP = ("vmlinux", "vmlinux-{0}", "vmlinux-{0}.debug", "vmlinux.debug")


class Found(NamedTuple):
    """The vmlinux to use, or None, and the files that were refused on the way."""

    path: Path | None
    refused: tuple[RefusedFile, ...]


def find_vmlinux(
    release: str,
    build_id: bytes | None,
    *,
    given: Path | None = None,
    directories: tuple[Path, ...] = (),
    dump: Path | None = None,
    root: Path = Path("/"),
) -> Found:
    """Find debuginfo for a kernel.

    Args:
        release: of the kernel that crashed.
        build_id: of it, or None where the dump doesn't tell: then only a file that was given is taken.
        given: a file that the user named, or a directory to look in. Nothing else is taken then.
        directories: more directories to look in, with the layout of `/usr/lib/debug` or flat.
        dump: the dump, beside which a vmlinux may lie.
        root: where the system's own files are.
    """
    refused: list[RefusedFile] = []
    if given is not None and not given.is_dir():
        candidates: Iterator[Path] = iter((given,))
    else:
        roots = (given,) if given else directories
        candidates = _candidates(release, build_id, roots, None if given else dump, None if given else root)
    seen = set()
    for path in candidates:
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            continue
        if real in seen or (path != given and not path.is_file()):
            continue
        seen.add(real)
        reason, elf = _refusal(path, build_id, named=path == given)
        if reason is None:
            return Found(path, tuple(refused))
        file_id = elf.build_id.hex() if elf and elf.build_id else None
        refused.append(RefusedFile(path=str(path), build_id=file_id, reason=reason))
    return Found(None, tuple(refused))


def _refusal(path: Path, build_id: bytes | None, *, named: bool) -> tuple[str | None, ElfFile | None]:
    """Why a file can't serve as debuginfo, None if it can."""
    elf = read_elf(path)
    if elf is None:
        return ("is no ELF file" if path.exists() else "does not exist"), None
    if elf.is_core:
        return "is a dump, not a vmlinux", elf
    if build_id is not None and elf.build_id is not None and elf.build_id != build_id:
        return f"is of another kernel: its build ID is {elf.build_id.hex()}, the dump's is {build_id.hex()}", elf
    if not elf.has_dwarf:
        return "has no debuginfo (it is stripped)", elf
    if (build_id is None or elf.build_id is None) and not named:
        return "may be of another kernel: there is no build ID to tell; name it with --vmlinux to use it", elf
    return None, elf


def _candidates(
    release: str, build_id: bytes | None, directories: tuple[Path, ...], dump: Path | None, root: Path | None
) -> Iterator[Path]:
    """Where to look, the nearest to the user's word first."""
    release = release.replace("/", "_")  # it comes from the dump
    for directory in directories:
        yield from _in_tree(directory, release, build_id)
        yield from (directory / name.format(release) for name in _BESIDE_DUMP)
    if dump is not None:
        yield from (dump.parent / name.format(release) for name in _BESIDE_DUMP)
    if root is not None:
        for debug_root in _DEBUG_ROOTS:
            yield from _in_tree(root / debug_root.lstrip("/"), release, build_id)
        yield from (root / name.format(release).lstrip("/") for name in _SYSTEM_VMLINUX)


def _in_tree(directory: Path, release: str, build_id: bytes | None) -> Iterator[Path]:
    """The places within a tree like `/usr/lib/debug`, or like a package that was unpacked."""
    for top in (directory, directory / "usr/lib/debug"):
        if build_id:
            digits = build_id.hex()
            yield top / ".build-id" / digits[:2] / f"{digits[2:]}.debug"
        yield from (top / name.format(release) for name in _VMLINUX)
