"""The OOM killer's report: what memory there was, who had it, and who was killed (`mm/oom_kill.c`, `mm/show_mem.c`).

Before Linux 4.20 and 6.3, its second half stood in `mm/page_alloc.c` and `lib/show_mem.c`.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Literal

from lastwords.model import OomGroup, OomProcess, OomReport, Record

from .oom_counters import Counters
from .oom_tables import Row, Tables, in_bytes

KINDS = frozenset({"out-of-memory", "out-of-memory-kill", "memcg-out-of-memory", "oom-panic"})
"""Kinds of the catalogue whose reports are the OOM killer's."""

MAX_PROCESSES = 20
MAX_GROUPS = 10
MAX_SLABS = 10
_MOST_LINES = 20_000
_LONGEST = 4000
"""Characters of a line that are looked at: the path of a control group may be as long."""

_GFP = re.compile(r" invoked oom-killer: gfp_mask=([^\s,]{1,600})")
_ORDER = re.compile(r"\border=(-?\d{1,3})\b")
# Since Linux 5.0, one line for machines: `oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,…`.
_CONSTRAINT = re.compile(r"oom-kill:constraint=CONSTRAINT_([A-Z_]{1,20})\b")
# Until Linux 4.20.
_LIMIT_OF = re.compile(r"Task in .{0,3000}? killed as a result of limit of (/.{0,3000})")
_KILLED = re.compile(r".{0,80}?\bKill(?:ed)? process (?P<pid>\d{1,10}),? \((?P<comm>.{1,64}?)\)(?P<rest>[ ,].*|\Z)")
_RSS = re.compile(r"\b(anon|file|shmem)-rss:(\d{1,15})kB")
_ADJUSTED = re.compile(r"\boom_score_adj:(-?\d{1,5})\b")
_CONSTRAINTS: dict[str, Literal["global", "memcg", "cpuset", "memory-policy"]] = {
    "NONE": "global",
    "MEMCG": "memcg",
    "CPUSET": "cpuset",
    "MEMORY_POLICY": "memory-policy",
}
_ONLY_4K = frozenset({"x86_64", "i386", "s390x", "arm", "riscv64", "ppc"})
"""Architectures whose pages have 4 KiB whatever the configuration."""


class _Reader:
    """What the lines of a report have said so far."""

    def __init__(self) -> None:
        self.gfp: str | None = None
        self.order: int | None = None
        self.constraint: Literal["global", "memcg", "cpuset", "memory-policy"] | None = None
        self.memcg: str | None = None
        self.killed: OomProcess | None = None
        self.kills: set[int] = set()
        self.reports = 0
        self.counters = Counters()
        self.tables = Tables()

    def read(self, text: str, line: int) -> None:
        """Take what a line says; of the reports that follow the first one in the same trouble, only who was killed."""
        if " invoked oom-killer: " in text:
            self.reports += 1 if self.killed is None or self.reports else 2
        for words, reader in _LINES:
            if words in text:
                reader(self, text, line)
                return
        if self.reports <= 1 and not self.tables.read(text, line):
            self.counters.read(text, line)

    def invoked(self, text: str, line: int) -> None:
        """`java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0`."""
        if self.gfp is None and (match := _GFP.search(text)) is not None:
            self.gfp = match[1]
            order = _ORDER.search(text)
            self.order = int(order[1]) if order else None

    def constrained(self, text: str, line: int) -> None:
        """`oom-kill:constraint=CONSTRAINT_MEMCG,…,oom_memcg=/a,task_memcg=/a/b,task=java,pid=2231,uid=1000`."""
        if self.reports > 1:
            return
        if (match := _CONSTRAINT.match(text)) is not None:
            self.constraint = _CONSTRAINTS.get(match[1])
        # A path may hold whatever a name may.
        _before, _is, behind = text.partition(",oom_memcg=")
        path, ends, _task = behind.partition(",task_memcg=")
        if ends:
            self.memcg = path

    def limited(self, text: str, line: int) -> None:
        """`Task in /a/b killed as a result of limit of /a`."""
        if self.reports <= 1 and (match := _LIMIT_OF.match(text)) is not None:
            self.constraint, self.memcg = "memcg", match[1].rstrip()

    def kill(self, text: str, line: int) -> None:
        """`Killed process 2231 (java) total-vm:…kB, anon-rss:…kB, file-rss:…kB`, and what announces it."""
        match = _KILLED.match(text)
        if match is None:
            return
        if self.constraint is None:
            self.constraint = "memcg" if text.startswith("Memory cgroup") else "global"
        if match["rest"].lstrip(" ,").startswith(("total-vm:", "UID ")):
            self.kills.add(int(match["pid"]))
        # `Kill process … or sacrifice child` may announce another than that which then dies.
        sizes = {name: in_bytes(int(kilobytes), 1024) for name, kilobytes in _RSS.findall(match["rest"])}
        if self.killed is None or (self.killed.rss is None and sizes):
            known = [value for value in sizes.values() if value is not None]
            adjusted = _ADJUSTED.search(match["rest"])
            self.killed = OomProcess(
                pid=int(match["pid"]),
                comm=match["comm"],
                rss=sum(known) if known else None,
                rss_anon=sizes.get("anon"),
                rss_file=sizes.get("file"),
                rss_shmem=sizes.get("shmem"),
                oom_score_adj=int(adjusted[1]) if adjusted else None,
                line=line,
            )


