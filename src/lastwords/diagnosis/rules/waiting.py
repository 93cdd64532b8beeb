"""Hung tasks that wait for somebody to say that something is done: no lock, and no disk."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.signs import waits_for_io
from lastwords.diagnosis.story import named
from lastwords.model import Finding, Frame, NextStep, Oops

from .locking import lock_waited_for

_DEEP = 8
"""Frames from the innermost: what a task waits for stands near the place where it sleeps."""

# What stands on the trace, what the task waits for, and where to look. The first that is there counts: most of them wait
# for a completion in the end (kernel/sched/completion.c).
_WAITS = (
    (
        r"(?:__)?flush_work\w*|__?cancel_(?:delayed_)?work\w*|cancel_(?:delayed_)?work_sync|(?:drain|destroy)_workqueue",
        "a work item that does not end (workqueue)",
        "Look at what the workers do: the work item itself waits, perhaps for what this task holds.",
    ),
    (
        r"kthread_(?:stop|park|flush_work\w*)",
        "a kernel thread that does not stop",
        "Look at the thread's stack, and whether its loop looks at kthread_should_stop().",
    ),
    (
        r"(?:__)?synchronize_s?rcu\w*|__wait_rcu_gp|s?rcu_barrier\w*|wait_rcu_exp_gp",
        "an RCU grace period that does not end",
        "Look for a CPU or task that stays in an RCU read-side section, and for RCU's own threads.",
    ),
    (
        r"blk_mq_freeze_queue_wait\w*",
        "the requests of a disk's queue to end (queue freeze)",
        "See which requests are in flight, and since when.",
    ),
    (
        r"netdev_wait_allrefs\w*",
        "the last references to a network device to go",
        "See which part of the network stack still holds the device: the kernel logs `unregister_netdevice: waiting for`.",
    ),
    (
        r"wait_for_completion\w*|(?:__)?wait_for_common\w*|do_wait_for_common",
        "a completion that nobody signals (wait_for_completion)",
        "Look in the source for who calls complete() on it: an interrupt, a work item or a device's answer that did not "
        "come, or an error path that forgets it; and give the wait a time-out.",
    ),
)
_PATTERNS = tuple((re.compile(pattern), what, look) for pattern, what, look in _WAITS)
_SLEEPS = frozenset({"__schedule", "schedule", "schedule_timeout", "__switch_to", "preempt_schedule"})


@rule(
    "waiting",
    "a hung task that waits for an event, not for a lock or a disk",
    why="A task that waits for a completion, a work item or a thread hangs because of somebody who never said that it is "
    "done: who that was to be is in the source of the one who waits.",
    sure="probable: the trace shows what it waits for; who should have ended the wait it does not show",
)
def waiting(crash: Crash) -> Iterator[Finding]:
    """What the first hung task waits for."""
    oops = crash.oops
    if oops is None or oops.kind != "hung-task" or waits_for_io(oops) or lock_waited_for(oops) is not None:
        return
    found = _waited_for(oops)
    if found is None:
        return
    frame, what, look = found
    who = named(oops.function, oops.module)
    yield Finding(
        id="waiting",
        title=f"{oops.comm or 'a task'} waits in {who} for {what}",
        text=f"{oops.comm or 'A task'} waits in {who} for {what}.",
        confidence=0.6,
        crash_class="lockup",
        culprit=crash.faulting,
        evidence=(crash.here(), crash.spot(frame)),
        next=(NextStep(text=look, value=0.75),),
        weight=0.9,
    )


def _waited_for(report: Oops) -> tuple[Frame, str, str] | None:
    """The frame that waits, what for, and where to look."""
    frames = [frame for frame in (report.traces[0].frames if report.traces else ()) if frame.reliable][:_DEEP]
    for pattern, what, look in _PATTERNS:
        for frame in frames:
            if pattern.fullmatch(frame.function):
                return frame, what, look
    awake = next((frame for frame in frames if frame.function not in _SLEEPS), None)
    if awake is None or awake.function != report.function:
        return None
    return (
        awake,
        "an event that does not come (wait_event)",
        "Look in the source for the condition that it waits for, and for who makes it true and wakes the queue.",
    )
