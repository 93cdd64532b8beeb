"""Locks that tasks sleep for: kernel/locking/mutex.c, rwsem.c, semaphore.c, percpu-rwsem.c, rtmutex.c."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from lastwords.model import Lock, StackFrame, Waiter

from .clock import per_cpu_offsets
from .fields import Fields
from .lock_names import lock_names
from .threads import Thread, stack_size, threads
from .unwinding import unwinder
from .waits import Layout, Links, Queue, waits

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_CPUS = 8192
_TASK = (1 << 64) - 8
"""An owner without its low bits: tasks are aligned (kernel/locking/mutex.h: MUTEX_FLAGS, rwsem.c: RWSEM_*)."""
_WRITER_LOCKED = 1
_READER_SHIFT = 8
_COUNT_BITS = (1 << 63) - 1
"""The highest bit of an rwsem's count says that too many tried to read."""

# Functions in which a task waits for a lock of each kind, by the names of all versions.
_KINDS = (
    ("mutex", re.compile(r"__mutex_lock\w{0,40}|__ww_mutex_lock\w{0,40}|(?:ww_)?mutex_lock\w{0,40}")),
    (
        "rwsem",
        re.compile(
            r"rwsem_down_\w{1,40}|__rwsem_down\w{0,40}|__?down_(?:read|write)\w{0,40}|down_(?:read|write)\w{0,40}"
        ),
    ),
    ("percpu_rwsem", re.compile(r"percpu_(?:down_(?:read|write)|rwsem_wait)\w{0,20}|__percpu_down_\w{1,20}")),
    ("semaphore", re.compile(r"_{2,3}down\w{0,20}|down(?:_killable|_interruptible|_timeout)?")),
)
# What is between the caller of a lock and the scheduler, and other ways to sleep.
_WAITING = re.compile(
    r"_{0,2}(?:schedule|io_schedule|preempt_schedule|cond_resched)\w{0,60}|context_switch|(?:__|cpu_)switch_to|rt_mutex_\w{1,40}|"
    r"__rt_mutex_\w{1,40}|rt_spin_\w{1,40}|_raw_\w{1,60}|native_queued_\w{1,40}|queued_\w{1,60}|pv_\w{1,60}|"
    r"__pv_\w{1,60}|__lock_text_start|rwbase_\w{1,40}|msleep\w{0,30}|usleep_range\w{0,20}|__wait_for_common|"
    r"inode_lock\w{0,20}|mmap_(?:read|write)_lock\w{0,20}|wait_for_\w{1,60}|do_wait_for_common|bit_wait\w{0,20}|__wait_on_bit\w{0,20}|out_of_line_wait_on_bit\w{0,20}"
)


