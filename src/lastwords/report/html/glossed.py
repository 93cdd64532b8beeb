"""Terms of the glossary, explained where the pointer rests on them, and all together at the end of the page."""

import re
from functools import cache

from markupsafe import Markup, escape

from lastwords.glossary.book import subjects
from lastwords.glossary.term import Term

from .shown import shown

_SUBJECTS = frozenset(
    (
        "lines",
        "faults",
        "hangs",
        "memory",
        "locks",
        "rcu",
        "panics",
        "registers",
        "settings",
        "dumps",
        "errors",
        "poison",
    )
)
_WORDS = frozenset(
    (
        "oops",
        "poison",
        "vmcore",
        "vmlinux",
        "lockdep",
        "kmemleak",
        "netconsole",
        "pstore",
        "crashkernel",
        "makedumpfile",
    )
)
"""Terms that look like plain words and are none."""
_KNOWN = frozenset(("PID", "CPU", "TASK"))
"""Terms that a reader of such a report knows."""
_SHORTEST = 3
_CODE = re.compile(r"`([^`]{1,200})`")


class Glossary:
    """The terms met on one page."""

    def __init__(self) -> None:
        self._met: dict[str, Term] = {}

    def mark(self, value: object) -> Markup:
        """The text with each term of the glossary marked where it stands first; what is in backticks is code."""
        parts = []
        done: set[str] = set()
        for number, part in enumerate(_CODE.split(str(shown(value)))):
            parts.append(Markup("<code>{}</code>").format(part) if number % 2 else self._marked(part, done))
        return Markup("").join(parts)

    def _marked(self, text: str, done: set[str]) -> Markup:
        parts: list[Markup] = []
        place = 0
        for match in _pattern().finditer(text):
            term = _terms()[match[0]]
            if term.name in done:
                continue
            done.add(term.name)
            self._met[term.name] = term
            parts += [escape(text[place : match.start()]), _abbreviated(match[0], term)]
            place = match.end()
        return Markup("").join([*parts, escape(text[place:])])

    @property
    def met(self) -> list[Term]:
        """The terms met so far, by name."""
        return [self._met[name] for name in sorted(self._met, key=str.casefold)]


def _abbreviated(text: str, term: Term) -> Markup:
    return Markup('<abbr title="{}">{}</abbr>').format(term.short, text)


@cache
def _terms() -> dict[str, Term]:
    """By each spelling that can't be taken for a plain word."""
    return {
        name: term
        for subject in reversed(subjects())
        if subject.name in _SUBJECTS
        for term in reversed(subject.terms)
        for name in (*term.aliases, term.name)
        if _special(name)
    }


def _special(name: str) -> bool:
    if name in _WORDS or name in _KNOWN:
        return name in _WORDS
    plain = name.isalpha() and name[1:].islower()
    return len(name) >= _SHORTEST and not plain and name[0].isalnum() and name[-1].isalnum() and not name.isdigit()


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_terms(), key=len, reverse=True)
    return re.compile(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, names))})(?![\w/-])")
