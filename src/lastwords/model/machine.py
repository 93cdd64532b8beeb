"""The state of a machine, read from its dump."""

from .blame import Blame, Listing
from .oops import Struct
from .symbols import Symbols


class StackFrame(Struct, frozen=True, kw_only=True):
    """One frame of a stack.

    Attributes:
        function: the symbol, without clone suffixes that a compiler added; or `0x…` where none is known.
        address: program counter (of a caller: the return address), None for inlined frames without one.
        offset: bytes from the symbol's start, None for inlined frames.
        module: module name, or None for the kernel's own text.
        inline: the function was inlined into the next frame's; known only from DWARF.
        file: source file and `line`, known only from DWARF.
        interrupted: an exception or interrupt came here: all registers of this frame are known.
        user: not the kernel's: where the task was in user space when it entered the kernel.
        registers: those known in this frame, by lower-case name; only kept for frames that matter (the crash's own).
        variables: arguments and locals as `name: value` texts where DWARF allows; only for the crash's own frames.
    """

    function: str
    address: int | None = None
    offset: int | None = None
    module: str | None = None
    inline: bool = False
    file: str | None = None
    line: int | None = None
    interrupted: bool = False
    user: bool = False
    registers: dict[str, int] = {}
    variables: dict[str, str] = {}


class Task(Struct, frozen=True, kw_only=True):
    """One task (`include/linux/sched.h: struct task_struct`).

    Attributes:
        pid: thread id; `tgid` the process; `ppid` its parent.
        comm: its name, as the kernel has it: may hold anything.
        state: one letter as in /proc/PID/stat: R, S, D, T, t, X, Z, P, I.
        cpu: the CPU that it ran on last.
        running: it was on that CPU when the dump was taken.
        kernel_thread: it has no memory of its own.
        waiting: seconds since it was last switched out, or None where it runs or the clock is not known.
        address: of its task_struct.
        blocked_on: address of the mutex that it waits for, or None.
        rss: resident bytes, or None for kernel threads.
        stack: innermost frame first; `stack_error` says why it is missing or ends early.
    """

    pid: int
    comm: str
    state: str
    tgid: int | None = None
    ppid: int | None = None
    cpu: int | None = None
    running: bool = False
    kernel_thread: bool = False
    waiting: float | None = None
    address: int | None = None
    blocked_on: int | None = None
    rss: int | None = None
    stack: tuple[StackFrame, ...] = ()
    stack_error: str | None = None


class StackGroup(Struct, frozen=True, kw_only=True):
    """Tasks that stand at the same place: `pids`, their common `state` letters and the functions of their stack."""

    pids: tuple[int, ...]
    states: str
    functions: tuple[str, ...]


class Cpu(Struct, frozen=True, kw_only=True):
    """One CPU.

    Attributes:
        number: its number.
        online: whether it was online.
        pid: the task on it, and that task's `comm`.
        context: what it was doing: `idle`, `user`, `task`, `softirq`, `hardirq`, `nmi`, or None where not known; before
            the crash stopped it, where the stack shows that.
        crashing: it is the one that panicked.
        stack: its stack with registers, innermost first; `stack_error` why it is missing.
        registers: as the dump's notes have them at the time of the dump.
        running: tasks on its run queue (`kernel/sched/sched.h: struct rq`), of which `runnable` lists pids.
    """

    number: int
    online: bool = True
    pid: int | None = None
    comm: str | None = None
    context: str | None = None
    crashing: bool = False
    stack: tuple[StackFrame, ...] = ()
    stack_error: str | None = None
    registers: dict[str, int] = {}
    running: int | None = None
    runnable: tuple[int, ...] = ()


class Module(Struct, frozen=True, kw_only=True):
    """One loaded module (`include/linux/module.h: struct module`).

    Attributes:
        name: its name.
        address: where its text begins.
        size: bytes of its core in memory.
        version: MODULE_VERSION; `srcversion` the checksum of its source.
        taints: its letters (`O`, `E`, `P`, …).
        state: `live`, `coming`, `going` or `unformed`.
        references: its use count; `users` the modules that need it.
        parameters: values by name, as /sys/module/NAME/parameters would show, where they could be read.
        build_id: hexadecimal, or None.
    """

    name: str
    address: int | None = None
    size: int | None = None
    version: str | None = None
    srcversion: str | None = None
    taints: str = ""
    state: str = "live"
    references: int | None = None
    users: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    build_id: str | None = None


class UnloadedModule(Struct, frozen=True, kw_only=True):
    """A module that tainted the kernel and is gone (`kernel/module/tracking.c`)."""

    name: str
    taints: str = ""
    count: int = 1


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


