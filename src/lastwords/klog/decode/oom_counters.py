"""The counters of an OOM report: `Mem-Info:` of a machine, the statistics of a control group.

`mm/show_mem.c: show_free_areas()`, `mm/memcontrol.c: mem_cgroup_print_oom_meminfo()`.
"""

import re
from typing import NamedTuple

_LARGEST = 1 << 60
"""Bytes above which a number is none: a limit that nobody set, a line that is damaged."""


class Sum(NamedTuple):
    """A field of the report as a sum of the kernel's counters."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()


Layout = dict[str, Sum]

# Pages. What tmpfs holds is on the lists of anonymous pages, as it goes to swap.
MEM_INFO: Layout = {
    "free": Sum(("free", "free_pcp")),
    "anon": Sum(("active_anon", "inactive_anon", "isolated_anon"), ("shmem",)),
    "file": Sum(("active_file", "inactive_file", "isolated_file")),
    "shmem": Sum(("shmem",)),
    "unevictable": Sum(("unevictable",)),
    "slab_reclaimable": Sum(("slab_reclaimable",)),
    "slab_unreclaimable": Sum(("slab_unreclaimable",)),
    "page_tables": Sum(("pagetables", "sec_pagetables")),
}
# Bytes: those of memory.stat since Linux 5.3. What tmpfs holds is counted as files.
GROUP: Layout = {
    "anon": Sum(("anon",)),
    "file": Sum(("file",), ("shmem",)),
    "shmem": Sum(("shmem",)),
    "unevictable": Sum(("unevictable",)),
    "slab_reclaimable": Sum(("slab_reclaimable",)),
    "slab_unreclaimable": Sum(("slab_unreclaimable",)),
    "page_tables": Sum(("pagetables",)),
    "kernel_stack": Sum(("kernel_stack",)),
}
# Control groups version 1 have other names, `total_` where the groups below are counted too.
_VERSION_1 = {"rss": "anon", "cache": "file"}

_BEGINS = (
    *("active_anon:", "active_file:", "unevictable:", "slab_reclaimable:", "mapped:", "sec_pagetables:", "free:"),
    *("kernel_misc_reclaimable:", "free_cma:"),
)
_PAGES = re.compile(r"\b([a-z_]{4,30}):(\d{1,15})(?![\dkK])")
_KERNEL_STACK = re.compile(r"\bkernel_stack:(\d{1,15})kB")
_FREE_BLOCKS = re.compile(r": \d{1,12}\*(4|8|16|32|64|256)kB ")
_HUGE = re.compile(
    r"hugepages_total=(\d{1,12}) hugepages_free=(\d{1,12}) hugepages_surp=\d{1,12} hugepages_size=(\d{1,12})kB"
)
_RAM = re.compile(r"(\d{1,15}) pages (RAM|reserved)\Z")
_SWAP = re.compile(r"(Free|Total) swap {1,3}= (\d{1,15})kB")
_USAGE = re.compile(r"memory: usage (\d{1,18})kB, limit (\d{1,18})kB, failcnt ")
_STATS_OF = "Memory cgroup stats for "
_STATS_OF_OLD = re.compile(r"\b(\w{3,30}):(\d{1,15})KB")
_STAT = re.compile(r"([a-z_]{3,40}) (\d{1,19})\Z")
_MOST_STATS = 120
"""Lines of memory.stat: half of them since Linux 6.10."""


class Counters:
    """What the lines have said so far.

    Attributes:
        page_size: bytes of the smallest block of the free lists, or None where the log shows none.
        memcg: path of the control group whose statistics are shown, or None.
        limit_known: the report says how much a control group may have.
    """

    def __init__(self) -> None:
        self.page_size: int | None = None
        self.memcg: str | None = None
        self.limit_known = False
        self._reports = 0
        self._pages: dict[str, tuple[int, int]] = {}
        self._stats: dict[str, tuple[int, int]] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self._stats_left = 0

    def read(self, text: str, line: int) -> None:
        """Take a line."""
        if text.startswith("Mem-Info"):
            self._reports += 1
        elif text.startswith("memory: usage "):
            self._limit(text, line)
        elif text.startswith("Memory cgroup stats"):
            self._group(text, line)
        elif self._stats_left and (stat := _STAT.match(text)) is not None:
            self._stat(stat[1], int(stat[2]), line)
        elif self._reports <= 1:  # A failed allocation may show the same once more.
            self._machine(text, line)
        self._stats_left = max(0, self._stats_left - 1)

    def _machine(self, text: str, line: int) -> None:
        if text.startswith(_BEGINS):
            for name, count in _PAGES.findall(text):
                self._pages.setdefault(name, (int(count), line))
        elif (swap := _SWAP.match(text)) is not None:
            self._bytes.setdefault(f"swap_{swap[1].lower()}", (int(swap[2]) << 10, line))
        elif (ram := _RAM.match(text)) is not None:
            self._pages.setdefault(ram[2], (int(ram[1]), line))
        elif (huge := _HUGE.search(text)) is not None:
            total, free, kilobytes = (int(number) for number in huge.groups())
            self._add("hugepages", (total * kilobytes) << 10, line)
            self._add("hugepages_free", (free * kilobytes) << 10, line)
        elif (stack := _KERNEL_STACK.search(text)) is not None:
            # Of each zone; since Linux 5.9 of each node.
            self._add("kernel_stack", int(stack[1]) << 10, line)
        elif self.page_size is None and (block := _FREE_BLOCKS.search(text)) is not None:
            self.page_size = int(block[1]) << 10

    def _add(self, name: str, amount: int, line: int) -> None:
        before, first = self._bytes.get(name, (0, line))
        self._bytes[name] = (before + amount, first)

    def _limit(self, text: str, line: int) -> None:
        if (match := _USAGE.match(text)) is not None and not self.limit_known:
            self.limit_known = True
            self._bytes["memcg_usage"] = (int(match[1]) << 10, line)
            self._bytes["memcg_limit"] = (int(match[2]) << 10, line)

    def _group(self, text: str, line: int) -> None:
        """`Memory cgroup stats for /a:`, with lines of memory.stat behind it.

        Until Linux 5.2, a line for the group and for each below it:
        `Memory cgroup stats for /a: cache:4KB rss:524288KB rss_huge:0KB …`.
        """
        told = text.removeprefix(_STATS_OF)
        path, _, statistics = (told[:-1], "", "") if told.endswith(":") else told.partition(": ")
        if path.startswith("/"):
            self.memcg = self.memcg or path
        self._stats_left = _MOST_STATS
        for name, kilobytes in _STATS_OF_OLD.findall(statistics[:1000]):
            name = _VERSION_1.get(name, name)
            before, first = self._stats.get(name, (0, line))
            self._stats[name] = (before + (int(kilobytes) << 10), first)

    def _stat(self, name: str, amount: int, line: int) -> None:
        whole = name.removeprefix("total_")
        known = _VERSION_1.get(whole, whole)
        if whole != name or known not in self._stats:
            self._stats[known] = (amount, line)

    def values(self, page_size: int | None, *, group: bool) -> tuple[dict[str, int], dict[str, int]]:
        """The fields of the report, in bytes, and the lines of their counters.

        Args:
            page_size: bytes of a page, or None where that is not known: then what is counted in pages is left out.
            group: the report is about a control group's memory, not about the machine's.
        """
        found = dict(self._bytes)
        source, unit = (self._stats, 1) if group else (self._pages, page_size)
        for name, counters in (GROUP if group else MEM_INFO).items():
            first = source.get(counters.plus[0])
            if first is None or unit is None:
                continue
            amount = sum(source[part][0] for part in counters.plus if part in source)
            amount -= sum(source[part][0] for part in counters.minus if part in source)
            found[name] = (max(amount, 0) * unit, first[1])
        if "RAM" in self._pages and page_size is not None:
            pages, line = self._pages["RAM"]
            found["total"] = (pages * page_size, line)
            found["managed"] = (max(pages - self._pages.get("reserved", (0, 0))[0], 0) * page_size, line)
        known = {name: pair for name, pair in found.items() if pair[0] <= _LARGEST}
        return {name: amount for name, (amount, _line) in known.items()}, {
            name: line for name, (_amount, line) in known.items()
        }
