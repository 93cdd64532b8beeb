"""Memory that ran out, and who has it."""

from collections.abc import Iterator, Sequence

from lastwords.diagnosis import control_group
from lastwords.diagnosis.crash import Crash, first_line
from lastwords.diagnosis.holders import LARGE, Holder, counted, holders, unaccounted, whole
from lastwords.diagnosis.rule import rule
from lastwords.glossary.units import size
from lastwords.model import Culprit, Fact, Finding, Memory, NextStep, OomReport, Oops

_KINDS = frozenset({"out-of-memory", "out-of-memory-kill", "memcg-out-of-memory", "oom-panic"})


def _ran_out(crash: Crash) -> bool:
    return any(oops.kind in _KINDS for oops in crash.reports) or "ut of memory" in (crash.panic or "")


def _crashed_of_it(crash: Crash) -> bool:
    """The crash itself is about memory: after a process was killed for it, a kernel goes on."""
    return crash.oops is None or crash.oops.kind in _KINDS or "ut of memory" in (crash.panic or "")


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
    large = [holder for holder in holders if holder[0] >= memory.total * LARGE]
    if not large:
        return
    amount, what, culprit, detail = holders[0]
    share = f"{size(amount)} of {size(memory.total)} ({amount / memory.total:.0%})"
    yield Finding(
        id="memory-eaten",
        title=f"{what} holds {amount / memory.total:.0%} of the memory",
        text=f"Memory ran out: {what} holds {share}.{detail}",
        # Two that are both large: who of them is too large?
        confidence=0.9 if len(large) == 1 else 0.75,
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
        weight=1.0 if _crashed_of_it(crash) else 0.3,
    )


def _holders(memory: Memory) -> Iterator[tuple[int, str, Culprit, str]]:
    for process in memory.processes[:3]:
        others = [p for p in memory.processes if p.comm == process.comm]
        total = sum(p.anonymous if p.anonymous is not None else p.resident for p in others)
        many = (
            f"{len(others)} processes called {process.comm}"
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
    "memory that ran out, and who held it by the OOM killer's report",
    why="The report lists counters, processes and slab caches: the one that holds a third of the memory explains that it ran out.",
    sure="sure that memory ran out; who took it is quite sure where one holder stands out, and never who leaks a slab cache",
)
def memory_ran_out(crash: Crash) -> Iterator[Finding]:
    """An OOM, by its report alone."""
    oops = next((oops for oops in crash.reports if oops.oom is not None), crash.oops)
    if oops is None or not _ran_out(crash):
        return
    oom = oops.oom or OomReport()
    amount = whole(oom)
    found = holders(oom, oops.path)
    large = [holder for holder in found if amount and holder.amount >= amount * LARGE]
    group = oom.constraint == "memcg" or oops.kind == "memcg-out-of-memory"
    what = f"the control group {oom.memcg or ''}".rstrip() + " used up the memory that it may have"
    what = what if group else "memory ran out"
    title = what
    if large and amount:
        title = f"{large[0].what} {large[0].verb} {large[0].amount / amount:.0%} of the memory{_of(oom)}"
    # The dump's counters go deeper.
    dumped = crash.machine is not None and crash.machine.memory is not None
    yield Finding(
        id="memory-ran-out",
        title=title,
        text=" ".join(_told(oops, oom, large, found, what)),
        # Two that are both large: who of them is too large?
        confidence=0.88 if len(large) < 2 else 0.75,
        crash_class="resource-exhaustion",
        culprit=large[0].culprit if large and not dumped else None,
        evidence=(
            first_line(oops),
            *_evidence(oom, oops.path, large, found),
        ),
        next=(
            *(step for holder in large[:2] for step in holder.next),
            *(control_group.steps(oom) if group else _WATCH),
        ),
        # Memory that ran out, of a container or of all, says little about another crash that came later.
        weight=0.7 if _crashed_of_it(crash) and (oops is crash.oops or not group) else 0.3,
    )


_WATCH = (
    NextStep(
        text="Watch which kind of memory grows before the next time.",
        command="sar -r ALL; slabtop -o; ps aux --sort -rss | head",
        value=0.5,
    ),
)


def _of(oom: OomReport) -> str:
    return " of its control group" if oom.constraint == "memcg" else ""


def _told(oops: Oops, oom: OomReport, large: Sequence[Holder], found: Sequence[Holder], what: str) -> Iterator[str]:
    """The sentences of the finding."""
    amount = whole(oom)
    group = oom.constraint == "memcg"
    yield f"{what[:1].upper()}{what[1:]}{f' ({size(amount)})' if amount and not group else ''}."
    if group:
        yield from control_group.told(oom)
    for holder in large[:3]:
        share = f"{holder.amount / amount:.0%}" if amount else ""
        subject = f"{holder.what[:1].upper()}{holder.what[1:]}"
        yield f"{subject} {holder.verb} {size(holder.amount)}, {share} of it.{' ' if holder.text else ''}{holder.text}"
    if len(large) > 1:
        yield "Which of them is larger than it should be, the log cannot tell."
    if amount and found and not large:
        yield from _unexplained(oom, amount, found)
    if any(holder.kernel for holder in large) and (asked := _asked(oops)):
        yield f"{asked}, which may be innocent of it."
    elif oops.comm and oops.comm not in {holder.culprit.object for holder in large}:
        yield f"{oops.comm} asked last, which need not be the one that took it."
    if oom.killed is not None:
        killed = f"{oom.killed.comm} ({oom.killed.pid})"
        more = f", and {oom.kills - 1} more after it" if oom.kills > 1 else ""
        had = f", which had {size(oom.killed.rss)}" if oom.killed.rss is not None else ""
        yield f"The kernel killed {killed}{had}{more}."


def _unexplained(oom: OomReport, amount: int, found: Sequence[Holder]) -> Iterator[str]:
    """What to say where nobody has a third."""
    if oom.free is not None and oom.constraint != "memcg" and oom.free >= amount * LARGE:
        order = f", or not {1 << oom.order} pages in a row" if oom.order else ""
        yield f"Yet {size(oom.free)} of {size(amount)} were free: not in the zone or node that was asked for{order}."
        return
    yield f"Nobody in the report holds a third of it; the largest: {found[0].what}, {size(found[0].amount)}."
    if (rest := unaccounted(oom)) is not None:
        yield f"{size(rest)} stand in no counter."


def _asked(oops: Oops) -> str:
    """Whose call it was that found no memory, where it came from a module."""
    frames = next((trace.frames for trace in oops.traces if trace.frames), ())
    frame = next((frame for frame in frames if frame.module and frame.reliable), None)
    return f"The call that found no more came from {frame.function}() of the module {frame.module}" if frame else ""


def _evidence(oom: OomReport, path: str, large: Sequence[Holder], found: Sequence[Holder]) -> Iterator[Fact]:
    for name in ("memcg_usage", "memcg_limit") if oom.constraint == "memcg" else ("managed",):
        if getattr(oom, name) is not None:
            yield counted(oom, name, path)
    for holder in large[:3] or found[:3]:
        yield from holder.facts
    if oom.free is not None and not large:
        yield counted(oom, "free", path)
    if oom.swap_total:
        yield Fact(
            text=f"swap: {size(oom.swap_free)} of {size(oom.swap_total)} free",
            path=path,
            line=oom.lines.get("swap_free"),
        )
    if oom.killed is not None:
        yield Fact(text=f"killed: {oom.killed.comm} ({oom.killed.pid})", path=path, line=oom.killed.line)
