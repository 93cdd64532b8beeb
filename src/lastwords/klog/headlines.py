"""Which records open a crash report: the catalogue's forms, matched against the lines that the sieve let through."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from lastwords.model import Record

from . import sieve
from .catalogue import KINDS, Form, Kind


@dataclass(frozen=True, slots=True)
class Headline:
    """A record that opens a report.

    Attributes:
        index: position in the list of records.
        kind: the catalogue entry, and `form` the wording of it that fits.
        groups: named groups of the form's pattern.
    """

    index: int
    kind: Kind
    form: Form
    groups: dict[str, str]


# The line that precedes a report has no words of its own, but at times shares a line with what follows it.
_CUT_HERE = re.compile(r"(?:.{0,80}?(?:-{4,}\[ cut here \]-{4,}|kasan: GPF could be caused by .*access))?\s*")


_FORMS = tuple((form.literal, form, kind) for kind in KINDS for form in kind.forms)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Made when a line first needs it: a log has few kinds of crash."""
    return re.compile(pattern)


@lru_cache(maxsize=4096)
def _forms(found: frozenset[int]) -> tuple[tuple[str, Form, Kind], ...]:
    """The forms that a text with these of the sieve's words can have, in the catalogue's order."""
    words = [sieve.words()[index] for index in found]
    return tuple(known for known in _FORMS if any(word in known[0] for word in words))


def headlines(records: Sequence[Record], candidates: Iterable[int]) -> list[Headline]:
    """The headlines among the candidates.

    Args:
        records: the log, or a window of it.
        candidates: positions of records that hold one of `catalogue.literals()`, in order.
    """
    found = []
    block = 0  # where the last report that is moved in ends
    stamps = any(record.time is not None or record.level is not None for record in records)
    for index in candidates:
        record = records[index]
        bare = record.time is None and record.level is None
        if bare and record.text[:4].isspace():
            if index >= block and not _reported(records, index):
                continue  # Quoted in a text that talks about it, such as a commit message.
            block = block if index < block else index + _BLOCK
        if record.kernel and (headline := _match(record.text, index)) is not None:
            if stamps and headline.kind.stamped and bare:
                continue
            found.append(headline)
    return found


_PARTS = (
    "CPU: ",
    "Pid: ",
    "RIP: ",
    "EIP: ",
    "Call Trace:",
    "Modules linked in:",
    "Oops: ",
    "Hardware name: ",
    "Code: ",
)
_BLOCK = 120
"""Lines of a report, up to the panic at its end."""
_NEAR = 40
"""Lines behind a headline in which the parts of its report stand."""
_COMMIT = re.compile(r"commit [0-9a-f]{40}\b")


def _reported(records: Sequence[Record], index: int) -> bool:
    """Whether a whole report follows a headline that is moved in: a block of code in a text, as in Markdown.

    Not so in `git log`, which moves everything in.
    """
    text = records[index].text
    margin = text[: len(text) - len(text.lstrip())]
    found: set[str] = set()
    for record in records[index + 1 : index + 1 + _NEAR]:
        line = record.text
        if line and not line.isspace() and not line.startswith(margin):
            break
        found.update(part for part in _PARTS if line.startswith(part, len(margin)))
    who = "CPU: " in found or "Pid: " in found
    return (
        who
        and len(found) >= len(("who", "where", "how"))
        and not any(_COMMIT.match(record.text) for record in records[max(index - 200, 0) : index])
    )


def names_event(text: str) -> bool:
    """Whether a message is the headline of a failure that the kernel survives: of hardware, storage, a file system."""
    headline = _match(text, 0)
    return headline is not None and (headline.kind.event or headline.kind.family == "hardware")


def _match(text: str, index: int) -> Headline | None:
    text = text[:1000]
    start = _CUT_HERE.match(text)
    begin = start.end() if start is not None else 0
    for literal, form, kind in _forms(sieve.words_in(text)):
        if literal in text and (match := _compiled(form.pattern).match(text, begin)) is not None:
            return Headline(index, kind, form, {k: v for k, v in match.groupdict().items() if v is not None})
    return None
