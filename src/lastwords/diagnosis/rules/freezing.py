"""File systems that somebody froze, and the tasks that wait to write to them."""

import re
from collections.abc import Iterator
from itertools import pairwise

from lastwords.diagnosis.crash import Crash, first_line
from lastwords.diagnosis.listed import blocked, is_hang, known_for
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import several
from lastwords.model import Culprit, Finding, NextStep, Oops

# include/linux/fs.h: sb_start_write(), sb_start_pagefault() and sb_start_intwrite() wait for a per-CPU semaphore that
# freeze_super() takes for writing; they are inlined into these.
_WAITS = re.compile(r"percpu_rwsem_wait|__percpu_down_read|percpu_down_read")
_WRITES = re.compile(
    r"__sb_start_write|sb_start_(?:write|pagefault|intwrite)|file_start_write|mnt_want_write(?:_file)?|vfs_write"
    r"|vfs_iter_write|vfs_fallocate|vfs_truncate|do_sys_ftruncate|do_ftruncate|do_clone_file_range|aio_write|io_write"
    r"|\w{1,30}_page_mkwrite|xfs_trans_alloc|ext4_evict_inode"
)
_THAW = NextStep(
    text="See who froze it: a backup, a snapshot (LVM, the hypervisor's guest agent), fsfreeze. It goes on when thawed.",
    command="fsfreeze --unfreeze MOUNTPOINT",
    phase="immediate",
    value=0.9,
)


@rule(
    "frozen-file-system",
    "tasks that wait to write to a frozen file system",
    why="A file system that was frozen for a snapshot and never thawed stops whoever writes to it, without any fault in "
    "kernel or disk. The log says nothing of it.",
    sure="probable: only freezing lets a task wait at that place for long; who froze it is not in the trace",
)
def frozen_file_system(crash: Crash) -> Iterator[Finding]:
    """The first step of a write, waiting for the semaphore that freezing takes."""
    if not is_hang(crash) and (crash.oops is None or crash.oops.family != "hang"):
        return
    hung = [report for report in blocked(crash) if _waits_for_a_thaw(report)]
    if not hung:
        return
    names = several(list(dict.fromkeys(report.comm or "a task" for report in hung)))
    verb = "waits" if len(hung) == 1 else "wait"
    yield Finding(
        id="frozen-file-system",
        title=f"{names} {verb} for a file system that is frozen",
        text=f"{names} {verb} to write to a file system that is frozen, or being frozen, for a snapshot or by hand.",
        confidence=known_for(crash, 0.85),
        crash_class="lockup",
        culprit=Culprit(),
        evidence=tuple(first_line(report) for report in hung[:4]),
        next=(_THAW,),
        weight=0.9,
    )


def _waits_for_a_thaw(report: Oops) -> bool:
    names = [frame.function for trace in report.traces[:1] for frame in trace.frames[:12] if frame.reliable]
    return any(_WAITS.fullmatch(inner) and _WRITES.fullmatch(outer) for inner, outer in pairwise(names))
