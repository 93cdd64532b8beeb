"""NULL and error codes that were used as pointers, and the refusals that nobody looked at."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.bad_pointer import (
    FAULTS,
    bad_address,
    blamed,
    caller,
    held,
    is_error,
    is_null,
    trail,
    who_ignored,
)
from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.model import Blame, Fact, Finding, NextStep, Oops, Precursor

_CONFIDENCE = {"high": 0.92, "medium": 0.8, "low": 0.6, "none": 0.5}


@rule(
    "null-pointer",
    "a NULL pointer that was followed",
    why="Somebody did not fill in a pointer, or did not look whether what they got is one.",
    sure="from a log the function that faulted; from a dump the field and the function that let it in, each step checked",
)
def null_pointer(crash: Crash) -> Iterator[Finding]:
    """NULL, with the field and how it came in."""
    oops, blame = crash.oops, crash.blame
    if oops is None or oops.kind not in FAULTS | {"kasan"} or not is_null(crash):
        return
    if blame is None:
        call = oops.address is not None and oops.address.kind == "null" and oops.at is None
        what = "called through a NULL function pointer" if call else "followed a NULL pointer"
        handed = _handed_in(oops)
        member = ""
        if oops.address is not None and oops.address.offset:
            member = f", to the member {oops.address.offset:#x} bytes into what it should have pointed to"
        yield Finding(
            id="null-pointer",
            title=f"{named(oops.function, oops.module)} {what}",
            text=f"{named(oops.function, oops.module)} {what}{member}.{_HANDED if handed else ''}",
            # That it is NULL is sure; who should have set it, the log does not tell.
            confidence=0.7 if handed or not oops.function else 0.78,
            crash_class="logic-bug",
            culprit=caller(crash) if handed else crash.faulting,
            evidence=(crash.here(), *(bad_address(crash))),
            next=(_field_step(crash),),
            weight=0.9,
        )
        return
    culprit = blamed(crash, blame)
    field = held(blame)
    came = f" {field[:1].upper()}{field[1:]} was NULL." if field else ""
    elsewhere = blame.origin is not None and blame.origin != blame.function
    source = f" It came from {named(blame.origin, blame.origin_module)}." if elsewhere else ""
    yield Finding(
        id="null-pointer",
        title=f"{named(blame.function, blame.module)} followed a NULL pointer",
        text=f"{named(blame.function, blame.module)} followed a NULL pointer.{came}{source}",
        confidence=_how_sure(blame),
        crash_class="logic-bug",
        culprit=culprit,
        evidence=(crash.here(), *trail(blame)),
        next=(_setter_step(crash, blame),),
        weight=0.9,
    )


_HANDED = " The pointer is an argument that it was called with: one of its callers let it in."
# Registers of the first arguments (System V x86-64 psABI, AAPCS64).
_ARGUMENTS = frozenset({"rdi", "rsi", "rdx", "rcx", "r8", "r9", *(f"x{number}" for number in range(8))})
_WRITES = re.compile(r"(?!cmp|test|push|j|tst|str|stp|b\b|bl\b|ret)\w{1,12} (?:qword ptr )?(\w{1,4})(?:,|$)")


def _handed_in(oops: Oops) -> bool:
    """By the code around the fault, the bad register still holds what the function was called with."""
    code, at = oops.code, oops.at
    if code is None or code.operand is None or at is None or at.offset is None or code.operand.base not in _ARGUMENTS:
        return False
    before = [instruction for instruction in code.instructions if -at.offset <= instruction.offset < 0]
    if at.offset and (not before or before[0].offset > -at.offset + 5):
        return False  # the function's beginning is not among the bytes
    writes = {match[1] for instruction in before if (match := _WRITES.match(instruction.text))}
    return not any(_same_register(code.operand.base, written) for written in writes)


def _same_register(one: str, other: str) -> bool:
    return one.lstrip("rewx") == other.lstrip("rewx")


def _how_sure(blame: Blame) -> float:
    """A pointer that was loaded from a field was left NULL by somebody else, whom the trail does not reach."""
    loaded = any(step.kind == "load" and step.about == "pointer" for step in blame.steps)
    known = _CONFIDENCE[blame.confidence]
    if who_ignored(blame) is not None:
        return min(known, 0.88)  # that it is the same field, its offset says, not its type
    return min(known, 0.78) if loaded else known


def _field_step(crash: Crash) -> NextStep:
    oops = crash.oops
    where = named(oops.function, oops.module) if oops else "the function"
    return NextStep(
        text=f"A dump would tell which field held the NULL in {where} and who let it in; set up kdump for the next time.",
        command="lastwords doctor",
        value=0.6,
    )


def _setter_step(crash: Crash, blame: Blame) -> NextStep:
    field = blame.field or (f"offset {blame.field_offset:#x}" if blame.field_offset is not None else "the pointer")
    return NextStep(
        text=f"Look in {blame.module or 'the kernel'}'s source for who sets {field} before it is used, on every path, "
        "also those that fail.",
        value=0.8,
    )


@rule(
    "error-pointer",
    "an error code that was used as a pointer",
    why="Many functions of the kernel return -errno in a pointer (ERR_PTR); who does not ask IS_ERR() follows it.",
    sure="quite sure: nothing else puts such a value into a pointer",
)
def error_pointer(crash: Crash) -> Iterator[Finding]:
    """ERR_PTR without IS_ERR."""
    oops, blame = crash.oops, crash.blame
    by_dump = blame is not None and blame.sense.startswith("ERR_PTR")
    if oops is None or not (by_dump or (blame is None and is_error(crash))):
        return
    if blame is not None:
        sense, culprit, evidence = blame.sense, blamed(crash, blame), (crash.here(), *trail(blame))
        confidence = max(_CONFIDENCE[blame.confidence], 0.75)
    else:
        sense = oops.address.text.partition(": ")[0] if oops.address else ""
        sure = oops.address is not None and oops.address.sure
        culprit, evidence, confidence = crash.faulting, (crash.here(), *bad_address(crash)), 0.82 if sure else 0.7
    whose = f", which {named(blame.origin, blame.origin_module)} let in" if blame and blame.origin else ""
    yield Finding(
        id="error-pointer",
        title=f"{named(oops.function, oops.module)} used an error code as a pointer",
        text=f"{named(oops.function, oops.module)} used an error code as a pointer{whose}: {sense}. IS_ERR() was not asked.",
        confidence=confidence,
        crash_class="logic-bug",
        culprit=culprit,
        evidence=evidence,
        next=(NextStep(text="Find the call whose result is used without IS_ERR(), and why it failed.", value=0.8),),
        weight=0.9,
    )


# What drivers and the kernel say when something that they asked for could not be had.
_REFUSED = re.compile(
    r"(?i)\bno (?:memory|room|buffers?) (?:for|left)|page allocation failure"
    r"|\b(?:DMA|IOMMU|dma_map\w{0,10}|map(?:ping)?|alloc\w{0,10}|memory|buffers?|register\w{0,5}|descriptors?|ENOMEM)\b"
    r".{0,60}\b(?:fail(?:ed|ure)?|errors?|unable|cannot|could not|full|exhausted|out of|no space)\b"
    r"|\b(?:fail(?:ed)?|errors?|unable|cannot|could not|out of)\b.{0,60}\b(?:map(?:ping)?|alloc\w{0,10}|memory|buffers?|descriptors?|DMA)\b"
)


@rule(
    "missing-check",
    "requests that were refused, right before a NULL or error pointer was followed",
    why="Where an allocation or mapping fails again and again and then a pointer is NULL, somebody does not look at "
    "what the failed call returned.",
    sure="probable where the messages come from the module that crashed, possible else",
)
def missing_check(crash: Crash) -> Iterator[Finding]:
    """Repeated allocation or mapping errors before a bad pointer."""
    oops = crash.oops
    sense = crash.blame.sense if crash.blame else ""
    if oops is None or not (is_null(crash) or sense.startswith("ERR_PTR") or is_error(crash)):
        return
    # Of a disk's or a link's errors, another rule speaks.
    refused = [p for p in crash.precursors if p.reason != "hardware" and _REFUSED.search(p.text[:300])]
    if not refused:
        return
    own = [p for p in refused if oops.module and _mentions(p, oops.module)]
    shown = (own or refused)[:3]
    whose = oops.module or "the kernel"
    unchecked = crash.blame.unchecked if crash.blame else ()
    guilty = next((u for u in unchecked), None)
    text = f"Right before it, “{shown[0].text[:120]}” was logged{_times(shown[0])}: " + (
        f"what could not be had was used all the same, so {whose} lacks a check for that error."
        if own or guilty
        else "what could not be had may have been used all the same."
    )
    if guilty is not None:
        text += f" {guilty.text}"
    yield Finding(
        id="missing-check",
        title="an error that was logged was not handled",
        text=text,
        confidence=0.85 if guilty is not None else 0.75 if own else 0.5,
        crash_class="logic-bug",
        evidence=(
            *(crash.sign(precursor) for precursor in shown),
            *(Fact(text=u.text, address=u.address) for u in unchecked[:2]),
        ),
        next=(
            NextStep(
                text=f"Find the call in {whose} that logged “{shown[0].text[:80]}”, and look who ignores what it returns.",
                value=0.9,
            ),
            NextStep(
                text="Find out why it ran out: the limit may be too low for the load (swiotlb=, IOMMU, memory).",
                value=0.4,
            ),
        ),
        weight=0.6,
    )


def _times(precursor: Precursor) -> str:
    return f" {precursor.count} times" if precursor.count > 1 else ""


def _mentions(precursor: Precursor, module: str) -> bool:
    return module.replace("-", "_") in precursor.text[:120].replace("-", "_")