class Waiter(Struct, frozen=True, kw_only=True):
    """A task that waits for a lock.

    Attributes:
        pid: the task; `comm` its name; `state` as `Task.state`, `R` where it spins.
        mode: `read` or `write`, where the lock knows both.
        seconds: since it last ran, or None.
        function: the one that asked for the lock; `module` it is in.
        cpu: on which it spins, else None.
    """

    pid: int
    comm: str
    state: str
    mode: str | None = None
    seconds: float | None = None
    function: str | None = None
    module: str | None = None
    cpu: int | None = None


class Lock(Struct, frozen=True, kw_only=True):
    """One lock that somebody waits for.

    Attributes:
        kind: `mutex`, `rwsem`, `spinlock`, `rt_mutex`, `percpu_rwsem`, `semaphore`.
        address: where it is.
        name: its symbol, or the slab object or struct that holds it, or None.
        owner: pid of the holder, or None where it is not known or there are several.
        owner_comm: that task's name; `owner_state` as `Task.state`.
        owner_function: where it is now: the innermost function of its stack that is not part of waiting.
        owner_sure: False where the owner was worked out, not read from the lock; and for readers, of which a lock
            remembers only the last.
        held_for: `read` or `write`, where the lock knows both.
        readers: how many hold it for reading, or None.
        waiters: in the order of the queue.
        sure: False where lock or waiters were worked out from stacks and could not be checked against the lock.
    """

    kind: str
    address: int
    name: str | None = None
    owner: int | None = None
    owner_comm: str | None = None
    owner_state: str | None = None
    owner_function: str | None = None
    owner_sure: bool = True
    held_for: str | None = None
    readers: int | None = None
    waiters: tuple[Waiter, ...] = ()
    sure: bool = True


class LockCycle(Struct, frozen=True, kw_only=True):
    """Tasks that wait for each other: `pids[i]` waits for `locks[i]` (addresses), which `pids[i + 1]` holds.

    The last lock is held by the first task. `sure` is False where one of the owners is not sure.
    """

    pids: tuple[int, ...]
    locks: tuple[int, ...]
    sure: bool = True


class Locks(Struct, frozen=True, kw_only=True):
    """All locks with waiters, those with most waiters first, and every cycle among them."""

    held: tuple[Lock, ...] = ()
    cycles: tuple[LockCycle, ...] = ()


class Request(Struct, frozen=True, kw_only=True):
    """One block request in flight (`include/linux/blk-mq.h: struct request`).

    Attributes:
        device: `sda`, `vda`, …
        operation: `read`, `write`, `flush`, `discard`, …
        sector: of 512 bytes; `bytes` its length.
        age: seconds since it was made, or None.
        tag: its tag in the hardware queue, None where it has none yet.
        queue: number of the hardware queue.
        state: `queued` (the driver doesn't have it yet), `in-flight`, `complete`.
        timed_out: its driver's timeout has run out.
        address: of the struct.
    """

    device: str
    operation: str
    sector: int
    bytes: int
    age: float | None = None
    tag: int | None = None
    queue: int | None = None
    state: str = ""
    timed_out: bool = False
    address: int | None = None


class Disk(Struct, frozen=True, kw_only=True):
    """One block device: `in_flight` reads and writes, its `size` in bytes, its `driver` and `scheduler` where known."""

    name: str
    size: int | None = None
    in_flight: int | None = None
    driver: str | None = None
    scheduler: str | None = None


class BlockIo(Struct, frozen=True, kw_only=True):
    """Block devices and the requests in flight, the oldest first."""

    disks: tuple[Disk, ...] = ()
    requests: tuple[Request, ...] = ()


class Irq(Struct, frozen=True, kw_only=True):
    """One interrupt.

    Attributes:
        number: its number.
        actions: what handles it.
        counts: how often it came on each of `Interrupts.cpus`.
        chip: the interrupt controller's name.
        disabled: nobody can get it now: disabled by its driver, or as spurious by the kernel.
        unhandled: how often in a row nobody was responsible (`irqs_unhandled`).
    """

    number: int
    actions: tuple[str, ...]
    counts: tuple[int, ...]
    chip: str | None = None
    disabled: bool = False
    unhandled: int = 0


class Timer(Struct, frozen=True, kw_only=True):
    """An overdue timer.

    Attributes:
        function: what it calls; `module` it is in.
        cpu: whose timer it is.
        late: seconds.
        purpose: what it would do, for those that wake a task or queue work: `wakes sh (42)`, `queues vmstat_update`.
        high_resolution: an hrtimer.
        address: of the timer_list or hrtimer.
    """

    function: str
    cpu: int
    late: float
    module: str | None = None
    purpose: str | None = None
    high_resolution: bool = False
    address: int | None = None