class LockReader:
    """Reads the locks of one dump that tasks sleep for."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._waits = waits(kernel)
        self._threads = threads(kernel).by_address
        self._readers: dict[str, Callable[[Queue, str], Lock | None]] = {
            "mutex": self._mutex,
            "rwsem": self._rwsem,
            "semaphore": self._semaphore,
            "percpu_rwsem": self._percpu_rwsem,
        }

    def sleeping(self) -> Iterator[Lock]:
        """Mutexes, rwsems, semaphores and per-CPU rwsems with a queue."""
        layouts = self._waits.layouts()
        entry = Fields(self._kernel.prog, "struct wait_queue_entry", {"task": "private", "link": "entry.next"})
        for layout in sorted(
            {*layouts, Layout(entry.offset("task"), entry.offset("link"))}, key=lambda each: each.task
        ):
            for queue in self._waits.queues(layout):
                kind = self._kind(queue)
                lock = self._readers[kind](queue, kind) if kind else None
                if lock is not None:
                    yield lock

    def _kind(self, queue: Queue) -> str | None:
        """What the first waiter of a queue is doing there."""
        for frame in self._frames(queue.links[0][1]):
            for kind, names in _KINDS:
                if names.fullmatch(frame.function):
                    return kind
            if not _WAITING.fullmatch(frame.function):
                return None
        return None

    def _frames(self, thread: Thread) -> Sequence[StackFrame]:
        return unwinder(self._kernel).stack(thread.address)[0]

    def waiter(self, thread: Thread, mode: str | None = None) -> Waiter:
        """A waiting task, with the function that asked for the lock."""
        asking = self._asking(self._frames(thread))
        return Waiter(
            pid=thread.pid,
            comm=thread.comm,
            state=thread.state,
            mode=mode,
            seconds=thread.seconds,
            function=asking.function if asking else None,
            module=asking.module if asking else None,
        )

    def _asking(self, frames: Sequence[StackFrame]) -> StackFrame | None:
        return next((frame for frame in frames if not waits_in(frame.function)), None)

    def _lock(self, kind: str, address: int, waiters: Sequence[Waiter], owner: int | None = None) -> Lock:
        """The lock with all that is told of its owner, a task_struct."""
        thread = self._threads.get(owner or 0)
        where = None
        if thread is not None and not thread.on_cpu:
            where = self._asking(self._frames(thread))
        return Lock(
            kind=kind,
            address=address,
            name=lock_names(self._kernel).name(address, kind),
            owner=thread.pid if thread else None,
            owner_comm=thread.comm if thread else None,
            owner_state=thread.state if thread else None,
            owner_function=where.function if where else None,
            waiters=tuple(waiters),
        )

    def _base(self, queue: Queue, type_name: str) -> tuple[int | None, Links]:
        """Where the lock is whose queue this is, and the waiters, the first in front."""
        fields = Fields(
            self._kernel.prog, type_name, {"list": "wait_list.next | waiters.head.next", "first": "first_waiter"}
        )
        if "list" in fields:
            return (None if queue.head is None else queue.head - fields.offset("list")), queue.links
        if "first" not in fields:
            return None, queue.links
        # Some later kernels keep only a pointer to the first of a ring of waiters: the lock is known by that pointer,
        # and its own address stands on the stack of somebody who waits for it.
        places = {link - queue.layout.link: place for place, (link, _) in enumerate(queue.links)}
        for _, thread in queue.links:
            for word in self._waits.words(thread):
                first = self._waits.word(word + fields.offset("first"))
                if first is not None and (place := places.get(first & _TASK)) is not None:
                    return word, (*queue.links[place:], *queue.links[:place])
        return None, queue.links

    def _mutex(self, queue: Queue, kind: str) -> Lock | None:
        address, links = self._base(queue, "struct mutex")
        if address is None:
            return None
        owner = Fields(self._kernel.prog, "struct mutex", {"owner": "owner"}).read(address)["owner"]
        waiters = [self.waiter(thread) for _, thread in links]
        if owner is None:
            return msgspec.structs.replace(self._lock(kind, address, waiters), sure=False)
        task = owner & _TASK
        lock = self._lock(kind, address, waiters, task)
        known = task in self._threads
        return msgspec.structs.replace(lock, sure=not task or known, owner_ended=bool(task) and not known)

    def _rwsem(self, queue: Queue, kind: str) -> Lock | None:
        address, links = self._base(queue, "struct rw_semaphore")
        if address is None:
            return None
        values = Fields(self._kernel.prog, "struct rw_semaphore", {"count": "count", "owner": "owner"}).read(address)
        count, owner = values["count"], values["owner"] or 0
        waiters = [self.waiter(thread, self._mode(link, queue)) for link, thread in links]
        if count is None:
            return msgspec.structs.replace(self._lock(kind, address, waiters), sure=False)
        lock = self._lock(kind, address, waiters, owner & _TASK)
        if count & _WRITER_LOCKED:
            return msgspec.structs.replace(lock, held_for="write", readers=0)
        readers = (count & _COUNT_BITS) >> _READER_SHIFT
        if not readers:
            lock = self._lock(kind, address, waiters)
        # The last that came to read; it may have left while others read on.
        return msgspec.structs.replace(
            lock, held_for="read" if readers else None, readers=readers, owner_sure=lock.owner is None
        )

    def _mode(self, link: int, queue: Queue) -> str | None:
        waiter = Fields(self._kernel.prog, "struct rwsem_waiter", {"type": "type"})
        value = waiter.read(link - queue.layout.link)["type"]
        return {0: "write", 1: "read"}.get(value if value is not None else -1)

    def _semaphore(self, queue: Queue, kind: str) -> Lock | None:
        address, links = self._base(queue, "struct semaphore")
        if address is None:
            return None
        # A semaphore does not know who holds it; Linux 6.16 remembers the last one, where hung tasks are looked for.
        fields = Fields(self._kernel.prog, "struct semaphore", {"count": "count", "holder": "last_holder"})
        values = fields.read(address)
        waiters = [self.waiter(thread) for _, thread in links]
        lock = self._lock(kind, address, waiters, values["holder"])
        return msgspec.structs.replace(lock, owner_sure=lock.owner is None, sure=values["count"] == 0)

    def _percpu_rwsem(self, queue: Queue, kind: str) -> Lock | None:
        address, links = self._base(queue, "struct percpu_rw_semaphore")
        if address is None:
            return None
        first = self._writer_of(address)
        waiters = [self.waiter(first, "write")] if first else []
        waiters += [self.waiter(thread, self._percpu_mode(thread)) for _, thread in links]
        return self._percpu_lock(address, waiters)

    def _percpu_mode(self, thread: Thread) -> str:
        writes = any(frame.function.startswith("percpu_down_write") for frame in self._frames(thread))
        return "write" if writes else "read"

    def _percpu_lock(self, address: int, waiters: Sequence[Waiter]) -> Lock:
        readers = self._percpu_readers(address)
        lock = self._lock("percpu_rwsem", address, waiters)
        return msgspec.structs.replace(lock, readers=readers, held_for="read" if readers else None)

    def _writer_of(self, address: int) -> Thread | None:
        """Who waits for the readers to leave."""
        fields = Fields(self._kernel.prog, "struct percpu_rw_semaphore", {"writer": "writer.task"})
        return self._threads.get(fields.read(address)["writer"] or 0)

    def _percpu_readers(self, address: int) -> int | None:
        """How many read: the CPUs' counts, each of which may be negative, add up to it."""
        prog = self._kernel.prog
        counts = Fields(prog, "struct percpu_rw_semaphore", {"counts": "read_count"}).read(address)["counts"]
        if counts is None:
            return None
        mask = (1 << prog.address_size() * 8) - 1
        try:
            total = sum(prog.read_u32(counts + shift & mask) for shift in self._shifts()) & 0xFFFFFFFF
        except Exception:  # not in the dump
            return None
        return total if total < 1 << 31 else None

    def _shifts(self) -> list[int]:
        return list(per_cpu_offsets(self._kernel).values())[:_MOST_CPUS]

    def percpu_writers(self) -> Iterator[Lock]:
        """Per-CPU rwsems whose writer waits for readers to leave, in no queue but known to the lock."""
        prog = self._kernel.prog
        try:
            function = prog.symbol("percpu_down_write")
            writer = Fields(prog, "struct percpu_rw_semaphore", {"writer": "writer.task", "block": "block"})
        except LookupError:  # no types; or Linux before 5.7, where it was another struct
            return
        if "writer" not in writer:
            return
        for thread in self._threads.values():
            if thread.on_cpu or thread.state not in "DS":
                continue
            own = range(thread.stack, thread.stack + stack_size(self._kernel))
            words = self._waits.words(thread)
            if not any(function.address < word <= function.address + function.size for word in self._returns(thread)):
                continue
            for word in words:
                if word not in own and writer.read(word) == {"writer": thread.address, "block": 1}:
                    yield self._percpu_lock(word, [self.waiter(thread, "write")])
                    break

    def _returns(self, thread: Thread) -> Sequence[int]:
        return [frame.address for frame in self._frames(thread)[:8] if frame.address is not None]

    def rt_mutexes(self) -> Iterator[Lock]:
        """Each task knows the rt_mutex that it waits for; on PREEMPT_RT that is what all sleeping locks are."""
        blocked = [thread for thread in self._threads.values() if thread.pi_blocked_on]
        if not blocked:
            return
        prog = self._kernel.prog
        waiter = Fields(prog, "struct rt_mutex_waiter", {"lock": "lock", "task": "task"})
        try:
            mutex = Fields(prog, "struct rt_mutex_base", {"owner": "owner"})  # Linux 5.15
        except LookupError:
            mutex = Fields(prog, "struct rt_mutex", {"owner": "owner"})
        queues: dict[int, list[Thread]] = {}
        for thread in blocked:
            values = waiter.read(thread.pi_blocked_on)
            if values["lock"] and values["task"] == thread.address:
                queues.setdefault(values["lock"], []).append(thread)
        for address, queue in queues.items():
            owner = (mutex.read(address)["owner"] or 0) & _TASK
            yield self._lock("rt_mutex", address, [self.waiter(thread) for thread in queue], owner)


def waits_in(function: str) -> bool:
    """Whether it is part of waiting for a lock, a time or an event, and not of what a task wants."""
    return bool(_WAITING.fullmatch(function)) or any(names.fullmatch(function) for _, names in _KINDS)
