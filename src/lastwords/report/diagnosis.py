"""The diagnosis on a terminal: the verdict on the first screen, findings and next steps below the evidence."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lastwords.glossary import clock
from lastwords.model import Analysis, Answer, Culprit, Event, Fact, Finding, NextStep, Verdict

from .escape import printable
from .verdict import CLASSES, member, sureness

FINDINGS = 6
"""Findings shown in full, unless the user asks for all."""
EVIDENCE = 4
STEPS = 8


def culprit(told: Culprit) -> str | None:
    """The culprit in a line: function, module, source line, object and field; None where nothing is known of it."""
    parts = [f"{told.function}()"] if told.function else []
    parts += [f"{'of ' if parts else ''}module {told.module}"] if told.module else []
    parts += [f"at {told.file}:{told.line}" if told.line else f"in {told.file}"] if told.file else []
    if thing := member(told):
        parts.append(f"({thing})" if parts else thing)
    origin = {"in-tree": "in the kernel's tree", None: None}.get(told.origin, told.origin)
    text = " ".join(parts)
    return f"{text}, {origin}" if text and origin else text or None


def opening(analysis: Analysis) -> Iterator[RenderableType]:
    """The verdict."""
    told = analysis.verdict
    if told is None:
        return
    yield Text("Verdict", "bold")
    yield _indented(Text(printable(told.summary)))
    yield _verdict_table(told)
    yield Text()


_REASONS = {"for": "  because", "against": "  against"}
"""Labels of what speaks for and against a verdict: `for` beneath whom to ask would be misread."""


def _verdict_table(told: Verdict) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    sure = f", {sureness(told.confidence)} ({told.confidence:.0%})" if told.crash_class != "unknown" else ""
    table.add_row("  class", Text(f"{CLASSES[told.crash_class]}{sure}", "bold"))
    if (text := culprit(told.culprit)) is not None:
        table.add_row("  culprit", Text(printable(text), "bold"))
    if told.culprit.owner:
        table.add_row("  ask", printable(told.culprit.owner))
    for reason in told.reasons:
        label, told_so, rest = reason.partition(": ")
        known = told_so and label in _REASONS
        table.add_row(_REASONS[label] if known else "", Text(printable(rest if known else reason), "dim"))
    return table


def closing(analysis: Analysis, verbose: bool) -> Iterator[RenderableType]:
    """The answers to the three questions, the findings with their evidence, and what to do."""
    if analysis.verdict is None:
        return
    if analysis.timeline or analysis.panicked:
        yield from _section("What happened")
    yield from map(_indented, _timeline(analysis.timeline, verbose))
    yield from _answers("", analysis.panicked)
    yield from _answers("What it was doing", analysis.doing)
    yield from _answers("What changed", analysis.changed)
    yield from _findings(analysis.findings, verbose)
    yield from _next(analysis.next, verbose)
    for broken in analysis.broken:
        yield Text(f"The rule {broken.id} failed: {printable(broken.error)}", "yellow")


def _timeline(events: Sequence[Event], verbose: bool) -> Iterator[RenderableType]:
    styles = {"oops": "bold red", "panic": "red", "sign": "yellow", "dump": "dim"}
    shown = events if verbose else events[:12]
    if told := clock.caption(event.clock for event in shown):
        yield Text(told, "dim")
    timed = any(event.time is not None for event in shown)
    clocks = [clock.time_of_day(event.clock) if event.clock else "" for event in shown]
    width = max(map(len, clocks), default=0)
    for event, told in zip(shown, clocks, strict=True):
        time = f"{event.time:12.3f} s" if event.time is not None else ""
        line = f"  line {event.line}" if event.line else ""
        count = f"{event.count} x  " if event.count > 1 else ""
        row = Table.grid(padding=(0, 2, 0, 0))
        columns = [*((f"{time:14}",) if timed else ()), *((Text(f"{told:{width}}", "dim"),) if width else ())]
        text = Text.assemble(
            (f"{count}{printable(event.text)}", styles.get(event.kind, "")),
            (line, "dim"),
        )
        row.add_row(*columns, text)
        yield row
    if len(events) > len(shown):
        yield Text(f"{len(events) - len(shown)} more  (-v shows them)", "dim")


def _answers(title: str, answers: Sequence[Answer]) -> Iterator[RenderableType]:
    if not answers:
        return
    if title:
        yield from _section(title)
    for _topic, told in groupby(answers, key=lambda answer: answer.topic):
        yield _indented(Text(printable(" ".join(answer.text for answer in told))))


def _findings(findings: Sequence[Finding], verbose: bool) -> Iterator[RenderableType]:
    shown = [finding for finding in findings if verbose or finding.id != "kind"]
    shown = shown if verbose else shown[:FINDINGS]
    if not shown:
        return
    yield from _section("Findings")
    for finding in shown:
        yield _indented(
            Text.assemble(
                (printable(finding.title), "bold"), (f"  {sureness(finding.confidence)}", "dim"), f"  [{finding.id}]"
            )
        )
        if finding.text and finding.text != finding.title:
            yield _indented(Text(printable(finding.text)), 4)
        for fact in finding.evidence if verbose else finding.evidence[:EVIDENCE]:
            yield _indented(_hanging("-", Text(_fact(fact), "dim")), 4)
        if finding.contradicts:
            yield _indented(Text(f"speaks against: {', '.join(finding.contradicts)}", "yellow"), 4)
    left = len(findings) - len(shown)
    if left > 0 and not verbose:
        yield _indented(Text(f"{left} more  (-v shows them)", "dim"))


def _fact(fact: Fact) -> str:
    where = f"line {fact.line}: " if fact.line else f"{fact.address:#x}: " if fact.address is not None else ""
    return f"{where}{printable(fact.text)}"


def _next(steps: Sequence[NextStep], verbose: bool) -> Iterator[RenderableType]:
    titles = {"immediate": "Now, on the machine", "post-mortem": "Next steps"}
    for phase, told in groupby(steps, key=lambda step: step.phase):
        yield from _section(titles[phase])
        for number, step in enumerate(list(told)[: None if verbose else STEPS], 1):
            yield _indented(_hanging(f"{number}.", Text(printable(step.text))))
            if step.command:
                # Not broken: it is there to be copied.
                yield Text(f"     {printable(step.command)}", "cyan", no_wrap=True)


def _section(title: str) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold")


def _hanging(mark: str, body: Text) -> RenderableType:
    """An item of a list, whose further lines begin where its first one does."""
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_row(Text(mark, body.style), body)
    return row


def _indented(what: RenderableType, by: int = 2) -> RenderableType:
    return Padding(what, (0, 0, 0, by))
