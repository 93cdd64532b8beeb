"""Locks, who holds them and who waits; deadlocks first."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from lastwords.glossary.units import duration
from lastwords.model import Lock, LockCycle, Locks, Waiter

from .escape import printable


def lock_tables(locks: Locks, *, longest: int) -> Iterator[Text]:
    """Each circle, then each lock with its owner and its waiters, of which at most `longest`."""
    by_address = {lock.address: lock for lock in locks.held}
    for cycle in locks.cycles:
        yield from _cycle(cycle, by_address)
        yield Text()
    for place, lock in enumerate(locks.held):
        if place:
            yield Text()
        yield from _lock(lock, longest)
    if not locks.held:
        yield Text("no task is known to wait for a lock")


def _cycle(cycle: LockCycle, locks: dict[int, Lock]) -> Iterator[Text]:
    doubt = "" if cycle.sure else " (not sure: an owner was worked out)"
    yield Text(f"DEADLOCK of {len(cycle.pids)} tasks{doubt}", "bold red")
    owners = (*cycle.pids[1:], cycle.pids[0])
    for pid, address, owner in zip(cycle.pids, cycle.locks, owners, strict=False):
        lock = locks.get(address)
        waiter = next((each for each in lock.waiters if each.pid == pid), None) if lock else None
        task = _task(waiter) if waiter else str(pid)
        where = f" in {_function(waiter)}" if waiter and waiter.function else ""
        holder = f"{lock.owner_comm} ({owner})" if lock and lock.owner == owner else str(owner)
        yield Text(printable(f"  {task}{where} waits for {_name(lock, address)}, which {holder} holds"), "red")


def _task(waiter: Waiter) -> str:
    return f"{waiter.comm} ({waiter.pid})"


def _function(waiter: Waiter) -> str:
    return f"{waiter.function}{f' [{waiter.module}]' if waiter.module else ''}"


def _name(lock: Lock | None, address: int) -> str:
    if lock is None:
        return f"a lock at {address:#x}"
    return f"{lock.kind} {lock.name or f'at {address:#x}'}"


def _lock(lock: Lock, longest: int) -> Iterator[Text]:
    doubt = "" if lock.sure else "  (not sure: worked out from stacks and registers)"
    yield Text(printable(f"{_name(lock, lock.address)}{doubt}"), "bold")
    if lock.name and hex(lock.address) not in lock.name:
        yield Text(f"  at {lock.address:#x}")
    yield Text(printable(f"  held by {_holder(lock)}"))
    yield from _waiters(lock.waiters, longest)


def _holder(lock: Lock) -> str:
    many = f"{lock.readers} reader{'s' if lock.readers != 1 else ''}" if lock.readers else ""
    if lock.owner is None:
        return many or ("a task that has ended" if lock.owner_ended else "nobody that is known")
    state = f", state {lock.owner_state}" if lock.owner_state else ""
    where = f", in {lock.owner_function}" if lock.owner_function else ""
    owner = f"{lock.owner_comm} ({lock.owner}){state}{where}"
    if lock.held_for == "write":
        return f"{owner}, for writing"
    if many:
        return f"{many}; the last to come was {owner}"
    return owner if lock.owner_sure else f"{owner} (not sure)"


def _waiters(waiters: Sequence[Waiter], longest: int) -> Iterator[Text]:
    for each in waiters[:longest]:
        how = f"spins on CPU {each.cpu}" if each.cpu is not None else f"state {each.state}"
        time = f" for {duration(each.seconds)}" if each.seconds is not None else ""
        mode = f", to {each.mode}" if each.mode else ""
        where = f", in {_function(each)}" if each.function else ""
        yield Text(printable(f"  wanted by {_task(each)}, {how}{time}{mode}{where}"))
    if len(waiters) > longest:
        yield Text(f"  and by {len(waiters) - longest} more")
