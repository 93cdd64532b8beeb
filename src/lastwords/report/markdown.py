"""The report in Markdown, for an issue tracker or a mail: what matters, in under 300 lines."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lastwords.glossary import clock
from lastwords.model import Analysis, Answer, Event, Fact, Finding, Machine, NextStep, Oops, Verdict

from . import words
from .markdown_text import block, prose, quoted
from .oops_facts import facts
from .stack_rows import Row, Stack, blame_rows, code, dump_stacks, listing, log_stacks
from .verdict import CLASSES, KINDS, crash_time, culprit_facts, distance, moments, percent, sure, sureness

EVENTS = 20
ANSWERS = 20
FINDINGS = 10
EVIDENCE = 5
FRAMES = 40
STEPS = 16
OOPSES = 10
"""Lines of each kind at most."""
_AROUND = 8
"""Instructions before the one that faulted, and half as many behind it."""
_SUMMARY = 2000
"""Characters of the verdict, which is the one paragraph that everybody reads."""
_REASONS = 10
_READ = 20
_FEW = 6


def render(analysis: Analysis) -> str:
    """The report of an analysis in Markdown.

    Words from the log and the dump can't make links, mentions, pictures or HTML of themselves.
    """
    parts = (
        _top(analysis),
        _happened(analysis),
        _answers("What it was doing", analysis.doing),
        _answers("What changed", analysis.changed),
        _findings(analysis),
        _trace(analysis),
        _others(analysis),
        _next(analysis.next),
        _missing(analysis),
    )
    lines = [line for part in parts for line in part]
    return "\n".join([*lines, "---", "", f"Made by lastwords {prose(analysis.version)}.", ""])


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A section, if it has lines."""
    lines = list(lines)
    if lines:
        yield from (f"## {title}", "", *lines, "")


def _more(number: int, what: str) -> Iterator[str]:
    if number > 0:
        yield f"- {number:,} more {what}"


def _top(analysis: Analysis) -> Iterator[str]:
    first = analysis.crash
    title = words.headline(analysis)
    yield from (f"# {quoted(title) if first else title}", "")
    if (text := words.dump_not_whole(analysis.dump)) is not None:
        yield from (f"**{prose(text)}**", "")
    if analysis.verdict is not None:
        yield from _verdict(analysis.verdict)
        if first is None:
            yield ""
    elif first is None:
        yield from ("What was read holds no report of a crash. That does not mean that there was none.", "")
        yield from (f"- {quoted(log.path)}: {log.lines:,} lines, {prose(log.format)}" for log in analysis.logs[:_READ])
        yield ""
    if first is not None:
        yield from (f"- {name}: {_value(name, value)}" for name, value in facts(first) if _wanted(name, analysis))
        yield ""
    for error in analysis.errors[:_FEW]:
        yield f"- not read: {prose(error)}"
    if analysis.errors:
        yield ""


# What the verdict has said already, and what interests only where nothing else is known.
_SAID = frozenset(("function", "text"))


def _wanted(name: str, analysis: Analysis) -> bool:
    return analysis.verdict is None or name not in _SAID


_CODE = frozenset(("function", "message", "instruction", "panic", "stood at", "way in", "kernel", "hardware"))


def _value(name: str, value: str) -> str:
    return quoted(value) if name in _CODE else prose(value)


def _verdict(told: Verdict) -> Iterator[str]:
    confident = f" ({sureness(told.confidence)}, {percent(told.confidence)})" if sure(told) else ""
    yield from (f"**{CLASSES[told.crash_class].capitalize()}**{confident}", "", prose(told.summary, _SUMMARY), "")
    for name, value in culprit_facts(told.culprit):
        yield f"- {name}: {prose(value) if name in ('origin', 'ask') else quoted(value)}"
    yield from (f"- {prose(reason)}" for reason in told.reasons[:_REASONS])


def _happened(analysis: Analysis) -> Iterator[str]:
    crash = crash_time(analysis.timeline)
    told = list(zip(analysis.timeline, moments(analysis.timeline), strict=True))
    caption = clock.caption(event.clock for event in analysis.timeline)
    lines = [f"{caption}.", ""] if caption else []
    lines += [_event(event, moment, crash) for event, moment in told[:EVENTS]]
    lines += _more(len(analysis.timeline) - EVENTS, "events")
    panicked = list(_answered(analysis.panicked))
    yield from _section("What happened", [*lines, *([""] if lines and panicked else []), *panicked])


def _event(event: Event, moment: float | None, crash: float | None) -> str:
    when = "" if event.time is None else f"{event.time:.6f} "
    when += f"{clock.time_of_day(event.clock)} " if event.clock else ""
    if moment is not None and crash is not None and moment != crash:
        when += f"({'−' if moment < crash else '+'}{distance(abs(moment - crash))}) "
    count = f", {event.count:,} times" if event.count > 1 else ""
    line = f" (line {event.line})" if event.line else ""
    return f"- {when}{KINDS[event.kind]}: {quoted(event.text)}{count}{line}"


def _answers(title: str, answers: Sequence[Answer]) -> Iterator[str]:
    yield from _section(title, _answered(answers))


def _answered(answers: Sequence[Answer]) -> Iterator[str]:
    """One item a topic."""
    for topic, told in groupby(answers[:ANSWERS], key=lambda answer: answer.topic):
        begin = f"{prose(topic)}: " if topic else ""
        yield f"- {begin}{' '.join(prose(answer.text) + _places(answer.evidence) for answer in told)}"
    yield from _more(len(answers) - ANSWERS, "lines")


