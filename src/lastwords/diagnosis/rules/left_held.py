"""Locks that somebody took and never released."""

from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.diagnosis.stuck_locks import holder_evidence, left_held, lock_name, queue, standing, stuck_locks
from lastwords.model import Culprit, Finding, NextStep


@rule(
    "left-held",
    "a lock that was left held",
    why="A path, mostly that of an error, returns without the unlock. The task that took the lock is long elsewhere, or has "
    "ended and another has its place in memory: what it does now has nothing to do with the lock.",
    sure="probable: the owner is in no code that uses the lock; which path left it held only the source tells",
)
def lock_left_held(crash: Crash) -> Iterator[Finding]:
    """The holder is not in the code that the lock belongs to."""
    for lock, waiters in stuck_locks(crash):
        if not left_held(crash, lock):
            continue
        owner = crash.task(lock.owner)
        name, who = lock_name(lock), queue(waiters)
        users = {(waiter.function, waiter.module) for waiter in lock.waiters}
        function, module = next(iter(users)) if len(users) == 1 else (None, None)
        user = named(function, module) if function else "the functions that take it"
        taker = f"{owner.comm} ({owner.pid})" if owner is not None else "a task that has ended"
        now = (
            f", which is in no code that uses it: it is in {standing(crash, owner.pid)[0]}()"
            if owner is not None
            else ""
        )
        yield Finding(
            id="left-held",
            title=f"the {lock.kind} {name} was left held",
            text=f"{who} waited in {named(waiters[0].function, waiters[0].module)} for the {lock.kind} {name}. By its owner "
            f"field {taker} took it{now}. So somebody returned without the unlock.",
            confidence=0.75,
            crash_class="deadlock",
            culprit=Culprit(module=module, function=function),
            evidence=tuple(holder_evidence(lock, taker, waiters, owner)),
            next=(
                NextStep(
                    text=f"Read {user} for paths that return with {name} held: an error, a signal, a break in a loop.",
                    value=0.9,
                ),
                NextStep(
                    text="With lockdep (CONFIG_PROVE_LOCKING) the kernel says who returns to user space with a lock held.",
                    value=0.6,
                ),
            ),
            weight=0.95,
        )
