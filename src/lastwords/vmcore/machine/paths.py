"""Paths of files, put together as the kernel does: fs/d_path.c."""

from typing import TYPE_CHECKING

import drgn

from .fields import Fields
from .part import once
from .strings import text

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_COMPONENTS = 512
_LONGEST_NAME = 256
# File systems without a tree: the path is the file's kind and number (fs/d_path.c: dynamic_dname()).
_NUMBERED = {"pipefs": "pipe", "sockfs": "socket"}


class Paths:
    """Puts paths together, for one dump."""

    def __init__(self, prog: drgn.Program) -> None:
        self._prog = prog
        self._dentry = Fields(
            prog,
            "struct dentry",
            {"parent": "d_parent", "name": "d_name.name", "inode": "d_inode", "ops": "d_op", "hashed": "d_hash.pprev"},
        )
        self._mount = Fields(
            prog, "struct mount", {"parent": "mnt_parent", "mountpoint": "mnt_mountpoint", "root": "mnt.mnt_root"}
        )
        self._in_mount = prog.type("struct mount").member("mnt").offset
        self._inode = Fields(prog, "struct inode", {"number": "i_ino", "sb": "i_sb"})
        self._sb = Fields(prog, "struct super_block", {"kind": "s_type"})
        self._kind = Fields(prog, "struct file_system_type", {"name": "name"})
        self._dname = Fields(prog, "struct dentry_operations", {"dname": "d_dname"})

    def path(self, vfsmount: int, dentry: int) -> str:
        """The path of a dentry, across mounts up to the root of all; parts that can't be read are `?`."""
        itself, first = dentry, self._dentry.read(dentry)
        special = self._special(first)
        if special is not None:
            return special
        mount = vfsmount - self._in_mount if vfsmount else 0
        names: list[str] = []
        for _ in range(_MOST_COMPONENTS):
            mounted = self._mount.read(mount) if mount else {"root": None, "parent": None, "mountpoint": None}
            if dentry == mounted["root"]:
                if not mounted["parent"] or mounted["parent"] == mount:
                    break
                dentry, mount = mounted["mountpoint"] or 0, mounted["parent"]
                continue
            here = self._dentry.read(dentry)
            if here["parent"] is None:
                names.append("?")
                break
            if here["parent"] == dentry:
                break
            names.append(text(self._prog, here["name"] or 0, _LONGEST_NAME) or "?")
            dentry = here["parent"]
        else:
            names.append("…")
        # A file that was removed while it is open (include/linux/dcache.h: d_unlinked()).
        gone = " (deleted)" if first["hashed"] == 0 and first["parent"] != itself else ""
        return "/" + "/".join(reversed(names)) + gone

    def _special(self, dentry: dict[str, int | None]) -> str | None:
        """`socket:[123]` and the like for what is in no directory tree."""
        ops = self._dname.read(dentry["ops"]) if dentry["ops"] else {"dname": None}
        if not ops["dname"] or not dentry["inode"]:
            return None
        inode = self._inode.read(dentry["inode"])
        kind = self._kind.read(self._sb.read(inode["sb"] or 0)["kind"] or 0)["name"]
        kind = text(self._prog, kind or 0) or "?"
        if kind in _NUMBERED:
            return f"{_NUMBERED[kind]}:[{inode['number']}]"
        name = text(self._prog, dentry["name"] or 0, _LONGEST_NAME) or ""
        return f"{kind}:{name}" if kind == "anon_inodefs" else f"/{name} ({kind})"


@once
def paths(kernel: "Kernel") -> Paths:
    """The one of this dump."""
    return Paths(kernel.prog)
