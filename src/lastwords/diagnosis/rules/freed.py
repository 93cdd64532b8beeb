"""Memory and list entries that were used after they had been given back."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.bad_pointer import FAULTS, culprit_of, pointer_evidence
from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.glossary.poison import POISONS
from lastwords.model import Finding, NextStep

from .allocations import KASAN, SLUB, first_own, trace_facts, trace_of

_FREED = frozenset(poison.name for poison in POISONS if poison.state == "freed")
_UNLINKED = frozenset(poison.name for poison in POISONS if poison.state == "unlinked")
_SLAB_POISON = frozenset({"POISON_FREE", "POISON_END"})


@rule(
    "use-after-free",
    "memory that was used after it was freed",
    why="A freed object holds poison or its allocator's own data, or belongs to somebody else by now.",
    sure="sure where KASAN or poison say so or the dump finds the object free; who freed it is another question",
)
def use_after_free(crash: Crash) -> Iterator[Finding]:
    """Freed memory by poison, by KASAN, or by the state of the object in the dump."""
    oops = crash.oops
    if oops is None:
        return
    if oops.kind in ("kasan", "kfence") and "use-after-free" in oops.title:
        freed = trace_of(crash, "Freed by")
        who = first_own(freed)
        by = f"; it was freed in {who}()" if who else ""
        yield Finding(
            id="use-after-free",
            title=f"{named(oops.function, oops.module)} used memory that had been freed",
            text=f"{named(oops.function, oops.module)} used memory that had been freed{by}.",
            confidence=0.95,
            crash_class="memory-corruption",
            culprit=crash.faulting,
            evidence=(crash.here(), *trace_facts(crash, "Freed by"), *trace_facts(crash, "Allocated by")),
            next=(
                NextStep(text="Compare the two stacks: who frees while the other still holds a reference?", value=0.9),
            ),
            weight=0.95,
        )
        return
    if oops.kind not in FAULTS:
        return
    text = _told(crash)
    poison = _names(text, _FREED)
    free = crash.blame is not None and any("free memory: a use after free" in s for s in crash.blame.memory)
    if poison is None and not free:
        return
    how = f"it holds {poison}" if poison else "the dump finds it free"
    yield Finding(
        id="use-after-free",
        title=f"{named(oops.function, oops.module)} used memory that had been freed",
        text=f"{named(oops.function, oops.module)} read a pointer from memory that had been freed ({how}).",
        confidence=_how_sure_freed(poison, free, crash),
        crash_class="memory-corruption",
        culprit=culprit_of(crash),
        evidence=pointer_evidence(crash),
        next=(
            NextStep(
                text="Look for who frees this object while others can still reach it (reference counts, RCU, timers).",
                value=0.7,
            ),
            KASAN,
            SLUB,
        ),
        weight=0.95,
    )


def _how_sure_freed(poison: str | None, free: bool, crash: Crash) -> float:
    """Only the slab allocator writes POISON_FREE; other bytes that mean freed memory are used for other things too.

    Without poison, the field that held the pointer must lie in free memory: a pointer to free memory may be any garbage.
    """
    if poison:
        return 0.93 if free else 0.85 if poison in _SLAB_POISON else 0.7
    memory = crash.blame.memory if crash.blame else ()
    return 0.78 if any(said.startswith("The field that held it is free memory") for said in memory) else 0.6


@rule(
    "unlinked-entry",
    "a list entry that was used after it had been taken off its list",
    why="list_del() leaves LIST_POISON in the entry's links, so that a second use shows.",
    sure="quite sure: nothing else writes these values",
)
def unlinked_entry(crash: Crash) -> Iterator[Finding]:
    """LIST_POISON in the address."""
    oops = crash.oops
    if oops is None or oops.kind not in FAULTS:
        return
    poison = _names(_told(crash), _UNLINKED)
    if poison is None:
        return
    yield Finding(
        id="unlinked-entry",
        title=f"{named(oops.function, oops.module)} followed a list entry that had been deleted",
        text=f"{named(oops.function, oops.module)} followed the link of a list entry that had been deleted ({poison}): "
        "it was deleted twice, or walked without the list's lock.",
        confidence=0.88,
        crash_class="memory-corruption",
        culprit=culprit_of(crash),
        evidence=pointer_evidence(crash),
        next=(NextStep(text="Check that every walk and every deletion of that list holds the same lock.", value=0.8),),
        weight=0.95,
    )


@rule(
    "list-corruption",
    "a list whose links do not agree",
    why="The checks of CONFIG_DEBUG_LIST compare each entry with its neighbours before they change a list.",
    sure="sure that the list is broken; who broke it may be another than who noticed",
)
def list_corruption(crash: Crash) -> Iterator[Finding]:
    """list_add/list_del corruption, with what the values say."""
    oops = crash.oops
    if oops is None or oops.kind != "list-corruption":
        return
    message = oops.message
    twice = "LIST_POISON" in message or "double add" in message
    what = (
        "an entry was deleted that had been deleted before"
        if "LIST_POISON" in message
        else "an entry was added that is on the list already"
        if "double add" in message
        else "the neighbours of an entry do not point at it: it was overwritten, freed, or changed without the lock"
    )
    yield Finding(
        id="list-corruption",
        title=f"{named(oops.function, oops.module)} met a broken list",
        text=f"{named(oops.function, oops.module)} met a broken list: {what}.",
        confidence=0.85 if twice else 0.75,
        crash_class="memory-corruption",
        culprit=crash.faulting,
        evidence=(crash.here(),),
        next=(NextStep(text="Check which lock guards that list and who changes it without.", value=0.8), KASAN),
        weight=0.9,
    )


def _told(crash: Crash) -> str:
    """All that log and dump say of the bad pointer, in one text."""
    oops, blame = crash.oops, crash.blame
    parts = [oops.address.text if oops and oops.address else ""]
    if blame is not None:
        parts += [blame.sense, *blame.memory]
    return " ".join(parts)


def _names(text: str, names: frozenset[str]) -> str | None:
    return next((name for name in names if re.search(rf"\b{name}\b", text)), None)
