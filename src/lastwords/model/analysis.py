"""What `lastwords analyze` gives: the versioned document behind every report."""

from .diagnosis import Answer, BrokenRule, Event, Finding, NextStep, Verdict
from .dump import DumpCheck
from .evidence import Evidence
from .history import HardwareError, Reboot, Sample
from .log import Log
from .machine import Machine
from .oops import Oops, Struct

SCHEMA = "lastwords.analysis/1"
"""Name and version of the JSON document. The number changes when a field goes or changes its meaning, not when one
comes."""


class Facts(Struct, frozen=True, kw_only=True):
    """All that is known of a crash before anybody thinks about it: what the rules of the diagnosis read.

    Attributes:
        oopses: of all logs, in the order of the command line and of the files; those of one boot where the user asked
            for one.
        logs: what was read.
        machine: the state read from a dump, or None without one.
        dump: what the dump is and whether it is whole, or None without one.
        errors: what could not be read, one line each.
        hardware_errors: recorded by rasdaemon, mcelog, the BMC and EDAC, by time; those without one last.
        samples: of sar, by time.
        reboots: the machine's boots, the oldest first.
        evidence: what the case holds and what could not be secured; empty without a case.
    """

    oopses: tuple[Oops, ...] = ()
    logs: tuple[Log, ...] = ()
    machine: Machine | None = None
    dump: DumpCheck | None = None
    errors: tuple[str, ...] = ()
    hardware_errors: tuple[HardwareError, ...] = ()
    samples: tuple[Sample, ...] = ()
    reboots: tuple[Reboot, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Analysis(Struct, frozen=True, kw_only=True):
    """One analysis: the diagnosis, and the facts that it rests on.

    Attributes:
        schema: `SCHEMA`.
        version: version of lastwords.

    All others are those of `Diagnosis` and of `Facts`. `verdict` is None where nothing crashed.
    """

    schema: str = SCHEMA
    version: str = ""
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    timeline: tuple[Event, ...] = ()
    panicked: tuple[Answer, ...] = ()
    doing: tuple[Answer, ...] = ()
    changed: tuple[Answer, ...] = ()
    next: tuple[NextStep, ...] = ()
    broken: tuple[BrokenRule, ...] = ()
    oopses: tuple[Oops, ...] = ()
    logs: tuple[Log, ...] = ()
    machine: Machine | None = None
    dump: DumpCheck | None = None
    errors: tuple[str, ...] = ()
    hardware_errors: tuple[HardwareError, ...] = ()
    samples: tuple[Sample, ...] = ()
    reboots: tuple[Reboot, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def crash(self) -> Oops | None:
        """The oops that the verdict is about: a mere warning or another boot's crash may come before it."""
        at = next(((event.path, event.line) for event in self.timeline if event.kind == "oops"), None)
        return next((oops for oops in self.oopses if (oops.path, oops.line) == at), next(iter(self.oopses), None))
