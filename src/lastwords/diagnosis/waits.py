"""What a blocked task waits for, by its stack in a log: a lock, a disk, or somebody who says that something is done."""

import re
from collections.abc import Sequence

from lastwords.model import Frame, Oops

_DEEP = 8
"""Frames from the innermost: what a task waits for stands near the place where it sleeps."""

# What stands on the trace, what the task waits for, and where to look. The first that is there counts: most of them
# wait for a completion in the end (kernel/sched/completion.c).
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
        r"wait_transaction_locked|add_transaction_credits|jbd2_journal_lock_updates",
        "a transaction of the file system's journal to end (jbd2)",
        "Look at the jbd2 thread of that device, and at who holds the transaction open: what those wait for holds up "
        "all.",
    ),
    (
        r"blk_mq_freeze_queue_wait\w*",
        "the requests of a disk's queue to end (queue freeze)",
        "See which requests are in flight, and since when.",
    ),
    (
        r"netdev_wait_allrefs\w*",
        "the last references to a network device to go",
        "See which part of the network stack still holds the device: the kernel logs "
        "`unregister_netdevice: waiting for`.",
    ),
    (
        r"wait_for_completion\w*|(?:__)?wait_for_common\w*|do_wait_for_common",
        "a completion that nobody signals (wait_for_completion)",
        "Look in the source for who calls complete() on it: an interrupt, a work item or a device's answer that did "
        "not come, or an error path that forgets it; and give the wait a time-out.",
    ),
)
_PATTERNS = tuple((re.compile(pattern), what, look) for pattern, what, look in _WAITS)
_SLEEPS = frozenset({"__schedule", "schedule", "schedule_timeout", "__switch_to", "preempt_schedule"})

_LOCKS = (
    ("mutex", re.compile(r"(?:__)?(?:mutex_lock|ww_mutex)")),
    ("read-write semaphore", re.compile(r"rwsem_|(?:__)?down_(?:read|write)|percpu_down|call_rwsem")),
    ("semaphore", re.compile(r"__down|down_(?:interruptible|killable|timeout)?$|down$")),
    ("rt_mutex", re.compile(r"(?:__)?rt_mutex")),
)


def lock_waited_for(report: Oops) -> tuple[str, Frame] | None:
    """What kind of lock a hung task waits for and where, by its trace; None where it is none."""
    return _lock(report.traces[0].frames if report.traces else ())


def _lock(frames: Sequence[Frame]) -> tuple[str, Frame] | None:
    for frame in frames[:_DEEP]:
        for name, pattern in _LOCKS:
            if frame.reliable and pattern.match(frame.function):
                return name, frame
    return None


_IO = re.compile(
    r"io_schedule|blk_|submit_bio|wait_on_page|folio_wait|__wait_on_buffer|wait_on_bit_io|bit_wait_io|jbd2_log_wait|xlog_"
    r"|xfs_buf_iowait|nfs_|rpc_wait|cifs_|ceph_"
)


def waits_for_io(report: Oops) -> bool:
    """It is a hung task whose trace leads into waiting for I/O."""
    return report.kind == "hung-task" and bool(report.traces) and _io(report.traces[0].frames)


def _io(frames: Sequence[Frame]) -> bool:
    return any(_IO.match(frame.function) for frame in frames[:_DEEP] if frame.reliable)


def event_waited_for(report: Oops) -> tuple[Frame, str, str] | None:
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


def waits_for(frames: Sequence[Frame]) -> str | None:
    """What a task waits for in a few words, by its stack; None where it does not show.

    Example:
        >>> waits_for([Frame("schedule", 1), Frame("__mutex_lock.constprop.0", 2), Frame("ring_push", 3)])
        'a mutex'
    """
    if (lock := _lock(frames)) is not None:
        return f"a {lock[0]}"
    if _io(frames):
        return "I/O"
    shown = [frame for frame in frames if frame.reliable][:_DEEP]
    return next((what for pattern, what, _ in _PATTERNS if any(pattern.fullmatch(f.function) for f in shown)), None)
