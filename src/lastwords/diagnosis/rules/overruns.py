"""Objects that were freed twice, written to after that, or overrun: by the allocators' checks or what lies beside them."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.bad_pointer import pointer_evidence
from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.model import Blame, Culprit, Fact, Finding, NextStep, Oops

from .allocations import KASAN, SLUB, first_own, trace_facts, trace_of


@rule(
    "double-free",
    "memory that was freed twice",
    why="The slab allocator notices when an object is freed whose free pointer points to itself, or that is on its list.",
    sure="sure that it was freed twice; the function is the one that freed it the second time",
)
def double_free(crash: Crash) -> Iterator[Finding]:
    """By KASAN's words, SLUB's, or its BUG in kfree()."""
    oops = crash.oops
    if oops is None:
        return
    said = re.search(r"double.free|already free", f"{oops.title} {oops.message}", re.IGNORECASE)
    invalid = re.search(r"invalid.free", f"{oops.title} {oops.message}", re.IGNORECASE)
    machinery = oops.at is not None and re.match(
        r"(?:__)?(?:kmem_cache_free|kfree|slab_free|do_slab_free|set_freepointer|free_to_partial)", oops.at.function
    )
    bug = oops.kind == "kernel-bug" and machinery
    if not said and not bug and not invalid:
        return
    # kfree() has a BUG of its own for what no allocator gave; that for an object on its own free list is in mm/slub.c
    # among the first functions, inlined into it.
    early = oops.file is not None and oops.file.endswith("mm/slub.c") and (oops.source_line or 0) < _FREE_POINTERS
    sure = bool((said and not invalid) or (bug and (early or "kfree" not in (oops.at.function if oops.at else ""))))
    freed = first_own(trace_of(crash, "Freed by"))
    first = f" It was freed the first time in {freed}()." if freed else ""
    yield Finding(
        id="double-free",
        title=f"{named(oops.function, oops.module)} freed {_WHAT_WAS_FREED[sure]}",
        text=f"{named(oops.function, oops.module)} freed {_WHAT_WAS_FREED[sure]}; the kernel noticed it there.{first}",
        confidence=(0.93 if said else 0.85) if sure else 0.75,
        crash_class="memory-corruption",
        culprit=crash.faulting,
        evidence=(crash.here(), *trace_facts(crash, "Freed by"), *(() if oops.at is None else (crash.spot(oops.at),))),
        next=(
            NextStep(text="Look for the two places that free it, mostly an error path and its caller.", value=0.8),
            SLUB,
        ),
        weight=0.95,
    )


_FREE_POINTERS = 700
"""Lines of mm/slub.c within which set_freepointer() stands: 305 in Linux 5.4, 419 in 6.1, 553 in 6.12."""
_WHAT_WAS_FREED = {
    True: "memory that was free already",
    False: "what is not allocated: freed before, or never a pointer to the start of an object",
}


@rule(
    "overflow",
    "memory that was written beyond its end",
    why="Red zones beside slab objects and the guard word on the stack are only changed by who writes too far.",
    sure="sure that it was overrun; who did it is known where the owner of the object is the one that overran",
)
def overflow(crash: Crash) -> Iterator[Finding]:
    """Red zones, KASAN's out-of-bounds, fortify, the stack protector."""
    oops = crash.oops
    if oops is None:
        return
    words = " ".join((oops.title, oops.message, *oops.alternative_titles))
    zone = re.search(r"(?:Right |Left )?Redzone overwritten|Object padding overwritten|Padding overwritten", words)
    # Of UBSAN's, a shift by too many bits is called out of bounds too, and an index was seen before it was used.
    bounds = oops.kind in _SEES_BOUNDS and re.search(r"out-of-bounds|buffer.overflow", words, re.IGNORECASE)
    stack = oops.kind == "stack-protector"
    if not zone and not bounds and not stack:
        return
    who = named(oops.function, oops.module)
    title, text, confidence = _overrun(oops, who, zone[0] if zone else "")
    yield Finding(
        id="overflow",
        title=title,
        text=text,
        confidence=confidence,
        crash_class="memory-corruption",
        culprit=crash.faulting,
        evidence=(
            crash.here(),
            *((crash.here(zone[0]),) if zone and zone[0] not in oops.message else ()),
            *trace_facts(crash, "Allocated"),
            *trace_facts(crash, "Freed"),
        ),
        next=(
            NextStep(
                text="Compare what is written with the size that was allocated: strings without their end, sizes in other units.",
                value=0.8,
            ),
            KASAN,
        ),
        weight=0.9,
    )


_SEES_BOUNDS = frozenset({"kasan", "kfence", "fortify"})


def _overrun(oops: Oops, who: str, zone: str) -> tuple[str, str, float]:
    """Title, text and confidence."""
    if zone.startswith("Left"):
        text = f"Somebody wrote before the start of a slab object of {who}, or beyond the end of the one before it."
        return f"the red zone before an object of {who} was overwritten", text, 0.75
    if zone:
        text = f"Somebody wrote beyond the end of a slab object; it was allocated in {who}."
        return f"an object of {who} was overrun", text, 0.85
    if oops.kind == "stack-protector":
        text = f"The guard word on the stack of {who} was overwritten: it, or a function that it called, wrote beyond a buffer."
        return f"the stack of {who} was overwritten", text, 0.78
    if oops.kind == "fortify":
        text = f"{who} was about to use memory beyond the end of an object, and was stopped."
        return f"{who} was about to run over an object", text, 0.85
    return f"{who} used memory outside of an object", f"{who} used memory beyond the bounds of an object.", 0.95


@rule(
    "poisoned-object",
    "a freed object that somebody wrote to",
    why="Poison that is no longer whole was written to after the object was freed.",
    sure="sure that it was written to; by whom only the addresses in it may tell",
)
def poisoned_object(crash: Crash) -> Iterator[Finding]:
    """SLUB's "Poison overwritten"."""
    oops = crash.oops
    if oops is None or "oison overwritten" not in f"{oops.title} {oops.message}":
        return
    yield Finding(
        id="poisoned-object",
        title="somebody wrote to an object after it was freed",
        text=f"Somebody wrote to an object after it was freed; its last owner was {named(oops.function, oops.module)}.",
        confidence=0.78,  # the last owner is the first suspect, no more
        crash_class="memory-corruption",
        culprit=crash.faulting,
        evidence=(crash.here(), *trace_facts(crash, "Freed"), *trace_facts(crash, "Allocated")),
        next=(KASAN,),
        weight=0.95,
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
            *pointer_evidence(crash),
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
