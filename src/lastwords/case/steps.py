"""What performs or proves a step of the checklist: one function a step, named in checklist.toml.

A function gets the case and its analysis and says what it found. It never says that a step is done when the case does
not show it: `open` with a note of what is missing is the honest answer then.
"""

import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lastwords.glossary.units import size
from lastwords.host.readiness import readiness
from lastwords.host.root import Root
from lastwords.model import Analysis, Evidence, StepState

from .directory import CaseDirectory
from .evidence import check_case


@dataclass(frozen=True)
class Work:
    """What a step has to go by.

    Attributes:
        case: its directory.
        evidence: what the manifest lists.
        analysis: the last one, or None where nothing could be read.
    """

    case: CaseDirectory
    evidence: tuple[Evidence, ...]
    analysis: Analysis | None


@dataclass(frozen=True)
class Outcome:
    """What a step came to: `state`, a `note` of one or two sentences, and when it was so; None for now."""

    state: StepState
    note: str
    at: float | None = None


Performer = Callable[[Work], Outcome]
PERFORMERS: dict[str, Performer] = {}
"""By the names that a step can be bound to."""
_WITNESSES = frozenset(
    {"dump", "pstore", "dmesg", "journal", "syslog", "console", "netconsole", "log", "hang", "crash-tool"}
)
_HARDWARE = frozenset({"rasdaemon", "mcelog", "sel", "edac", "ipmi"})


def performer(function: Performer) -> Performer:
    """Make a function one that `run = "..."` in checklist.toml can name."""
    PERFORMERS[function.__name__] = function
    return function


def perform(name: str, work: Work) -> Outcome:
    """Run the function of a step.

    Raises:
        KeyError: there is none of this name.
    """
    return PERFORMERS[name](work)


@performer
def crash_time_known(work: Work) -> Outcome:
    """From case.toml, where analyze puts what a dump says."""
    crashed = work.case.read().crashed
    if crashed is None:
        return Outcome("open", "neither a dump, nor a log with year and time zone, nor case.toml tells when it crashed")
    return Outcome("done", f"{datetime.fromtimestamp(crashed, UTC):%Y-%m-%d %H:%M:%S} UTC")


@performer
def evidence_secured(work: Work) -> Outcome:
    """The manifest has something that can tell of the crash."""
    taken = [item for item in work.evidence if item.state == "taken"]
    lost = [item for item in work.evidence if item.state in ("failed", "refused")]
    kinds = Counter(item.kind for item in taken)
    if not _WITNESSES & kinds.keys():
        return Outcome("open", f"{len(taken)} items, but neither a dump nor a kernel log among them")
    told = ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in kinds.most_common(8))
    amount = size(sum(item.size or 0 for item in taken))
    missing = f"; could not be taken: {', '.join(item.id for item in lost[:5])}" if lost else ""
    at = max((item.taken_at for item in taken if item.kind in _WITNESSES and item.taken_at is not None), default=None)
    return Outcome("done", f"{len(taken)} items, {amount}: {told}{missing}", at)


@performer
def hardware_looked_at(work: Work) -> Outcome:
    """Records of the hardware's watchers were read, whatever they say."""
    analysis = work.analysis
    looked = {item.kind for item in work.evidence if item.state == "taken"} & _HARDWARE
    errors = analysis.hardware_errors if analysis else ()
    looked |= {error.source for error in errors}
    if not looked:
        return Outcome("open", "no BMC log, no database of rasdaemon, no EDAC counters in the evidence")
    grave = [error for error in errors if error.severity in ("fatal", "uncorrected")]
    told = f"{len(grave)} grave: {grave[-1].text}" if grave else "none of them grave" if errors else "nothing recorded"
    return Outcome("done", f"looked at {', '.join(sorted(looked))}: {len(errors)} events, {told}")


@performer
def ready_for_the_next(work: Work) -> Outcome:
    """What doctor says, on the machine itself."""
    host, here = work.case.read().host, socket.gethostname()
    if not host or host.split(".")[0] != here.split(".")[0]:
        return Outcome("open", f"to be asked on {host or 'the machine'} itself, not on {here}")
    found = readiness(Root("/"))
    return Outcome("done" if found.ready else "failed", found.summary)


