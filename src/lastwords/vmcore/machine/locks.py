"""Locks that tasks wait for, who holds them, and who waits for whom in a circle: kernel/locking/."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lastwords.model import Lock, LockCycle, Locks

from .part import Partial, part
from .patience import little_patience
from .sleeping_locks import LockReader
from .spinlocks import spinlocks
from .strings import one_line
from .threads import lost_stacks, threads

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_LOCKS = 2000


@part("locks")
def locks(kernel: "Kernel") -> Partial:
    """All locks with waiters, and every cycle among them."""
    with little_patience():
        reader = LockReader(kernel)
        problems = [*threads(kernel).problems, *lost_stacks(kernel)]
    found: dict[int, Lock] = {}
    for way in (reader.sleeping, reader.percpu_writers, reader.rt_mutexes, lambda: spinlocks(kernel)):
        try:
            with little_patience():
                for lock in way():
                    found.setdefault(lock.address, lock)
                    if len(found) >= _MOST_LOCKS:
                        problems.append(f"only the first {_MOST_LOCKS} locks were read")
                        break
        except Exception as failure:  # a type that this kernel lacks, or memory that is not in the dump
            problems.append(one_line(failure))
    if problems and not threads(kernel).by_address:
        raise LookupError(problems[0])
    held = tuple(sorted(found.values(), key=lambda lock: (-len(lock.waiters), lock.address)))
    return Partial(Locks(held=held, cycles=cycles(held)), problems)


def cycles(locks: Sequence[Lock]) -> tuple[LockCycle, ...]:
    """Every circle of tasks of which each waits for a lock that the next one holds."""
    wanted = {waiter.pid: lock for lock in locks for waiter in lock.waiters if waiter.pid}
    found: list[LockCycle] = []
    done: set[int] = set()
    for first in wanted:
        way: list[int] = []
        pid: int | None = first
        while pid is not None and pid in wanted and pid not in done:
            done.add(pid)
            way.append(pid)
            pid = wanted[pid].owner
        if pid in way:
            circle = way[way.index(pid) :]
            waited = [wanted[each] for each in circle]
            found.append(
                LockCycle(
                    pids=tuple(circle),
                    locks=tuple(lock.address for lock in waited),
                    sure=all(lock.sure and lock.owner_sure for lock in waited),
                )
            )
    return tuple(found)
