"""Run one command with a time limit and bounded output."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import IO

from lastwords.model.oops import Struct

_CHUNK = 1 << 16
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Ran(Struct, frozen=True, kw_only=True):
    """How a command ended.

    Attributes:
        status: its exit status; 128 + N where signal N ended it.
        out: standard output, at most the limit.
        err: standard error, at most the limit.
        cut: output went past the limit, and the command was ended.
        timed_out: it was still running when its time was up, and was ended.
    """

    status: int
    out: bytes = b""
    err: bytes = b""
    cut: bool = False
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """It ended by itself with status 0."""
        return self.status == 0 and not self.timed_out

    @property
    def text(self) -> str:
        """Standard output as text, without white space around it."""
        return self.out.decode(errors="replace").strip()

    @property
    def complaint(self) -> str:
        """The first line of standard error."""
        return self.err.decode(errors="replace").strip().partition("\n")[0]


Runner = Callable[[Sequence[str], float, int], Ran]
"""Takes argv, seconds, and the limit of bytes of each output; FileNotFoundError where there is no such program."""


def run_command(argv: Sequence[str], seconds: float, limit: int) -> Ran:
    """Run a command without a shell, in a process group of its own.

    Raises:
        FileNotFoundError: there is no such program.
    """
    environment = {
        **os.environ,
        "PATH": f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}".lstrip(":"),
        "LC_ALL": "C",
        "TZ": "UTC",
        "SYSTEMD_PAGER": "",
        "SYSTEMD_COLORS": "0",
    }
    process = subprocess.Popen(
        list(argv),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err, why = _listen(process, seconds, limit)
    finally:
        _end(process)
    status = process.returncode
    return Ran(
        status=status if status >= 0 else 128 - status,
        out=bytes(out),
        err=bytes(err),
        cut=why == "cut",
        timed_out=why == "time",
    )


def _listen(process: "subprocess.Popen[bytes]", seconds: float, limit: int) -> tuple[bytearray, bytearray, str]:
    """Both outputs until they end, the time is up (`time`) or one is too long (`cut`)."""
    assert process.stdout
    assert process.stderr
    outputs: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    why, deadline = "", time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for pipe in outputs:
            selector.register(pipe, selectors.EVENT_READ, pipe)
        while selector.get_map() and not why:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                why = "time"
            for key, _ in ready:
                pipe = key.data
                chunk = os.read(pipe.fileno(), _CHUNK)
                if not chunk:
                    selector.unregister(pipe)
                outputs[pipe] += chunk
                if len(outputs[pipe]) > limit:
                    del outputs[pipe][limit:]
                    why = "cut"
    if not why:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            why = "time"
    return outputs[process.stdout], outputs[process.stderr], why


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Nothing of it goes on: neither itself nor what it started and left in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
