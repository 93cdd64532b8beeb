"""Memory that ran out, and who has it."""

from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.glossary.units import size
from lastwords.model import Culprit, Fact, Finding, Memory, NextStep

_KINDS = frozenset({"out-of-memory", "out-of-memory-kill", "memcg-out-of-memory", "oom-panic"})
_LARGE = 0.3
"""Part of the memory from which a holder explains that it ran out."""


def _ran_out(crash: Crash) -> bool:
    return any(oops.kind in _KINDS for oops in crash.reports) or "ut of memory" in (crash.panic or "")


@rule(
    "memory-eaten",
    "who holds the memory when it ran out",
    why="The one that asked last is seldom the one that took it all.",
    sure="quite sure where one holder has a third of the memory or more; the dump's counters are exact",
)
def memory_eaten(crash: Crash) -> Iterator[Finding]:
    """The largest holder: a process, a slab cache, a leak by a module, tmpfs, huge pages, vmalloc."""
    memory = crash.machine.memory if crash.machine else None
    if memory is None or not memory.total or not _ran_out(crash):
        return
    holders = sorted(_holders(memory), key=lambda holder: -holder[0])
    if not holders or holders[0][0] < memory.total * _LARGE:
        return
    amount, what, culprit, detail = holders[0]
    share = f"{size(amount)} of {size(memory.total)} ({amount / memory.total:.0%})"
    yield Finding(
        id="memory-eaten",
        title=f"{what} holds {amount / memory.total:.0%} of the memory",
        text=f"Memory ran out: {what} holds {share}.{detail}",
        confidence=0.9,
        crash_class="resource-exhaustion",
        culprit=culprit,
        evidence=(
            crash.here(),
            *(Fact(text=f"{name}: {size(held)}") for held, name, _culprit, _detail in holders[:4]),
            *(
                Fact(
                    text=f"{s.pages} of {s.sampled} pages sampled from {s.where} point to module {s.module} ({s.function})"
                )
                for s in memory.suspects[:2]
            ),
        ),
        next=(
            NextStep(text="See in full who holds what.", command="lastwords mem DUMP", value=0.7),
            NextStep(text=f"Watch {what} grow: is it a leak, or is it as large as it is meant to be?", value=0.6),
        ),
        weight=1.0,
    )


def _holders(memory: Memory) -> Iterator[tuple[int, str, Culprit, str]]:
    for process in memory.processes[:3]:
        others = [p for p in memory.processes if p.comm == process.comm]
        total = sum(p.anonymous if p.anonymous is not None else p.resident for p in others)
        many = (
            f"{len(others)} processes {process.comm}"
            if len(others) > 1
            else f"the process {process.comm} ({process.pid})"
        )
        yield total, many, Culprit(object=process.comm), ""
    for slab in memory.slabs[:2]:
        suspect = next((s for s in memory.suspects if s.where == slab.name), None)
        detail = (
            f" {suspect.pages} of {suspect.sampled} pages looked at hold pointers into {suspect.module} ({suspect.function}): it probably leaks them."
            if suspect
            else ""
        )
        culprit = Culprit(
            module=suspect.module if suspect else None, function=suspect.function if suspect else None, object=slab.name
        )
        yield slab.bytes, f"the slab cache {slab.name}", culprit, detail
    if memory.unaccounted:
        suspect = next((s for s in memory.suspects if s.where == "pages"), None)
        detail = (
            f" {suspect.pages} of {suspect.sampled} such pages looked at hold pointers into {suspect.module}: it probably leaks them."
            if suspect
            else ""
        )
        yield (
            memory.unaccounted,
            "what no counter explains (pages of drivers and modules)",
            Culprit(module=suspect.module if suspect else None, function=suspect.function if suspect else None),
            detail,
        )
    for mount in memory.tmpfs[:1]:
        yield (
            mount.used,
            f"the tmpfs {mount.target}",
            Culprit(object=mount.target),
            " Files in it are memory that only deleting them gives back.",
        )
    huge = ((memory.hugepages or 0) - (memory.hugepages_free or 0), memory.hugepages_free or 0)
    yield (
        huge[1],
        "huge pages that nobody uses",
        Culprit(object="hugetlb"),
        " They were reserved (vm.nr_hugepages) and are lost to everybody else.",
    )
    yield huge[0], "huge pages in use", Culprit(object="hugetlb"), ""
    for user in memory.vmalloc_users[:1]:
        yield user.bytes, f"vmalloc() for {user.function}()", Culprit(module=user.module, function=user.function), ""


@rule(
    "memory-ran-out",
    "memory that ran out, by the log alone",
    why="The OOM report lists counters and processes; without a dump what the kernel itself holds is only a sum.",
    sure="sure that memory ran out; who took it is only known as far as the log's tables go",
)
def memory_ran_out(crash: Crash) -> Iterator[Finding]:
    """An OOM without a dump."""
    oops = crash.oops
    if oops is None or not _ran_out(crash):
        return
    group = oops.kind == "memcg-out-of-memory"
    asked = f" {oops.comm} asked last, which need not be the one that took it." if oops.comm else ""
    what = "a control group used up the memory that it may have" if group else "memory ran out"
    yield Finding(
        id="memory-ran-out",
        title=what,
        text=f"{what[:1].upper()}{what[1:]}.{asked}",
        confidence=0.88,
        crash_class="resource-exhaustion",
        evidence=(crash.here(),),
        next=(
            NextStep(
                text="Read the report's table of processes and its Mem-Info: anon, slab_unreclaimable and shmem say what kind of memory it was.",
                value=0.7,
            ),
            NextStep(
                text="Watch which of them grows before the next time.",
                command="sar -r ALL; slabtop -o; ps aux --sort -rss | head",
                value=0.5,
            ),
        ),
        weight=0.7,
    )