_LINES: tuple[tuple[str, Callable[[_Reader, str, int], None]], ...] = (
    (" invoked oom-killer: ", _Reader.invoked),
    ("oom-kill:constraint=", _Reader.constrained),
    (" killed as a result of limit of ", _Reader.limited),
    (" process ", _Reader.kill),
)


def oom_report(records: Iterable[Record], architecture: str | None) -> OomReport | None:
    """Read a report of the OOM killer.

    Args:
        records: its lines, with the one that opened it.
        architecture: as in `lastwords.model.Code`: some have pages of one size only.

    Returns:
        The report, or None where no line says more than that there was one.
    """
    reader = _Reader()
    for record in islice(records, _MOST_LINES):
        text = record.text[:_LONGEST].strip()
        if text:
            reader.read(text, record.line)
    report = _finished(reader, architecture)
    return report if report != OomReport() else None


def _finished(reader: _Reader, architecture: str | None) -> OomReport:
    counters, tables = reader.counters, reader.tables
    page = counters.page_size or (4096 if architecture is None or architecture in _ONLY_4K else None)
    group = reader.constraint == "memcg" or counters.limit_known
    values, lines = counters.values(page, group=group)
    rows = tables.processes
    return OomReport(
        constraint=reader.constraint or ("memcg" if group else "global" if values else None),
        memcg=reader.memcg or counters.memcg,
        gfp=reader.gfp,
        order=reader.order,
        page_size=page if values or rows else None,
        tasks=len(rows),
        processes=tuple(row.finished(page) for row in sorted(rows, key=lambda row: -row.rss)[:MAX_PROCESSES]),
        groups=_groups(rows, page),
        slabs=tuple(sorted(tables.slabs, key=lambda slab: -slab.total)[:MAX_SLABS]),
        allocations=tuple(tables.allocations),
        killed=reader.killed,
        kills=len(reader.kills),
        lines=lines,
        **values,
    )


def _groups(rows: Iterable[Row], page: int | None) -> tuple[OomGroup, ...]:
    """What the processes of one name have together."""
    together: dict[str, list[int]] = {}
    for row in rows:
        together.setdefault(row.comm, []).append(row.rss)
    largest = sorted(together.items(), key=lambda item: -sum(item[1]))[:MAX_GROUPS]
    sums = ((comm, len(sizes), in_bytes(sum(sizes), page)) for comm, sizes in largest)
    return tuple(OomGroup(comm=comm, count=count, rss=rss) for comm, count, rss in sums if rss is not None)
