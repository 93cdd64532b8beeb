"""Tasks that are blocked, by the log alone: those that were reported as hung, and those in the kernel's own lists."""

from lastwords.glossary.units import duration
from lastwords.model import Frame, ListedTask, NextStep, Oops, Trace

from .crash import Crash
from .story import named

LASTING = 2.0
"""Seconds between two lists in which a task stands at one place that say that it does not just wait for a moment."""
_ASKED_FOR = frozenset({"sysrq-crash"})
"""Kinds of crashes that come because somebody saw that something was wrong."""


def blocked(crash: Crash) -> tuple[Oops, ...]:
    """Hung tasks: those that are reported, and the blocked ones of the lists, in the shape of such reports."""
    reported = tuple(report for report in crash.reports if report.kind == "hung-task")
    pids = {report.pid for report in reported}
    return (
        *reported,
        *(_as_report(crash, task) for task in listed(crash) if task.state == "D" and task.pid not in pids),
    )


def listed(crash: Crash) -> tuple[ListedTask, ...]:
    """The tasks of the lists, those included that may be whom others wait for."""
    return crash.log.listed if crash.log is not None else ()


def is_hang(crash: Crash) -> bool:
    """Whether blocked tasks are what the crash is about: no report came before them that says something else."""
    oops = crash.oops
    if oops is None:
        return any(task.state == "D" for task in listed(crash))
    return oops.kind == "hung-task" or (oops.kind in _ASKED_FOR and bool(blocked(crash)))


def lasts(crash: Crash) -> bool:
    """Whether the tasks have been blocked for long: one list alone may show a task that waits for a moment."""
    if any(report.kind == "hung-task" for report in crash.reports):
        return True
    return any(task.seen > 1 and (task.seconds is None or task.seconds >= LASTING) for task in listed(crash))


def known_for(crash: Crash, confidence: float) -> float:
    """How sure a finding about blocked tasks is, if it would be this sure of hung ones."""
    if lasts(crash):
        return confidence
    # Somebody crashed the machine over it.
    return round(confidence * (0.85 if crash.oops is not None else 0.6), 2)


def dump_next_time(crash: Crash, text: str) -> NextStep:
    """To have the next hang leave a dump.

    Args:
        crash: the kernel may have panicked of this hang already.
        text: what a dump would tell.
    """
    if "hung_task" in (crash.panic or ""):
        return NextStep(
            text=f"It panicked, as it was told to: with kdump it would have left a dump. {text}",
            command="lastwords doctor",
            value=0.7,
        )
    return NextStep(
        text=f"Have the next hang panic, so that kdump saves it. {text}",
        command="sysctl kernel.hung_task_panic=1",
        value=0.7,
    )


def told(task: ListedTask) -> str:
    """`lab-flush (102) and 3 more`."""
    more = f" and {len(task.alike):,} more" if task.alike else ""
    return f"{task.comm} ({task.pid}){more}"


def since(task: ListedTask) -> str:
    """How often and how long it was seen at one place."""
    if task.seen < 2:
        return ""
    over = f" over {duration(task.seconds)}" if task.seconds is not None else ""
    return f"; at the same place in {task.seen} lists{over}"


def may_hold(crash: Crash, waiters: list[Oops]) -> list[tuple[ListedTask, Frame]]:
    """Listed tasks that go through the function or module in which others wait for a lock, and do not wait for it."""
    pids = {waiter.pid for waiter in waiters}
    found = []
    for task in listed(crash):
        if task.pid in pids or task.state in "ZX":
            continue
        for frame in (frame for frame in task.frames if frame.reliable):
            places = [waiter for waiter in waiters if waiter.function is not None]
            if frame.module and any(frame.module == waiter.module for waiter in places):
                found.append((task, frame))
                break
            if not frame.module and any(
                waiter.module is None and frame.function.partition(".")[0] == waiter.function for waiter in places
            ):
                found.append((task, frame))
                break
    return found


def _as_report(crash: Crash, task: ListedTask) -> Oops:
    path = crash.log.path if crash.log is not None else ""
    where = named(task.function, task.module) if task.function else "the kernel"
    return Oops(
        title=f"Task blocked in {where}",
        kind="hung-task",
        family="hang",
        line=task.line,
        last_line=task.last_line,
        message=f"task:{task.comm} state:{task.state} pid:{task.pid}",
        intact=True,
        function=task.function,
        module=task.module,
        frame=task.frame,
        pid=task.pid,
        comm=task.comm,
        time=task.time,
        workqueue=task.workqueue,
        traces=(Trace(title="Call Trace", line=task.line, frames=task.frames, pid=task.pid, comm=task.comm),),
        path=path,
    )
