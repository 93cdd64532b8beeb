"""The guest's user land as an initramfs: busybox, a few kernel modules, the case's own files and its script."""

import gzip
import lzma
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from .errors import LabError
from .kernels import Kernel

# What every guest does before its case begins. A second shell and two sleepers keep company with the crashing task.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys /tmp /root
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
hostname lab
while read -r module; do insmod "/modules/$module"; done < /modules/order
sh -c 'while :; do sleep 1; done' &
sleep 3600 &
sh /case/run
sleep 3600
"""

Files = dict[str, bytes]


def initramfs(files: Mapping[str, bytes]) -> bytes:
    """Pack files into a gzipped cpio archive (`Documentation/driver-api/early-userspace/buffer-format.rst`).

    Args:
        files: path to content; the folders on the way are made, and everything may be executed.
    """
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {"/"}
    parts = [_entry(folder, 0o40755, b"") for folder in sorted(folders)]
    parts += [_entry(name, 0o100755, content) for name, content in files.items()]
    parts.append(_entry("/TRAILER!!!", 0, b""))
    # Level 1, because the emulated CPU unpacks it and the host waits for it; a fixed time makes it reproducible.
    return gzip.compress(b"".join(parts), 1, mtime=0)


def userland(kernel: Kernel, script: str, *, modules: Iterable[str], programs: Iterable[str] = ()) -> Files:
    """The files of a guest, the case's module aside.

    Args:
        kernel: whose modules and whose Debian release's programs.
        script: the shell script that makes the crash.
        modules: names of the kernel's own modules to load first; what they depend on comes along.
        programs: paths of programs of the Debian release, such as `/sbin/mke2fs`.
    """
    files: Files = {"/init": INIT.encode(), "/case/run": script.encode()}
    files["/bin/busybox"] = kernel.busybox
    for program in programs:
        files |= kernel.suite.program(program)
    order = in_order(kernel, modules)
    files["/modules/order"] = "".join(f"{path.name.split('.')[0]}.ko\n" for path in order).encode()
    for path in order:
        content = path.read_bytes()
        files[f"/modules/{path.name.split('.')[0]}.ko"] = lzma.decompress(content) if path.suffix == ".xz" else content
    return files


def in_order(kernel: Kernel, names: Iterable[str]) -> list[Path]:
    """Files of modules and of all that they depend on, in the order of loading; built-in ones are left out.

    Raises:
        LabError: the kernel has no such module.
    """
    depends: dict[str, tuple[str, list[str]]] = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        depends[_name(path)] = (path, needs.split())
    builtin = {_name(line) for line in (kernel.modules / "modules.builtin").read_text().splitlines()}
    ordered: dict[str, None] = {}
    for name in names:
        if name not in depends and name not in builtin:
            raise LabError(f"{kernel.release} has no module {name}")
        if name in depends:
            file, needed = depends[name]
            ordered |= dict.fromkeys([*reversed(needed), file])
    return [kernel.modules / path for path in ordered]


def _name(path: str) -> str:
    return PurePosixPath(path).name.split(".")[0].replace("-", "_")


def _entry(name: str, mode: int, content: bytes) -> bytes:
    """One entry in the `newc` format."""
    path = name.lstrip("/").encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08X" % value for value in fields)
    return _padded(header + path) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
