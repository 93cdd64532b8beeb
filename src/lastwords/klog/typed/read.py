"""Whether a text is a typed crash report, and its records in the kernel's spelling."""

import re
from collections.abc import Sequence

from msgspec import structs

from lastwords.model import Damage, Record

from .prose import of_a_document, sentence
from .respell import UNKNOWN, Respelt, respelt
from .words import PANIC

DAMAGE = Damage(
    kind="typed",
    text="The text looks typed by hand, or read off a picture: it was read leniently, and is shown in the kernel's spelling.",
)

LONGEST = 16 << 10
"""Bytes of a screen of text, and a few more."""
_MOST_LINES = 150
_MOST_HEADLINES = 4
"""Headlines of one crash: the fault, its `Oops:`, the panic, the end of it."""
_OTHERS = 2
"""Lines that need not be the crash's, however short its text is."""
_SENTENCES = 6
"""So many lines of a crash outweigh one sentence."""

# One of these is in every text that could pass; most texts of a directory have none of them.
_SPEAKS = re.compile(
    rb"panic|unable\W{1,6}to\W{1,6}(?:handle|mount)|lock\W?up|oops|protection\W{1,6}fault|invalid\W{1,6}opcode"
    rb"|divide\W{1,6}error|blocked\W{1,6}for|bug\W{1,6}at|out\W{1,6}of\W{1,6}memory|machine\W{1,6}check|detected\W{1,6}stall"
    rb"|null\W{1,6}pointer|root\W{1,6}device",
    re.IGNORECASE,
)
_FORMATS = frozenset(("text", "raw", "console", "dmesg"))
"""Dialects of text that no daemon wrote."""


def may_be_typed(data: bytes, form: str) -> bool:
    """A quick look at whether `typed()` is worth while.

    Args:
        data: the whole text.
        form: the dialect that it was taken for.
    """
    return len(data) <= LONGEST and form in _FORMATS and _SPEAKS.search(data) is not None


def typed(records: Sequence[Record]) -> list[Record] | None:
    """The records in the kernel's spelling; None where the text is no crash report that somebody typed.

    A text passes if it has a headline of a crash and hardly anything else: no line of a document or a program, no
    sentences, few lines that are no part of a report.
    """
    lines = [record for record in records if record.text.strip()]
    if not 0 < len(lines) <= _MOST_LINES or any(of_a_document(record.text) for record in lines):
        return None
    told = [(record, _told(record)) for record in lines]
    headlines = [line.text for _, line in told if line.part == "headline"]
    others = [
        record.text for record, line in told if line.part == "other" and line.time is None and record.time is None
    ]
    known = len(lines) - len(others)
    enough = len(others) <= _OTHERS + known // 2
    if not 0 < len(headlines) <= _MOST_HEADLINES or not enough or len(_causes(headlines)) > 1:
        return None
    if len(headlines) > 1 and known == len(headlines) and all(map(_bare, headlines)):
        return None  # a list of words to look for
    if sum(map(sentence, others)) * _SENTENCES > known:
        return None
    return [
        structs.replace(record, text=line.text, time=record.time if line.time is None else line.time)
        for record, line in told
    ]


def _bare(headline: str) -> bool:
    """Whether it says nothing of this one crash: no cause, no number."""
    return UNKNOWN in headline or not ("not syncing" in headline or any(map(str.isdigit, headline)))


def _causes(headlines: Sequence[str]) -> set[str]:
    """What the panics among these say: a kernel panics once, a list of messages has many."""
    told = {text.partition("not syncing: ")[2].removesuffix(" ]---") for text in headlines if PANIC in text}
    return told - {UNKNOWN}


def _told(record: Record) -> Respelt:
    quoted = record.time is None and record.text[:4].isspace()
    if not record.kernel:
        return Respelt(record.text, "other")
    line = respelt(record.text)
    # As in the strict reading: a text that talks about crashes sets them off.
    return Respelt(record.text, "other") if quoted and line.part == "headline" else line
