"""Who held the memory when it ran out, as far as the OOM killer's report tells."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lastwords.glossary.units import size
from lastwords.model import Culprit, Fact, NextStep, OomReport

_PLAIN = re.compile(r"[A-Za-z0-9][\w.-]{0,80}", re.ASCII)
"""A name that can stand in a command: those of the log may be an attacker's."""
LARGE = 1 / 3
"""Part of the memory from which a holder explains that it ran out."""


class Holder(NamedTuple):
    """One who holds memory.

    Attributes:
        amount: bytes.
        what: as the subject of a sentence, with `verb` behind it.
        text: what that means.
        culprit: the same for machines.
        facts: the log's lines that say so.
        next: what would tell more.
        kernel: it is memory of the kernel, and who allocated it is not known.
    """

    amount: int
    what: str
    verb: str
    text: str
    culprit: Culprit
    facts: tuple[Fact, ...]
    next: tuple[NextStep, ...] = ()
    kernel: bool = False


class Meaning(NamedTuple):
    """What it means where one of the counters is large."""

    what: str
    verb: str
    text: str
    object: str
    look: str
    command: str


# By the report's field. Processes, and slab that can't be reclaimed, have more to say: see below.
_COUNTERS: dict[str, Meaning] = {
    "shmem": Meaning(
        "shared memory (shmem)",
        "holds",
        "Those are files in a tmpfs such as /dev/shm, /run or /tmp, or shared memory of processes: no process need look large, and killing one frees nothing where a file is left.",
        "shmem",
        "See which tmpfs or shared memory segment is large.",
        "df -ht tmpfs; ipcs -m",
    ),
    "hugepages": Meaning(
        "the pool of huge pages",
        "holds",
        "It was set aside for programs that ask for huge pages (vm.nr_hugepages, hugepages= on the command line) and is lost to all others.",
        "hugetlb",
        "See how many huge pages are reserved, and who wants them.",
        "grep -i huge /proc/meminfo; cat /proc/cmdline; sysctl vm.nr_hugepages",
    ),
    "page_tables": Meaning(
        "page tables",
        "hold",
        "Many processes map a lot of memory, mostly the same shared memory without huge pages.",
        "page tables",
        "See which processes have the largest page tables.",
        "grep -H VmPTE /proc/[0-9]*/status | sort -k2 -n | tail",
    ),
    "kernel_stack": Meaning(
        "kernel stacks",
        "hold",
        "Each thread has one: there are far too many threads.",
        "kernel stacks",
        "See who starts so many threads.",
        "ps -eo nlwp,pid,comm --sort -nlwp | head",
    ),
    "unevictable": Meaning(
        "locked memory (unevictable)",
        "holds",
        "Programs locked it with mlock(), or it is a ramfs: it can be neither swapped out nor dropped.",
        "unevictable",
        "See who locks memory.",
        "grep -H VmLck /proc/[0-9]*/status | sort -k2 -n | tail",
    ),
    "slab_reclaimable": Meaning(
        "slab that should be reclaimable",
        "holds",
        "Those are mostly dentries and inodes, and the kernel could not get them back in time.",
        "slab_reclaimable",
        "See which cache it is.",
        "slabtop -o -s c",
    ),
    "file": Meaning(
        "page cache of files",
        "holds",
        "It should have been given up before anything else: perhaps it could not be written back in time.",
        "page cache",
        "See how much waits to be written, and how fast the disks are.",
        "grep -E 'Dirty|Writeback' /proc/meminfo; iostat -x",
    ),
}
_PARTS = ("free", "anon", "file", "shmem", "unevictable", "slab_reclaimable", "slab_unreclaimable")
"""Counters without which a sum says nothing."""
_SMALL_PARTS = ("page_tables", "kernel_stack", "hugepages")


def whole(oom: OomReport) -> int | None:
    """The memory that ran out, in bytes: the machine's, or what a control group may have; None if not known."""
    if oom.constraint == "memcg":
        return oom.memcg_limit or oom.memcg_usage
    return oom.managed or oom.total


def unaccounted(oom: OomReport) -> int | None:
    """Bytes of the machine that stand in no counter; None where counters are missing."""
    parts: list[int | None] = [getattr(oom, name) for name in _PARTS]
    if oom.managed is None or oom.constraint == "memcg" or None in parts:
        return None
    small: list[int | None] = [getattr(oom, name) for name in _SMALL_PARTS]
    return max(oom.managed - sum(part or 0 for part in (*parts, *small)), 0)


def holders(oom: OomReport, path: str) -> list[Holder]:
    """All who hold memory, the largest first.

    Args:
        oom: the report.
        path: of the log that it stands in.
    """
    places = list(_allocations(oom, path))
    explained = max((2 * place.amount for place in places), default=0)
    # Who allocated it says more than what kind of memory it is.
    kernel = [holder for holder in (*_slab(oom, path), *_rest(oom, path)) if holder.amount > explained]
    found = [*_processes(oom, path), *_counters(oom, path), *places, *kernel]
    return sorted(found, key=lambda holder: -holder.amount)


