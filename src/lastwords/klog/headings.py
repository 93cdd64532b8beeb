"""Lines that begin a trace, or end one: what the trace below them shows."""

import re
from typing import NamedTuple


class Heading(NamedTuple):
    """A line above a trace.

    Attributes:
        words: what the line's first word may be; a word that ends in `*` stands for all that begin so.
        pattern: matched at the start of the line, without the blanks before it.
        role: of the trace below, as in `TraceDraft.role`. Or `none`: no trace follows, the open one is over;
            `next-starved`, `next-other`: the role of the next trace that has a heading of its own; `code`: the
            instructions around the faulting one.
    """

    words: str
    pattern: re.Pattern[str]
    role: str


def _heading(words: str, pattern: str, role: str) -> Heading:
    return Heading(words, re.compile(pattern), role)


_LOCK_STATE = r"(?:SOFTIRQ|HARDIRQ|RECLAIM_FS|FS|INITIAL|IN)-?[\w-]*(?: USE| READ USE)? (?:at|state was registered at):"

HEADINGS = (
    # arch/*/kernel/{dumpstack,stacktrace,process,traps}.c
    _heading("Call", r"Call [Tt]race:", "main"),
    _heading("Backtrace: backtrace: backtrace stack Stack Trace:",
             r"(?:[Bb]acktrace(?: \(crc [0-9a-f]+\))?|stack backtrace|Stack trace|Trace):", "main"),
    _heading("Stack", r"Stack Trace:", "main"),
    _heading("Stack: Dump Showing", r"Stack: |Dump stacks of|Showing all locks held", "none"),
    _heading("Instruction Krnl", r"Instruction (?:dump|DUMP):|Krnl Code:", "code"),
    # arch/s390/kernel/dumpstack.c: show_last_breaking_event(): the last branch taken, no caller
    _heading("Last", r"Last Breaking-Event-Address:", "origin"),
    # mm/kasan/report.c; without "by task" until Linux 4.9
    _heading("Allocated Freed allocated freed", r"(?:Allocated|Freed|allocated|freed) by ?", "origin"),
    _heading("Allocated: Freed:", r"(?:Allocated|Freed):\s*$", "origin"),
    _heading("Last Second", r"(?:Last|Second to last) (?:potentially related work|call_rcu)", "origin"),
    # mm/kmsan/report.c
    _heading("Uninit Local chained origin:", r"Uninit was |Local variable |chained origin:|origin:", "origin"),
    # mm/page_owner.c, mm/page_alloc.c: who had the page
    _heading("page", r"page (?:last )?allocated via", "owner"),
    _heading("page", r"page (?:last free|freed via)", "origin"),
    # mm/slub.c: print_track()
    _heading("INFO: Allocated Freed", r"(?:INFO: )?(?:Allocated|Freed) in ", "origin"),
    # mm/kfence/report.c
    _heading("Out-of-bounds Use-after-free Invalid Corrupted",
             r"(?:Out-of-bounds|Use-after-free|Invalid|Corrupted) ?(?:read|write|free|memory)? (?:at|of) 0x", "main"),
    _heading("kfence-*", r"kfence-#?\S+", "origin"),
    # kernel/kcsan/report.c
    _heading("race read write read-write assert",
             r"(?:race at unknown origin, with )?(?:read|write|read-write|assert no (?:writes|accesses))"
             r"(?: \((?:marked|reordered)[^)]*\))? to 0x\S+ of \d+ bytes by ", "main"),
    # kernel/locking/lockdep.c: where the locks of the chain were taken, and how they got their state
    _heading("...", r"\.\.\. which became \w+-irq-safe at", "owner"),
    _heading("... to", r"\.\.\. which became|to a \w+-irq-unsafe lock", "origin"),
    _heading("-> the", r"-> #\d+ \(|the existing dependency chain", "origin"),
    _heading("{*", r"\{[A-Z -]+\} state was registered at:", "origin"),
    _heading("...", rf"\.\.\. (?:acquired|key) +at:|\.\.\. {_LOCK_STATE}", "origin"),
    _heading("HARDIRQ* SOFTIRQ* INITIAL* IN-* FS-* RECLAIM_FS*", _LOCK_STATE, "origin"),
    _heading("hardirqs softirqs irq", r"(?:hardirqs|softirqs) last +(?:enabled|disabled) at|irq event stamp", "none"),
    _heading("preempt Preemption", r"(?:preempt|Preemption) disabled at:?", "origin"),
    # kernel/rcu/tree_stall.h
    _heading("rcu: RCU", r"(?:rcu: )?(?:\w+ kthread|RCU grace-period kthread) stack dump", "next-starved"),
    _heading("rcu: Stack", r"(?:rcu: )?Stack dump where RCU", "next-other"),
)  # fmt: skip


def _by_word() -> tuple[dict[str, tuple[Heading, ...]], tuple[tuple[str, tuple[Heading, ...]], ...]]:
    """The table by first word, and by the beginnings of first words."""
    words: dict[str, tuple[Heading, ...]] = {}
    for heading in HEADINGS:
        for word in heading.words.split():
            words[word] = (*words.get(word, ()), heading)
    beginnings = tuple((word[:-1], words.pop(word)) for word in list(words) if word.endswith("*"))
    return words, beginnings


_WORDS, _BEGINNINGS = _by_word()
_FIRST_LETTERS = frozenset(beginning[0] for beginning, _ in _BEGINNINGS)


def heading(text: str, word: str) -> tuple[Heading, str] | None:
    """The heading that a line is, and what follows it on the line; None for other lines.

    Args:
        text: the line, without the blanks before it.
        word: its first word.
    """
    entries = _WORDS.get(word)
    if entries is None:
        if word[0] not in _FIRST_LETTERS:
            return None
        entries = next((found for beginning, found in _BEGINNINGS if word.startswith(beginning)), ())
    for entry in entries:
        match = entry.pattern.match(text)
        if match is not None:
            return entry, text[match.end() :]
    return None
