"""Who holds the memory: the sums of /proc/meminfo (fs/proc/meminfo.c) and what is behind them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import drgn
from drgn.helpers.linux.block import nr_blockdev_pages
from drgn.helpers.linux.hugetlb import hugetlb_total_usage
from drgn.helpers.linux.mm import totalram_pages
from drgn.helpers.linux.swap import swap_total_usage, total_swapcache_pages

from lastwords.model import Memory, Node, Zone

from .memory_users import oom_victims, processes, tmpfs_mounts, vmalloc_users
from .part import Partial, part
from .patience import little_patience
from .percpu_counter import PercpuCounters
from .slabs import slab_caches
from .strings import one_line
from .suspects import suspects
from .vmstat import Counters, ZoneCounters, counters

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_ORDERS = 32
_MOST_PAGES = 1 << 48
_WATERMARKS = ("minimum", "low", "high")

# Counters of pages that are in use, each page in one of them; kernel stacks and per-CPU variables come on top.
_IN_USE = (
    *("NR_INACTIVE_ANON", "NR_ACTIVE_ANON", "NR_INACTIVE_FILE", "NR_ACTIVE_FILE", "NR_UNEVICTABLE"),
    *("NR_ISOLATED_ANON", "NR_ISOLATED_FILE"),
    *("NR_SLAB_RECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE_B", "NR_SLAB_RECLAIMABLE", "NR_SLAB_UNRECLAIMABLE"),
    *("NR_PAGETABLE", "NR_SECONDARY_PAGETABLE", "NR_KERNEL_MISC_RECLAIMABLE", "NR_BOUNCE", "NR_ZSPAGES"),
    *("NR_BALLOON_PAGES", "NR_GPU_ACTIVE", "NR_GPU_RECLAIM"),
)


@part("memory")
def memory(kernel: "Kernel") -> Partial:
    """All that can be read of it."""
    problems: list[str] = []
    page = int(kernel.prog["PAGE_SIZE"])
    found: dict[str, Any] = {}

    def take(what: str, read: Callable[[], Any]) -> Any:  # noqa: ANN401
        try:
            with little_patience():
                return read()
        except Exception as failure:  # drgn raises what fits: a type or a variable missing, not in the dump, damaged
            problems.append(f"{what}: {one_line(failure)}")
            return None

    sums = take("counters", lambda: counters(kernel))
    pages: dict[str, int | None] = {
        "total": take("total", lambda: totalram_pages(kernel.prog)),
        "buffers": take("buffers", lambda: nr_blockdev_pages(kernel.prog)),
        "swap_cache": take("swap cache", lambda: _swap_cache(kernel.prog)),
        "committed": take(
            "committed", lambda: max(PercpuCounters(kernel).sum(kernel.prog.symbol("vm_committed_as").address), 0)
        ),
        "vmalloc": take("vmalloc", lambda: _vmalloc(kernel.prog, sums)),
        "percpu": take("percpu", lambda: _percpu(kernel.prog)),
    }
    if sums is not None:
        pages |= _counted(sums, pages)
        found["zones"] = tuple(_zone(each, page) for each in sums.zones)
        found["nodes"] = _nodes(sums, page)
    swap = take("swap", lambda: swap_total_usage(kernel.prog))
    huge = take("huge pages", lambda: hugetlb_total_usage(kernel.prog))
    if swap is not None:
        pages |= {"swap_total": swap.pages, "swap_free": swap.free_pages}
    if huge is not None:
        pages |= {"hugepages": huge.pages, "hugepages_free": huge.free_pages}
    if sums is not None and pages["total"] is not None:
        pages["available"] = take("available", lambda: _available(kernel.prog, sums))
        pages["commit_limit"] = take("commit limit", lambda: _commit_limit(kernel.prog, pages))
        pages["unaccounted"] = _unaccounted(kernel.prog, sums, pages)
    found |= {name: value * page for name, value in pages.items() if value is not None}
    if sums is not None and (stacks := sums.pages("NR_KERNEL_STACK_KB")) is not None:
        found["kernel_stack"] = stacks * 1024
    lists = {
        "slabs": lambda: slab_caches(kernel, problems),
        "vmalloc_users": lambda: vmalloc_users(kernel, problems),
        "tmpfs": lambda: tmpfs_mounts(kernel, problems),
        "processes": lambda: processes(kernel),
        "oom_victims": lambda: oom_victims(kernel),
    }
    for name, read in lists.items():
        found[name] = take(name.replace("_", " "), read) or ()
    if not any(value for name, value in found.items() if name != "total"):
        raise LookupError(problems[0] if problems else "no counters")
    found["suspects"] = take("suspects", lambda: suspects(kernel, found)) or ()
    return Partial(Memory(**found), problems)


def _counted(sums: Counters, pages: Mapping[str, int | None]) -> dict[str, int | None]:
    """What is a counter, or a difference of some."""
    files = sums.pages("NR_FILE_PAGES")
    others = (pages["buffers"] or 0) + (pages["swap_cache"] or 0)
    return {
        "free": sums.pages("NR_FREE_PAGES"),
        "page_cache": None if files is None else max(files - others, 0),
        "anonymous": sums.pages("NR_ANON_MAPPED", "NR_ANON_PAGES"),
        "mapped": sums.pages("NR_FILE_MAPPED"),
        "shmem": sums.pages("NR_SHMEM"),
        "slab_reclaimable": sums.pages("NR_SLAB_RECLAIMABLE_B", "NR_SLAB_RECLAIMABLE"),  # Linux 5.9 renamed it
        "slab_unreclaimable": sums.pages("NR_SLAB_UNRECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE"),
        "page_tables": sums.pages("NR_PAGETABLE"),
        "dirty": sums.pages("NR_FILE_DIRTY"),
        "writeback": sums.pages("NR_WRITEBACK"),
        "cpu_lists": sum(zone.cpu_lists for zone in sums.zones),
    }


def _long(prog: drgn.Program, name: str) -> int:
    value: int = prog.read_u64(prog.symbol(name).address)
    return value


def _vmalloc(prog: drgn.Program, sums: Counters | None) -> int:
    """A variable in Linux 6.12; in 7.3 one of the nodes' counters."""
    counted = sums.pages("NR_VMALLOC") if sums is not None else None
    return _long(prog, "nr_vmalloc_pages") if counted is None else counted


