"""The page, put together."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from msgspec import structs

from lastwords.glossary import clock, units
from lastwords.model import Analysis, Answer, Finding, NextStep, Oops
from lastwords.report import stack_rows, verdict, words
from lastwords.report.machine import dump_lines
from lastwords.report.oops_facts import facts

from . import recorded, state, timeline
from .anchors import Anchors
from .glossed import Glossary
from .shown import shown, styled

WIDE, NARROW = 960, 340
"""Widths of the time line: on a desk, on a phone."""
_OPEN = 12
"""Findings shown without being asked for."""
_FINDINGS = 80
_OOPSES = 60
_EVENTS = 80
_ANSWERS = 60
_STEPS = 40
_LOGS = 8
_LINES = 200
"""Lines of any other list."""


def render(analysis: Analysis) -> str:
    """The report of an analysis as one HTML document.

    Text from the log and the dump is escaped, characters that hide or reorder text are written out, and long lists are
    cut, with a word on what is left out: `--json` has everything.
    """
    style = _style()
    page = _environment().get_template("page.html")
    return page.render(style=style, style_hash=_hash(style), glossary=Glossary(), **_material(analysis))


@cache
def _environment() -> Environment:
    """The templates, compiled once."""
    environment = Environment(
        loader=PackageLoader("lastwords.report.html"),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "time_of_day": clock.time_of_day,
        "glossed": _glossed,
        "size": units.size,
        "duration": units.duration,
        "sure": verdict.sureness,
        "distance": verdict.distance,
        "percent": verdict.percent,
        "role": verdict.role,
        "by_topic": _by_topic,
    }
    return environment


@pass_context
def _glossed(context: Context, value: object) -> Markup:
    """Text with the terms of the glossary marked, in the page's own glossary."""
    glossary: Glossary = context["glossary"]
    return glossary.mark(value)


@cache
def _style() -> Markup:
    path = files(__package__).joinpath("templates", "style.css")
    return Markup(path.read_text(encoding="utf-8"))


def _hash(style: str) -> str:
    """What the page's content security policy calls this style sheet, so that no other one is applied."""
    return b64encode(sha256(style.encode()).digest()).decode()


def _material(analysis: Analysis) -> dict[str, Any]:
    """What the templates draw."""
    anchors = Anchors(analysis)
    first = analysis.crash
    machine = analysis.machine
    crash, moments = verdict.crash_time(analysis.timeline), verdict.moments(analysis.timeline)
    drawn = [structs.replace(event, time=moment) for event, moment in zip(analysis.timeline, moments, strict=True)]
    return {
        "analysis": analysis,
        "anchors": anchors,
        "first": first,
        "title": words.headline(analysis),
        "source": _source(analysis),
        "not_whole": words.dump_not_whole(analysis.dump),
        "facts": list(facts(first)) if first else [],
        "class_words": verdict.CLASSES[analysis.verdict.crash_class] if analysis.verdict else "",
        "confident": analysis.verdict is not None and verdict.sure(analysis.verdict),
        "culprit": list(verdict.culprit_facts(analysis.verdict.culprit)) if analysis.verdict else [],
        "steps": _steps(analysis.next),
        "findings": analysis.findings[:_FINDINGS],
        "open_findings": _OPEN,
        "titles": {finding.id: finding.title for finding in analysis.findings},
        "drawings": [
            ("wide", timeline.draw(drawn, WIDE)),
            ("narrow", timeline.draw(drawn, NARROW)),
        ]
        if analysis.timeline
        else [],
        "events": analysis.timeline[:_EVENTS],
        "moments": moments,
        "clocks": clock.caption(event.clock for event in analysis.timeline),
        "crash": crash,
        "kinds": verdict.KINDS,
        "answers_at_most": _ANSWERS,
        "stacks": stack_rows.dump_stacks(machine, first),
        "log_stacks": stack_rows.log_stacks(first) if first else [],
        "listing": stack_rows.listing(machine.code) if machine and machine.code else [],
        "code": stack_rows.code(first.code, first.at) if first and first.code else [],
        "blame_place": stack_rows.blame_place(machine.blame) if machine and machine.blame else "",
        "blame_steps": stack_rows.blame_rows(machine.blame) if machine and machine.blame else [],
        "cpus": state.cpu_rows(machine) if machine else ([], 0),
        "groups": state.groups(machine) if machine else ([], 0),
        "tables": state.tables(machine) if machine else [],
        "recorded": recorded.grids(analysis),
        "dump_lines": [styled(line) for line in dump_lines(analysis.dump, machine)] if analysis.dump else [],
        "oopses": _oopses(analysis.oopses, first),
        "logs": [log for log in analysis.logs if log.excerpt][:_LOGS],
        "log_numbers": {log.path: number for number, log in reversed(list(enumerate(analysis.logs)))},
        "cited": _cited(analysis, anchors),
        "reports": _reports(analysis.oopses),
        "at_most": _LINES,
    }


def _source(analysis: Analysis) -> list[str]:
    """Which machine, which kernel, when: the line above the title."""
    first = analysis.crash
    machine = analysis.machine
    release = (machine.release if machine else None) or (first.release if first else None)
    host = machine.hostname if machine and machine.hostname not in (None, "(none)") else None
    return [part for part in (host, release, words.moment(first) if first else None) if part]


def _by_topic(answers: Iterable[Answer]) -> list[tuple[str, list[Answer]]]:
    return [(topic, list(group)) for topic, group in groupby(answers, key=lambda answer: answer.topic)]


def _steps(steps: Sequence[NextStep]) -> list[tuple[str, str, list[NextStep]]]:
    """By phase: its name, when that is, and its steps."""
    phases = (
        ("immediate", "Now", "on the machine, before it goes back into service"),
        ("post-mortem", "Later", "from the evidence, anywhere"),
    )
    return [
        (name, when, [step for step in steps if step.phase == phase][:_STEPS])
        for phase, name, when in phases
        if any(step.phase == phase for step in steps)
    ]


def _oopses(oopses: Sequence[Oops], first: Oops | None) -> list[tuple[Oops, str, str]]:
    """All but the one that the page is about in a line each: the oops, its title, and what the two have to do."""
    if first is None:
        return []
    others = [oops for oops in oopses if oops is not first]
    return [(oops, words.title(oops), _relation(oops, first)) for oops in others[:_OOPSES]]


def _relation(oops: Oops, first: Oops) -> str:
    if oops.path != first.path:
        return "in another log"
    if oops.boot != first.boot:
        return f"in boot {oops.boot}"
    parts = []
    if (apart := words.apart(oops, first)) is not None:
        parts.append(apart)
    if oops.follows is not None:
        parts.append("perhaps a consequence")
    return ", ".join(parts)


def _cited(analysis: Analysis, anchors: Anchors) -> set[str | None]:
    """The ids of log lines that something on the page rests on."""
    found: list[Finding] = list(analysis.findings)
    evidence = [fact for finding in found for fact in finding.evidence]
    evidence += [
        fact
        for answers in (analysis.panicked, analysis.doing, analysis.changed)
        for answer in answers
        for fact in answer.evidence
    ]
    lines = {anchors.line(fact.path, fact.line) for fact in evidence}
    return lines | {anchors.line(event.path, event.line) for event in analysis.timeline}


def _reports(oopses: Sequence[Oops]) -> set[tuple[str, int]]:
    """Path and line of each oops's first line."""
    return {(oops.path, oops.line) for oops in oopses}