def _places(evidence: Iterable[Fact]) -> str:
    places = [place for fact in evidence if (place := _place(fact))][:_FEW]
    return f" ({', '.join(places)})" if places else ""


def _place(fact: Fact) -> str:
    line = f"line {fact.line}" if fact.line is not None else ""
    address = f"`{fact.address:#x}`" if fact.address is not None else ""
    return ", ".join(filter(None, (line, address)))


def _findings(analysis: Analysis) -> Iterator[str]:
    titles = {finding.id: finding.title for finding in analysis.findings}
    lines = [line for finding in analysis.findings[:FINDINGS] for line in _finding(finding, titles)]
    lines += _more(len(analysis.findings) - FINDINGS, "findings")
    yield from _section("Findings", lines)


def _finding(finding: Finding, titles: dict[str, str]) -> Iterator[str]:
    confident = f"{sureness(finding.confidence)}, {percent(finding.confidence)}"
    yield f"- **{prose(finding.title)}** ({confident}; {quoted(finding.id)})"
    if finding.text and finding.text != finding.title:
        yield f"  {prose(finding.text)}"
    for fact in finding.evidence[:EVIDENCE]:
        place = _place(fact)
        yield f"  - {quoted(fact.text) if fact.quote else prose(fact.text)}{f' ({place})' if place else ''}"
    if len(finding.evidence) > EVIDENCE:
        yield f"  - {len(finding.evidence) - EVIDENCE:,} more"
    for other in finding.contradicts[:_FEW]:
        yield f"  - can't hold together with: {prose(titles.get(other, other))}"


def _trace(analysis: Analysis) -> Iterator[str]:
    first = analysis.crash
    machine = analysis.machine
    stacks = dump_stacks(machine, first)[:1] or (log_stacks(first)[:1] if first else [])
    lines: list[str] = []
    for stack in stacks:
        lines += [f"{prose(stack.title)}:", "", *block(_frames(stack)), ""]
    lines += _code(first, machine)
    if machine is not None and machine.blame is not None:
        lines += ["Where the bad pointer came from:", "", f"- {prose(machine.blame.text)}"]
        for step in blame_rows(machine.blame)[:_FEW]:
            checked = "" if step.checked else " (not checked against the dump)"
            lines.append(f"- {quoted(step.function)}: {prose(step.text)}{checked}")
        lines += [f"- {prose(sentence)}" for sentence in machine.blame.memory[:_FEW]]
        lines += [f"- or else: {prose(other)}" for other in machine.blame.alternatives[:_FEW]]
    yield from _section("Trace", lines[:-1] if lines and not lines[-1] else lines)


def _frames(stack: Stack) -> Iterator[str]:
    for row in stack.rows[:FRAMES]:
        yield _frame(row)
    left = len(stack.rows) - FRAMES
    if left > 0 or stack.left_out:
        yield f"  … {max(left, 0) + stack.left_out} more frames"
    if stack.problem:
        yield f"  {stack.problem}"


def _frame(row: Row) -> str:
    mark = "> " if row.mark == "fault" else "? " if row.mark == "doubt" else "  "
    times = f"  {row.times} times: it calls itself" if row.times > 1 else ""
    note = f"  ({row.note})" if row.note and row.mark != "doubt" else ""
    return f"{mark}{row.function}{row.where}{f'  {row.source}' if row.source else ''}{note}{times}"


def _code(first: Oops | None, machine: Machine | None) -> Iterator[str]:
    if machine is not None and machine.code is not None:
        rows = listing(machine.code)
    else:
        rows = code(first.code, first.at) if first is not None and first.code is not None else []
    if not rows:
        return
    place = next((number for number, row in enumerate(rows) if row.marked), 0)
    shown = rows[max(place - _AROUND, 0) : place + _AROUND // 2 + 1]
    lines = (f"{'>' if row.marked else ' '} {row.offset:>6}  {row.text}  {row.source}" for row in shown)
    yield from ("Code:", "", *block(lines), "")


def _others(analysis: Analysis) -> Iterator[str]:
    oopses, first = analysis.oopses, analysis.crash
    place = oopses.index(first) if first is not None else 0
    for title, others in (("Reported before", oopses[:place][::-1]), ("And then", oopses[place + 1 :])):
        lines = [f"- {quoted(words.title(oops))} (line {oops.line})" for oops in others[:OOPSES]]
        yield from _section(title, [*lines, *_more(len(others) - OOPSES, "oopses")])


def _next(steps: Sequence[NextStep]) -> Iterator[str]:
    lines: list[str] = []
    for phase, title in (("immediate", "Now, on the machine:"), ("post-mortem", "Later, anywhere:")):
        told = [step for step in steps if step.phase == phase]
        if told:
            lines += [*([""] if lines else []), title, "", *(_step(step) for step in told[:STEPS])]
            lines += _more(len(told) - STEPS, "steps")
    yield from _section("Next steps", lines)


def _step(step: NextStep) -> str:
    command = f": {quoted(step.command)}" if step.command else ""
    return f"- [ ] {prose(step.text.rstrip('.') if command else step.text)}{command}"


def _missing(analysis: Analysis) -> Iterator[str]:
    gaps = [gap for log in analysis.logs[:_FEW] for gap in log.gaps]
    lines = [f"- {prose(gap.text)} {prose(gap.advice)}" for gap in gaps[:_FEW]]
    lines += [f"- the rule {quoted(rule.id)} failed: {prose(rule.error)}" for rule in analysis.broken[:_FEW]]
    if analysis.dump is not None and analysis.dump.verdict != "whole":
        lines.append(f"- the dump is {prose(analysis.dump.verdict)}: {prose(analysis.dump.summary)}")
    yield from _section("What is missing", lines)
