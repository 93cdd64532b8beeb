"""A hang that is going on: what /proc and sysrq tell of it, while it lasts.

Of a task only such files are read as need none of its locks: /proc/PID/cmdline, environ, maps and smaps wait for the
task's mmap_lock, which is what many a hung task holds.
"""

import os
import re
import time
from collections.abc import Iterator

from .collector import collector
from .kernel_log import read_ring_buffer
from .take import Take

GENERAL = (
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/vmstat",
    "/proc/zoneinfo",
    "/proc/buddyinfo",
    "/proc/slabinfo",
    "/proc/interrupts",
    "/proc/softirqs",
    "/proc/stat",
    "/proc/schedstat",
    "/proc/locks",
    "/proc/diskstats",
    "/proc/pressure/*",
    "/proc/net/softnet_stat",
    "/proc/net/sockstat",
    "/proc/sys/fs/file-nr",
    "/sys/block/*/inflight",
    "/sys/block/*/device/state",
    "/sys/kernel/debug/bdi/*/stats",
    "/proc/timer_list",
    "/proc/lockdep_stats",
    "/proc/lock_stat",
    "/proc/mounts",
)
_OF_A_TASK = ("wchan", "syscall", "status")
_MOST_TASKS = 3000
_ENTRIES = 200_000
_STATE = re.compile(rb"\d{1,10} \((.{0,64})\) (\w) ", re.DOTALL)
SYSRQ = "/proc/sysrq-trigger"
_LETTERS = ("w", "l", "t")
"""Blocked tasks, stacks of the CPUs, all tasks (Documentation/admin-guide/sysrq.rst): they only print."""
_SETTLING = 2.0
_CONSOLE_INFO = 6
"""Messages of this level reach the console if its level is higher: what sysrq-t prints has it."""
_LINES_A_SECOND = 150
"""Of a serial console at 115200 baud, as sysrq-t's lines are long."""
_LINES_A_TASK = 20
_MOST_SECONDS = 20


@collector("hang", "hang", "the state of the hang", order=25, timeout=60, hang=True)
def hang(take: Take) -> None:
    """/proc first, which disturbs nothing; then what sysrq makes the kernel print, and the ring buffer again."""
    take.small_files("state.txt", GENERAL)
    waiting, number = _waiting_tasks(take)
    take.output("waiting-tasks.txt", "/proc/*/task/*/{status,wchan,stack,syscall} of tasks in state D and R", waiting)
    if not take.root.runs_commands or not take.root.is_live:
        return
    for letter in _LETTERS:
        _ask(take, letter, number)


def _ask(take: Take, letter: str, tasks: int) -> None:
    if letter == "t" and (why := _too_slow(take, tasks)):
        take.miss("sysrq-t", "skipped", why, origin=SYSRQ)
        return
    try:
        _write(letter)
    except OSError as error:
        refused = isinstance(error, PermissionError)
        take.miss(f"sysrq-{letter}", "refused" if refused else "failed", error.strerror or str(error), origin=SYSRQ)
        return
    time.sleep(_SETTLING)
    read_ring_buffer(take, f"kmsg-after-sysrq-{letter}")


def _write(letter: str) -> None:
    if letter not in _LETTERS:
        raise ValueError(f"sysrq {letter}: others than these reboot, kill or crash")
    trigger = os.open(SYSRQ, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(trigger, letter.encode())
    finally:
        os.close(trigger)


def _too_slow(take: Take, tasks: int) -> str:
    """sysrq-t on a slow console holds up the machine for as long as it prints."""
    level = (take.root.text("/proc/sys/kernel/printk") or "0").split()[0]
    serial = re.search(r"^tty(S|AMA|hvc|USB)", take.root.text("/proc/consoles") or "", re.MULTILINE)
    seconds = tasks * _LINES_A_TASK / _LINES_A_SECOND
    if not serial or not level.isdigit() or int(level) <= _CONSOLE_INFO or seconds <= _MOST_SECONDS:
        return ""
    return f"{tasks} tasks would hold up the serial console for about {seconds:.0f} s; first: dmesg -n 4"


def _waiting_tasks(take: Take) -> tuple[bytes, int]:
    """What is known of tasks in state D, and of those that run; and how many tasks there are."""
    parts: list[bytes] = []
    number = 0
    for path in _tasks(take):
        number += 1
        try:
            found = _STATE.match(take.root.read(f"{path}/stat", 4096))
        except OSError:
            continue
        if found and found[2] in (b"D", b"R") and len(parts) < _MOST_TASKS:
            parts.append(_task(take, path, found[1], found[2]))
    return b"".join(parts) or b"no task is in state D or R\n", number


def _task(take: Take, path: str, comm: bytes, state: bytes) -> bytes:
    """Its stack first, as the kernel's log has one behind a hung task's headline: it is read the same way."""
    text = b"==> %s %s (%s)\n" % (path.encode(), state, comm)
    try:
        stack = take.root.read(f"{path}/stack", 16384).rstrip()
        text += b"Call Trace:\n%s\n" % stack.replace(b"[<0>] ", b" ") if stack else b""
    except OSError as error:
        text += b"-- stack (%s)\n" % (error.strerror or "").encode()
    for name in _OF_A_TASK:
        try:
            text += b"-- %s\n%s\n" % (name.encode(), take.root.read(f"{path}/{name}", 16384).rstrip())
        except OSError as error:
            text += b"-- %s (%s)\n" % (name.encode(), (error.strerror or "").encode())
    return text


def _tasks(take: Take) -> Iterator[str]:
    count = 0
    for pid in take.root.names("/proc"):
        if pid.isdigit():
            for tid in take.root.names(f"/proc/{pid}/task"):
                count += 1
                if count > _ENTRIES:
                    return
                yield f"/proc/{pid}/task/{tid}"
