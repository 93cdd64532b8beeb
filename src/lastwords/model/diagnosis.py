"""What the facts of a crash come to: findings, each with its evidence, and the verdict."""

from typing import Literal

from .oops import Struct

CrashClass = Literal[
    "logic-bug",
    "memory-corruption",
    "hardware",
    "deadlock",
    "lockup",
    "resource-exhaustion",
    "configuration",
    "deliberate",
    "hypervisor",
    "unknown",
]
"""What a crash comes down to; `configuration` holds failed boots too."""

Phase = Literal["immediate", "post-mortem"]


class Fact(Struct, frozen=True, kw_only=True):
    """One piece of evidence: what was seen and where it stands.

    Attributes:
        text: what was seen, in words or as the log has it: may hold text that an attacker wrote.
        path: of the log or dump it stands in, or None.
        line: of the log, from 1, or None.
        address: in the dump, or None.
        quote: the text is the log's own, not ours.
    """

    text: str
    path: str | None = None
    line: int | None = None
    address: int | None = None
    quote: bool = False


class NextStep(Struct, frozen=True, kw_only=True):
    """Something to do.

    Attributes:
        text: what, and what it would tell, in a sentence.
        command: as it can be typed, or None.
        phase: `immediate`: on the machine, before it goes back into service; `post-mortem`: later, anywhere.
        value: how much it is likely to tell, from 0 to 1; decides the order.
    """

    text: str
    command: str | None = None
    phase: Phase = "post-mortem"
    value: float = 0.5


class Culprit(Struct, frozen=True, kw_only=True):
    """What the findings point at. What is not known is None.

    Attributes:
        module: where the function lives; None for the kernel's own text or where it is not known.
        function: that did the wrong thing, which need not be the one that faulted.
        file: source file and `line`.
        object: the kind of object at fault: `struct storage_req`; `field` its member.
        origin: `in-tree`, `out-of-tree` or `proprietary`, or None.
        owner: whom to ask: a package, a vendor, a subsystem's list; or None.
    """

    module: str | None = None
    function: str | None = None
    file: str | None = None
    line: int | None = None
    object: str | None = None
    field: str | None = None
    origin: Literal["in-tree", "out-of-tree", "proprietary"] | None = None
    owner: str | None = None


class Finding(Struct, frozen=True, kw_only=True, rename={"crash_class": "class"}):
    """One claim.

    Attributes:
        id: of the rule that made it.
        title: the claim, in one line.
        text: the same with its reasons, a few sentences; empty where the title says all.
        confidence: from 0 to 1; from 0.8 it is said without hedging.
        crash_class: `class` in JSON: what the crash comes down to if the finding holds; None where it does not say.
        culprit: what it points at; None where it says nothing of that.
        evidence: what it rests on; never empty.
        next: what to do about it.
        weight: how much of the whole crash the finding explains, from 0 (a circumstance) to 1 (the cause).
        contradicts: ids of findings that can't hold together with it.
    """

    id: str
    title: str
    confidence: float
    evidence: tuple[Fact, ...]
    text: str = ""
    crash_class: CrashClass | None = None
    culprit: Culprit | None = None
    next: tuple[NextStep, ...] = ()
    weight: float = 0.5
    contradicts: tuple[str, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True, rename={"crash_class": "class"}):
    """What happened, in one paragraph.

    Attributes:
        summary: plain words, for somebody who has thirty seconds.
        crash_class: `class` in JSON.
        confidence: from 0 to 1; `reasons` what speaks for and against it.
        culprit: unknown parts are None.
        findings: ids of those it rests on, the strongest first.
    """

    summary: str
    crash_class: CrashClass
    confidence: float
    culprit: Culprit = Culprit()
    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


class Event(Struct, frozen=True, kw_only=True):
    """One thing on the time line.

    Attributes:
        time: seconds since boot, or None where that is not known; `clock` by the wall clock, as of an oops.
        kind: `boot`, `sign` (an unusual message), `oops` (the first), `follow-on`, `panic`, `dump`.
        text: what happened.
        until: of a burst of the same message: when it ended; `count` how often it came.
        path: of the log, and `line` in it.
    """

    kind: Literal["boot", "sign", "oops", "follow-on", "panic", "dump"]
    text: str
    time: float | None = None
    clock: str | None = None
    until: float | None = None
    count: int = 1
    path: str | None = None
    line: int | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """One line of the answer to a question: `text`, with the `evidence` for it; a `topic` groups lines."""

    text: str
    topic: str = ""
    evidence: tuple[Fact, ...] = ()


class BrokenRule(Struct, frozen=True, kw_only=True):
    """A rule that failed: its `id` and the `error`."""

    id: str
    error: str


class Diagnosis(Struct, frozen=True, kw_only=True):
    """All findings of a crash, ranked, and the verdict.

    Attributes:
        verdict: what happened.
        findings: the strongest first; contradicting ones among them.
        timeline: from the first sign to the panic.
        panicked: what made the kernel give up and why that counts: lines.
        doing: what the machine was doing.
        changed: what had changed, as far as the evidence at hand tells.
        next: all findings' steps, each once, the most telling first.
        broken: rules that failed.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    timeline: tuple[Event, ...] = ()
    panicked: tuple[Answer, ...] = ()
    doing: tuple[Answer, ...] = ()
    changed: tuple[Answer, ...] = ()
    next: tuple[NextStep, ...] = ()
    broken: tuple[BrokenRule, ...] = ()