@performer
def evidence_whole(work: Work) -> Outcome:
    """Every file is what was taken."""
    check = check_case(work.case)
    if check.error is not None:
        return Outcome("open", check.error)
    wrong = {
        "missing": check.missing,
        "changed": check.changed,
        "not in the manifest": check.surplus,
        "unreadable": check.unreadable,
        "damaged lines of the manifest": tuple(map(str, check.damaged_lines)),
    }
    if check.good:
        return Outcome("done", f"{len(check.whole)} files are what was taken")
    return Outcome("failed", "; ".join(f"{what}: {', '.join(names[:5])}" for what, names in wrong.items() if names))


@performer
def dump_verified(work: Work) -> Outcome:
    """The dump's check is part of an analysis."""
    dump = work.analysis.dump if work.analysis else None
    if dump is None:
        return Outcome("skipped", "the case has no dump")
    return Outcome("done" if dump.verdict == "whole" else "failed", f"{dump.verdict}: {dump.summary}")


@performer
def symbols_found(work: Work) -> Outcome:
    """Names and types came from somewhere."""
    if work.analysis is None or work.analysis.dump is None:
        return Outcome("skipped", "the case has no dump")
    symbols = work.analysis.machine.symbols if work.analysis.machine else None
    if symbols is None or symbols.source == "none":
        return Outcome("failed", "the dump could not be opened, or nothing names its symbols")
    sources = {
        "dwarf": f"debuginfo of the same build: {symbols.vmlinux}",
        "btf": "names and types from the dump itself (BTF); debuginfo would add source lines",
        "kallsyms": "names from the dump itself; without types, fields are offsets",
    }
    return Outcome("done", sources.get(symbols.source, symbols.source))


@performer
def log_read(work: Work) -> Outcome:
    """A kernel log was read, with a crash in it or not."""
    if work.analysis is None or not work.analysis.logs:
        return Outcome("open", "no kernel log could be read")
    oopses, crash = work.analysis.oopses, work.analysis.crash
    if crash is None:
        return Outcome("done", f"{len(work.analysis.logs)} logs, and no crash in any of them")
    more = f", and {len(oopses) - 1} more reports" if len(oopses) > 1 else ""
    return Outcome("done", f"{crash.title} ({crash.path}:{crash.line}){more}")


@performer
def trace_read(work: Work) -> Outcome:
    """The first report that counts has a trace, or the dump has the stack of who crashed."""
    analysis = work.analysis
    oops = next((oops for oops in analysis.oopses if any(t.frames for t in oops.traces)), None) if analysis else None
    if oops is None:
        return Outcome("open", "no backtrace in the log")
    frames = sum(len(trace.frames) for trace in oops.traces)
    where = f", to blame: {oops.function}" if oops.function else ", the text names no function to blame"
    return Outcome("done", f"{frames} frames{where}{f' of {oops.module}' if oops.module else ''}")


@performer
def state_read(work: Work) -> Outcome:
    """The machine was read from a dump; sar's samples stand in for it as far as they go."""
    analysis = work.analysis
    if analysis is not None and analysis.machine is not None:
        tasks = len(analysis.machine.tasks or ())
        cpus = len(analysis.machine.cpus or ())
        source = "the dump" if analysis.machine.read_by is None else "the running kernel"
        return Outcome("done", f"{tasks} tasks on {cpus} CPUs read from {source}")
    if analysis is not None and analysis.samples:
        return Outcome("done", f"no dump; {len(analysis.samples)} samples of sar")
    if analysis is not None and analysis.dump is not None and analysis.errors:
        return Outcome("open", f"the dump is not read: {analysis.errors[0]}")
    return Outcome("open", "no dump that can be opened, and no samples of sar")


@performer
def change_correlated(work: Work) -> Outcome:
    """What the analysis says of changes, for a person to judge."""
    changed = work.analysis.changed if work.analysis else ()
    if not changed:
        return Outcome("open", "the evidence tells of no change; ask who runs the machine")
    return Outcome("open", "; ".join(answer.text for answer in changed[:3]))


@performer
def cause_named(work: Work) -> Outcome:
    """The verdict, for a person to accept."""
    verdict = work.analysis.verdict if work.analysis else None
    if verdict is None:
        return Outcome("open", "no verdict: nothing crashed, as far as the evidence shows")
    return Outcome("open", f"proposed, with confidence {verdict.confidence:.0%}: {verdict.summary}")


@performer
def case_resolved(work: Work) -> Outcome:
    """case.toml says so."""
    case = work.case.read()
    if case.status != "resolved":
        return Outcome("open", "the case is open")
    return Outcome("done", case.resolution, case.resolved)
