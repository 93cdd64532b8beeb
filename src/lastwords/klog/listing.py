"""Lists of tasks in a log: what SysRq w (blocked tasks) and SysRq t (all) print, and hung-task reports.

They say nothing of a crash, but who waits for what, and since when, where a list was printed more than once.
"""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from sys import intern

from lastwords.model import Frame, ListedTask, Record

from .catalogue import KINDS
from .culprit.choose import in_trace
from .culprit.names import named
from .culprit.never import lock_primitive, plain
from .frames import read_arm_pair, read_frame
from .printouts import part_of_a_printout

MOST = 20_000
"""Entries of the lists that are kept, the last ones: two lists of all tasks of a large machine."""
_FRAMES = 24
"""Frames kept of a blocked task; and of the others, of which only few will be of interest:"""
_FEWER = 12
GROUPS = 100
"""Places at which tasks wait that are told."""
_HOLDERS = 16
"""Tasks that are not blocked, but may be whom the others wait for."""
_LISTS = 1000
_ALIKE = 1000
"""Tasks at one place that are told by number."""

SIGN = re.compile(rb"task:[^\n]{1,64}? state:[A-Z]|PC stack   pid father|Showing all locks held")
"""What a part of a log holds that has such a list."""

# kernel/sched/core.c: sched_show_task(), since Linux 5.8; with tgid since 6.12's stable kernels, task_flags since 6.14
_TASK = re.compile(
    r"task:(?P<comm>.{1,64}?)\s{1,16}state:(?P<state>[A-Za-z])\s{1,4}(?:running task\s{1,8})?stack:\s{0,8}\d{1,9}\s{1,8}"
    r"pid:\s{0,8}(?P<pid>\d{1,8})\s{1,8}(?:tgid:\s{0,8}\d{1,8}\s{1,8})?ppid:\s{0,8}(?P<ppid>\d{1,8})"
)
# The same until 5.7; the address of the stack's end, or of the code, until 4.8.
_OLD_TASK = re.compile(
    r"(?P<comm>\S.{0,14}?) {1,16}(?P<state>[RSDTtXZPI])(?: {1,3}running task {0,4}| {1,3}[0-9a-f]{8,16})? {1,8}\d{1,8} {1,8}"
    r"(?P<pid>\d{1,8}) {1,8}(?P<ppid>\d{1,8}) 0x[0-9a-f]{8,16}\s{0,4}$"
)
_LIST = re.compile(r"(?:[Ss]ys[Rr]q ?: )?Show (?:State|Blocked State)\b")
_HUNG = re.compile(r"INFO: task .{1,64}:\d{1,8} blocked (?:in I/O wait )?for more than ")
# kernel/hung_task.c: debug_show_blocker(), since Linux 6.16
_BLOCKED_ON = re.compile(
    r"INFO: task .{1,64}?:(?P<pid>\d{1,8})(?: <(?:reader|writer)>)? (?:is )?blocked on an? (?P<lock>mutex|semaphore|rw-semaphore)"
    r"(?: likely (?:owned|last held) by task .{1,64}?:(?P<owner>\d{1,8}))?"
)
# kernel/locking/lockdep.c: lockdep_print_held_locks(), print_lock(); with the lock's address since Linux 4.15
_HOLDER = re.compile(r"\d{1,3} locks? held by .{1,64}?/(?P<pid>\d{1,8})(?::|, last CPU#)")
_HELD = re.compile(r"\s{0,4}#\d{1,3}: (?P<address>[0-9a-f]{8,16}) \((?P<name>.{1,120}?)\)\{")
_WORKQUEUE = re.compile(r"Workqueue: (?P<work>\S{1,100}(?: \S{1,100})?)")
_KIND = next(kind for kind in KINDS if kind.name == "hung-task")
_BLOCKED = "D"


@dataclass(slots=True)
class _Entry:
    """A task in one list."""

    pid: int
    comm: str
    state: str
    ppid: int
    line: int
    last_line: int
    time: float | None
    caller: str
    listing: int
    frames: list[Frame] = field(default_factory=list)
    workqueue: str | None = None

    @property
    def blocked(self) -> bool:
        return self.state == _BLOCKED

    def place(self) -> tuple[tuple[str, int | None], ...]:
        """Where it stands: two tasks that stand at one place wait for the same thing."""
        return tuple((frame.function, frame.offset) for frame in self.frames if frame.reliable)

    def add(self, frame: Frame) -> None:
        if self.blocked:
            if len(self.frames) < _FRAMES:
                self.frames.append(frame)
        elif frame.reliable and len(self.frames) < _FEWER and self.state != "I":
            # Of thousands of tasks that sleep; most stand at the same few places.
            self.frames.append(
                Frame(intern(frame.function), frame.line, frame.offset, frame.size, intern(frame.module))
            )


