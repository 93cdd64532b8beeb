"""Memory: who holds it."""

from .oops import Struct


class Zone(Struct, frozen=True, kw_only=True):
    """One memory zone of a node (`include/linux/mmzone.h: struct zone`); all amounts in bytes.

    Attributes:
        node: its node's number; `name` as `Normal`.
        free: free pages, with what CPUs have not yet added to the zone's counter.
        minimum: the watermarks: below `minimum` only the kernel's emergencies get pages; below `low` kswapd starts to
            free some, until `high`.
        managed: what the zone has for allocations in all.
        cpu_lists: free pages on the lists of single CPUs, which `free` doesn't count.
        blocks: free blocks of 1, 2, 4, … pages, as /proc/buddyinfo shows them.
    """

    node: int
    name: str
    free: int
    minimum: int
    low: int
    high: int
    managed: int
    cpu_lists: int | None = None
    blocks: tuple[int, ...] = ()


class Node(Struct, frozen=True, kw_only=True):
    """One NUMA node; all amounts in bytes. `page_cache` is what belongs to files, shared memory included."""

    number: int
    total: int
    free: int
    page_cache: int | None = None
    anonymous: int | None = None
    slab: int | None = None


class SlabCache(Struct, frozen=True, kw_only=True):
    """One slab cache.

    Attributes:
        name: as in /proc/slabinfo; caches of equal objects are often merged under the name of the first.
        object_size: bytes of an object as its user sees it.
        objects: in use, as /proc/slabinfo counts: the free ones that a CPU keeps to itself count as used.
        total: that its slabs have room for.
        bytes: of memory that its slabs take.
        reclaimable: the kernel can free unused ones under memory pressure.
    """

    name: str
    object_size: int
    objects: int | None
    total: int | None
    bytes: int
    reclaimable: bool = False


class VmallocUser(Struct, frozen=True, kw_only=True):
    """Who called vmalloc() and its like: `function` and its `module`, how many areas of how many `bytes` he has."""

    function: str
    areas: int
    bytes: int
    module: str | None = None


class ProcessMemory(Struct, frozen=True, kw_only=True):
    """What one process holds; amounts in bytes.

    Attributes:
        pid: of the process; `comm` its name.
        resident: the sum of `anonymous`, `file` and `shared` pages.
        swapped: what it has in swap.
        oom_score_adj: -1000 (never killed by the OOM killer) to 1000.
    """

    pid: int
    comm: str
    resident: int
    anonymous: int | None = None
    file: int | None = None
    shared: int | None = None
    swapped: int | None = None
    oom_score_adj: int | None = None


class Tmpfs(Struct, frozen=True, kw_only=True):
    """A file system in memory, mounted at `target`: bytes `used` of at most `size` (None: no limit)."""

    target: str
    used: int
    size: int | None = None


class Suspect(Struct, frozen=True, kw_only=True):
    """A module that memory points to which no counter explains, or a slab cache that is unusually large.

    Attributes:
        module: its name; `function` the one most often pointed to, or None.
        pages: how many of the `sampled` pages hold a pointer into it.
        where: `pages` for those that no counter explains, else the name of the slab cache.
    """

    module: str
    pages: int
    sampled: int
    where: str = "pages"
    function: str | None = None


class Memory(Struct, frozen=True, kw_only=True):
    """Who holds the memory; all amounts in bytes, None where it could not be read.

    The counters are those of /proc/meminfo, as exact as there: each CPU adds its changes in batches.

    Attributes:
        total: pages that the kernel manages.
        free: free pages; `available` as MemAvailable estimates.
        buffers: page cache of block devices.
        page_cache: other file pages and shared memory (`Cached`).
        anonymous: pages of processes; `mapped` file pages in processes.
        shmem: tmpfs and shared memory.
        slab_reclaimable: and `slab_unreclaimable`: the kernel's small objects.
        page_tables: of processes.
        kernel_stack: stacks of tasks; since Linux 4.9 mostly in `vmalloc` too.
        vmalloc: pages of vmalloc().
        percpu: pages of per-CPU variables.
        hugepages: hugetlb pages, `hugepages_free` those of them that nobody uses.
        dirty: pages to be written, `writeback` being written.
        committed: what processes were promised; `commit_limit` only binds where overcommit is off.
        swap_total: and `swap_free`.
        swap_cache: pages in memory that are in swap too.
        cpu_lists: free pages on lists of single CPUs; not in `free`.
        unaccounted: pages in use that no counter explains: drivers' buffers and pages that modules took or leaked.
            Some are normal: the network's buffers, trace buffers, balloons of the hypervisor.
        zones: with their watermarks. `nodes`: sums of each node.
        slabs: the largest caches first.
        vmalloc_users: the largest first.
        tmpfs: by use.
        processes: those with the largest resident set first.
        oom_victims: pids that the OOM killer marked.
        suspects: modules that might hold what is unaccounted; a hint, drawn from a sample of pages.
    """

    total: int | None = None
    free: int | None = None
    available: int | None = None
    buffers: int | None = None
    page_cache: int | None = None
    anonymous: int | None = None
    mapped: int | None = None
    shmem: int | None = None
    slab_reclaimable: int | None = None
    slab_unreclaimable: int | None = None
    page_tables: int | None = None
    kernel_stack: int | None = None
    vmalloc: int | None = None
    percpu: int | None = None
    hugepages: int | None = None
    hugepages_free: int | None = None
    dirty: int | None = None
    writeback: int | None = None
    committed: int | None = None
    commit_limit: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    swap_cache: int | None = None
    cpu_lists: int | None = None
    unaccounted: int | None = None
    zones: tuple[Zone, ...] = ()
    nodes: tuple[Node, ...] = ()
    slabs: tuple[SlabCache, ...] = ()
    vmalloc_users: tuple[VmallocUser, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    processes: tuple[ProcessMemory, ...] = ()
    oom_victims: tuple[int, ...] = ()
    suspects: tuple[Suspect, ...] = ()
