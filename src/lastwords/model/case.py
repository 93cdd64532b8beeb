"""One crash of one machine: its case, and the checklist that walks it."""

from typing import Literal

from .diagnosis import Phase, Verdict
from .evidence import Evidence
from .oops import Struct

CASE_SCHEMA = "lastwords.case/1"
CHECKLIST_SCHEMA = "lastwords.checklist/1"

CaseStatus = Literal["open", "resolved"]
StepState = Literal["open", "done", "failed", "skipped"]


class Note(Struct, frozen=True, kw_only=True):
    """What a person wrote into a case: `at` in seconds since the epoch, `who`, `text`."""

    at: float
    who: str
    text: str


class Case(Struct, frozen=True, kw_only=True):
    """What `case.toml` says.

    Attributes:
        id: the directory's name when it was made: `20241124-0538-db7`.
        title: one line for lists; empty until somebody knows.
        status: `resolved` when the cause is known and dealt with, with the `resolution`.
        host: the machine that crashed; empty where nobody knows.
        created: seconds since the epoch, as `crashed` and `resolved`, which are None where they are not known.
        notes: the oldest first.
        path: of the case: its directory, or the tar it was opened from.
    """

    id: str
    created: float
    title: str = ""
    status: CaseStatus = "open"
    host: str = ""
    crashed: float | None = None
    resolved: float | None = None
    resolution: str = ""
    notes: tuple[Note, ...] = ()
    path: str = ""


class CaseCheck(Struct, frozen=True, kw_only=True):
    """Whether the evidence of a case is still what was secured: files compared with the manifest.

    Attributes:
        id: of the case, and its `path`.
        good: nothing is missing, changed, unlisted, unreadable or damaged, and there is something.
        whole: ids of items with the size and SHA-256 of the manifest.
        missing: ids that the manifest has and the directory not.
        changed: ids of files that are not what was taken.
        surplus: paths of files in `evidence/` that the manifest does not have.
        unreadable: ids, for want of rights or because the disk fails.
        damaged_lines: numbers of lines of the manifest that are none.
        error: why nothing could be compared, or None.
    """

    id: str
    path: str
    good: bool
    whole: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    damaged_lines: tuple[int, ...] = ()
    error: str | None = None


class Step(Struct, frozen=True, kw_only=True):
    """One step of the checklist, as it stands in the package.

    Attributes:
        id: `evidence-secured`, …
        phase: when it is due.
        title: what is so when it is done.
        why: what it is good for, a sentence.
        todo: what a person does.
        command: that does it or helps with it, with `CASE` for the case and `DUMP` for its dump; or None.
        without_dump: the same where the case has no dump; where it is None, only a `command` that needs no dump counts.
        needs: `dump` where the step is about a dump, and there is nothing to do without one.
        run: name of the function that performs or proves it; None for a step that only people can do.
        confirm: the function proposes and a person decides.
    """

    id: str
    phase: Phase
    title: str
    why: str
    todo: str
    command: str | None = None
    without_dump: str | None = None
    needs: Literal["dump"] | None = None
    run: str | None = None
    confirm: bool = False


class Entry(Struct, frozen=True, kw_only=True):
    """What became of a step once: `by` a person or lastwords itself, `who` is the user in both cases."""

    step: str
    state: StepState
    at: float
    who: str
    note: str = ""
    by: Literal["person", "lastwords"] = "person"


class StepStatus(Struct, frozen=True, kw_only=True):
    """A step, and how it stands.

    Attributes:
        step: what is to be done.
        state: of the last entry; `open` without one, `skipped` where the step does not apply.
        applies: False where it is about a dump and the case has evidence, but no dump.
        entries: all of them, the oldest first.
    """

    step: Step
    state: StepState = "open"
    applies: bool = True
    entries: tuple[Entry, ...] = ()


class CaseTimes(Struct, frozen=True, kw_only=True):
    """How long it took, in seconds from the crash; None where that is not known yet.

    Attributes:
        since: when counting starts, seconds since the epoch.
        since_crash: False where the time of the crash is not known, and counting starts when the case was made.
        evidence: until the evidence was secured.
        restore: until the service was back.
        cause: until the cause was named.
        resolved: until the case was closed.
    """

    since: float
    since_crash: bool
    evidence: float | None = None
    restore: float | None = None
    cause: float | None = None
    resolved: float | None = None


class Checklist(Struct, frozen=True, kw_only=True):
    """The checklist of one case."""

    case: Case
    steps: tuple[StepStatus, ...]
    times: CaseTimes
    schema: str = CHECKLIST_SCHEMA


class CaseView(Struct, frozen=True, kw_only=True):
    """All about one case, as `case show` gives it.

    Attributes:
        case: what `case.toml` says.
        evidence: what the manifest lists.
        times: how long it took.
        steps: of the checklist; `steps_done` of them done or left out.
        verdict: of the last analysis, or None; `verdict_current` whether that is newer than the evidence.
        oops: title of the first crash that the last analysis found, or None.
    """

    case: Case
    evidence: tuple[Evidence, ...]
    times: CaseTimes
    steps: int
    steps_done: int
    verdict: Verdict | None = None
    verdict_current: bool = False
    oops: str | None = None
    schema: str = CASE_SCHEMA
