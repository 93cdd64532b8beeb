"""Secure the evidence of a crash: run the collectors, each in a process of its own, and enter what they take.

A collector stages its items and tells of them through a pipe; this process, which alone holds the store's lock, makes
evidence of them. A collector that runs out of time is stopped with the commands that it started; one that cannot be
stopped, because a driver does not answer, is left behind. Neither keeps the next one from running.
"""

import hashlib
import os
import selectors
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from lastwords.model.evidence import Evidence, EvidenceState
from lastwords.plugins import BrokenPlugin

from .collector_process import NO_RIGHT, USUAL, Moved, Took, Wish, message_from, start, stop
from .collectors import Collector, all_collectors
from .collectors.pstore import PSTORE
from .crashed_boot import CrashedBoot, crashed_boot, hanging_boot
from .item_name import BadName, item_id
from .root import Root
from .staging import UNSIZED
from .vault import Vault

SECONDS_A_MIB = 1.0
"""Added to a collector's time limit for each MiB it moves: a large dump may take long, a stuck disk may not."""
HANG_TIMEOUT = 60.0
"""Seconds a collector gets at most while the machine hangs: many will wait for the same thing that hangs. Those of the
hang itself know what they are in for."""
_LONGEST_MESSAGE = 1 << 20

Tell = Callable[[str], None]

__all__ = ["Wish", "clear_taken_pstore", "secure"]


def secure(
    vault: Vault,
    root: Root,
    wish: Wish = USUAL,
    *,
    boot: CrashedBoot | None = None,
    collectors: Sequence[Collector] | None = None,
    also: Sequence[Collector] = (),
    tell: Tell | None = None,
) -> Iterator[Evidence]:
    """Take all evidence there is, what would be overwritten next first.

    Args:
        vault: where to; what it holds already is not taken again.
        root: the machine, or a tree of one.
        wish: what else is wanted.
        boot: what is known of the boot that crashed; looked for by default.
        collectors: these instead of all.
        also: besides all: those that need what this room does without.
        tell: is told what is going on.

    Yields:
        Each item when it is in the store, or when it is known why not; of what an earlier run took, the old one.
    """
    broken: list[BrokenPlugin] = []
    if collectors is None:
        found, broken = all_collectors()
        collectors = sorted((*found, *also), key=lambda one: (one.order, one.id))
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
        limit = self.collector.timeout
        if wish.hang and not self.collector.hang:
            limit = min(limit, HANG_TIMEOUT)
        child, pipe = start(self.collector, self.vault, root, boot, wish)
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
            stopped = stop(child)
            # What it had sent before its time was up counts.
            while late and stopped and not self.ended:
                yield from self._hear(pipe)
        finally:
            stopped = stopped or stop(child)
            os.close(pipe)
            if stopped:
                self.vault.sweep()
        yield from self._sum_up(late, time.monotonic() - began)

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
                message = message_from(line)
            except msgspec.DecodeError:
                continue
            if isinstance(message, Took):
                self.found = True
                yield self._enter(message)
            elif isinstance(message, Moved):
                self.moved += message.size
            else:
                self.error = message.error
                self.ended = True

    def _enter(self, took: Took) -> Evidence:
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
            state: EvidenceState = "refused" if note.startswith(NO_RIGHT) else "failed"
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
