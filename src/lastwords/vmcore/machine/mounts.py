"""Mounts of the first process's namespace: fs/mount.h."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.pid import find_task
from drgn.helpers.linux.rbtree import rbtree_inorder_for_each_entry

from lastwords.model import Mount

from .part import Partial, part
from .paths import paths
from .strings import one_line, text
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST = 20_000

# include/linux/mount.h: MNT_*, include/linux/fs.h: SB_*, as fs/proc_namespace.c prints them.
_MOUNT_FLAGS = (
    (0x01, "nosuid"),
    (0x02, "nodev"),
    (0x04, "noexec"),
    (0x08, "noatime"),
    (0x10, "nodiratime"),
    (0x20, "relatime"),
)
_MOUNT_READ_ONLY = 0x40
_SB_READ_ONLY = 1
_SB_FLAGS = ((1 << 4, "sync"), (1 << 7, "dirsync"), (1 << 6, "mand"), (1 << 25, "lazytime"))


@part("mounts")
def mounts(kernel: "Kernel") -> Partial:
    """As /proc/1/mounts lists them, without the file systems' own options."""
    problems: list[str] = []
    found = []
    for mount in walk(_listed(_namespace(kernel.prog)), _MOST, problems, "mounts"):
        try:
            if mount.mnt.mnt_sb:  # else the place of a reader of /proc/mounts (Linux 5.8 to 6.8)
                found.append(_mount(kernel, mount))
        except Exception as failure:  # drgn raises what fits: not in the dump
            problems.append(f"mount at {mount.value_():#x}: {one_line(failure)}")
    return Partial(tuple(found), problems)


def _namespace(prog: drgn.Program) -> drgn.Object:
    first = find_task(prog, 1)
    proxy = first.nsproxy if first else prog["init_task"].nsproxy
    return proxy.mnt_ns if proxy else prog["init_task"].nsproxy.mnt_ns


def _listed(namespace: drgn.Object) -> Iterator[drgn.Object]:
    if namespace.type_.type.has_member("list"):
        return list_for_each_entry("struct mount", namespace.list.address_of_(), "mnt_list")
    return rbtree_inorder_for_each_entry("struct mount", namespace.mounts.address_of_(), "mnt_node")  # Linux 6.8


def _mount(kernel: "Kernel", mount: drgn.Object) -> Mount:
    prog = kernel.prog
    inner = mount.mnt
    sb = inner.mnt_sb.read_()
    kind = text(prog, sb.s_type.name.value_()) or "?"
    subtype = text(prog, sb.s_subtype.value_())
    flags, sb_flags = inner.mnt_flags.value_(), sb.s_flags.value_()
    read_only = flags & _MOUNT_READ_ONLY or sb_flags & _SB_READ_ONLY
    options = ["ro" if read_only else "rw"]
    options += [name for bit, name in _SB_FLAGS if sb_flags & bit]
    options += [name for bit, name in _MOUNT_FLAGS if flags & bit]
    return Mount(
        source=text(prog, mount.mnt_devname.value_()) or "none",
        target=paths(kernel).path(inner.address_of_().value_(), inner.mnt_root.value_()),
        kind=f"{kind}.{subtype}" if subtype else kind,
        options=",".join(options),
    )
