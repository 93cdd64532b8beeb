"""Slab caches by size: mm/slub.c, mm/slab.c.

Counted from the nodes' counters and their lists of partly used slabs, so no object is looked at.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.slab import for_each_slab_cache, slab_cache_order, slab_cache_usage

from lastwords.model import SlabCache

from .fields import Fields
from .lock_names import slab_type
from .strings import one_line, text
from .vmstat import MOST_NODES
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_CACHES = 20_000
_MOST_PARTIAL = 10_000
"""Slabs of a list that are counted; the rest is taken to be like them, as the kernel does (MAX_PARTIAL_TO_SCAN)."""
_RECLAIMABLE = 0x00020000
"""SLAB_RECLAIM_ACCOUNT: a bit that has kept its value since 2.6 (include/linux/slab.h)."""


def slab_caches(kernel: "Kernel", problems: list[str]) -> tuple[SlabCache, ...]:
    """All caches that hold memory, the largest first."""
    reader = _Reader(kernel.prog)
    found: list[SlabCache] = []
    for cache in walk(for_each_slab_cache(kernel.prog), _MOST_CACHES, problems, "slab caches"):
        try:
            found.append(reader.cache(cache))
        except Exception as failure:  # drgn raises what fits: not in the dump, damaged
            problems.append(f"slab cache at {cache.value_():#x}: {one_line(failure)}")
    return tuple(sorted((cache for cache in found if cache.bytes), key=lambda cache: (-cache.bytes, cache.name)))


class _Reader:
    def __init__(self, prog: drgn.Program) -> None:
        self._prog = prog
        self._page = int(prog["PAGE_SIZE"])
        members = {
            "name": "name",
            "size": "object_size",
            "flags": "flags",
            "order": "oo.x",
            "node": "node",
        }
        self._cache = Fields(prog, "struct kmem_cache", members)
        self._slub = prog.type("struct kmem_cache").has_member("oo")
        self._node = Fields(
            prog,
            "struct kmem_cache_node",
            {
                "slabs": "nr_slabs",
                "objects": "total_objects",
                "partial": "nr_partial",
                "first": "partial.next",
            },
        )
        self._slab = _Partial(prog)
        self._nodes = int(prog["nr_node_ids"]) if "nr_node_ids" in prog else 1

    def cache(self, cache: drgn.Object) -> SlabCache:
        values = self._cache.read(cache.value_())
        if values["name"] is None or values["size"] is None:
            raise ValueError("not in the dump")
        if not self._slub or "slabs" not in self._node:
            return self._by_drgn(cache, values)
        slabs = total = free = 0
        for node in self._each_node(cache):
            counts = self._node.read(node)
            slabs += max(counts["slabs"] or 0, 0)
            total += max(counts["objects"] or 0, 0)
            partial = self._prog.type("struct kmem_cache_node").member("partial").offset
            free += self._slab.free(node + partial, counts["partial"] or 0)
        return self._struct(values, slabs * (self._page << slab_cache_order(cache)), max(total - free, 0), total)

    def _by_drgn(self, cache: drgn.Object, values: dict[str, int]) -> SlabCache:
        """The other allocator, SLAB (until Linux 6.7), or a kernel without counters."""
        usage = slab_cache_usage(cache)
        size = usage.num_slabs * (self._page << slab_cache_order(cache))
        return self._struct(values, size, usage.active_objs, usage.num_objs)

    def _struct(self, values: dict[str, int], size: int, objects: int, total: int) -> SlabCache:
        return SlabCache(
            name=text(self._prog, values["name"]) or "?",
            object_size=values["size"],
            objects=objects,
            total=total,
            bytes=size,
            reclaimable=bool((values["flags"] or 0) & _RECLAIMABLE),
        )

    def _each_node(self, cache: drgn.Object) -> Iterator[int]:
        """The nodes' parts of a cache."""
        try:
            nodes = [each.node for each in cache.per_node[: min(self._nodes, MOST_NODES)]]  # Linux 7.1
        except AttributeError:
            nodes = list(cache.node[: min(self._nodes, MOST_NODES)])
        return (node for each in nodes if (node := each.value_()))


class _Partial:
    """Counts free objects in lists of partly used slabs."""

    def __init__(self, prog: drgn.Program) -> None:
        self._prog = prog
        slab = slab_type(prog).type
        # Linux 4.18 gave the link its own name.
        self._link = drgn.offsetof(slab, "slab_list" if slab.has_member("slab_list") else "lru")
        self._inuse, self._objects = slab.member("inuse"), slab.member("objects")
        self._word = (self._inuse.bit_offset // 32) * 4
        self._little = bool(prog.platform and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags)

    def free(self, head: int, length: int) -> int:
        """How many objects are free in all slabs of a list; `length` is how many there should be."""
        free = seen = 0
        here = self._prog.read_u64(head)
        while here != head and seen < min(_MOST_PARTIAL, length + 1):
            value = self._prog.read_u32(here - self._link + self._word)
            free += max(self._bits(value, self._objects) - self._bits(value, self._inuse), 0)
            seen += 1
            here = self._prog.read_u64(here)
        return free * length // seen if seen == _MOST_PARTIAL else free

    def _bits(self, value: int, member: drgn.TypeMember) -> int:
        start, size = member.bit_offset - self._word * 8, member.bit_field_size or 16
        shift = start if self._little else 32 - start - size
        return int(value >> shift & (1 << size) - 1)
