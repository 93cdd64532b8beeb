"""The tables of an OOM report: processes, slab caches that can't be reclaimed, and places that hold memory."""

import re
from typing import NamedTuple

from lastwords.model import OomAllocation, OomProcess, OomSlab

_LARGEST = 1 << 60
"""Bytes above which a number is none: a line that is damaged."""

# mm/oom_kill.c: dump_tasks(). Columns came and went: nr_ptes and nr_pmds until Linux 4.14, pgtables_bytes since, and
# since 6.9 rss_anon, rss_file and rss_shmem. The name stands last.
_HEADING = re.compile(r"\[ *pid *\] +uid +tgid +total_vm +rss ")
_ROW = re.compile(r"\[ *(\d{1,10})\] +(\d.{0,400})")
_NUMBER = re.compile(r"-?\d{1,15}\Z")

# mm/slab_common.c: dump_unreclaimable_slab(), since Linux 4.15.
_SLAB = re.compile(r"(\S.{0,80}?) {1,40}(\d{1,15})KB {1,20}(\d{1,15})KB\Z")

# mm/show_mem.c: show_mem(), since Linux 6.10.
_ALLOCATION = re.compile(
    r"(\d[\d.]{0,9}) (B|KiB|MiB|GiB|TiB) {1,12}(\d{1,15}) (\S{1,200}):(\d{1,7}) (?:\[(\w{1,64})\] )?func:(\w{1,200})\Z"
)
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_MOST_ALLOCATIONS = 10


class Row(NamedTuple):
    """A process of the table; sizes in pages."""

    pid: int
    comm: str
    rss: int
    line: int
    others: dict[str, int]

    def finished(self, page_size: int | None) -> OomProcess:
        """The same in bytes."""
        return OomProcess(
            pid=self.pid,
            comm=self.comm,
            rss=in_bytes(self.rss, page_size),
            rss_anon=in_bytes(self.others.get("rss_anon"), page_size),
            rss_file=in_bytes(self.others.get("rss_file"), page_size),
            rss_shmem=in_bytes(self.others.get("rss_shmem"), page_size),
            swap=in_bytes(self.others.get("swapents"), page_size),
            oom_score_adj=self.others.get("oom_score_adj"),
            line=self.line,
        )


def in_bytes(pages: int | None, page_size: int | None) -> int | None:
    """Pages in bytes; None where one of the two is not known, or the product is more than any machine has."""
    known = pages is not None and page_size is not None and pages * page_size <= _LARGEST
    return pages * page_size if known and pages is not None and page_size is not None else None


class Tables:
    """The rows so far.

    Attributes:
        processes: of the first table.
        slabs: of caches that can't be reclaimed.
        allocations: the places that hold most.
    """

    def __init__(self) -> None:
        self.processes: list[Row] = []
        self.slabs: list[OomSlab] = []
        self.allocations: list[OomAllocation] = []
        self._columns: list[str] = []
        self._tables = 0

    def read(self, text: str, line: int) -> bool:
        """Take a line; True if it was one of a table."""
        if text[0] == "[":
            return self._heading(text) or self._process(text, line)
        if text.endswith("KB") and (slab := _SLAB.match(text)) is not None:
            self.slabs.append(OomSlab(name=slab[1], used=int(slab[2]) << 10, total=int(slab[3]) << 10, line=line))
            return True
        if " func:" in text and (place := _ALLOCATION.match(text)) is not None:
            if len(self.allocations) < _MOST_ALLOCATIONS and place[1].count(".") <= 1:
                self.allocations.append(_allocation(place, line))
            return True
        return False

    def _heading(self, text: str) -> bool:
        if _HEADING.match(text) is None:
            return False
        self._tables += 1
        self._columns = text[:400].replace("[", " ").replace("]", " ").split()[1:-1]
        return True

    def _process(self, text: str, line: int) -> bool:
        """A process, in the columns that the heading names."""
        match = _ROW.match(text) if self._tables == 1 else None
        if match is None:
            return False
        values = match[2].split(None, len(self._columns))
        # A row into which another message was printed has words where numbers belong.
        if len(values) != len(self._columns) + 1 or not all(_NUMBER.match(value) for value in values[:-1]):
            return False
        others = {name: int(value) for name, value in zip(self._columns, values, strict=False)}
        self.processes.append(Row(int(match[1]), values[-1][:64], max(others.get("rss", 0), 0), line, others))
        return True


def _allocation(place: re.Match[str], line: int) -> OomAllocation:
    return OomAllocation(
        bytes=int(float(place[1]) * _UNITS[place[2]]),
        calls=int(place[3]),
        file=place[4],
        source_line=int(place[5]),
        module=place[6] or "",
        function=place[7],
        line=line,
    )
