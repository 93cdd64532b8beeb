"""Pointers that lead nowhere: garbage, text, read-only memory, no code, and modules that are gone."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.bad_pointer import (
    FAULTS,
    bad_address,
    called_from,
    culprit_of,
    gone_from_under,
    held,
    is_null,
    pointer_evidence,
    trail,
)
from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named, several
from lastwords.model import Culprit, Fact, Finding, NextStep

from .allocations import KASAN, SLUB


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
        evidence=pointer_evidence(crash),
        next=(KASAN, SLUB),
        weight=0.8,
    )


def _repeats(value: int | None) -> str | None:
    """The byte or pair of bytes that a word consists of; None where it consists of more."""
    if value is None:
        return None
    data = (value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
    for length in (1, 2):
        if data == data[:length] * (8 // length) and any(data):
            return "0x" + data[:length][::-1].hex()
    return None


@rule(
    "text-in-pointer",
    "a string where a pointer belongs",
    why="Eight bytes of printable text in a pointer are a string that was written where it does not belong.",
    sure="quite sure that memory was overwritten or is of another type; whose string it is, its words may tell",
)
def text_in_pointer(crash: Crash) -> Iterator[Finding]:
    """ASCII in a pointer."""
    oops, blame = crash.oops, crash.blame
    if oops is None or oops.kind not in FAULTS:
        return
    by_dump = blame is not None and blame.sense.startswith("the text")
    by_log = blame is None and oops.address is not None and oops.address.kind == "ascii"
    if not by_dump and not by_log:
        return
    sense = blame.sense if blame is not None else oops.address.text.partition(": ")[0] if oops.address else ""
    yield Finding(
        id="text-in-pointer",
        title=f"{named(oops.function, oops.module)} found a string where a pointer belongs",
        text=f"{named(oops.function, oops.module)} found a string where a pointer belongs ({sense}). Who reads it is often "
        "the victim: look for who writes strings near that object.",
        confidence=0.75,
        crash_class="memory-corruption",
        culprit=culprit_of(crash),
        evidence=pointer_evidence(crash),
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
        evidence=(*pointer_evidence(crash), Fact(text=f"last unloaded: {gone[0]}", path=oops.path, line=oops.line)),
        next=(
            NextStep(
                text=f"Compare what {gone[0]} registers when it loads with what its exit function takes back.",
                value=0.9,
            ),
        ),
        weight=0.97,
    )


_FETCH = re.compile(r"^(?:bus error on an )?instruction (?:fetch|access)|^execut|not execut")


@rule(
    "bad-call",
    "a jump to where no code is",
    why="A function pointer was never set, was overwritten, or its module is gone.",
    sure="sure that it was a bad function pointer; less so who broke it",
)
def bad_call(crash: Crash) -> Iterator[Finding]:
    """A call through a bad function pointer that is not NULL."""
    oops = crash.oops
    if oops is None or oops.error_code is None or is_null(crash):
        return
    # Where the code tells a fetch from a read: MIPS's address errors don't.
    if not any(_FETCH.search(meaning) for meaning in oops.error_code.meaning):
        return
    blame = crash.blame
    gone = f" Modules that were unloaded before: {several(crash.unloaded)}." if crash.unloaded else ""
    field = held(blame) if blame else ""
    through = f" It was called through {field.rstrip(',')}." if field else ""
    culprit = culprit_of(crash) if blame or oops.function else called_from(oops)
    who = named(culprit.function, culprit.module) if not oops.function else named(oops.function, oops.module)
    yield Finding(
        id="bad-call",
        title=f"{who} called an address that holds no code",
        text=f"{who} called an address that holds no code it may run.{through}{gone}",
        confidence=0.85 if blame and blame.confidence == "high" and not gone else 0.7,
        crash_class="logic-bug",
        culprit=culprit,
        evidence=(crash.here(), *bad_address(crash), *(trail(blame) if blame else ())),
        next=(
            NextStep(
                text="Look who sets that function pointer, and whether it can outlive what it points to.", value=0.7
            ),
        ),
        weight=0.85,
    )


@rule(
    "read-only-write",
    "a write to memory that is read-only",
    why="The kernel maps its constants, its code and __ro_after_init data read-only.",
    sure="sure: the error code says that the page is there and must not be written",
)
def read_only_write(crash: Crash) -> Iterator[Finding]:
    """A protection violation on a write in the kernel."""
    oops = crash.oops
    if oops is None or oops.kind != "paging-request" or oops.error_code is None:
        return
    meaning = " ".join(oops.error_code.meaning)
    if "write" not in meaning or not ("does not allow" in meaning or "permission" in meaning):
        return
    yield Finding(
        id="read-only-write",
        title=f"{named(oops.function, oops.module)} wrote to read-only memory",
        text=f"{named(oops.function, oops.module)} wrote to memory that the kernel keeps read-only: a constant, code, or "
        "data that may only be written during boot.",
        confidence=0.85,
        crash_class="logic-bug",
        culprit=culprit_of(crash),
        evidence=(
            crash.here(),
            *bad_address(crash),
            Fact(text=f"error code: {meaning}: it is read-only", path=oops.path, line=oops.line),
            *(trail(crash.blame) if crash.blame else ()),
            *(Fact(text=sentence) for sentence in (crash.blame.memory if crash.blame else ())),
        ),
        next=(NextStep(text="Look what stands at that address: a const table, __ro_after_init, or code.", value=0.6),),
        weight=0.9,
    )