def counted(oom: OomReport, name: str, path: str) -> Fact:
    """A counter of the report as a piece of evidence."""
    return Fact(text=f"{name}: {size(getattr(oom, name))}", path=path, line=oom.lines.get(name))


def _processes(oom: OomReport, path: str) -> Iterator[Holder]:
    limits = [limit for limit in (oom.anon, whole(oom)) if limit is not None]
    for group in oom.groups[:3]:
        # What processes map of files and share with others is counted elsewhere, and with each of them.
        amount = min(group.rss, *limits) if limits else group.rss
        rows = [row for row in oom.processes if row.comm == group.comm]
        one = group.count == 1 and bool(rows)
        yield Holder(
            amount,
            f"the process {group.comm} ({rows[0].pid})" if one else f"{group.count} processes called {group.comm}",
            "holds" if one else "hold",
            "",
            Culprit(object=group.comm),
            (
                *(Fact(text=f"{r.comm} ({r.pid}): rss {size(r.rss)}", path=path, line=r.line) for r in rows[:3]),
                *(
                    ()
                    if one
                    else (Fact(text=f"{group.count} processes called {group.comm}: rss {size(group.rss)}", path=path),)
                ),
            ),
            (
                NextStep(
                    text=f"Watch {group.comm} grow: does it leak, or is it as large as it is meant to be?",
                    command=f"pidstat -r -C {group.comm} 60" if _PLAIN.fullmatch(group.comm) else None,
                    value=0.6,
                ),
            ),
        )


def _slab(oom: OomReport, path: str) -> Iterator[Holder]:
    amount = oom.slab_unreclaimable
    if not amount:
        return
    cache = oom.slabs[0] if oom.slabs and oom.slabs[0].total * 2 >= amount else None
    name = cache.name if cache else "slab_unreclaimable"
    yield Holder(
        amount,
        f"slab that can't be reclaimed (mostly the cache {name})" if cache else "slab that can't be reclaimed",
        "holds",
        "That is memory of the kernel itself: a module or driver may leak it. The log does not tell which.",
        Culprit(object=name),
        (
            counted(oom, "slab_unreclaimable", path),
            *(
                Fact(text=f"{s.name}: {size(s.total)}, {size(s.used)} of it in use", path=path, line=s.line)
                for s in oom.slabs[:2]
            ),
        ),
        (
            NextStep(
                text="A dump tells whose pointers the cache's objects hold: let the next one write one (vm.panic_on_oom=1).",
                command="lastwords doctor",
                value=0.6,
            ),
            NextStep(
                text=f"Have the allocator write down who allocates (boot with slub_debug=U,{name}), then read who holds most.",
                command=f"sort -rn /sys/kernel/debug/slab/{name}/alloc_traces | head",
                value=0.6,
            )
            if cache and _PLAIN.fullmatch(name)
            else NextStep(text="See which cache grows.", command="slabtop -o -s c", value=0.6),
        ),
        kernel=True,
    )


def _counters(oom: OomReport, path: str) -> Iterator[Holder]:
    for name, meaning in _COUNTERS.items():
        amount = getattr(oom, name)
        if amount:
            yield Holder(
                amount,
                meaning.what,
                meaning.verb,
                meaning.text,
                Culprit(object=meaning.object),
                (counted(oom, name, path),),
                (NextStep(text=meaning.look, command=meaning.command, value=0.6),),
            )


def _allocations(oom: OomReport, path: str) -> Iterator[Holder]:
    """Places in the code, of a kernel that counts what they hold; the allocators themselves only pass it on."""
    for place in oom.allocations:
        if place.file.startswith("mm/"):
            continue
        module = f" of the module {place.module}" if place.module else ""
        yield Holder(
            place.bytes,
            f"what {place.function}(){module} allocated",
            "is",
            "The kernel's own account of allocations says so: it does not give it back, or not yet.",
            Culprit(
                module=place.module or None,
                function=place.function,
                file=place.file,
                line=place.source_line,
                object=None,
            ),
            (
                Fact(
                    text=f"{place.function}{module}, {place.file}:{place.source_line}: {size(place.bytes)} in {place.calls} allocations",
                    path=path,
                    line=place.line,
                ),
            ),
        )


def _rest(oom: OomReport, path: str) -> Iterator[Holder]:
    amount = unaccounted(oom)
    if amount:
        yield Holder(
            amount,
            "what no counter of the report explains",
            "is",
            "Pages that drivers and modules take for themselves stand in no counter, nor does what a balloon driver gave back to the hypervisor.",
            Culprit(),
            (Fact(text=f"in no counter: {size(amount)}", path=path, line=oom.lines.get("managed")),),
            (
                NextStep(
                    text="A dump tells whose pointers such pages hold; else compare MemTotal with the sum of the others, and watch vmalloc and the balloon.",
                    command="cat /proc/meminfo; lsmod | grep -i balloon",
                    value=0.6,
                ),
            ),
            kernel=True,
        )
