"""The checklist that walks a case: steps from the package, what became of them from the case.

`checklist.toml` in the case is a log: one `[[entry]]` for each time that a step was done, failed or was left out. The
last one of a step counts; the others stay, as in any log that is to be believed later.
"""

import time
import tomllib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from lastwords.model import Case, CaseTimes, Checklist, Entry, Phase, Step, StepState, StepStatus

from .atomic import write_file
from .directory import CHECKLIST_TOML, CaseDirectory
from .errors import CaseError
from .evidence import manifest_of
from .toml_files import Value, change_toml, read_toml, when

_HEAD = b"# What became of each step: one [[entry]] each time, the last of a step counts. Yours to edit.\n"


class _Entry(msgspec.Struct):
    step: str
    state: StepState
    at: datetime
    who: str = ""
    note: str = ""
    by: Literal["person", "lastwords"] = "person"


class _ChecklistToml(msgspec.Struct):
    entry: list[_Entry] = []


@cache
def steps() -> tuple[Step, ...]:
    """All steps, in the order in which they are due."""
    text = files("lastwords.case").joinpath("checklist.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["step"], tuple[Step, ...])


def step_named(name: str) -> Step:
    """The step of this id, or the only one whose id begins so.

    Raises:
        CaseError: there is none, or more than one.
    """
    hits = [step for step in steps() if step.id == name] or [step for step in steps() if step.id.startswith(name)]
    if len(hits) == 1:
        return hits[0]
    known = ", ".join(step.id for step in (hits or steps()))
    raise CaseError(f"{name[:100]}: {'could be one of' if hits else 'no step; there are'} {known}")


def read_checklist(case: CaseDirectory) -> Checklist:
    """How a case stands; steps that do not apply to it come last in their phase.

    Raises:
        CaseError: `case.toml` or `checklist.toml` is damaged, or the manifest can't be read.
    """
    about = case.read()
    entries = read_entries(case)
    dumpless = _without_dump(case)
    statuses = [_status(step, tuple(entry for entry in entries if entry.step == step.id), dumpless) for step in steps()]
    phases = list(dict.fromkeys(status.step.phase for status in statuses))
    statuses.sort(key=lambda status: (phases.index(status.step.phase), not status.applies))
    return Checklist(case=about, steps=tuple(statuses), times=times(about, statuses))


def _status(step: Step, own: tuple[Entry, ...], dumpless: bool) -> StepStatus:
    by_person = bool(own) and own[-1].by == "person"
    if dumpless and step.needs == "dump" and not by_person:
        return StepStatus(step=step, state="skipped", applies=False, entries=own)
    return StepStatus(step=step, state=own[-1].state if own else "open", entries=own)


def _without_dump(case: CaseDirectory) -> bool:
    """Whether a case has evidence, but no dump."""
    taken = [item for item in manifest_of(case) if item.state == "taken"]
    return bool(taken) and not any(item.kind == "dump" for item in taken)


def read_entries(case: CaseDirectory) -> tuple[Entry, ...]:
    """What became of the steps, the oldest first; also of steps that this version does not know.

    Raises:
        CaseError: `checklist.toml` is damaged.
    """
    path = case.root / CHECKLIST_TOML
    if not path.exists():
        return ()
    try:
        found = msgspec.convert(read_toml(path), _ChecklistToml)
    except msgspec.ValidationError as error:
        raise CaseError(f"{path}: {error}") from error
    return tuple(
        Entry(step=e.step, state=e.state, at=e.at.timestamp(), who=e.who, note=e.note, by=e.by) for e in found.entry
    )


def record(case: CaseDirectory, entry: Entry) -> None:
    """Append what became of a step to `checklist.toml`.

    Raises:
        CaseError: somebody else is writing, or the file can't be written.
    """
    path = case.root / CHECKLIST_TOML
    keys: dict[str, Value] = {"step": entry.step, "state": entry.state, "at": when(entry.at), "who": entry.who}
    keys |= {"by": entry.by}
    if entry.note:
        keys["note"] = entry.note
    with case.writing():
        if not path.exists():
            write_file(path, _HEAD)
        change_toml(path, tables=[("entry", keys)])


def new_entry(
    step: str, state: StepState, who: str, note: str = "", by: Literal["person", "lastwords"] = "person"
) -> Entry:
    """An entry of now."""
    return Entry(step=step, state=state, at=time.time(), who=who, note=note, by=by)


def of_phase(checklist: Checklist, phase: Phase | None) -> Checklist:
    """Only the steps of one phase; all of them for None."""
    if phase is None:
        return checklist
    return msgspec.structs.replace(checklist, steps=tuple(s for s in checklist.steps if s.step.phase == phase))


def times(case: Case, statuses: list[StepStatus]) -> CaseTimes:
    """How long it took from the crash to each milestone: the first time that the step was done counts."""
    since = case.crashed if case.crashed is not None else case.created
    done = {
        status.step.id: next(entry.at for entry in status.entries if entry.state == "done")
        for status in statuses
        if status.state == "done"
    }

    def passed(at: float | None) -> float | None:
        return None if at is None else at - since

    return CaseTimes(
        since=since,
        since_crash=case.crashed is not None,
        evidence=passed(done.get("evidence-secured")),
        restore=passed(done.get("service-restored")),
        cause=passed(done.get("cause-named")),
        resolved=passed(case.resolved if case.status == "resolved" else None),
    )
