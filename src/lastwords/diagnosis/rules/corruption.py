"""Pointers that lead nowhere: into freed memory, taken-off list entries, text, garbage, and modules that are gone."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.glossary.poison import POISONS
from lastwords.model import Blame, Culprit, Fact, Finding, NextStep

from .allocations import KASAN, SLUB, first_own, trace_facts, trace_of
from .pointers import bad_address, culprit_of, faulting, trail

_FAULTS = frozenset({"paging-request", "general-protection-fault", "user-memory-access", "null-dereference", "oops"})
_FREED = frozenset(poison.name for poison in POISONS if poison.state == "freed")
_UNLINKED = frozenset(poison.name for poison in POISONS if poison.state == "unlinked")


def _evidence(crash: Crash) -> tuple[Fact, ...]:
    facts = [crash.here(), *bad_address(crash)]
    if crash.blame is not None:
        facts += trail(crash.blame)
        facts += (Fact(text=sentence) for sentence in crash.blame.memory)
    return tuple(facts)


def _told(crash: Crash) -> str:
    """All that log and dump say of the bad pointer, in one text."""
    oops, blame = crash.oops, crash.blame
    parts = [oops.address.text if oops and oops.address else ""]
    if blame is not None:
        parts += [blame.sense, *blame.memory]
    return " ".join(parts)


def _names(text: str, names: frozenset[str]) -> str | None:
    return next((name for name in names if re.search(rf"\b{name}\b", text)), None)


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
            culprit=faulting(crash),
            evidence=(crash.here(), *trace_facts(crash, "Freed by"), *trace_facts(crash, "Allocated by")),
            next=(
                NextStep(text="Compare the two stacks: who frees while the other still holds a reference?", value=0.9),
            ),
            weight=0.95,
        )
        return
    if oops.kind not in _FAULTS:
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
        evidence=_evidence(crash),
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


_SLAB_POISON = frozenset({"POISON_FREE", "POISON_END"})


@rule(
    "unlinked-entry",
    "a list entry that was used after it had been taken off its list",
    why="list_del() leaves LIST_POISON in the entry's links, so that a second use shows.",
    sure="quite sure: nothing else writes these values",
)
def unlinked_entry(crash: Crash) -> Iterator[Finding]:
    """LIST_POISON in the address."""
    oops = crash.oops
    if oops is None or oops.kind not in _FAULTS:
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
        evidence=_evidence(crash),
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
        culprit=faulting(crash),
        evidence=(crash.here(),),
        next=(NextStep(text="Check which lock guards that list and who changes it without.", value=0.8), KASAN),
        weight=0.9,
    )


@rule(
    "intruder",
    "another module's trace beside or on the broken object",
    why="Memory that one module corrupts is found broken by another: the object right before it, from which somebody wrote "
    "too far, and variables that still point to memory that was freed, tell of the first.",
    sure="probable: it shows who could have written there, not that they did",
)
def intruder(crash: Crash) -> Iterator[Finding]:
    """Modules that left a trace beside the object which held the bad pointer."""
    blame, oops = crash.blame, crash.oops
    if blame is None or oops is None or not blame.intruders:
        return
    first = blame.intruders[0]
    victim = named(blame.function, blame.module)
    yield Finding(
        id="intruder",
        title=f"{victim} may be the victim of {first.module}",
        text=f"{victim} may be the victim: the object that it read was overwritten. {first.text}",
        confidence=_suspicion(blame),
        crash_class="memory-corruption",
        culprit=Culprit(module=first.module, function=first.symbol if first.how == "neighbour" else None),
        evidence=(
            *_evidence(crash),
            *(Fact(text=each.text, address=each.address) for each in blame.intruders),
        ),
        next=(
            NextStep(
                text=f"Look in {first.module} for writes past the end of its objects and for pointers that it keeps after kfree().",
                value=0.9,
            ),
            KASAN,
            SLUB,
        ),
        weight=1.0,
    )


def _suspicion(blame: Blame) -> float:
    """A neighbour is mostly just that. One that a string came from is more, and so is one who points to another's object."""
    if len(blame.intruders) > 1:
        return 0.6
    telling = blame.intruders[0].how == "pointer" or blame.sense.startswith("the text")
    return 0.76 if telling else 0.62


