"""Who blocks whom, where the kernel's own lists of tasks tell."""

from collections import Counter
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.listed import is_hang, lasts, listed, told
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named, several
from lastwords.model import Culprit, Fact, Finding, ListedTask, NextStep


@rule(
    "blocked-by",
    "whom blocked tasks wait for, as the kernel tells it in the log",
    why="Since Linux 6.16 a hung-task report names the task that probably owns the lock; the lock validator lists who holds "
    "which lock. The end of that chain is what keeps all others waiting.",
    sure="quite sure: the kernel read owners out of its locks; it calls them likely, since they may change as it looks",
)
def blocked_by(crash: Crash) -> Iterator[Finding]:
    """The end of the chain, or its cycle."""
    if not is_hang(crash) or (crash.machine is not None and crash.machine.locks is not None):
        return
    tasks = {task.pid: task for task in listed(crash)}
    chains = [_chain(task, tasks) for task in tasks.values() if task.blocked_by is not None]
    if not chains:
        return
    cycle = next((chain for chain in chains if chain[-1].blocked_by in {task.pid for task in chain}), None)
    if cycle is not None:
        begin = next(place for place, task in enumerate(cycle) if task.pid == cycle[-1].blocked_by)
        yield _deadlock(crash, cycle[begin:])
        return
    ends = Counter(chain[-1].pid for chain in chains if len(chain) > 1)
    if ends:
        holder = tasks[ends.most_common(1)[0][0]]
        yield _held(crash, holder, [chain[-2] for chain in chains if chain[-1] is holder and len(chain) > 1])


def _chain(task: ListedTask, tasks: dict[int, ListedTask]) -> list[ListedTask]:
    """A task, whom it waits for, whom that one waits for, to the end or until it comes round."""
    chain = [task]
    while (owner := tasks.get(chain[-1].blocked_by or 0)) is not None and owner not in chain:
        chain.append(owner)
    return chain


def _deadlock(crash: Crash, cycle: list[ListedTask]) -> Finding:
    links = [
        f"{told(task)} waits in {named(task.function, task.module)} for a {task.blocked_on or 'lock'} "
        f"that {told(owner)} holds"
        for task, owner in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    ]
    return Finding(
        id="blocked-by",
        title=f"{several([told(task) for task in cycle])} wait for each other's locks",
        text=f"A deadlock: {', and '.join(links)}.",
        confidence=0.88,
        crash_class="deadlock",
        culprit=Culprit(module=cycle[0].module, function=cycle[0].function),
        evidence=tuple(_fact(crash, task) for task in cycle[:6]),
        next=(
            NextStep(
                text=f"Compare the order in which {several([named(t.function, t.module) for t in cycle])} take the two locks.",
                value=0.9,
            ),
        ),
        weight=1.0,
    )


def _held(crash: Crash, holder: ListedTask, waiters: list[ListedTask]) -> Finding:
    waiters = list(dict.fromkeys(waiters))
    state = "is blocked itself" if holder.state == "D" else "sleeps" if holder.state in "SI" else "runs"
    place = f" in {named(holder.function, holder.module)}" if holder.function else ""
    lock = next((task.blocked_on for task in waiters if task.blocked_on), "lock")
    return Finding(
        id="blocked-by",
        title=f"{told(holder)} holds what the others wait for",
        text=f"{several([told(task) for task in waiters])} {'wait' if len(waiters) > 1 else 'waits'} in "
        f"{named(waiters[0].function, waiters[0].module)} for a {lock} that {told(holder)} holds, who {state}{place}.",
        confidence=0.8,
        crash_class="deadlock" if holder.state != "R" else "lockup",
        culprit=Culprit(module=holder.module, function=holder.function),
        evidence=tuple(_fact(crash, task) for task in (holder, *waiters[:4])),
        next=(
            NextStep(
                text=f"Ask why {told(holder)} keeps the lock that long: what does it wait for{place}?",
                value=0.9,
            ),
        ),
        weight=0.97,
    )


def _fact(crash: Crash, task: ListedTask) -> Fact:
    stack = " < ".join(frame.function for frame in task.frames[:8] if frame.reliable)
    path = crash.log.path if crash.log is not None else None
    return Fact(text=f"{told(task)}, state {task.state}: {stack}", path=path, line=task.line)


@rule(
    "listed-once",
    "blocked tasks of which there is one list only",
    why="A list shows one moment: a task in state D may just wait for its disk, as each does now and then.",
    sure="certain: it is about what the log lacks",
)
def listed_once(crash: Crash) -> Iterator[Finding]:
    """Lists without a second one, or a hung-task report, that would tell who stays blocked."""
    tasks = [task for task in listed(crash) if task.state == "D"]
    if not tasks or not is_hang(crash) or lasts(crash) or crash.oops is not None:
        return
    yield Finding(
        id="listed-once",
        title="one list does not tell who stays blocked",
        text="There is one list of blocked tasks only: it does not tell who stays blocked, and who waits for a moment.",
        confidence=0.9,
        evidence=tuple(_fact(crash, task) for task in tasks[:2]),
        next=(
            NextStep(
                text="List them again while it hangs: who is still there is stuck.",
                command="echo w > /proc/sysrq-trigger; sleep 10; echo w > /proc/sysrq-trigger; dmesg > tasks.log",
                phase="immediate",
                value=0.95,
            ),
        ),
        weight=0.05,
    )
