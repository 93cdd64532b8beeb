"""Walking the checklist: run what can be run, and keep what came of it."""

from collections.abc import Callable, Iterable

import msgspec

from lastwords.model import Analysis, Step, StepStatus

from .checklist import new_entry, read_checklist, record
from .directory import CaseDirectory, whoami
from .errors import CaseError
from .evidence import manifest_of
from .steps import Outcome, Work, perform

Analyst = Callable[[CaseDirectory], Analysis]
"""Makes a new analysis of a case and keeps it there."""

_NEEDS_NO_ANALYSIS = frozenset(
    {"crash_time_known", "evidence_secured", "ready_for_the_next", "evidence_whole", "case_resolved"}
)


def run_steps(
    case: CaseDirectory, steps: Iterable[StepStatus], analyst: Analyst, tell: Callable[[str], None] | None = None
) -> list[tuple[Step, Outcome]]:
    """Run the functions of the steps, and enter in the case what is news.

    A step that a person has done or left out is not asked again. One that only a person can decide gets no entry: what
    is proposed is in the outcome.

    Args:
        case: is written to.
        steps: as they stand.
        analyst: called once, where a step needs an analysis and there is none that is newer than the evidence.
        tell: called with the title of each step.

    Raises:
        CaseError: the case can't be read or written.
    """
    outcomes: list[tuple[Step, Outcome]] = []
    evidence = manifest_of(case)
    analysis: Analysis | None = None
    for status in steps:
        step = status.step
        if step.run is None or _decided(status):
            continue
        if tell is not None:
            tell(step.title)
        if step.run not in _NEEDS_NO_ANALYSIS and analysis is None and evidence:
            analysis = (case.analysis() if case.analysis_is_current() else None) or analyst(case)
        try:
            outcome = perform(step.run, Work(case, evidence, analysis))
        except CaseError:
            raise
        except Exception as failure:  # a mistake of ours costs one step
            outcome = Outcome("open", f"could not be run: {type(failure).__name__}: {failure}")
        outcomes.append((step, outcome))
        if not step.confirm and _is_news(status, outcome):
            entry = new_entry(step.id, outcome.state, whoami(), outcome.note, "lastwords")
            record(case, msgspec.structs.replace(entry, at=outcome.at or entry.at))
    return outcomes


def mark(case: CaseDirectory, step: Step, outcome: Outcome) -> None:
    """Enter what a person says of a step.

    Raises:
        CaseError: the case can't be written to.
    """
    read_checklist(case)  # a damaged file is told of before it is written to
    record(case, new_entry(step.id, outcome.state, whoami(), outcome.note))


def _decided(status: StepStatus) -> bool:
    return bool(status.entries) and status.entries[-1].by == "person" and status.state in ("done", "skipped")


def _is_news(status: StepStatus, outcome: Outcome) -> bool:
    if not status.entries:
        return outcome.state != "open"
    last = status.entries[-1]
    return (last.state, last.note) != (outcome.state, outcome.note)
