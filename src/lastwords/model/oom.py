"""What the OOM killer reports: the memory that there was, who had it, and who was killed for it."""

from typing import Literal

import msgspec


class OomProcess(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A process of the report (`mm/oom_kill.c: dump_task()`), or the one that was killed. All sizes in bytes.

    Attributes:
        pid: its number.
        comm: its name.
        rss: resident memory; with `rss_anon`, `rss_file` and `rss_shmem` (in the table since Linux 6.9), or None.
        swap: what of it is swapped out, or None.
        oom_score_adj: from -1000 (never killed) to 1000, or None.
        line: in the log, from 1.
    """

    pid: int
    comm: str
    rss: int | None = None
    rss_anon: int | None = None
    rss_file: int | None = None
    rss_shmem: int | None = None
    swap: int | None = None
    oom_score_adj: int | None = None
    line: int = 0


class OomGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All processes of one name: `count` of them, and the sum of their `rss` in bytes.

    What processes share is counted with each of them.
    """

    comm: str
    count: int
    rss: int


class OomSlab(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A slab cache that can't be reclaimed (`mm/slab_common.c: dump_unreclaimable_slab()`, since Linux 4.15).

    Attributes:
        name: the cache's.
        used: bytes of its objects in use; `total` those of all its pages.
        line: in the log, from 1.
    """

    name: str
    used: int
    total: int
    line: int = 0


class OomAllocation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A place in the code that holds memory (`mm/show_mem.c`).

    Kernels since Linux 6.10 count that where CONFIG_MEM_ALLOC_PROFILING is on.

    Attributes:
        bytes: that it holds, in `calls` allocations.
        function: that allocated them; `file` and `source_line` where.
        module: that it lives in, or the empty string for the kernel's own text.
        line: in the log, from 1.
    """

    bytes: int
    calls: int
    function: str
    file: str
    source_line: int
    module: str = ""
    line: int = 0


class OomReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report of the OOM killer (`mm/oom_kill.c: dump_header()`, `mm/show_mem.c`). All sizes in bytes.

    Where several came one after the other, the first.

    The counters are the machine's; those of a control group where it ran into its limit. None: the log does not tell.

    Attributes:
        constraint: what had run out: the machine's memory (`global`), a control group's limit (`memcg`), the NUMA nodes
            of a `cpuset` or of a `memory-policy`.
        memcg: path of the control group that is at its limit; `memcg_usage` and `memcg_limit` of it.
        gfp: the allocation's flags as printed; `order`: it asked for 2^order pages in a row.
        page_size: of the machine.
        total: memory that the kernel knows; `managed`: of it, what the page allocator has to give.
        free: of `managed`.
        anon: of processes, without `shmem`.
        file: page cache of files, without `shmem`.
        shmem: tmpfs and shared memory.
        unevictable: locked pages.
        slab_reclaimable: slab caches that give memory back, as those of dentries and inodes; `slab_unreclaimable` those
            that do not.
        page_tables: of processes.
        kernel_stack: of threads.
        hugepages: in the pools of hugetlb; `hugepages_free` of them.
        swap_total: swap space; `swap_free` of it.
        tasks: processes in the table.
        processes: the largest of them, the largest first.
        groups: of one name each, the largest sum first.
        slabs: the largest caches that can't be reclaimed.
        allocations: places in the code that hold most memory, where the kernel counts that.
        killed: who was killed first, or None; `kills`: how many were, one after the other.
        lines: of the counters, by the names of the fields.
    """

    constraint: Literal["global", "memcg", "cpuset", "memory-policy"] | None = None
    memcg: str | None = None
    memcg_usage: int | None = None
    memcg_limit: int | None = None
    gfp: str | None = None
    order: int | None = None
    page_size: int | None = None
    total: int | None = None
    managed: int | None = None
    free: int | None = None
    anon: int | None = None
    file: int | None = None
    shmem: int | None = None
    unevictable: int | None = None
    slab_reclaimable: int | None = None
    slab_unreclaimable: int | None = None
    page_tables: int | None = None
    kernel_stack: int | None = None
    hugepages: int | None = None
    hugepages_free: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    tasks: int = 0
    processes: tuple[OomProcess, ...] = ()
    groups: tuple[OomGroup, ...] = ()
    slabs: tuple[OomSlab, ...] = ()
    allocations: tuple[OomAllocation, ...] = ()
    killed: OomProcess | None = None
    kills: int = 0
    lines: dict[str, int] = {}
