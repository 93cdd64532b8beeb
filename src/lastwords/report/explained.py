"""The glossary's answers -> text for a terminal, or JSON."""

import shutil
import textwrap
from collections.abc import Mapping, Sequence

import msgspec

from lastwords.glossary.term import Explanation, Subject

from .escape import printable

_WIDEST = 100
"""Columns of a paragraph: longer lines are hard to read."""


def text(answers: Mapping[str, Sequence[Explanation]]) -> str:
    """The answers, one paragraph each."""
    return "\n".join(_paragraph(explanation) for found in answers.values() for explanation in found)


def answers_json(answers: Mapping[str, Sequence[Explanation]]) -> str:
    """`{"question": [explanation, …]}`, an empty list where nothing is known."""
    return msgspec.json.encode(dict(answers)).decode() + "\n"


def subjects_json(subjects: Sequence[Subject]) -> str:
    """All subjects with their terms."""
    return msgspec.json.encode(subjects).decode() + "\n"


def all_subjects(subjects: Sequence[Subject]) -> str:
    """What one can ask for."""
    lines = [f"  {subject.name:<10} {subject.title} ({len(subject.terms)} terms)" for subject in subjects]
    return (
        "Subjects; `lastwords explain SUBJECT` lists one, `lastwords explain --list` all:\n\n"
        + "\n".join(lines)
        + "\n\nValues are decoded too: -12, 0x6b6b6b6b6b6b6b6b, 'Oops: 0002', 'Tainted: G W OE', taint 4609.\n"
    )


def one_subject(subject: Subject) -> str:
    """A subject's terms, one a line."""
    width = max(len(_short(term.name)) for term in subject.terms)
    lines = [f"  {_short(term.name):<{width}}  {term.short}" for term in subject.terms]
    return f"{subject.name}: {subject.title}\n\n" + "\n".join(lines) + "\n"


def all_terms(subjects: Sequence[Subject]) -> str:
    """All terms, one a line, for grep."""
    return "".join(f"{s.name}\t{term.name}\t{term.short}\n" for s in subjects for term in s.terms)


def _short(name: str) -> str:
    return name if len(name) <= 36 else name[:35] + "…"


def _paragraph(explanation: Explanation) -> str:
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST) - 2
    head = f"{printable(explanation.term)}: {explanation.short}"
    parts = [textwrap.fill(head, width, subsequent_indent="  ")]
    parts += [
        textwrap.fill(printable(reading), width, initial_indent="  = ", subsequent_indent="    ")
        for reading in explanation.reading
    ]
    if explanation.long:
        parts.append(textwrap.fill(explanation.long, width, initial_indent="  ", subsequent_indent="  "))
    foot = [f"source: {explanation.see}"] if explanation.see else []
    if explanation.related:
        foot.append("see also: " + ", ".join(explanation.related))
    parts += [textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    ") for line in foot]
    return "\n".join(parts) + "\n"
