"""The way of one analysis: paths -> evidence -> what it says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lastwords import __version__
from lastwords.klog.inputs import Input, find
from lastwords.model import Analysis, Facts, Log, Machine, Oops, Verdict
from lastwords.vmcore.files import Files, sort_files
from lastwords.vmcore.session import DumpError

from .evidence import Holdings, holdings
from .folders import Folders
from .history import boots, crash_records, read_pasts
from .live_kernel import machine_in
from .maintainers import SourceTree, asked
from .vmcore import Debuginfo, Tell, Vmcore, read_vmcore

if TYPE_CHECKING:
    from lastwords.diagnosis import KnownIssue

Progress = Callable[[int], None]

_STDIN = "-"
_BINARY = "binary data, not a log; of a dump whose beginning is lost, lastwords salvage saves what is left"
_LIBRARY = Debuginfo()
_NOTHING = Holdings()


@dataclass(frozen=True)
class Material:
    """What the user has of a crash, sorted.

    Attributes:
        paths: as the user gave them, without standard input.
        files: dumps and what belongs to them.
        logs: all else, to be read as kernel logs.
        held: what else a case has: its evidence, and records of the past.
    """

    paths: tuple[str, ...]
    files: Files
    logs: tuple[Input, ...]
    held: Holdings = _NOTHING


def collect(paths: Sequence[str], tell: Tell | None = None) -> Material:
    """Look at what the paths name.

    Args:
        paths: logs, a dump, its vmlinux, in any order; directories with everything below them; a case's directory, for
            its evidence; `-` for standard input.
        tell: called with what is being looked through.

    Raises:
        CaseError: the evidence of a case can't be read.
    """
    held = holdings(paths)
    named = tuple(path for path in dict.fromkeys(held.paths) if path != _STDIN)
    folders = Folders(tell)
    files = sort_files(named, folders)
    taken = {path for dump in files.dumps for path in dump} | {*files.vmlinux, *files.modules}
    found = [source for source in find(held.paths, walk=folders) if source.path not in taken]
    logs = folders.within(found, held.paths)
    if not files.dumps:
        # What is named has its answer; in a directory it is the neighbour of a log, unless there is nothing else.
        programs = [path for path in named if path in taken]
        logs += [Input(path, error="an ELF program or module, not a log or dump") for path in programs]
        logs = logs or [Input(path, error="neither a log nor a dump in this directory") for path in named]
    logs += [Input(top, error=text) for top, text in folders.limits.items()]
    return Material(named, files, tuple(logs), held)


def analyze(
    paths: Sequence[str] | Material,
    *,
    boot: int | None = None,
    debuginfo: Debuginfo = _LIBRARY,
    known: Sequence["KnownIssue"] = (),
    tree: SourceTree | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
    say: Tell | None = None,
) -> Analysis:
    """Read what the paths name and say what died in it.

    Args:
        paths: as for `collect()`, or what it has returned.
        boot: only this boot of each log: from 1, or from the end with -1 for the last.
        debuginfo: where to look for it.
        known: issues that a team has met before.
        tree: the kernel's source, which says whose code the culprit is.
        progress: called with the bytes read of logs since its last call.
        tell: called with what is being done to a dump.
        say: called with a line that is no error, for the user to keep.

    Returns:
        The analysis. What can't be read is told in its `errors`; nothing in the data raises.
    """
    material = paths if isinstance(paths, Material) else collect(paths, tell)
    material = _with_one_dump(material, say)
    errors = list(material.held.errors)
    vmcore: Vmcore | None = None
    if material.files.dumps:
        try:
            vmcore = read_vmcore(material.paths, material.files, debuginfo, tell, say)
            errors += vmcore.errors
        except DumpError as error:
            errors.append(str(error))
    # All kinds of crashes, a tenth of a second; behind a dump it is loaded while that is read.
    from lastwords.klog.parallel import mistake
    from lastwords.klog.read import Reading, read
    from lastwords.klog.scan import steps

    sources = list(material.logs)
    if vmcore is not None and vmcore.log is not None:
        own = vmcore.check.dump.paths if vmcore.check.dump else material.files.dumps[0]
        sources = [vmcore.log, *_others(sources, own)]
    machine = (vmcore and vmcore.machine) or _live_machine(material.held.machines, errors)
    logs: list[Log] = []
    oopses: list[Oops] = []
    for source in sources:
        try:
            reading = read(source, boot=boot, progress=steps(progress))
        except Exception as failure:  # a mistake of ours costs one log, not the report
            reading = Reading(None, error=f"{source.path}: {mistake(failure)}")
        if reading.binary and not reading.oopses and source.path in (_STDIN, *material.paths):
            reading = Reading(None, error=f"{_shown(source.path)}: {_BINARY}")
        if twin := _twin(oopses, reading.oopses, vmcore is not None and source is not vmcore.log):
            if say is not None and not material.held.evidence:  # a case has all logs of its crash, of course
                say(f"{source.path} holds the same crash as {twin}: not told twice")
            continue
        if reading.log is not None:
            logs.append(reading.log)
            oopses += reading.oopses
        if reading.error is not None:
            errors.append(reading.error)
    check, evidence = vmcore.check if vmcore else None, material.held.evidence
    past = read_pasts(material.held.pasts)
    facts = Facts(
        oopses=tuple(oopses),
        logs=tuple(logs),
        machine=machine,
        dump=check,
        errors=(*errors, *past.problems),
        hardware_errors=tuple(past.errors),
        samples=tuple(past.samples),
        reboots=boots(past.reboots, crash_records(check, oopses, evidence), past.errors),
        evidence=evidence,
    )
    return _analysis(facts, known, tree, say)


def _live_machine(paths: Sequence[Path], errors: list[str]) -> Machine | None:
    """The kernel that was read while it hung, the last of several; where there is a dump, that knows better."""
    for path in reversed(paths):
        try:
            return machine_in(path)
        except (OSError, ValueError) as error:
            errors.append(f"{path}: {(isinstance(error, OSError) and error.strerror) or error}")
    return None


def _with_one_dump(material: Material, say: Tell | None) -> Material:
    """Of the dumps that a case holds, that of the newest crash; of what kdump began twice for it, the larger."""
    dumps, held = material.files.dumps, material.held
    if len(dumps) < 2 or not held.evidence:
        return material
    modified = {item.path: item.modified or 0.0 for item in held.evidence if item.path is not None}

    def rank(dump: tuple[str, ...]) -> tuple[float, int]:
        folder = Path(dump[0]).parent
        times = (time for path, time in modified.items() if folder.match(str(Path(path).parent)))
        return max(times, default=0.0), sum(Path(path).stat().st_size for path in dump)

    chosen = max(dumps, key=rank)
    if say is not None:
        others = ", ".join(dump[0] for dump in dumps if dump != chosen)
        say(f"of {len(dumps)} dumps, the newest crash's is read: {chosen[0]}; not read: {others[:500]}")
    return replace(material, files=replace(material.files, dumps=[chosen]))


def _analysis(facts: Facts, known: Sequence["KnownIssue"], tree: SourceTree | None, say: Tell | None) -> Analysis:
    """The facts together with what they come to."""
    from lastwords.diagnosis import diagnose

    diagnosis = diagnose(facts, known)
    if diagnosis is not None and tree is not None:
        diagnosis = msgspec.structs.replace(diagnosis, verdict=_owned(diagnosis.verdict, tree, say))
    told = msgspec.structs.asdict(diagnosis) if diagnosis is not None else {}
    return Analysis(version=__version__, **msgspec.structs.asdict(facts), **told)


def _owned(verdict: Verdict, tree: SourceTree, say: Tell | None) -> Verdict:
    """The verdict with the owner that the source tree names, if it does."""
    owner, why_not = asked(tree, verdict.culprit)
    if owner is None:
        if why_not and say is not None:
            say(why_not)
        return verdict
    return msgspec.structs.replace(verdict, culprit=msgspec.structs.replace(verdict.culprit, owner=owner))


def _others(sources: list[Input], dump: tuple[str, ...]) -> list[Input]:
    """The logs beside a dump: not files that hold no text at all, which a directory has beside it."""
    return [source for source in sources if source.error is None or source.path in dump]


def _twin(told: Sequence[Oops], found: Sequence[Oops], beside: bool) -> str | None:
    """The log that has told these crashes already, of a dump whose own log it is; None where one of them is new."""
    known = {(oops.title, oops.time): oops.path for oops in told}
    if not beside or not found or any((oops.title, oops.time) not in known for oops in found):
        return None
    return known[found[0].title, found[0].time]


def _shown(path: str) -> str:
    return "standard input" if path == _STDIN else path