def _percpu(prog: drgn.Program) -> int:
    """mm/percpu.c: pcpu_nr_pages()."""
    return _long(prog, "pcpu_nr_populated") * int(prog.read_u32(prog.symbol("pcpu_nr_units").address))


def _swap_cache(prog: drgn.Program) -> int:
    try:
        return max(int(prog["vm_node_stat"][prog.constant("NR_SWAPCACHE")].counter), 0)  # Linux 5.12
    except LookupError:
        return int(total_swapcache_pages(prog)) if int(prog["nr_swapfiles"]) else 0


def _available(prog: drgn.Program, sums: Counters) -> int:
    """An estimate of what can be had without swapping: mm/show_mem.c, mm/page_alloc.c: si_mem_available()."""
    low = sum(_marks(zone)["low"] for zone in sums.zones)
    cache = sum(sums.pages(name) or 0 for name in ("NR_ACTIVE_FILE", "NR_INACTIVE_FILE"))
    names = (("NR_SLAB_RECLAIMABLE_B", "NR_SLAB_RECLAIMABLE"), ("NR_KERNEL_MISC_RECLAIMABLE",))
    reclaimable = sum(sums.pages(*each) or 0 for each in names)
    available = (sums.pages("NR_FREE_PAGES") or 0) - int(prog["totalreserve_pages"])
    available += cache - min(cache // 2, low)
    available += reclaimable - min(reclaimable // 2, low)
    return max(available, 0)


def _commit_limit(prog: drgn.Program, pages: Mapping[str, int | None]) -> int:
    """mm/util.c: vm_commit_limit()."""
    kilobytes = _long(prog, "sysctl_overcommit_kbytes")
    if kilobytes:
        allowed = kilobytes * 1024 // int(prog["PAGE_SIZE"])
    else:
        ratio = int(prog.read_u32(prog.symbol("sysctl_overcommit_ratio").address))
        allowed = ((pages["total"] or 0) - (pages.get("hugepages") or 0)) * ratio // 100
    if allowed >= _MOST_PAGES:
        raise ValueError("overwritten: more than any machine has")
    return allowed + (pages.get("swap_total") or 0)


def _unaccounted(prog: drgn.Program, sums: Counters, pages: Mapping[str, int | None]) -> int | None:
    """Pages that are in use and in no counter.

    Kernel stacks come from vmalloc() where CONFIG_VMAP_STACK is on. What the boot allocator gave out is not part of
    the total: hash tables, the first chunk of per-CPU variables, the struct pages.
    """
    if pages["vmalloc"] is None:
        return None
    known = sums.sum("NR_FREE_PAGES", *_IN_USE) + (pages["cpu_lists"] or 0) + pages["vmalloc"]
    known += (pages.get("hugepages") or 0) + (pages["percpu"] or 0)
    if not prog.type("struct task_struct").has_member("stack_vm_area"):
        known += (sums.pages("NR_KERNEL_STACK_KB") or 0) * 1024 // int(prog["PAGE_SIZE"])
    return max((pages["total"] or 0) - known, 0)


def _marks(each: ZoneCounters) -> dict[str, int]:
    """The watermarks as they count now, in pages: include/linux/mmzone.h: wmark_pages()."""
    try:
        marks = each.zone._watermark  # Linux 4.20
        boost = each.zone.watermark_boost.value_()
    except AttributeError:
        marks, boost = each.zone.watermark, 0
    return {name: marks[place].value_() + boost for place, name in enumerate(_WATERMARKS)}


def _zone(each: ZoneCounters, page: int) -> Zone:
    zone = each.zone
    orders = list(zone.free_area)[:_MOST_ORDERS]
    return Zone(
        node=each.node,
        name=zone.name.string_().decode("ascii", "replace"),
        free=max(each.exact.get("NR_FREE_PAGES", 0), 0) * page,
        managed=_plain(zone.managed_pages) * page,
        cpu_lists=each.cpu_lists * page,
        blocks=tuple(area.nr_free.value_() for area in orders),
        **{name: pages * page for name, pages in _marks(each).items()},
    )


def _plain(counter: drgn.Object) -> int:
    """Linux 5.0 made it atomic."""
    try:
        return int(counter.counter.value_())
    except AttributeError:
        return int(counter.value_())


def _nodes(sums: Counters, page: int) -> tuple[Node, ...]:
    found = []
    for number, items in sums.nodes.items():
        zones = [zone for zone in sums.zones if zone.node == number]
        slab = [items[name] for name in items if name.startswith("NR_SLAB_")]
        found.append(
            Node(
                number=number,
                total=sum(_plain(zone.zone.managed_pages) for zone in zones) * page,
                free=sum(max(zone.exact.get("NR_FREE_PAGES", 0), 0) for zone in zones) * page,
                page_cache=max(items.get("NR_FILE_PAGES", 0), 0) * page,
                anonymous=max(items.get("NR_ANON_MAPPED", 0), 0) * page,
                slab=max(sum(slab), 0) * page if slab else None,
            )
        )
    return tuple(found)
