"""Secure the evidence of a crash: run the collectors, each in a process of its own, and enter what they take.

A collector stages its items and tells of them through a pipe; this process, which alone holds the store's lock, makes
evidence of them. A collector that runs out of time is stopped with the commands that it started; one that cannot be
stopped, because a driver does not answer, is left behind. Neither keeps the next one from running.
"""

import ctypes
import hashlib
import os
import selectors
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from lastwords.model.evidence import Evidence, EvidenceState
from lastwords.model.oops import Struct

from .collectors import Collector, Take, all_collectors
from .collectors.pstore import PSTORE
from .crashed_boot import CrashedBoot, crashed_boot, hanging_boot
from .item_name import BadName, item_id
from .root import Root
from .staging import UNSIZED, Staged
from .vault import Vault

SECONDS_A_MIB = 1.0
"""Added to a collector's time limit for each MiB it moves: a large dump may take long, a stuck disk may not."""
HANG_TIMEOUT = 60.0
"""Seconds a collector gets at most while the machine hangs: many will wait for the same thing that hangs."""
_GRACE = 2.0
"""Seconds between asking a collector to end and ending it."""
_TOLD_EVERY = 16 << 20
_LONGEST_MESSAGE = 1 << 20
_PR_SET_PDEATHSIG = 1
_NO_RIGHT = "no right"

Tell = Callable[[str], None]


class _Took(Struct, frozen=True, kw_only=True, tag="took"):
    evidence: Evidence
    staged: Staged | None = None


class _Moved(Struct, frozen=True, kw_only=True, tag="moved"):
    size: int


class _Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    error: str = ""


_message = msgspec.json.Decoder(_Took | _Moved | _Ended)


@dataclass(frozen=True)
class Wish:
    """What the user wants besides the usual.

    Attributes:
        hang: the hang that is going on: live state too.
        all_dumps: dumps of earlier crashes too.
    """

    hang: bool = False
    all_dumps: bool = False


def secure(
    vault: Vault,
    root: Root,
    wish: Wish = Wish(),
    *,
    boot: CrashedBoot | None = None,
    collectors: Sequence[Collector] | None = None,
    tell: Tell | None = None,
) -> Iterator[Evidence]:
    """Take all evidence there is, what would be overwritten next first.

    Args:
        vault: where to; what it holds already is not taken again.
        root: the machine, or a tree of one.
        wish: what else is wanted.
        boot: what is known of the boot that crashed; looked for by default.
        collectors: these instead of all.
        tell: is told what is going on.

    Yields:
        Each item when it is in the store, or when it is known why not; of what an earlier run took, the old one.
    """
    broken: list[tuple[str, str]] = []
    if collectors is None:
        collectors, broken = all_collectors()
    boot = boot or (hanging_boot if wish.hang else crashed_boot)(root)
    for name, reason in broken:
        yield vault.record(
            Evidence(id=f"plugin-{len(name)}", kind="plugin", state="failed", origin=name, note=reason[:500])
        )
    for collector in collectors:
        if not collector.hang or wish.hang:
            yield from _Run(vault, collector, tell).go(root, boot, wish)


def clear_taken_pstore(vault: Vault, root: Root) -> tuple[str, ...]:
    """Remove from pstore what the store holds, whole and the same as it is there now: it makes room for the next crash.

    Returns:
        The paths that were removed.
    """
    cleared = []
    for name in root.names(PSTORE):
        path = f"{PSTORE}/{name}"
        taken = vault.items.get(item_id("pstore", path))
        try:
            if taken and vault.holds(taken.id) and hashlib.sha256(root.read(path, UNSIZED)).hexdigest() == taken.sha256:
                root.resolve(path).unlink()
                cleared.append(path)
        except OSError:
            continue
    return tuple(cleared)


