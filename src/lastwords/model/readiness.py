"""Whether a machine is ready to explain its next crash."""

from typing import Literal

from .oops import Struct

READINESS_SCHEMA = "lastwords.readiness/1"

CheckStatus = Literal["ok", "warn", "fail", "not-applicable", "unknown"]

Leaves = Literal["dump", "log", "console", "nothing", "unknown"]


class Check(Struct, frozen=True, kw_only=True):
    """What one readiness check found.

    Attributes:
        id: `crashkernel-reserved`, `panic-on-oops`, …
        title: what is looked at, in a few words.
        status: `unknown` where it could not be read, for want of rights or because the file is not there.
        value: what was found, as the user would read it: `256 MiB`, `0`, `not loaded`.
        source: where it was read: `/sys/kernel/kexec_crash_size`.
        why: what it decides, in a sentence or two.
        fix: what to do about it on this distribution, a command where there is one; empty where all is well.
        area: the chapter: `reservation`, `loaded`, `triggers`, `target`, `fallback`, `analysis`, `hardware`, …
        cost: what it costs at the next crash, as a clause of the summary: `no crashkernel is reserved`; mostly empty.
    """

    id: str
    title: str
    status: CheckStatus
    value: str = ""
    source: str = ""
    why: str = ""
    fix: str = ""
    area: str = ""
    cost: str = ""


class Readiness(Struct, frozen=True, kw_only=True):
    """All checks of one machine.

    Attributes:
        ready: a crash now would leave a dump, or at least a log that survives on its own (pstore, netconsole).
        leaves: what a crash now would leave: a `dump`, a `log`, only what somebody records of the serial `console`,
            or `nothing`; `unknown` where what decides it could not be read.
        summary: ready, or what the next crash will cost; one sentence.
        checks: in the order of their areas.
        host: the machine's name.
        distribution: its name as the distribution gives it.
        release: the kernel's release that was looked at.
        version: of lastwords.
    """

    ready: bool
    summary: str
    leaves: Leaves = "unknown"
    checks: tuple[Check, ...] = ()
    host: str = ""
    distribution: str = ""
    release: str = ""
    version: str = ""
    schema: str = READINESS_SCHEMA