@rule(
    "text-in-pointer",
    "a string where a pointer belongs",
    why="Eight bytes of printable text in a pointer are a string that was written where it does not belong.",
    sure="quite sure that memory was overwritten or is of another type; whose string it is, its words may tell",
)
def text_in_pointer(crash: Crash) -> Iterator[Finding]:
    """ASCII in a pointer."""
    oops, blame = crash.oops, crash.blame
    if oops is None or oops.kind not in _FAULTS:
        return
    by_dump = blame is not None and blame.sense.startswith("the text")
    by_log = blame is None and oops.address is not None and oops.address.kind == "ascii"
    if not by_dump and not by_log:
        return
    sense = blame.sense if blame is not None else oops.address.text if oops.address else ""
    yield Finding(
        id="text-in-pointer",
        title=f"{named(oops.function, oops.module)} found a string where a pointer belongs",
        text=f"{named(oops.function, oops.module)} found a string where a pointer belongs ({sense}). Who reads it is often "
        "the victim: look for who writes strings near that object.",
        confidence=0.75,
        crash_class="memory-corruption",
        culprit=culprit_of(crash),
        evidence=_evidence(crash),
        next=(
            NextStep(
                text="Search the sources of the modules in use for that string, and for copies without a bound next to it.",
                value=0.8,
            ),
            KASAN,
            SLUB,
        ),
        weight=0.9,
    )


@rule(
    "gone-module",
    "memory of a module that is no longer there",
    why="A module that forgets to take back what it registered leaves pointers to itself behind; the next one to follow "
    "them falls into the hole.",
    sure="probable where the address lies in the modules' area, nothing is mapped there and a module was unloaded before",
)
def gone_module(crash: Crash) -> Iterator[Finding]:
    """Faults in the modules' area after a module was unloaded."""
    oops = crash.oops
    gone = gone_from_under(crash)
    if not gone or oops is None:
        return
    yield Finding(
        id="gone-module",
        title=f"{named(oops.function, oops.module)} followed a pointer into a module that is gone",
        text=f"{named(oops.function, oops.module)} followed a pointer into the modules' area, where nothing is mapped any "
        f"more; {gone[0]} was unloaded before. It probably left something registered behind.",
        confidence=0.75,
        crash_class="memory-corruption",
        culprit=Culprit(module=gone[0]),
        evidence=(*_evidence(crash), Fact(text=f"last unloaded: {gone[0]}", path=oops.path, line=oops.line)),
        next=(
            NextStep(
                text=f"Compare what {gone[0]} registers when it loads with what its exit function takes back.",
                value=0.9,
            ),
        ),
        weight=0.97,
    )


@rule(
    "wild-pointer",
    "a pointer that is none",
    why="Neither NULL, nor an error code, nor poison: the memory that held it was overwritten, never written, or is of "
    "another type.",
    sure="possible: such a pointer tells little of who wrote it",
)
def wild_pointer(crash: Crash) -> Iterator[Finding]:
    """Garbage in a pointer, told apart from bugs of logic as far as the values allow."""
    oops, blame = crash.oops, crash.blame
    if oops is None or oops.kind not in ("paging-request", "general-protection-fault"):
        return
    sense = blame.sense if blame else ""
    wild = sense.startswith(("a non-canonical", "a kernel address with nothing there", "a user address"))
    kind = oops.address.kind if oops.address else ""
    if not wild and (blame is not None or kind not in ("non-canonical", "kernel", "user")):
        return
    if blame is not None and any("use after free" in sentence for sentence in blame.memory):
        return
    if oops.error_code is not None and any("does not allow" in meaning for meaning in oops.error_code.meaning):
        return  # something is mapped there: another rule's subject
    repeated = _repeats(blame.value if blame else oops.address.value if oops.address else None)
    pattern = f" Its bytes repeat ({repeated}): a pattern that somebody filled memory with." if repeated else ""
    yield Finding(
        id="wild-pointer",
        title=f"{named(oops.function, oops.module)} followed a pointer that is none",
        text=f"{named(oops.function, oops.module)} followed a pointer that is none; the memory that held it was "
        f"overwritten, freed or never written.{pattern}",
        confidence=0.6,
        crash_class="memory-corruption",
        culprit=culprit_of(crash),
        evidence=_evidence(crash),
        next=(KASAN, SLUB),
        weight=0.8,
    )


def gone_from_under(crash: Crash) -> list[str]:
    """Modules that were unloaded, where the fault is a hole in the modules' area: the last one first."""
    oops = crash.oops
    if oops is None or oops.kind != "paging-request" or oops.address is None or oops.error_code is None:
        return []
    unmapped = any("no page is mapped" in meaning for meaning in oops.error_code.meaning)
    if not unmapped or "modules' area" not in oops.address.text:
        return []
    return crash.unloaded


def _repeats(value: int | None) -> str | None:
    """The byte or pair of bytes that a word consists of; None where it consists of more."""
    if value is None:
        return None
    data = (value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
    for length in (1, 2):
        if data == data[:length] * (8 // length) and any(data):
            return "0x" + data[:length][::-1].hex()
    return None
