"""Whether a report's text can be trusted: cut off, interleaved, with messages lost, without a usable trace."""

from collections.abc import Sequence

from lastwords.model import Damage, Record

from .catalogue import Kind
from .culprit.choose import possible
from .culprit.never import entry, plain
from .draft import Draft
from .sieve import RESTARTS


def assess(
    kind: Kind,
    draft: Draft,
    own: Sequence[Record],
    *,
    named: bool,
    overlap: bool,
    interrupted: bool,
    headless: bool = False,
) -> tuple[Damage, ...]:
    """What is wrong with the text of a report; empty where it is intact.

    Args:
        kind: the catalogue entry.
        draft: the report as read.
        own: the records that it was read from.
        named: a function to blame was found, or its title needs none.
        overlap: its trace goes on behind the headline of another report.
        interrupted: another report began before this one was over.
        headless: its headline is gone.
    """
    found = [*_dropped(own), *_restarted(draft, own), *_interleaved(kind, draft, overlap, interrupted)]
    if headless:
        found.append(Damage(kind="cut-off", text="Its beginning is missing."))
    elif kind.trace == "needed":
        found += _trace(kind, draft, own)
    if not named and not found:
        found.append(Damage(kind="cut-off", text="Nothing in the report tells which function is to blame."))
    return tuple(found)


def _trace(kind: Kind, draft: Draft, own: Sequence[Record]) -> list[Damage]:
    """A missing trace, or one that says nothing."""
    frames = [frame for trace in draft.main_traces() for frame in trace.frames]
    if not frames:
        return [Damage(kind="no-trace", text="The report breaks off before its call trace.")]
    if not any(frame.reliable for frame in frames):
        return [
            Damage(
                kind="unreliable-trace",
                text="Every frame of the call trace is marked '?': addresses found on the stack, not a chain of calls.",
                line=frames[0].line,
            )
        ]
    if not any(frame.reliable and possible(plain(frame.function), kind) for frame in frames):
        return [
            Damage(
                kind="cut-off",
                text="The call trace breaks off inside the kernel's own reporting code.",
                line=frames[-1].line,
            )
        ]
    if (
        "entry" in kind.where
        and draft.open_trace is not None
        and draft.last_line == own[-1].line
        and not complete(draft, last=1)
    ):
        return [
            Damage(
                kind="cut-off",
                text="The log ends inside the call trace, of which the outer end names the crash.",
                line=draft.last_line,
            )
        ]
    return []


def complete(draft: Draft, last: int = 8) -> bool:
    """Whether the last trace goes down to where the kernel was entered, which its last frames tell."""
    frames = draft.traces[-1].frames if draft.traces else []
    return any(entry(plain(frame.function)) for frame in frames[-last:] if frame.reliable)


def _dropped(own: Sequence[Record]) -> list[Damage]:
    """Messages that printk lost inside the report."""
    lost = sum(record.dropped for record in own)
    if not lost:
        return []
    first = next(record.line for record in own if record.dropped)
    return [Damage(kind="dropped", text=f"printk lost {lost} messages inside this report.", line=first)]


def _restarted(draft: Draft, own: Sequence[Record]) -> list[Damage]:
    """A restart in the middle of one of the report's lines."""
    last = own[-1] if own else None
    if last is None or last.line != draft.last_line or not any(words in last.text for words in RESTARTS):
        return []
    return [Damage(kind="cut-off", text="The machine restarted in the middle of this line.", line=last.line)]


def _interleaved(kind: Kind, draft: Draft, overlap: bool, interrupted: bool) -> list[Damage]:
    """Another report's lines among this one's."""
    if draft.foreign or overlap:
        return [Damage(kind="interleaved", text="Lines of another report stand between the lines of this one.")]
    if kind.family == "sanitizer" and interrupted and draft.release is None:
        return [Damage(kind="interleaved", text="Another report begins before this one is over.")]
    return []
