"""A case as text: for lists, and in full. Lines of plain text, not yet made safe for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from lastwords.glossary.units import duration, size
from lastwords.model import Analysis, Case, CaseCheck, CaseTimes, Checklist, Evidence

_MOST_ITEMS = 40


def when(seconds: float | None) -> str:
    """A point in time in UTC, to the second.

    Example:
        >>> when(1700000000.0)
        '2023-11-14 22:13:20 UTC'
    """
    if seconds is None:
        return "not known"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return "not known"


def case_rows(cases: Sequence[Case]) -> Iterator[str]:
    """One line a case: name, status, when, host, title."""
    width = max((len(case.id) for case in cases), default=0)
    hosts = max((len(case.host) for case in cases), default=0)
    for case in cases:
        date = when(case.crashed or case.created)[:16]
        yield f"{case.id:{width}}  {case.status:8}  {date}  {case.host:{hosts}}  {case.title}".rstrip()


def case_lines(
    case: Case, evidence: Sequence[Evidence], checklist: Checklist, analysis: Analysis | None, *, current: bool
) -> Iterator[str]:
    """All about one case, on a screen or two."""
    yield f"{case.id}: {case.title or 'without a title'}"
    end = f", {when(case.resolved)}: {case.resolution}" if case.status == "resolved" else ""
    yield f"  status     {case.status}{end}"
    yield f"  host       {case.host or 'not known'}"
    yield f"  crashed    {when(case.crashed)}"
    yield f"  created    {when(case.created)}"
    yield f"  where      {case.path}"
    yield from _verdict(analysis, case.path or case.id, current=current)
    yield from _evidence(evidence)
    done = sum(status.state in ("done", "skipped") for status in checklist.steps)
    next_one = next((status.step for status in checklist.steps if status.state in ("open", "failed")), None)
    following = f"; next: {next_one.title} ({next_one.id})" if next_one is not None else ""
    yield f"  checklist  {done} of {len(checklist.steps)} steps{following}"
    yield from (f"  {line}" for line in time_lines(checklist.times))
    for note in case.notes:
        yield f"  note       {when(note.at)} {note.who}: {note.text}"


def time_lines(times: CaseTimes) -> Iterator[str]:
    """How long it took, as far as it got; nothing where no milestone is behind."""
    spans = {
        "time to evidence": times.evidence,
        "time to restore": times.restore,
        "time to cause": times.cause,
        "time to close": times.resolved,
    }
    known = [f"{name} {_span(span)}" for name, span in spans.items() if span is not None]
    if known:
        yield f"times      {', '.join(known)}{'' if times.since_crash else ' (from when the case was made)'}"


def check_lines(check: CaseCheck) -> Iterator[str]:
    """Whether the evidence is what was taken."""
    if check.error is not None:
        yield f"{check.path}: {check.error}"
        return
    verdict = "whole" if check.good else "NOT whole"
    yield f"{check.path}: {verdict}: {len(check.whole)} files are what was taken"
    wrong = {
        "missing": check.missing,
        "changed": check.changed,
        "not listed": check.surplus,
        "unreadable": check.unreadable,
    }
    for word, names in wrong.items():
        yield from (f"  {word:10} {name}" for name in names)
    if check.damaged_lines:
        yield f"  damaged    line {', '.join(map(str, check.damaged_lines[:20]))} of manifest.jsonl"


def _verdict(analysis: Analysis | None, named: str, *, current: bool) -> Iterator[str]:
    if analysis is None:
        yield f"  verdict    not analysed yet: lastwords analyze {named}"
        return
    old = "" if current else " (older than the evidence: analyze again)"
    if analysis.verdict is not None:
        yield f"  verdict    {analysis.verdict.summary}{old}"
    else:
        found = analysis.crash.title if analysis.crash else "no crash in what could be read"
        yield f"  verdict    {found}{old}"


def _evidence(evidence: Sequence[Evidence]) -> Iterator[str]:
    taken = [item for item in evidence if item.state == "taken"]
    items = f"{len(taken)} item{'' if len(taken) == 1 else 's'}"
    yield f"  evidence   {items}, {size(sum(item.size or 0 for item in taken))}"
    if len(taken) > _MOST_ITEMS:
        kinds = Counter(item.kind for item in taken)
        yield from (f"    {kind:12} {count}" for kind, count in kinds.most_common())
    else:
        yield from _items(taken)
    for item in evidence:
        if item.state in ("failed", "refused", "skipped"):
            yield f"    {item.state:12} {item.id}: {item.note}"


def _items(taken: Iterable[Evidence]) -> Iterator[str]:
    for item in taken:
        yield f"    {item.kind:12} {size(item.size):>9}  {item.path}  from {item.origin}"


def _span(seconds: float) -> str:
    return duration(seconds) if seconds >= 0 else f"{duration(seconds)} (before the crash: look at the times)"
