"""Crash the running machine on purpose, by SysRq (drivers/tty/sysrq.c, Documentation/admin-guide/sysrq.rst)."""

import contextlib
import subprocess
import time

TRIGGER = "/proc/sysrq-trigger"
"""Root may write any of SysRq's keys to it, whatever kernel.sysrq allows from a keyboard."""

_SYNC_SECONDS = 20.0
OURSELVES = "/proc/self/comm"
LOG = "/dev/kmsg"
"""What is written to these two names us: the task that the crash's report names, and the kernel's log."""


def sync() -> bool:
    """Write out what is in memory. On a hung machine that may never end, so it is given a limited time.

    Returns:
        Whether it came to its end.
    """
    # By a process of its own: one that hangs in the kernel can't be killed, and we must go on.
    process = subprocess.Popen(["sync"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        return process.wait(_SYNC_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return False


def show_stacks(seconds: float = 2.0) -> None:
    """Have the kernel write into its log who waits (`w`) and what each CPU does (`l`): the dump will hold it.

    Raises:
        OSError: not root, or the kernel has no SysRq.
    """
    for key in "wl":
        _press(key)
        time.sleep(seconds / 2)


def announce(purpose: str) -> None:
    """Have the crash's report name who asked for it, and the kernel's log the purpose: whoever finds it will wonder."""
    for path, text in (
        (OURSELVES, "lastwords"),
        (LOG, f"<4>lastwords: crashing this kernel on purpose ({purpose})\n"),
    ):
        with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)


def crash() -> None:
    """End it all. Returns only where the kernel refuses.

    Raises:
        OSError: not root, or the kernel has no SysRq.
    """
    _press("c")


def _press(key: str) -> None:
    with open(TRIGGER, "w", encoding="ascii") as file:  # noqa: PTH123  (nothing else is to be found under this name)
        file.write(key)
