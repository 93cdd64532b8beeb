"""Which function a report points at."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from lastwords.model import Frame

from ..catalogue import Kind
from ..decode.location import Location
from ..draft import Draft
from .never import entry, lock_primitive, never_to_blame, plain
from .stall import frames_of_stall, representative

_PAGE = 4096


class Culprit(NamedTuple):
    """A function to blame: its plain name, and its frame where it stands on a trace."""

    function: str
    frame: Frame | None = None


@lru_cache(maxsize=256)
def _extra(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def blameable(function: str, kind: Kind) -> bool:
    """Whether this function may be to blame in a crash of this kind."""
    return possible(function, kind) and not entry(function)


def at_fault(function: str, kind: Kind) -> bool:
    """Whether a function that the report itself names, outside a trace, may be to blame.

    The lock validator names where a lock was taken: any function but a primitive that takes locks for its callers.
    """
    if kind.family == "lockdep":
        return not lock_primitive(function) and not (kind.never and _extra(kind.never).fullmatch(function))
    return blameable(function, kind)


def possible(function: str, kind: Kind) -> bool:
    """The same, ways into the kernel included."""
    return not never_to_blame(function) and not (kind.never and _extra(kind.never).fullmatch(function))


def choose(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    """The function to blame, looked for where the kind's entry says, or None.

    Args:
        kind: the catalogue entry.
        draft: the report.
        groups: groups of the headline, `also` of the lines behind it.
    """
    for place in kind.where:
        culprit = _PLACES[place](kind, draft, groups, also)
        if culprit is not None:
            return culprit
    return None


def _from_group(kind: Kind, draft: Draft, function: str | None) -> Culprit | None:
    if not function:
        return None
    name = plain(function.partition("+")[0])
    return _found(draft, name) if name and at_fault(name, kind) else None


def _found(draft: Draft, name: str) -> Culprit:
    """A function and its frame, where it has one."""
    frame = next((f for t in draft.main_traces() for f in t.frames if plain(f.function) == name), None)
    return Culprit(name, frame or _frame_of_location(draft, name))


def _headline(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    function, module = groups.get("function"), groups.get("module")
    if function and kind.where == ("headline",):
        # The kernel itself has chosen, as KCSAN does: there is nothing better to find elsewhere.
        culprit: Culprit | None = _found(draft, plain(function.partition("+")[0]))
    else:
        culprit = _from_group(kind, draft, function)
    if culprit is not None and culprit.frame is None and module:
        return Culprit(culprit.function, Frame(culprit.function, 0, module=module))
    return culprit


def _also(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    return _where_named(_from_group(kind, draft, also.get("function")), also)


def _where_named(culprit: Culprit | None, groups: dict[str, str]) -> Culprit | None:
    """The culprit with the place that the line which names it tells, where no trace has it."""
    if culprit is None or culprit.frame is not None or not groups.get("module"):
        return culprit
    function, _, place = groups["function"].partition("+")
    offset, _, size = place.partition("/")
    return Culprit(culprit.function, Frame(function, 0, _number(offset), _number(size), groups["module"]))


def _number(text: str) -> int | None:
    return int(text, 16) if re.fullmatch(r"0x[0-9a-f]{1,8}", text) else None


def _instruction(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    location = draft.location
    if location is None or draft.registers.user:
        return None
    if location.offset == 0 and any("instruction fetch" in text for text in draft.error_lines):
        return _caller(kind, draft)
    if (linked := _by_link_register(kind, draft, location)) is not None:
        return linked
    culprit = _from_group(kind, draft, location.function)
    if culprit is None:
        return _caller_of_leaf(kind, draft, location) if location.function else _last_branch(kind, draft, location)
    return _at_pointer(draft, culprit)


def _by_link_register(kind: Kind, draft: Draft, location: Location) -> Culprit | None:
    """Who called NULL or data, by the link register: it still holds the return address, which no trace has.

    The kernel names data by the function before it, and tells by the offset that it is not in there. Not for a wild
    address, likewise.
    """
    link = draft.registers.link
    beyond = location.offset is not None and location.size is not None and location.offset >= location.size
    null = not location.function and location.address is not None and location.address < _PAGE
    if link is None or not (null or beyond):
        return None
    name = plain(link.function)
    if not name or (link.offset is not None and link.size is not None and link.offset >= link.size):
        return None
    if not blameable(name, kind):
        return None
    return Culprit(name, Frame(link.function, 0, link.offset, link.size, link.module or "", address=link.address))


def _caller_of_leaf(kind: Kind, draft: Draft, location: Location) -> Culprit | None:
    """Who called the machinery that faulted, by the link register.

    Unwinders go by frame records and miss the caller of a function that keeps none, such as `__raw_readb`. The register
    holds where that function will return to, unless it has made a call itself: then it points into the function.
    """
    link = draft.registers.link
    name = plain(link.function) if link is not None else ""
    if link is None or not name or name == plain(location.function) or not blameable(name, kind):
        return None
    frames = next((trace.frames for trace in draft.main_traces() if trace.frames), [])
    if not frames or any(plain(frame.function) == name for frame in frames):
        return None
    return Culprit(name, Frame(link.function, 0, link.offset, link.size, link.module or "", address=link.address))


def _last_branch(kind: Kind, draft: Draft, location: Location) -> Culprit | None:
    """Who jumped to where no code is: s390 remembers the last branch (`show_last_breaking_event()`)."""
    if location.address is None or location.address >= _PAGE:
        return None
    for trace in draft.traces:
        if trace.title.startswith("Last Breaking-Event-Address") and trace.frames:
            frame = trace.frames[0]
            return Culprit(plain(frame.function), frame) if blameable(plain(frame.function), kind) else None
    return None


def _at_pointer(draft: Draft, culprit: Culprit) -> Culprit:
    """The culprit at the instruction pointer: the trace may hold its function elsewhere, by a link register or a recursion."""
    here = _frame_of_location(draft, culprit.function)
    if here is None or here.offset is None or (culprit.frame is not None and culprit.frame.offset == here.offset):
        return culprit
    return Culprit(culprit.function, here)


def _caller(kind: Kind, draft: Draft) -> Culprit | None:
    """Who called what is data: the return address lies on top of the stack, though the unwinder can't vouch for it.

    Not for a wild address: that may be what a corrupted stack returned to.
    """
    frames = next((trace.frames for trace in draft.main_traces() if trace.frames), [])
    return next((Culprit(name, f) for f in frames[:4] if blameable(name := plain(f.function), kind)), None)


def _frame_of_location(draft: Draft, name: str) -> Frame | None:
    """The instruction pointer as a frame, where it stands in this function: x86 leaves it out of the trace."""
    location = draft.location
    if location is None or plain(location.function) != name:
        return None
    return Frame(location.function, 0, location.offset, location.size, location.module or "", address=location.address)


def in_trace(frames: Sequence[Frame], kind: Kind) -> Culprit | None:
    """The innermost reliable frame to blame; where there is none, the way into the kernel.

    Not an inlined one: only decoded logs show those, and a crash has the same title decoded or not.
    """
    last_resort = None
    for frame in frames:
        if not frame.reliable or frame.inline:
            continue
        name = plain(frame.function)
        if not possible(name, kind):
            continue
        if not entry(name):
            return Culprit(name, frame)
        if last_resort is None:
            last_resort = Culprit(name, frame)
    return last_resort


def _trace(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    if draft.foreign:
        return None  # Frames of two traces, and nothing that tells them apart.
    for trace in draft.main_traces():
        if any(frame.reliable for frame in trace.frames):
            culprit = in_trace(_callers(trace.frames, kind), kind)
            return None if culprit is not None and _behind_the_end(culprit, draft) else culprit
    return None


def _callers(frames: Sequence[Frame], kind: Kind) -> Sequence[Frame]:
    """The frames without those of the check that failed.

    Clang's first CFI (Android's kernels 4.14 to 5.15) gives up in `__cfi_check_fail()`, which does not return: its
    frame has the name of the function that happens to stand behind it.
    """
    return [frame for frame in frames if frame.offset != 0] if kind.name == "cfi" else frames


def _behind_the_end(culprit: Culprit, draft: Draft) -> bool:
    """Nothing returns to the start of a function: a call that never returns ended the one before, nameless here."""
    frame, location = culprit.frame, draft.location
    if frame is None or frame.offset != 0 or frame.size is None:
        return False
    return location is None or location.function != frame.function


def _origin(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    for trace in draft.traces:
        if trace.role == "owner":
            return in_trace(trace.frames, kind)
    return None


def _entry(kind: Kind, draft: Draft, groups: dict[str, str], also: dict[str, str]) -> Culprit | None:
    frames = frames_of_stall(draft, list(draft.main_traces()), rcu=kind.name == "rcu-stall")
    point = representative(frames)
    return Culprit(plain(point.function), point) if point is not None else in_trace(frames, kind)


_PLACES = {
    "headline": _headline,
    "instruction": _instruction,
    "also": _also,
    "trace": _trace,
    "entry": _entry,
    "origin": _origin,
}