@dataclass(slots=True)
class _Locked:
    """What the lock validator says that a task holds, or waits for: its last one."""

    line: int
    locks: list[tuple[str, str]] = field(default_factory=list)


class Listings:
    """The lists of a log, read while its records go by, in order but not necessarily all of them."""

    def __init__(self) -> None:
        self.entries: deque[_Entry] = deque(maxlen=MOST)
        self.blockers: dict[int, tuple[int, str, int | None]] = {}  # by PID: line, kind of lock, owner
        self.locked: dict[int, _Locked] = {}
        self._open: _Entry | None = None
        self._holder: _Locked | None = None
        self._listing = 0
        self._lists: deque[tuple[int, int]] = deque(maxlen=_LISTS)  # those of all blocked tasks: line, number
        self._pids: set[int] = set()  # of this list

    @property
    def reading(self) -> bool:
        """Whether the last record was amid a list."""
        return self._open is not None or self._holder is not None

    def covers(self, line: int) -> bool:
        """Whether a line is of a task in such a list."""
        place = bisect_right(self.entries, line, key=lambda entry: entry.line) - 1
        return place >= 0 and line <= self.entries[place].last_line

    def feed(self, records: Iterable[Record], *, after: int = 0) -> None:
        """Read the next records, those behind line `after`."""
        for record in records:
            if record.line > after and record.kernel:
                self._read(record)

    def _read(self, record: Record) -> None:
        text = record.text
        if text.startswith("task:") or " 0x" in text[-20:]:
            match = _TASK.match(text[:300]) or _OLD_TASK.match(text[:120])
            if match is not None:
                self._begin(record, match)
                return
        if self._open is not None and record.caller == self._open.caller:
            if self._goes_on(self._open, record):
                return
            self._open = None
        if self._holder is not None and (lock := _HELD.match(text[:300])) is not None:
            self._holder.locks.append((lock["address"], lock["name"]))
            return
        self._heading(record)

    def _begin(self, record: Record, match: re.Match[str]) -> None:
        pid = int(match["pid"])
        if pid in self._pids:  # its heading is lost
            self._next_list()
        self._pids.add(pid)
        self._holder = None
        self._open = _Entry(
            pid,
            match["comm"].rstrip(),
            match["state"],
            int(match["ppid"]),
            record.line,
            record.line,
            record.time,
            record.caller,
            self._listing,
        )
        self.entries.append(self._open)

    def _next_list(self) -> None:
        self._listing += 1
        self._pids = set()

    def _goes_on(self, entry: _Entry, record: Record) -> bool:
        """A line of the task's own: a frame, or what else stands above and below it."""
        text = record.text
        step = read_arm_pair(text, record.line) if " from " in text else None
        frames = step if step is not None else (read_frame(text, record.line),) if "+" in text[:600] else ()
        found = [frame for frame in frames if frame is not None]
        for frame in found:
            if not entry.frames or entry.frames[-1].function != frame.function or step is None:
                entry.add(frame)
        if not found:
            if (work := _WORKQUEUE.match(text)) is not None:
                entry.workqueue = work["work"]
            elif text.strip() and (_opens(text) or not (part_of_a_printout(text) or text.startswith((" ", "\t")))):
                return False
        entry.last_line = record.line
        return True

    def _heading(self, record: Record) -> None:
        text = record.text[:300]
        if "held by" in text and (holder := _HOLDER.match(text)) is not None:
            if len(self.locked) < MOST:
                self._holder = self.locked[int(holder["pid"])] = _Locked(record.line)
        elif "Show " in text and _LIST.match(text) is not None:
            self._next_list()
            self._lists.append((record.line, self._listing))
        elif text.startswith("INFO: task "):
            if _HUNG.match(text) is not None:
                self._next_list()
            elif (on := _BLOCKED_ON.match(text)) is not None:
                owner = int(on["owner"]) if on["owner"] else None
                self.blockers[int(on["pid"])] = (record.line, on["lock"], owner)
        elif text.strip():
            self._holder = None

    def told(self, first: int, last: int) -> tuple[ListedTask, ...]:
        """The tasks that were blocked when they were listed last, and those that may be whom they wait for.

        Args:
            first: line of the boot's beginning; `last` of its end.
        """
        entries = [entry for entry in self.entries if first <= entry.line <= last]
        latest = {entry.pid: entry for entry in entries}
        whole = next((number for line, number in reversed(self._lists) if first <= line <= last), 0)
        latest = {pid: entry for pid, entry in latest.items() if entry.listing >= whole}  # the others go on
        blocked = [entry for entry in latest.values() if entry.blocked and entry.frames]
        owners = self._owners(latest, first, last)
        groups: dict[object, list[_Entry]] = {}
        for entry in blocked:
            own = entry.pid if entry.pid in owners or entry.pid in owners.values() else None
            groups.setdefault((entry.place(), own), []).append(entry)
        seen = self._seen(entries)
        chosen = sorted(groups.values(), key=lambda group: group[0].line)[:GROUPS]
        told = [_told(group[0], group[1:], seen, owners, self.blockers) for group in chosen]
        places: set[tuple[str | None, str | None]] = {(task.function, task.module) for task in told if task.function}
        holders = [e for e in latest.values() if not e.blocked and _may_hold(e, places, set(owners.values()))]
        told += [_told(entry, [], seen, owners, self.blockers) for entry in holders[:_HOLDERS]]
        return tuple(sorted(told, key=lambda task: task.line))

    def _seen(self, entries: Sequence[_Entry]) -> dict[int, tuple[int, float | None]]:
        """By PID: in how many lists one after the other, the last included, it stood at one place; since when."""
        found: dict[int, tuple[int, float | None]] = {}
        places: dict[int, tuple[object, int]] = {}
        for entry in entries:
            here = (entry.state, entry.place())
            count, since = found.get(entry.pid, (0, None))
            before, listing = places.get(entry.pid, (None, -1))
            if before == here:
                found[entry.pid] = (count + (listing != entry.listing), since)
            else:
                found[entry.pid] = (1, entry.time)
            places[entry.pid] = (here, entry.listing)
        return found

    def _owners(self, latest: dict[int, _Entry], first: int, last: int) -> dict[int, int]:
        """By the PID of who waits for a lock: who holds it, where the kernel says so."""
        owners = {
            pid: owner
            for pid, (line, _lock, owner) in self.blockers.items()
            if owner is not None and first <= line <= last
        }
        locked = {pid: held for pid, held in self.locked.items() if first <= held.line <= last and held.locks}
        waits = {pid for pid in locked if pid in latest and _waits_for_lock(latest[pid])}
        holds: dict[str, list[int]] = {}
        for pid, held in locked.items():
            # The lock that a task waits for is listed as its last one.
            for address, _name in held.locks[: -1 if pid in waits else None]:
                holds.setdefault(address, []).append(pid)
        for pid in waits - owners.keys():
            holders = [holder for holder in holds.get(locked[pid].locks[-1][0], ()) if holder != pid]
            if len(holders) == 1:
                owners[pid] = holders[0]
        return owners