class Work(Struct, frozen=True, kw_only=True):
    """A work item.

    Attributes:
        function: what it calls; `module` it is in.
        workqueue: name of its queue.
        pool: number of the pool of workers; `cpu` theirs, None where they are bound to none.
        state: `running`; `pending`: waits for a worker; `inactive`: waits for others of its queue.
        pid: of its worker where it runs, and that task's state.
        seconds: since its worker last ran, None where it is on a CPU or that is not known.
        address: of the work_struct.
    """

    function: str
    workqueue: str | None = None
    module: str | None = None
    pool: int | None = None
    cpu: int | None = None
    state: str = "running"
    pid: int | None = None
    worker_state: str | None = None
    seconds: float | None = None
    address: int | None = None


class Interrupts(Struct, frozen=True, kw_only=True):
    """Interrupts, softirqs, overdue timers and work.

    Attributes:
        cpus: the numbers of the CPUs that `counts` are told for.
        irqs: those that somebody handles or that came.
        vectors: the architecture's own interrupts by their label in /proc/interrupts (`NMI`, `LOC`, …): counts by CPU.
        softirqs: counts by CPU, by name; `pending` the names of those raised and not yet run, by CPU.
        timers: the most overdue first.
        works: what runs, then what waits.
    """

    cpus: tuple[int, ...] = ()
    irqs: tuple[Irq, ...] = ()
    vectors: dict[str, tuple[int, ...]] = {}
    softirqs: dict[str, tuple[int, ...]] = {}
    pending: dict[int, tuple[str, ...]] = {}
    timers: tuple[Timer, ...] = ()
    works: tuple[Work, ...] = ()


class Mount(Struct, frozen=True, kw_only=True):
    """One mount: `source` on `target`, of file system `kind`, with its `options`."""

    source: str
    target: str
    kind: str
    options: str = ""


class NetDevice(Struct, frozen=True, kw_only=True):
    """One network device: its `name`, whether it is `up`, its `mac`, its IPv4 `addresses`."""

    name: str
    up: bool
    mac: str | None = None
    addresses: tuple[str, ...] = ()


class OpenFile(Struct, frozen=True, kw_only=True):
    """One open file of a task: its `fd`, `path` as far as it can be told, `mode` (`r`, `w`, `rw`), `position`."""

    pid: int
    fd: int
    path: str
    mode: str = ""
    position: int | None = None


class Panic(Struct, frozen=True, kw_only=True):
    """Why the kernel gave up.

    Attributes:
        message: what the panic said, behind `Kernel panic - not syncing: `; None where it was dumped from the oops.
        report: how the last report before it began, as `BUG: kernel NULL pointer dereference, address: …`.
        cpu: that crashed, with the task on it (`pid`, `comm`).
    """

    message: str | None = None
    report: str | None = None
    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None


class Part(Struct, frozen=True, kw_only=True):
    """One part of the collection.

    Attributes:
        name: a field of `Machine`, or `identity` for those that tell which kernel it is.
        seconds: how long it took.
        error: why it is missing, or None.
        incomplete: what of it could not be read, or None.
    """

    name: str
    seconds: float
    error: str | None = None
    incomplete: str | None = None


class Machine(Struct, frozen=True, kw_only=True):
    """A machine at the moment of its dump. A part that could not be read is None, and `parts` says why.

    Attributes:
        release: kernel release; `version` the whole banner; `architecture` as `uname -m` prints it.
        build_id: of the kernel, hexadecimal.
        command_line: of the kernel.
        hostname: and `time`, seconds since the epoch, and `uptime`, seconds since boot.
        load: load averages over 1, 5 and 15 minutes.
        taints: letters of the kernel.
        stacks: tasks grouped by equal stacks, the largest group first.
        symbols: where names and types come from, and what that costs.
        blame: where the bad pointer of the crash came from; None where it is none of a bad pointer.
        code: the function that faulted, a few instructions around the fault; None where the crash was no fault.
        sysctls: those that decide what happens in a crash, by name.
    """

    release: str
    version: str | None = None
    architecture: str | None = None
    build_id: str | None = None
    command_line: str | None = None
    hostname: str | None = None
    time: float | None = None
    uptime: float | None = None
    load: tuple[float, ...] | None = None
    taints: str | None = None
    panic: Panic | None = None
    cpus: tuple[Cpu, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    stacks: tuple[StackGroup, ...] | None = None
    modules: tuple[Module, ...] | None = None
    unloaded_modules: tuple[UnloadedModule, ...] | None = None
    memory: Memory | None = None
    locks: Locks | None = None
    io: BlockIo | None = None
    interrupts: Interrupts | None = None
    mounts: tuple[Mount, ...] | None = None
    net: tuple[NetDevice, ...] | None = None
    files: tuple[OpenFile, ...] | None = None
    sysctls: dict[str, str] | None = None
    symbols: Symbols | None = None
    blame: Blame | None = None
    code: Listing | None = None
    parts: tuple[Part, ...] = ()
