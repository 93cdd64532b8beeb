"""Locks: cycles, holders that do not let go, and sleeping where that is forbidden."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash, first_line
from lastwords.diagnosis.listed import blocked, dump_next_time, is_hang, known_for, listed, may_hold, told
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named, several
from lastwords.diagnosis.stuck_locks import holder_evidence, left_held, lock_name, queue, standing, stuck_locks
from lastwords.diagnosis.waits import lock_waited_for, waits_for_io
from lastwords.glossary.units import duration
from lastwords.model import Culprit, Fact, Finding, Frame, ListedTask, Lock, LockCycle, NextStep, Oops, Waiter

_LOCKDEP = NextStep(
    text="Run the load on a kernel with lockdep (CONFIG_PROVE_LOCKING): it names both orders at their first use.",
    value=0.7,
)


@rule(
    "deadlock-cycle",
    "tasks that wait for each other's locks",
    why="Each holds what the next one wants: none can ever go on.",
    sure="almost certain: owners and waiters are read from the locks in the dump",
)
def deadlock_cycle(crash: Crash) -> Iterator[Finding]:
    """Cycles among the locks of the dump."""
    locks = crash.machine.locks if crash.machine else None
    for cycle in locks.cycles[:4] if locks else ():
        parts = list(_links(crash, cycle, {lock.address: lock for lock in locks.held} if locks else {}))
        stuck = _reported(crash, cycle)
        function, module = standing(crash, stuck)
        yield Finding(
            id="deadlock-cycle",
            title=f"{len(cycle.pids)} tasks wait for each other's locks",
            text=f"A deadlock: {'; '.join(parts)}.",
            confidence=0.95 if cycle.sure else 0.75,
            crash_class="deadlock",
            culprit=Culprit(module=module, function=function),
            evidence=tuple(Fact(text=part, address=address) for part, address in zip(parts, cycle.locks, strict=False)),
            next=(
                NextStep(
                    text="Take these locks in one order everywhere; the stacks show where each was taken.", value=0.9
                ),
                _LOCKDEP,
            ),
            weight=1.0,
        )


def _links(crash: Crash, cycle: LockCycle, locks: dict[int, Lock]) -> Iterator[str]:
    for place, (pid, address) in enumerate(zip(cycle.pids, cycle.locks, strict=False)):
        lock, task = locks.get(address), crash.task(pid)
        name = (lock.name if lock else None) or f"{address:#x}"
        holder = cycle.pids[(place + 1) % len(cycle.pids)]
        function, _module = standing(crash, pid)
        where = f" in {function}()" if function else ""
        comm = task.comm if task else "?"
        held = crash.task(holder)
        yield f"{comm} ({pid}){where} waits for {name}, which {held.comm if held else '?'} ({holder}) holds"


def _reported(crash: Crash, cycle: LockCycle) -> int:
    """The task of the cycle that the log reports, else its first."""
    reported = [oops.pid for oops in crash.reports]
    return next((pid for pid in cycle.pids if pid in reported), cycle.pids[0])


@rule(
    "lock-holder",
    "a lock whose holder does not let go",
    why="Many tasks may wait; what matters is the one that holds the lock, and what that one is doing.",
    sure="quite sure where the lock names its owner",
)
def lock_holder(crash: Crash) -> Iterator[Finding]:
    """The holder of the lock that the hung tasks wait for."""
    for lock, waiters in stuck_locks(crash):
        if not left_held(crash, lock):
            yield _holder_finding(crash, lock, waiters)


def _holder_finding(crash: Crash, lock: Lock, waiters: list[Waiter]) -> Finding:
    name, who = lock_name(lock), queue(waiters)
    waited = max((waiter.seconds for waiter in waiters if waiter.seconds is not None), default=None)
    since = f" for {duration(waited)}" if waited is not None else ""
    waiting_in = named(waiters[0].function, waiters[0].module)
    if lock.owner is None:
        return Finding(
            id="lock-holder",
            title=f"{who} waited for {name}, whose holder is not known",
            text=f"{who} waited{since} in {waiting_in} for the {lock.kind} {name}; it does not tell who holds it.",
            confidence=0.5,
            crash_class="deadlock",
            culprit=Culprit(),
            evidence=(Fact(text=f"{lock.kind} {name}", address=lock.address),),
            weight=0.6,
        )
    owner = crash.task(lock.owner)
    function, module = standing(crash, lock.owner)
    gone = owner is None
    state = _STATES.get((owner.state if owner else lock.owner_state) or "", "is in a state that is not known")
    doing = "is gone: it exited with the lock held" if gone else f"{state} in {named(function, module)}"
    return Finding(
        id="lock-holder",
        title=f"{lock.owner_comm or 'a task'} ({lock.owner}) holds {name} and does not let go",
        text=f"{who} waited{since} in {waiting_in} for the {lock.kind} {name}. "
        f"{lock.owner_comm or 'The task'} ({lock.owner}) holds it and {doing}.",
        confidence=0.88 if lock.owner_sure and lock.sure else 0.7,
        crash_class="lockup" if lock.kind == "spinlock" else "deadlock",
        culprit=Culprit(module=module, function=function or lock.owner_function),
        evidence=tuple(holder_evidence(lock, f"{lock.owner_comm} ({lock.owner})", waiters, owner)),
        next=(
            NextStep(
                text=f"Ask why {named(function, module)} keeps the lock that long: what does it wait for?", value=0.9
            ),
            _LOCKDEP,
        ),
        weight=0.95,
    )


_STATES = {
    "S": "sleeps",
    "D": "sleeps uninterruptibly",
    "R": "runs",
    "I": "idles",
    "T": "is stopped",
    "t": "is stopped by a debugger",
    "Z": "is dead",
    "X": "is dead",
}


@rule(
    "hung-lock",
    "hung tasks that wait for a mutex or semaphore, by their traces alone",
    why="Without a dump nobody tells who holds the lock; two tasks of one module that wait in it are mostly in a deadlock.",
    sure="possible to probable: from a log only the waiters are known",
)
def hung_lock(crash: Crash) -> Iterator[Finding]:
    """Hung tasks in lock functions, where no dump tells more."""
    if not is_hang(crash) or (crash.machine is not None and crash.machine.locks is not None):
        return
    if any(task.blocked_by is not None for task in listed(crash)):
        return  # then the log tells who holds it
    hung = blocked(crash)
    locked = [(report, lock) for report in hung if (lock := lock_waited_for(report)) is not None]
    if not locked:
        return
    tasks = {report.pid for report, _lock in locked}
    places = {(report.function, report.module) for report, _lock in locked}
    # A holder that itself waits for I/O is no deadlock: the lock comes back with the I/O.
    behind = any(lock_waited_for(report) is None and waits_for_io(report) for report in hung)
    modules = {module for _function, module in places}
    mutual = not behind and len(tasks) > 1 and len(places) > 1 and len(modules) == 1 and None not in modules
    where = several(sorted(named(function, module) for function, module in places))
    who = several(list(dict.fromkeys(f"{report.comm} ({report.pid})" for report, _lock in locked)))
    # Where the lists show all tasks, the holder is among them.
    others = [] if mutual else may_hold(crash, [report for report, _lock in locked])
    if others:
        yield _may_be_held(crash, locked[0], who, others, several_wait=len(tasks) > 1)
        return
    yield Finding(
        id="hung-lock",
        title=f"{who} {'wait' if len(tasks) > 1 else 'waits'} for a lock that nobody gives back",
        text=f"{who} {'wait' if len(tasks) > 1 else 'waits'} for a {locked[0][1][0]} in {where}"
        + (
            ": several waiting at different places of the same code is what a deadlock (ABBA) looks like."
            if mutual
            else ": its holder never gave it back, or is stuck itself."
        ),
        confidence=known_for(crash, 0.68 if mutual else 0.4 if behind else 0.55),
        crash_class="deadlock",
        culprit=Culprit(module=locked[0][0].module, function=locked[0][0].function) if mutual else Culprit(),
        evidence=(
            *(first_line(report) for report, _ in locked[:5]),
            crash.spot(locked[0][1][1]),
        ),
        next=(
            NextStep(
                text="Get the holder: at the next hang, list all tasks with their stacks, or dump the machine.",
                command="echo t > /proc/sysrq-trigger; dmesg > tasks.log   # lastwords capture --hang does it all",
                phase="immediate",
                value=0.8,
            ),
            dump_next_time(crash, _OF_LOCKS),
            _LOCKDEP,
        ),
        weight=0.9,
    )


_OF_LOCKS = "A dump tells who holds the lock, and what that one does."


def _may_be_held(
    crash: Crash,
    first: tuple[Oops, tuple[str, Frame]],
    who: str,
    others: list[tuple[ListedTask, Frame]],
    *,
    several_wait: bool,
) -> Finding:
    """The list of tasks shows others in the same code that do not wait for the lock."""
    report, (lock, at) = first
    task, frame = others[0]
    state = {"D": "is blocked", "R": "runs"}.get(task.state, "sleeps")
    module = frame.module or None
    spots = [told(other) for other, _frame in others]
    alone = len(others) == 1
    return Finding(
        id="hung-lock",
        title=f"{several(spots)} may hold what {who} {'wait' if several_wait else 'waits'} for",
        text=f"{who} {'wait' if several_wait else 'waits'} for a {lock} in {named(report.function, report.module)}. "
        + (
            f"{spots[0]} {state} in {named(frame.function, module)}, does not wait for it, and may hold it."
            if alone
            else f"{several(spots)} are in the same code and do not wait for it: one of them may hold it."
        ),
        confidence=known_for(crash, 0.62 if alone else 0.5),
        crash_class="deadlock",
        culprit=Culprit(module=module, function=frame.function.partition(".")[0]) if alone else Culprit(),
        evidence=(
            first_line(report),
            crash.spot(at),
            *(
                Fact(text=f"{told(o)}, state {o.state}: {f.function}", path=report.path, line=o.line)
                for o, f in others[:3]
            ),
        ),
        next=(
            NextStep(
                text=f"Read {named(frame.function, module)}: does it sleep with the lock held, and what would wake it?",
                value=0.85,
            ),
            dump_next_time(crash, _OF_LOCKS),
            _LOCKDEP,
        ),
        weight=0.92,
    )


@rule(
    "sleeping-in-atomic",
    "sleeping where that is forbidden",
    why="With a spinlock held, preemption or interrupts off, or in an interrupt, nobody may sleep: the CPU would not come back.",
    sure="quite sure: the kernel checked its own counters; who forbade sleeping is further up the trace",
)
def sleeping_in_atomic(crash: Crash) -> Iterator[Finding]:
    """Sleeping or scheduling in atomic context, with who disabled what."""
    oops = crash.oops
    if oops is None or oops.kind not in ("sleeping-in-atomic", "preempt-count"):
        return
    frames = list(crash.frames)
    sleeper = next(
        (f for f in frames if re.match(r"(?:msleep|usleep|schedule_timeout|mutex_lock|wait_for|down)", f.function)),
        None,
    )
    culprit = crash.faulting
    context = {"softirq": " in a softirq", "hardirq": " in a hardware interrupt"}.get(
        oops.context or "", " with a spinlock held, or preemption or interrupts off"
    )
    through = f" through {sleeper.function}()" if sleeper else ""
    yield Finding(
        id="sleeping-in-atomic",
        title=f"{named(oops.function, oops.module)} slept in atomic context",
        text=f"{named(oops.function, oops.module)} went to sleep{through}{context}, where that is forbidden.",
        confidence=0.88,
        crash_class="logic-bug",
        culprit=culprit,
        evidence=(crash.here(), *(crash.spot(frame) for frame in frames[:4])),
        next=(
            NextStep(
                text="Look on the trace for who took the spinlock or runs as a timer or interrupt, and use a sleeping lock or GFP_ATOMIC.",
                value=0.8,
            ),
            NextStep(text="CONFIG_DEBUG_ATOMIC_SLEEP says where preemption was disabled.", value=0.6),
        ),
        weight=0.9,
    )
