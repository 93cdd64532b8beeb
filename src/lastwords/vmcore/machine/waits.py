"""Who waits in which queue, found on the stacks of sleeping tasks.

A task that waits for a mutex, rwsem or semaphore has a waiter on its stack, in the frame of the function that waits:
a link of the lock's queue, and the task. The task's own address on its stack gives it away, the neighbours in the
queue that point back to it prove it, and the end of the queue is in the lock (kernel/locking/mutex.c, rwsem.c,
semaphore.c). So no debuginfo and no debugging option of the kernel is needed. The same goes for the entry that a task
puts into a wait queue (kernel/sched/wait.c).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import drgn

from .fields import Fields
from .part import once
from .threads import Thread, stack_in_use, stack_size, threads

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

MOST_IN_QUEUE = 10_000
_KERNEL_HALF = 1 << 63

# Each kind of waiter: its type, and its members `task` and link.
_WAITERS = (
    ("struct mutex_waiter", "task", "list"),
    ("struct rwsem_waiter", "task", "list"),
    ("struct semaphore_waiter", "task", "list"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a waiter has its task and its link to the next one."""

    task: int
    link: int


Links = tuple[tuple[int, Thread], ...]
"""Addresses of waiters' links, each with its task."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of waiters.

    Attributes:
        head: address of the list head, which is in the lock; None where the queue is a ring without one.
        links: in the order of the queue; of a ring without a head, any may be the first.
        layout: of the waiters.
    """

    head: int | None
    links: Links
    layout: Layout


class Waits:
    """Finds the queues of one dump."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._threads = threads(kernel).by_address
        self._stack_size = stack_size(kernel)
        order = (
            "<" if kernel.prog.platform and drgn.PlatformFlags.IS_LITTLE_ENDIAN in kernel.prog.platform.flags else ">"
        )
        self._word = struct.Struct(f"{order}Q")
        self._pair = struct.Struct(f"{order}QQ")

    def layouts(self) -> set[Layout]:
        """Of the kinds of waiters that this kernel has; mostly they are all alike."""
        found = set()
        for type_name, task, link in _WAITERS:
            try:
                fields = Fields(self._kernel.prog, type_name, {"task": task, "link": f"{link}.next"})
            except LookupError:
                continue
            if "task" in fields and "link" in fields:
                found.add(Layout(fields.offset("task"), fields.offset("link")))
        return found

    def queues(self, layout: Layout) -> Iterator[Queue]:
        """The queues whose waiters have this layout, each once."""
        known: set[int] = set()
        for thread in self._threads.values():
            for address in self.mentions(thread):
                link = address - layout.task + layout.link
                if link in known or not self._linked(link):
                    continue
                queue = self._queue(link, layout)
                if queue is not None:
                    known.update(each for each, _ in queue.links)
                    yield queue

    def mentions(self, thread: Thread) -> Iterator[int]:
        """Where on its stack a sleeping task's own address stands."""
        if thread.on_cpu:
            return
        start, data = stack_in_use(self._kernel, thread)
        wanted = self._word.pack(thread.address)
        place = data.find(wanted)
        while place >= 0:
            if place % 8 == 0:
                yield start + place
            place = data.find(wanted, place + 1)

    def words(self, thread: Thread) -> tuple[int, ...]:
        """The pointers into the kernel's half on a sleeping task's stack, each once."""
        _, data = stack_in_use(self._kernel, thread)
        words = struct.unpack(f"{self._word.format[0]}{len(data) // 8}Q", data[: len(data) // 8 * 8])
        return tuple(dict.fromkeys(word for word in words if word >= _KERNEL_HALF and word % 8 == 0))

    def word(self, address: int) -> int | None:
        """The word at an address, None where it is not in the dump."""
        try:
            value: int = self._word.unpack(self._kernel.prog.read(address, 8))[0]
        except Exception:  # drgn raises what fits
            return None
        return value

    def _links(self, link: int) -> tuple[int, int] | None:
        """The next and the previous one."""
        try:
            following, previous = self._pair.unpack(self._kernel.prog.read(link, 16))
        except Exception:  # as above
            return None
        return following, previous

    def _linked(self, link: int) -> bool:
        """Its neighbours know it: what a waiter left behind on the stack does not have."""
        links = self._links(link)
        if links is None or links[0] < _KERNEL_HALF or links[1] < _KERNEL_HALF:
            return False
        return self.word(links[0] + 8) == link and self.word(links[1]) == link

    def _queue(self, link: int, layout: Layout) -> Queue | None:
        """From one link to the whole queue."""
        before: list[int] = []
        here, head = link, None
        for _ in range(MOST_IN_QUEUE):
            if self.waiting(here, layout) is None:
                head = here
                break
            before.append(here)
            links = self._links(here)
            if links is None:
                return None
            here = links[0]
            if here == link:
                break
        else:
            return None
        found: list[tuple[int, Thread]] = []
        here = link if head is None else (self._links(head) or (head, head))[0]
        for _ in range(MOST_IN_QUEUE):
            thread = None if here == head else self.waiting(here, layout)
            if thread is None or (found and here == found[0][0]):
                break
            found.append((here, thread))
            here = (self._links(here) or (0, 0))[0]
        return Queue(head, tuple(found), layout) if found else None

    def waiting(self, link: int, layout: Layout) -> Thread | None:
        """The task whose waiter this link is part of; None if it is none, as the head of a queue."""
        address = self.word(link - layout.link + layout.task)
        thread = self._threads.get(address or 0)
        if thread is None or not thread.stack <= link < thread.stack + self._stack_size:
            return None
        return thread


@once
def waits(kernel: "Kernel") -> Waits:
    """The one of this dump."""
    return Waits(kernel)
