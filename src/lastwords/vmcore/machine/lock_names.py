"""What a lock is called: its variable, or the object that it is part of."""

import re
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.mm import PageSlab, compound_head, in_direct_map, page_to_virt, virt_to_page

from .pages import find_pages
from .part import once
from .strings import decoded
from .threads import stack_size, threads

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_LONGEST_STEP = 1 << 20
"""Bytes from a symbol's start; further away the symbol has nothing to do with it."""

# Slab caches that are not called after their struct.
_STRUCTS = {
    "bdev_cache": "struct bdev_inode",
    "blkdev_queue": "struct request_queue",
    "request_queue": "struct request_queue",
    "inode_cache": "struct inode",
    "ext4_inode_cache": "struct ext4_inode_info",
    "shmem_inode_cache": "struct shmem_inode_info",
    "proc_inode_cache": "struct proc_inode",
    "sock_inode_cache": "struct socket_alloc",
    "hugetlbfs_inode_cache": "struct hugetlbfs_inode_info",
    "fuse_inode": "struct fuse_inode",
    "nfs_inode_cache": "struct nfs_inode",
    "kernfs_node_cache": "struct kernfs_node",
    "signal_cache": "struct signal_struct",
    "sighand_cache": "struct sighand_struct",
    "files_cache": "struct files_struct",
    "fs_cache": "struct fs_struct",
    "filp": "struct file",
    "buffer_head": "struct buffer_head",
    "anon_vma": "struct anon_vma",
    "mnt_cache": "struct mount",
}
_IDENTIFIER = re.compile(r"\w{1,64}")


# The types that a lock of each kind may have.
_LOCK_TYPES = {
    "mutex": {"mutex", "ww_mutex"},
    "rwsem": {"rw_semaphore"},
    "percpu_rwsem": {"percpu_rw_semaphore"},
    "semaphore": {"semaphore"},
    "rt_mutex": {"rt_mutex", "rt_mutex_base", "mutex", "rw_semaphore", "spinlock"},
    "spinlock": {"spinlock", "raw_spinlock", "qspinlock", "rwlock_t", "qrwlock"},
}
_DEEPEST = 12


class LockNames:
    """Names locks of one dump."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    def name(self, address: int, kind: str) -> str | None:
        """What the lock of this kind is called, or None.

        Example:
            `table_lock [lab]`, `struct inode.i_rwsem at 0xffff8880…`, `object 0xffff8880… of kmalloc-256 + 0x28`.
        """
        types = _LOCK_TYPES[kind]
        for way in (self._variable, self._slab_object, self._on_stack):
            try:
                found = way(address, types)
            except Exception:  # drgn raises what fits: no such symbol, not in the dump, damaged
                continue
            if found:
                return found
        return None

    def _variable(self, address: int, types: set[str]) -> str | None:
        symbol = self._prog.symbol(address)
        offset = address - symbol.address
        if not 0 <= offset < _LONGEST_STEP:
            return None
        try:
            member = member_path(self._prog[symbol.name].type_, offset, types)
        except LookupError:  # its type is not known
            member = None
        if member is None:
            member = f"+{offset:#x}" if offset else ""
        return f"{symbol.name}{member}{self._module(address)}"

    def _module(self, address: int) -> str:
        try:
            module = self._prog.module(address)
        except LookupError:
            return ""
        return f" [{module.name}]" if isinstance(module, drgn.RelocatableModule) else ""

    def _slab_object(self, address: int, types: set[str]) -> str | None:
        if not in_direct_map(self._prog, address):
            return None
        find_pages(self._prog)
        page = compound_head(virt_to_page(self._prog, address))
        if not PageSlab(page):
            return None
        slab = drgn.cast(slab_type(self._prog), page)
        cache = slab.slab_cache.read_()
        size = cache.size.value_()
        try:
            pad = cache.red_left_pad.value_()
        except AttributeError:
            pad = 0
        first = page_to_virt(page).value_() + pad
        begin = first + (address - first) // size * size
        name = decoded(cache.name.string_())
        member = self._member_of(name, address - begin, types)
        return f"{member} at {begin:#x}" if member else f"object {begin:#x} of {name} + {address - begin:#x}"

    def _member_of(self, cache: str, offset: int, types: set[str]) -> str | None:
        """The member that is at an offset into the objects of a cache."""
        if not _IDENTIFIER.fullmatch(cache):
            return None
        name = _STRUCTS.get(cache, f"struct {cache}")
        try:
            member = member_path(self._prog.type(name), offset, types)
        except LookupError:
            return None
        return name + member if member else None

    def _on_stack(self, address: int, types: set[str]) -> str | None:
        size = stack_size(self._kernel)
        for thread in threads(self._kernel).by_address.values():
            if thread.stack <= address < thread.stack + size:
                return f"on the stack of {thread.comm} ({thread.pid})"
        return None


def slab_type(prog: drgn.Program) -> drgn.Type:
    """What describes a slab's pages: Linux 5.17 parted it from struct page."""
    try:
        return prog.type("struct slab *")
    except LookupError:
        return prog.type("struct page *")


def member_path(whole: drgn.Type, offset: int, types: set[str], depth: int = 0) -> str | None:
    """Behind an object's name, which member of one of these types is at an offset; None if there is none.

    Example:
        >>> member_path(prog.type("struct inode"), 160, {"rw_semaphore"})
        '.i_rwsem'
    """
    if not offset and whole.unaliased_kind() in _COMPOUND and (whole.unaliased().tag in types or _name(whole) in types):
        return ""
    here = whole.unaliased()
    if depth > _DEEPEST:
        return None
    if here.kind == drgn.TypeKind.ARRAY and here.length:
        size = drgn.sizeof(here.type)
        if not size or offset >= size * here.length:
            return None
        path = member_path(here.type, offset % size, types, depth + 1)
        return None if path is None else f"[{offset // size}]{path}"
    if here.kind not in _COMPOUND or not here.is_complete():
        return None
    for member in here.members or ():
        if member.bit_field_size is not None or not member.offset <= offset < member.offset + _size(member.type):
            continue
        path = member_path(member.type, offset - member.offset, types, depth + 1)
        if path is not None:
            return f".{member.name}{path}" if member.name else path
    return None


_COMPOUND = (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION)


def _name(whole: drgn.Type) -> str | None:
    return whole.name if whole.kind == drgn.TypeKind.TYPEDEF else None


def _size(whole: drgn.Type) -> int:
    try:
        return int(drgn.sizeof(whole))
    except TypeError:  # incomplete
        return 0


def function_at(prog: drgn.Program, address: int) -> tuple[str, str | None]:
    """The function that an address of text is in, without its compiler's suffixes, and its module."""
    try:
        name = prog.symbol(address).name.partition(".")[0]
    except LookupError:
        name = hex(address)
    try:
        module = prog.module(address)
    except LookupError:
        return name, None
    return name, module.name if isinstance(module, drgn.RelocatableModule) else None


@once
def lock_names(kernel: "Kernel") -> LockNames:
    """The one of this dump."""
    return LockNames(kernel)
