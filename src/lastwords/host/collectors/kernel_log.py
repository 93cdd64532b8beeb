"""The running kernel's ring buffer: of a hang its own words, after a reboot what firmware reported of the crash."""

import errno
import os
import time

from .collector import collector
from .take import Take

KMSG = "/dev/kmsg"
_MOST = 64 << 20


@collector("kernel-log", "dmesg", "the kernel's ring buffer", order=20, timeout=30)
def kernel_log(take: Take) -> None:
    """All records of /dev/kmsg as they are (Documentation/ABI/testing/dev-kmsg), or what dmesg says."""
    if take.root.runs_commands:
        read_ring_buffer(take, "kmsg")


def read_ring_buffer(take: Take, name: str) -> None:
    """Take the ring buffer as it is now."""
    began = time.monotonic()
    if not take.root.is_live:  # a test's runner
        take.command(name, "dmesg", "--raw")
        return
    try:
        data = _records()
    except PermissionError:
        if not take.command(name, "dmesg", silent=True):
            take.miss(name, "refused", "kernel.dmesg_restrict keeps it for root", origin=KMSG)
        return
    except OSError:
        take.command(name, "dmesg")
        return
    take.output(name, KMSG, data, began=began)


def _records() -> bytes:
    """Each read gives one record; EPIPE says that some were overwritten meanwhile."""
    kmsg = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    records, size = [], 0
    try:
        while size < _MOST:
            try:
                record = os.read(kmsg, 8192)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                continue
            records.append(record)
            size += len(record)
    finally:
        os.close(kmsg)
    return b"".join(records)
