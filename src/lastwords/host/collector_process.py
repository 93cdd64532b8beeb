"""The process in which one collector runs, and what it says to the one that started it."""

import contextlib
import ctypes
import os
import signal
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lastwords.model.evidence import Evidence
from lastwords.model.oops import Struct

from .collectors import Collector, Take
from .crashed_boot import CrashedBoot
from .root import Root
from .staging import Staged
from .vault import Vault

NO_RIGHT = "no right"
"""Begins the error of a collector that may not read what it looks at."""
_GRACE = 2.0
"""Seconds between asking a collector to end and ending it."""
_TOLD_EVERY = 16 << 20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Wish:
    """What the user wants besides the usual.

    Attributes:
        hang: the hang that is going on: live state too.
        all_dumps: dumps of earlier crashes too.
    """

    hang: bool = False
    all_dumps: bool = False


USUAL = Wish()


class Took(Struct, frozen=True, kw_only=True, tag="took"):
    """An item is staged, or it is known why not; without `staged`, an item that an earlier run took."""

    evidence: Evidence
    staged: Staged | None = None


class Moved(Struct, frozen=True, kw_only=True, tag="moved"):
    """So many bytes more were copied or hashed."""

    size: int


class Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    """The collector came to its end, or raised `error`."""

    error: str = ""


_message = msgspec.json.Decoder(Took | Moved | Ended)


def message_from(line: bytes) -> Took | Moved | Ended:
    """What a line says.

    Raises:
        msgspec.DecodeError: nothing.
    """
    message: Took | Moved | Ended = _message.decode(line)
    return message


def start(collector: Collector, vault: Vault, root: Root, boot: CrashedBoot, wish: Wish) -> tuple[int, int]:
    """Run a collector in a process of its own.

    Returns:
        Its PID, and the file descriptor on which it tells what it does: a message a line.
    """
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. The child runs this module and its collector only.
        warnings.simplefilter("ignore", DeprecationWarning)
        parent, child = os.getpid(), os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            _be_a_child(parent)
            vault.leave_lock()
            _Child(collector, vault, theirs).work(root, boot, wish)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    return child, ours


def _be_a_child(parent: int) -> None:
    """Ends with its parent, in a group of its own, with nothing to say on the terminal."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    sys.stdout = sys.stderr = os.fdopen(null, "w")


def _leave(_signal: int, _frame: object) -> None:
    """Ends the commands that run (`command.run_command` does) and removes what is half staged."""
    raise SystemExit(1)


def stop(child: int) -> bool:
    """Ask a child to end, then end it. False if it cannot be: it waits in the kernel for something that never comes."""
    for sign, seconds in ((0, 0.05), (signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        if sign == signal.SIGKILL:
            _kill_commands(child)
        if sign:
            os.kill(child, sign)
        until = time.monotonic() + seconds
        while True:
            try:
                if os.waitpid(child, os.WNOHANG)[0]:
                    return True
            except ChildProcessError:
                return True
            if time.monotonic() >= until:
                break
            time.sleep(0.005)
    return False


def _kill_commands(child: int) -> None:
    """What a collector started would outlive it, where it has no time to end it. Commands lead groups of their own."""
    with contextlib.suppress(OSError):
        for command in Path(f"/proc/{child}/task/{child}/children").read_text().split():
            for end in (os.killpg, os.kill):
                with contextlib.suppress(OSError):
                    end(int(command), signal.SIGKILL)


@dataclass
class _Child:
    """The other end: the process in which a collector runs."""

    collector: Collector
    vault: Vault
    pipe: int
    untold: int = 0

    def work(self, root: Root, boot: CrashedBoot, wish: Wish) -> None:
        """Run the collector; whatever it raises is told, not shown."""
        take = Take(
            self.collector,
            root,
            self.vault,
            boot=boot,
            report=self._report,
            moved=self._moved,
            all_dumps=wish.all_dumps,
        )
        error = ""
        try:
            self.collector.take(take)
        except PermissionError as refused:
            error = f"{NO_RIGHT} to read {refused.filename or self.collector.about}"
        except Exception as broken:  # a collector may be a plugin of any quality
            error = f"{type(broken).__name__}: {broken}"[:500]
        self._send(Ended(error=error))

    def _report(self, evidence: Evidence, staged: Staged | None) -> None:
        self._send(Took(evidence=evidence, staged=staged))

    def _moved(self, size: int) -> None:
        self.untold += size
        if self.untold >= _TOLD_EVERY:
            self._send(Moved(size=self.untold))
            self.untold = 0

    def _send(self, message: Took | Moved | Ended) -> None:
        view = memoryview(msgspec.json.encode(message) + b"\n")
        while view:
            view = view[os.write(self.pipe, view) :]
