"""A crash on purpose: what was set down before it, and what came of it."""

from typing import Literal

from .oops import Struct

REHEARSAL_SCHEMA = "lastwords.rehearsal/1"

RehearsalOutcome = Literal["dump", "incomplete", "none", "elsewhere", "not-crashed", "not-rehearsed"]


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What is on the disk before the machine is crashed on purpose.

    Attributes:
        purpose: `rehearsal`: to see that a dump arrives; `trigger`: to make a dump of a hang.
        host: the machine's name; `release` its kernel's.
        boot_id: of the boot that was ended.
        started: seconds since the epoch.
        directory: where the dump should come; empty where it goes to another machine, then `server` names that.
        pages: bytes of memory that the dump level keeps, by the estimate at that moment; None where not known.
        expected: bytes of the file, by that estimate.
        free: bytes that root could still write where the dump should come; None where it goes elsewhere.
    """

    purpose: Literal["rehearsal", "trigger"]
    host: str
    release: str
    boot_id: str
    started: float
    directory: str = ""
    server: str = ""
    pages: int | None = None
    expected: int | None = None
    free: int | None = None


class RehearsalResult(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        outcome: `dump` it arrived; `incomplete` it was begun, or is empty or damaged; `none`; `elsewhere` it goes to
            another machine, which this one can't ask; `not-crashed` the machine has not rebooted since;
            `not-rehearsed` it was never tried.
        summary: one sentence.
        rehearsal: what was set down before.
        dump: its path.
        size: bytes.
        seconds: from the crash to the last byte of the dump; `back_after` to the boot of the normal kernel.
        verdict: `lastwords verify`'s: `whole`, `incomplete`, `damaged`; None where nobody has looked.
        free: of a dump that did not come whole: bytes that root can still write where it should have come.
        log: likewise: the kernel log that kdump saved without the dump.
        release: of the kernel that runs now: a rehearsal tells nothing of another one.
    """

    outcome: RehearsalOutcome
    summary: str
    rehearsal: Rehearsal | None = None
    dump: str | None = None
    size: int | None = None
    seconds: float | None = None
    back_after: float | None = None
    verdict: str | None = None
    free: int | None = None
    log: str | None = None
    release: str = ""
    schema: str = REHEARSAL_SCHEMA


"""What scripts may rely on: fields are added, not renamed."""
