"""Interrupts, timers and deferred work."""

from .oops import Struct


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