def _opens(text: str) -> bool:
    """Whether another list begins here."""
    text = text[:300]
    return text.startswith("Showing all locks") or _LIST.match(text) is not None or _HOLDER.match(text) is not None


def _waits_for_lock(entry: _Entry) -> bool:
    reliable = [frame for frame in entry.frames if frame.reliable][:8]
    return entry.blocked and any(lock_primitive(plain(frame.function)) for frame in reliable)


def _may_hold(entry: _Entry, places: set[tuple[str | None, str | None]], owners: set[int]) -> bool:
    """Whether it runs through a function or module in which others are blocked."""
    if entry.pid in owners:
        return True
    functions = {function for function, module in places if not module}
    modules = {module for _function, module in places if module}
    return any(
        frame.module in modules if frame.module else named(plain(frame.function)).name in functions
        for frame in entry.frames
    )


def _told(
    entry: _Entry,
    alike: Sequence[_Entry],
    seen: dict[int, tuple[int, float | None]],
    owners: dict[int, int],
    blockers: dict[int, tuple[int, str, int | None]],
) -> ListedTask:
    culprit = in_trace(entry.frames, _KIND)
    count, since = seen[entry.pid]
    frame = culprit.frame if culprit is not None else None
    return ListedTask(
        pid=entry.pid,
        comm=entry.comm,
        state=entry.state,
        ppid=entry.ppid,
        line=entry.line,
        last_line=entry.last_line,
        time=entry.time,
        workqueue=entry.workqueue,
        function=named(culprit.function).name if culprit is not None else None,
        module=(frame.module or None) if frame is not None else None,
        frame=frame,
        frames=tuple(entry.frames),
        alike=tuple(other.pid for other in alike[:_ALIKE]),
        seen=count,
        seconds=round(entry.time - since, 6) if since is not None and entry.time is not None and count > 1 else None,
        blocked_by=owners.get(entry.pid),
        blocked_on=blockers[entry.pid][1] if entry.pid in blockers else None,
    )


def lists(data: bytes | bytearray) -> Iterator[int]:
    """Where in the bytes of a log such lists have lines of their own."""
    return (match.start() for match in SIGN.finditer(data))
