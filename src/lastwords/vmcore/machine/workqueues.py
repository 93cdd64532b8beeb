"""Work that runs and work that waits: kernel/workqueue.c, kernel/workqueue_internal.h."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.idr import idr_for_each
from drgn.helpers.linux.list import list_for_each_entry

from lastwords.model import Work

from .lock_names import function_at
from .strings import decoded, one_line
from .threads import threads
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_POOLS = 20_000
_MOST_WORKERS = 20_000
_MOST_WORKS = 5_000
_MOST_QUEUES = 20_000
_KERNEL_HALF = 1 << 63

# include/linux/workqueue.h: in a work's `data`, this bit says that the rest but the flags points to a pool_workqueue.
_IS_QUEUE = 1 << 2
_QUEUE_ALIGNMENT = 256
"""pool_workqueues are aligned to it, or to twice of it where objects are debugged or in Linux 6.9 and later."""


def works(kernel: "Kernel", problems: list[str]) -> tuple[Work, ...]:
    """Work items that run, then those that wait for a worker, then those that wait for others of their queue."""
    reader = _Reader(kernel, problems)
    found: list[Work] = []
    for pool in reader.pools():
        try:
            found += reader.running(pool)
            found += reader.pending(pool)
        except Exception as failure:  # drgn raises what fits: not in the dump, damaged
            problems.append(f"worker pool at {pool.value_():#x}: {one_line(failure)}")
    found += reader.inactive()
    order = {"running": 0, "pending": 1, "inactive": 2}
    return tuple(sorted(found, key=lambda work: (order[work.state], -(work.seconds or 0)))[:_MOST_WORKS])


class _Reader:
    def __init__(self, kernel: "Kernel", problems: list[str]) -> None:
        self._kernel = kernel
        self._prog = kernel.prog
        self._problems = problems

    def pools(self) -> Iterator[drgn.Object]:
        """All pools of workers."""
        entries = idr_for_each(self._prog["worker_pool_idr"].address_of_())
        pointer = self._prog.type("struct worker_pool *")
        return walk((drgn.cast(pointer, entry) for _, entry in entries), _MOST_POOLS, self._problems, "worker pools")

    def running(self, pool: drgn.Object) -> Iterator[Work]:
        """What the pool's workers do."""
        workers = list_for_each_entry("struct worker", pool.workers.address_of_(), "node")
        for worker in walk(workers, _MOST_WORKERS, self._problems, f"workers of pool {self._id(pool)}"):
            if not worker.current_work:
                continue
            task = threads(self._kernel).by_address.get(worker.task.value_())
            function, module = function_at(self._prog, worker.current_func.value_())
            queue = worker.current_pwq
            yield Work(
                function=function,
                module=module,
                workqueue=decoded(queue.wq.name.string_()) if queue else None,
                pool=self._id(pool),
                cpu=self._cpu(pool),
                state="running",
                pid=task.pid if task else None,
                worker_state=task.state if task else None,
                seconds=task.seconds if task else None,
                address=worker.current_work.value_(),
            )

    def pending(self, pool: drgn.Object) -> Iterator[Work]:
        """What waits for a worker of the pool."""
        return self._listed(pool.worklist, pool, "pending")

    def inactive(self) -> Iterator[Work]:
        """What waits for other work of its queue, as in an ordered one."""
        queues = list_for_each_entry("struct workqueue_struct", self._prog["workqueues"].address_of_(), "list")
        for queue in walk(queues, _MOST_QUEUES, self._problems, "workqueues"):
            pools = list_for_each_entry("struct pool_workqueue", queue.pwqs.address_of_(), "pwqs_node")
            try:
                for part in walk(pools, _MOST_POOLS, self._problems, "parts of a workqueue"):
                    try:
                        waiting = part.inactive_works
                    except AttributeError:
                        waiting = part.delayed_works  # before Linux 5.15
                    yield from self._listed(waiting, part.pool, "inactive", decoded(queue.name.string_()))
            except Exception as failure:  # as above
                self._problems.append(f"workqueue at {queue.value_():#x}: {one_line(failure)}")

    def _listed(self, head: drgn.Object, pool: drgn.Object, state: str, queue: str | None = None) -> Iterator[Work]:
        items = list_for_each_entry("struct work_struct", head.address_of_(), "entry")
        for work in walk(items, _MOST_WORKS, self._problems, f"{state} work of pool {self._id(pool)}"):
            address = work.func.value_()
            if address < _KERNEL_HALF:
                self._problems.append(f"{state} work of pool {self._id(pool)} is damaged: it calls {address:#x}")
                return
            function, module = function_at(self._prog, address)
            yield Work(
                function=function,
                module=module,
                workqueue=queue or self._queue(work),
                pool=self._id(pool),
                cpu=self._cpu(pool),
                state=state,
                address=work.value_(),
            )

    def _queue(self, work: drgn.Object) -> str | None:
        """The name of the workqueue that a work item was put into."""
        data = work.data.counter.value_() & (1 << 64) - 1
        if not data & _IS_QUEUE:
            return None
        part = drgn.Object(self._prog, "struct pool_workqueue *", value=data & -_QUEUE_ALIGNMENT)
        try:
            name: bytes = part.wq.name.string_()
        except Exception:  # as above
            return None
        return decoded(name)

    def _id(self, pool: drgn.Object) -> int:
        number: int = pool.id.value_()
        return number

    def _cpu(self, pool: drgn.Object) -> int | None:
        number: int = pool.cpu.value_()
        return number if number >= 0 else None
