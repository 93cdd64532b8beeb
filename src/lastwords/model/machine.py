"""The state of a machine, read from its dump."""

from .oops import Struct


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
    """One memory zone of a node (`include/linux/mmzone.h: struct zone`); all amounts in bytes."""

    node: int
    name: str
    free: int
    minimum: int
    low: int
    high: int
    managed: int


class SlabCache(Struct, frozen=True, kw_only=True):
    """One slab cache: `objects` in use of `total`, each of `object_size` bytes, `bytes` in all."""

    name: str
    object_size: int
    objects: int | None
    total: int | None
    bytes: int


class Memory(Struct, frozen=True, kw_only=True):
    """Who holds the memory; all amounts in bytes, None where it could not be read.

    Attributes:
        total: pages that the kernel manages.
        free: free pages; `available` as MemAvailable estimates.
        page_cache: file pages; `anonymous` those of processes; `shmem` tmpfs and shared memory; `slab` reclaimable and
            not; `page_tables`; `kernel_stack`; `vmalloc`; `hugepages` reserved; `percpu`.
        swap_total: and `swap_free`.
        zones: with their watermarks.
        slabs: the largest caches first.
        processes: pids with the largest resident set first.
        oom_victims: pids that the OOM killer marked.
    """

    total: int | None = None
    free: int | None = None
    available: int | None = None
    page_cache: int | None = None
    anonymous: int | None = None
    shmem: int | None = None
    slab_reclaimable: int | None = None
    slab_unreclaimable: int | None = None
    page_tables: int | None = None
    kernel_stack: int | None = None
    vmalloc: int | None = None
    percpu: int | None = None
    hugepages: int | None = None
    dirty: int | None = None
    writeback: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    zones: tuple[Zone, ...] = ()
    slabs: tuple[SlabCache, ...] = ()
    processes: tuple[int, ...] = ()
    oom_victims: tuple[int, ...] = ()


class Lock(Struct, frozen=True, kw_only=True):
    """One lock that somebody waits for or holds.

    Attributes:
        kind: `mutex`, `rwsem`, `spinlock`, `rt_mutex`, `percpu_rwsem`, `semaphore`, …
        address: where it is.
        name: its symbol, or the field and type that hold it, or None.
        owner: pid of the holder, or None where it is not known or there are several.
        owner_comm: that task's name.
        readers: how many hold it for reading, or None.
        waiters: pids in the order of the queue.
        sure: False where owner or waiters were worked out from stacks.
    """

    kind: str
    address: int
    name: str | None = None
    owner: int | None = None
    owner_comm: str | None = None
    readers: int | None = None
    waiters: tuple[int, ...] = ()
    sure: bool = True


class LockCycle(Struct, frozen=True, kw_only=True):
    """Tasks that wait for each other: `pids[i]` waits for `locks[i]` (addresses), which `pids[i + 1]` holds."""

    pids: tuple[int, ...]
    locks: tuple[str, ...]


class Locks(Struct, frozen=True, kw_only=True):
    """All locks with waiters, and every cycle among them."""

    held: tuple[Lock, ...] = ()
    cycles: tuple[LockCycle, ...] = ()


class Request(Struct, frozen=True, kw_only=True):
    """One block request in flight (`include/linux/blk-mq.h: struct request`).

    Attributes:
        device: `sda`, `vda`, …
        operation: `read`, `write`, `flush`, `discard`, …
        sector: of 512 bytes; `bytes` its length.
        age: seconds since it was issued, or None.
        tag: its tag in the hardware queue.
        state: `in-flight`, `idle`, `complete`.
        address: of the struct.
    """

    device: str
    operation: str
    sector: int
    bytes: int
    age: float | None = None
    tag: int | None = None
    state: str = ""
    address: int | None = None


class Disk(Struct, frozen=True, kw_only=True):
    """One block device: `in_flight` reads and writes, its `size` in bytes, its `driver` where known."""

    name: str
    size: int | None = None
    in_flight: int | None = None
    driver: str | None = None


class BlockIo(Struct, frozen=True, kw_only=True):
    """Block devices and the requests in flight, the oldest first."""

    disks: tuple[Disk, ...] = ()
    requests: tuple[Request, ...] = ()


class Irq(Struct, frozen=True, kw_only=True):
    """One interrupt: `number`, what handles it (`actions`), and how often it came on each CPU (`counts`)."""

    number: int
    actions: tuple[str, ...]
    counts: tuple[int, ...]


class Timer(Struct, frozen=True, kw_only=True):
    """A timer that is overdue: its `function`, `cpu` and how many seconds `late` it is."""

    function: str
    cpu: int
    late: float
    address: int | None = None


class Work(Struct, frozen=True, kw_only=True):
    """A work item that runs or waits: its `function`, `workqueue`, `pool`; the `pid` of its worker where it runs."""

    function: str
    workqueue: str | None = None
    pool: int | None = None
    pid: int | None = None
    seconds: float | None = None
    state: str = "running"


class Interrupts(Struct, frozen=True, kw_only=True):
    """Interrupts, softirqs (`pending` names by CPU), overdue timers and work."""

    irqs: tuple[Irq, ...] = ()
    softirqs: dict[str, tuple[int, ...]] = {}
    pending: dict[str, tuple[str, ...]] = {}
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
    parts: tuple[Part, ...] = ()
