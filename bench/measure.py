"""One command, measured: the time it takes, and the memory of all its processes together."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from samples import installed


def lastwords() -> str:
    """The command of this checkout."""
    return shutil.which("lastwords", path=str(Path(sys.executable).parent)) or "lastwords"


@dataclass(frozen=True)
class Run:
    """Seconds of the clock and of CPUs; bytes of memory at the peak, of all processes together."""

    seconds: float
    cpu: float
    memory: int


def measure(command: list[str], fine: tuple[int, ...] = (0,)) -> Run:
    """Run a command to its end.

    Args:
        command: with its arguments.
        fine: exit statuses that are no failure.

    Raises:
        SystemExit: it failed.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=installed(os.environ)
        )
        peaks: dict[int, int] = {}
        while not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            for pid in family(child.pid):
                peaks[pid] = max(peaks.get(pid, 0), peak(pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        _, status, usage = os.wait4(child.pid, 0)
        output.seek(0)
        if os.waitstatus_to_exitcode(status) not in fine:
            sys.exit(f"{' '.join(command)}: {output.read()[-500:].decode('utf-8', 'replace')}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, sum(peaks.values()))


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def peak(pid: int) -> int:
    """The largest resident set that a process has had, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)