@dataclass
class _Run:
    """One collector at work."""

    vault: Vault
    collector: Collector
    tell: Tell | None
    found: bool = False
    ended: bool = False
    error: str = "it ended without a word"
    moved: int = 0
    buffer: bytearray = field(default_factory=bytearray)

    def go(self, root: Root, boot: CrashedBoot, wish: Wish) -> Iterator[Evidence]:
        """Run it to its end or until its time is up, and enter what it takes."""
        began = time.monotonic()
        limit = min(self.collector.timeout, HANG_TIMEOUT) if wish.hang else self.collector.timeout
        child, pipe = self._start(root, boot, wish)
        late = stopped = False
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(pipe, selectors.EVENT_READ)
                while not self.ended:
                    left = began + limit + self.moved / (1 << 20) * SECONDS_A_MIB - time.monotonic()
                    if left <= 0:
                        late = True
                        break
                    self._say(began)
                    if selector.select(min(left, 0.5)):
                        yield from self._hear(pipe)
            stopped = _stop(child)
            # What it had sent before its time was up counts.
            while late and stopped and not self.ended:
                yield from self._hear(pipe)
        finally:
            stopped = stopped or _stop(child)
            os.close(pipe)
            if stopped:
                self.vault.sweep()
        yield from self._sum_up(late, time.monotonic() - began)

    def _start(self, root: Root, boot: CrashedBoot, wish: Wish) -> tuple[int, int]:
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
                self.vault.leave_lock()
                _Child(self.collector, self.vault, theirs).work(root, boot, wish)
                status = 0
            finally:
                os._exit(status)
        os.close(theirs)
        return child, ours

    def _hear(self, pipe: int) -> Iterator[Evidence]:
        """What has come through the pipe."""
        data = os.read(pipe, 1 << 16)
        if not data:
            self.ended = True
            return
        self.buffer += data
        *lines, rest = bytes(self.buffer).split(b"\n")
        self.buffer[:] = rest[:_LONGEST_MESSAGE]
        for line in lines:
            try:
                message = _message.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(message, _Took):
                self.found = True
                yield self._enter(message)
            elif isinstance(message, _Moved):
                self.moved += message.size
            else:
                self.error = message.error
                self.ended = True

    def _enter(self, took: _Took) -> Evidence:
        if took.staged is None:
            return took.evidence if took.evidence.state == "taken" else self.vault.record(took.evidence)
        try:
            return self.vault.commit(took.staged, took.evidence)
        except (OSError, BadName) as error:
            self.vault.discard(took.staged.name)
            why = (isinstance(error, OSError) and error.strerror) or str(error)
            return self._record(msgspec.structs.replace(took.evidence, state="failed", note=why))

    def _sum_up(self, late: bool, seconds: float) -> Iterator[Evidence]:
        about = Evidence(id=self.collector.id, kind=self.collector.kind, state="absent", origin=self.collector.about)
        if late or self.error:
            note = f"stopped after {seconds:.0f} s: it did not come to its end" if late else self.error
            state: EvidenceState = "refused" if note.startswith(_NO_RIGHT) else "failed"
            yield self._record(msgspec.structs.replace(about, state=state, note=note, seconds=round(seconds, 3)))
        elif not self.found:
            yield self._record(about)

    def _record(self, evidence: Evidence) -> Evidence:
        """In the manifest if that can be; a full disk must not keep the user from hearing of it."""
        try:
            return self.vault.record(evidence)
        except OSError:
            return evidence

    def _say(self, began: float) -> None:
        if self.tell:
            size = f", {self.moved >> 20} MiB" if self.moved else ""
            self.tell(f"{self.collector.about}{size}, {time.monotonic() - began:.0f} s")


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
            error = f"{_NO_RIGHT} to read {refused.filename or self.collector.about}"
        except Exception as broken:  # a collector may be a plugin of any quality
            error = f"{type(broken).__name__}: {broken}"[:500]
        self._send(_Ended(error=error))

    def _report(self, evidence: Evidence, staged: Staged | None) -> None:
        self._send(_Took(evidence=evidence, staged=staged))

    def _moved(self, size: int) -> None:
        self.untold += size
        if self.untold >= _TOLD_EVERY:
            self._send(_Moved(size=self.untold))
            self.untold = 0

    def _send(self, message: _Took | _Moved | _Ended) -> None:
        view = memoryview(msgspec.json.encode(message) + b"\n")
        while view:
            view = view[os.write(self.pipe, view) :]


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


def _stop(child: int) -> bool:
    """Ask a child to end, then end it. False if it cannot be: it waits in the kernel for something that never comes."""
    for sign, seconds in ((0, 0.05), (signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
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
