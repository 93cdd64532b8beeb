"""All tasks: include/linux/sched.h."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import drgn
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import idle_task

from lastwords.model import Task

from .clock import RunQueueClocks, per_cpu_offsets, run_queue_clocks
from .fields import Fields
from .part import Partial, once, part
from .patience import patience_left
from .rss import Rss
from .strings import decoded, one_line
from .unwinding import Stack, unwinder
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

MOST_TASKS = 200_000
MOST_STACKS = 50_000
SECONDS_FOR_STACKS = 60.0
_SHARE_FOR_STACKS = 0.7
"""Of the time that there is for all of this: tasks without stacks are better than none."""

_PF_KTHREAD = 0x00200000

# fs/proc/array.c: task_state_array; the letter's place is the position of the highest bit, 0 for none.
_STATES = "RSDTtXZP"
_REPORTED = (1 << len(_STATES) - 1) - 1
_NOLOAD = 0x400
_RTLOCK_WAIT = 0x1000
_UNINTERRUPTIBLE = 2

MEMBERS = {
    "pid": "pid",
    "tgid": "tgid",
    "comm": "comm",
    "state": "__state | state",  # Linux 5.14 renamed it
    "exit_state": "exit_state",
    "flags": "flags",
    "cpu": "cpu | thread_info.cpu",  # Linux 5.16 moved it for those with thread_info in the task
    "on_cpu": "on_cpu",
    "parent": "real_parent",
    "mm": "mm",
    "exec_start": "se.exec_start",
    "last_arrival": "sched_info.last_arrival",
    "blocked_on": "blocked_on",
    # Before Linux 6.2: pages that a thread has not yet added to its address space's counters; enum of MM_FILEPAGES, …
    "file_pages": "rss_stat.count[0]",
    "anonymous_pages": "rss_stat.count[1]",
    "shared_pages": "rss_stat.count[3]",
}
"""Members of struct task_struct by the names that they have here; where a kernel may call one otherwise, each of its
names."""


@part("tasks")
@once
def tasks(kernel: "Kernel") -> Partial:
    """All tasks with their stacks."""
    problems: list[str] = []
    found = task_addresses(kernel, problems)
    reader = TaskReader(kernel)
    rows = [(address, reader.fields(address)) for address in found]
    missing = sum(fields["pid"] is None for _, fields in rows)
    if missing:
        problems.append(f"{missing} tasks are not in the dump")
    rows = [row for row in rows if row[1]["pid"] is not None]
    if not rows:
        raise LookupError("; ".join(problems))
    reader.count_pages(fields for _, fields in rows)
    unwinder(kernel).expect(min(len(rows), MOST_STACKS))
    deadline = time.monotonic() + min(SECONDS_FOR_STACKS, patience_left() * _SHARE_FOR_STACKS)
    read: dict[int, Task] = {}
    without = 0
    for address, fields in sorted(rows, key=_rank):
        wanted = len(read) < MOST_STACKS and time.monotonic() < deadline
        without += not wanted
        read[address] = reader.task(address, fields, stack=wanted)
    if without:
        problems.append(f"{without} of {len(rows)} tasks are too many: their stacks were not read")
    return Partial(tuple(read[address] for address, _ in rows), problems)


def all_tasks(kernel: "Kernel") -> tuple[Task, ...]:
    """The tasks that could be read, for parts that are worked out from them."""
    read: tuple[Task, ...] = tasks(kernel).value
    return read


def task_addresses(kernel: "Kernel", problems: list[str]) -> list[int]:
    """Where the task_structs are: through the PIDs, and where these are damaged, through the list of all tasks too.

    Raises:
        LookupError: there are none to be found, and why.
    """
    prog = kernel.prog
    found: dict[int, None] = {}
    problem_count = len(problems)
    try:
        cpus = list(per_cpu_offsets(kernel))
    except Exception as failure:  # drgn raises what fits
        problems.append(f"idle tasks: {one_line(failure)}")
        cpus = []
    for cpu in cpus:
        try:
            found[idle_task(prog, cpu).value_()] = None  # 0 for a CPU that never came up
        except Exception as failure:  # drgn raises what fits
            problems.append(f"idle task of CPU {cpu}: {one_line(failure)}")
    _take(found, walk(for_each_task(prog), MOST_TASKS, problems, "PIDs"))
    if len(problems) > problem_count and len(found) < MOST_TASKS:
        for way in ("next", "prev"):
            _take(found, walk(_listed(prog, way), MOST_TASKS, [], "tasks"))
    found.pop(0, None)
    if not found:
        raise LookupError("; ".join(problems) or "there are none")
    return list(found)


def _take(found: dict[int, None], objects: Iterable[drgn.Object]) -> None:
    found.update((each.value_(), None) for each in objects)


def _listed(prog: drgn.Program, way: str) -> Iterator[drgn.Object]:
    """Thread groups from init_task on, forwards or backwards, each with its threads."""
    first = prog["init_task"].address_of_()
    here = first.tasks.member_(way).read_()
    while True:
        leader = drgn.container_of(here, "struct task_struct", "tasks")
        if leader == first:
            return
        yield leader
        for thread in walk(_threads(leader), MOST_TASKS, [], "threads"):
            if thread != leader:
                yield thread
        here = here.member_(way).read_()


def _threads(leader: drgn.Object) -> Iterator[drgn.Object]:
    head = leader.signal.thread_head.address_of_()
    return list_for_each_entry("struct task_struct", head, "thread_node")


def _rank(row: tuple[int, dict[str, Any]]) -> tuple[bool, bool]:
    """Where there are too many tasks, those on a CPU and in state D or R come first."""
    return not row[1]["on_cpu"], state_letter(row[1]) not in "DR"


class TaskReader:
    """Reads the task_structs of one dump."""

    def __init__(self, kernel: "Kernel") -> None:
        self._unwinder = unwinder(kernel)
        self._fields = Fields(kernel.prog, "struct task_struct", _members(kernel.prog))
        self._parents: dict[int, int | None] = {}
        self._rss: Rss | None = None
        with contextlib.suppress(Exception):  # types or counters are not in the dump
            self._rss = Rss(kernel)
        self._page = int(kernel.prog["PAGE_SIZE"])
        self._pages: Counter[int] = Counter()
        self._resident: dict[int, int | None] = {}
        try:
            self._clocks = run_queue_clocks(kernel)
        except Exception:  # no types, or the run queues are not in the dump
            self._clocks = RunQueueClocks({})

    def fields(self, address: int) -> dict[str, Any]:
        """The members that are used here, by name."""
        return self._fields.read(address)

    def task(self, address: int, fields: dict[str, Any], *, stack: bool = True) -> Task:
        """One task as a struct."""
        kernel_thread = bool((fields["flags"] or 0) & _PF_KTHREAD)
        running = bool(fields["on_cpu"])
        frames: Stack = ()
        problem = None
        if stack:
            frames, problem = self._unwinder.stack(address)
        waiting = None
        if not running and fields["cpu"] is not None:
            waiting = self._clocks.since(fields["cpu"], fields["exec_start"], fields["last_arrival"])
        return Task(
            pid=fields["pid"],
            comm=decoded(fields["comm"] or b""),
            state=state_letter(fields),
            tgid=fields["tgid"],
            ppid=self._parent(fields["parent"]),
            cpu=fields["cpu"],
            running=running,
            kernel_thread=kernel_thread,
            waiting=waiting,
            address=address,
            blocked_on=fields["blocked_on"] or None,
            rss=self._resident_bytes(fields["mm"]) if fields["mm"] and not kernel_thread else None,
            stack=frames,
            stack_error=problem,
        )

    def count_pages(self, threads: Iterable[dict[str, Any]]) -> None:
        """Take in what all threads hold of their address spaces' memory."""
        for thread in threads:
            pages = (thread["file_pages"], thread["anonymous_pages"], thread["shared_pages"])
            if thread["mm"] and any(pages):
                self._pages[thread["mm"]] += sum(filter(None, pages))

    def _resident_bytes(self, mm: int) -> int | None:
        if mm not in self._resident:
            sizes = self._rss.sizes(mm) if self._rss else None
            total = None if sizes is None else sum(sizes.values()) - sizes["swapped"] + self._pages[mm] * self._page
            self._resident[mm] = None if total is None else max(total, 0)
        return self._resident[mm]

    def _parent(self, address: int | None) -> int | None:
        if not address:
            return None
        if address not in self._parents:
            self._parents[address] = self._fields.read(address)["tgid"]
        return self._parents[address]


def state_letter(fields: dict[str, Any]) -> str:
    """As in /proc/PID/stat; `?` where it is not known (fs/proc/array.c: get_task_state())."""
    if fields["state"] is None or fields["exit_state"] is None:
        return "?"
    state = fields["state"]
    if state & _RTLOCK_WAIT:  # Linux 5.16 tells PREEMPT_RT's wait for a spinlock so
        state |= _UNINTERRUPTIBLE
    reported = (state | fields["exit_state"]) & _REPORTED
    if reported == _UNINTERRUPTIBLE and state & _NOLOAD:
        return "I"
    return _STATES[reported.bit_length()]


def _members(prog: drgn.Program) -> dict[str, str]:
    """With what differs in type only: `blocked_on` is a mutex, or the waiter in front of one (DEBUG_MUTEXES)."""
    members = dict(MEMBERS)
    try:
        kind = prog.type("struct task_struct").member("blocked_on").type
    except LookupError:
        return members
    if kind.type_name() != "struct mutex *":
        members["blocked_on"] = "blocked_on.lock"
    return members
