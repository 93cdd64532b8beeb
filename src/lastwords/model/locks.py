"""Locks and those who wait for them."""

from .oops import Struct


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
        owner_ended: its owner field names what is no task any more: it ended with the lock held. `owner` is None then.
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
    owner_ended: bool = False
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
