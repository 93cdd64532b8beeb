"""The locks of a dump that stuck tasks wait for, and where their holders are."""

import re
from collections.abc import Iterator, Sequence

from lastwords.model import Fact, Lock, Task, Waiter

from .crash import Crash
from .story import several

_LOCKING = re.compile(
    r"(?:__)?(?:mutex_|rwsem_|down(?:_|$)|rt_mutex|_?raw_(?:spin|read|write)_|queued_|native_queued_|percpu_down|"
    r"rt_spin|ww_mutex|__mutex_lock|schedule|io_schedule|__schedule|preempt_schedule|__down|wait_for_|__wait_|do_wait_)"
)
_LONG = 10.0
"""Seconds that a task may have waited for a lock before it counts as stuck, in a kernel that was read as it hung."""
_MOST = 3
"""Locks, those with the most waiters first."""

# Where a task stands that waits because its program asked for it: the kernel holds no lock across these waits
# (kernel/time/hrtimer.c, kernel/exit.c, kernel/futex, fs/select.c, fs/eventpoll.c, fs/pipe.c, kernel/signal.c, net).
_ON_ITS_OWN = re.compile(
    r"do_nanosleep|hrtimer_nanosleep|do_wait|kernel_wait4|futex_(?:do_)?wait\w*|ep_poll|do_(?:sys_)?poll|do_select"
    r"|poll_schedule_timeout\w*|(?:anon_)?pipe_(?:read|wait\w*)|sigsuspend|do_sigtimedwait|inet_csk_accept|unix_wait_for_peer"
)


def stuck_locks(crash: Crash) -> Iterator[tuple[Lock, list[Waiter]]]:
    """Locks with those of their waiters that are stuck; none where locks wait for each other in a cycle."""
    locks = crash.machine.locks if crash.machine else None
    if locks is None or locks.cycles:
        return
    stuck = {oops.pid for oops in crash.reports if oops.family == "hang"}
    if crash.is_alive:  # nobody has reported it yet
        stuck |= {w.pid for lock in locks.held for w in lock.waiters if (w.seconds or 0.0) >= _LONG}
    for lock in sorted(locks.held, key=lambda lock: -len(lock.waiters))[:_MOST]:
        waiters = [waiter for waiter in lock.waiters if waiter.pid in stuck] or list(lock.waiters)
        if waiters and (stuck & {waiter.pid for waiter in waiters} or _spinning_hang(crash, waiters)):
            yield lock, waiters


def _spinning_hang(crash: Crash, waiters: list[Waiter]) -> bool:
    hang = crash.oops is not None and crash.oops.family == "hang"
    return hang and any(waiter.cpu is not None for waiter in waiters)


def standing(crash: Crash, pid: int) -> tuple[str | None, str | None]:
    """Where a task stands: the innermost function that is not part of waiting for a lock, and its module."""
    stack = crash.own_stack(crash.task(pid))
    return next(((f.function, f.module) for f in stack if not _LOCKING.match(f.function)), (None, None))


def left_held(crash: Crash, lock: Lock) -> bool:
    """Whether the holder is no longer in the code that took the lock, so that it was left held.

    It has ended; or the lock is a module's own and nothing of the module is on its stack; or it waits for what its
    program asked for.
    """
    if lock.owner_ended:
        return lock.name is not None  # else what was taken for a lock may be none
    stack = crash.own_stack(crash.task(lock.owner))
    if not stack:
        return False
    own = _module_of(lock)
    if own is not None and any(waiter.module == own for waiter in lock.waiters):
        return all(frame.module != own for frame in stack)
    function, _module = standing(crash, lock.owner or 0)
    return function is not None and _ON_ITS_OWN.fullmatch(function.partition(".")[0]) is not None


def _module_of(lock: Lock) -> str | None:
    """The module whose variable the lock is: `table_lock [ring]`."""
    found = re.fullmatch(r"\S+ \[(\w+)\]", lock.name or "")
    return found[1] if found else None


def lock_name(lock: Lock) -> str:
    """What it is called, else its address."""
    return lock.name or f"{lock.address:#x}"


def queue(waiters: Sequence[Waiter]) -> str:
    """Those who wait, as the subject of a sentence."""
    return several([f"{waiter.comm} ({waiter.pid})" for waiter in waiters])


def holder_evidence(lock: Lock, holder: str, waiters: Sequence[Waiter], owner: Task | None) -> Iterator[Fact]:
    """The lock with its holder, the first of those who wait, and the holder's stack."""
    yield Fact(text=f"{lock.kind} {lock_name(lock)}: owner {holder}", address=lock.address)
    for waiter in waiters[:4]:
        yield Fact(text=f"{waiter.comm} ({waiter.pid}) waits in {waiter.function}()")
    if owner is not None and owner.stack:
        stack = " < ".join(frame.function for frame in owner.stack[:8])
        yield Fact(text=f"{owner.comm} ({owner.pid}): {stack}", address=owner.address)
