"""Headlines that a text only tells of: mails, manuals and forum posts quote the kernel's words on lines of their own.

A quoted report that has a trace, registers or a time stamp is as good as a log. A headline by itself, with sentences
around it, is talk.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, takewhile

from lastwords.model import Oops, Record

from .typed.prose import sentence

_LINES = 6
"""Lines with text before a headline, and as many behind its report, that tell what it stands in."""
_LOOKED_AT = 40
"""Lines among which these are looked for."""
_PROSE = 2
"""So many of them are sentences or marks of a document where it is a text."""
_EXCERPT = 5
"""Lines in a row without a sentence among them that are a piece of a log, and no quotation."""
_NEXT_TO = 2
"""Lines within which headlines stand in a list."""
_SHORT = 4
"""Where there are no more lines than these, one is enough."""

_FRAME = re.compile(r"[A-Za-z_][\w.]{0,127}\+0x[0-9a-f]{1,6}/0x[0-9a-f]")
_DOCUMENT = re.compile(
    r"\s{0,8}(?:```|~~~|#{1,6} [A-Z]|(?:From|To|Cc|Subject|Message-ID|In-Reply-To): \S"
    r"|(?:Fixes|Closes|Link|Signed-off-by|Reported-by|Reviewed-by|Acked-by|Tested-by): |On .{4,100} wrote:$|diff --git "
    r"|\|.{1,200}\|\s*$|</?(?:p|br|a|div|li|pre|code|td|h\d)\b|!\[.{0,100}\]\(|.{0,200}::$)"
)
# The kernel's own, around reports that may have no trace: init/do_mounts.c, arch/x86/kernel/nmi.c, kernel/panic.c.
_KERNELS = re.compile(
    r"\s{0,8}(?:Please append a correct|Uhhuh\. NMI received|Do you have a strange power|Dazed and confused|You (?:probably|may) have a hardware"
    r"|\"echo 0 >|.{0,80}Future hung task reports|Rebooting in |This is not a software problem|.{0,40}Run the above through"
    r"|No (?:working )?init found|The buggy address|Press .{0,40} to (?:continue|reboot))"
)


def said(records: Sequence[Record], found: Sequence[tuple[int, Oops]]) -> list[Oops]:
    """The oopses that a machine had, without those that a text only tells of.

    Args:
        records: the log, or a window of it.
        found: the position of each headline, and its oops.
    """
    listed = _listed(records, found)
    return [oops for start, oops in found if start not in listed and not _only_told(records, start, oops)]


def _listed(records: Sequence[Record], found: Sequence[tuple[int, Oops]]) -> set[int]:
    """Headlines that are words to look for: next to another one, with nothing of this one crash, not even a number."""
    listed: set[int] = set()
    for (start, oops), (following, other) in pairwise(found):
        near = following - start <= _NEXT_TO and oops.kind != other.kind
        if near and _bare(records[start], oops) and _bare(records[following], other):
            listed |= {start, following}
    return listed


def _bare(headline: Record, oops: Oops) -> bool:
    return not _shown(headline, oops) and not any(map(str.isdigit, headline.text))


def _only_told(records: Sequence[Record], start: int, oops: Oops) -> bool:
    """Whether an oops is no more than a headline in a text that people wrote.

    Args:
        records: the log, or a window of it.
        start: position of the oops's headline.
        oops: what was read of it.
    """
    if _shown(records[start], oops) or any(
        _FRAME.search(record.text) for record in records[start + 1 : start + _LINES]
    ):
        return False
    if _excerpt(records, start) >= _EXCERPT:
        return False
    around = [*_near(reversed(records[max(start - _LOOKED_AT, 0) : start])), *_near(_behind(records, start, oops))]
    if any(_stamped(record) for record in around):
        return False
    prose = sum(_prose(record.text) for record in around)
    return prose >= (_PROSE if len(around) > _SHORT else 1)


def _excerpt(records: Sequence[Record], start: int) -> int:
    """How many lines the block has in which the headline stands, up to an empty one, a sentence or a mark."""
    before = takewhile(_of_a_log, reversed(records[max(start - _EXCERPT, 0) : start]))
    behind = takewhile(_of_a_log, records[start : start + _EXCERPT])
    return sum(1 for _ in before) + sum(1 for _ in behind)


def _of_a_log(record: Record) -> bool:
    return bool(record.text.strip()) and not _prose(record.text)


def _stamped(record: Record) -> bool:
    return record.time is not None or record.level is not None or bool(record.wall)


def _shown(headline: Record, oops: Oops) -> bool:
    """Whether there is more than a headline: a stamp, a trace, registers, who it was, the panic because of it."""
    further = oops.panic is not None and oops.panic != oops.message
    traced = any(trace.frames for trace in oops.traces)
    return _stamped(headline) or traced or further or bool(oops.registers or oops.release or oops.hardware)


def _behind(records: Sequence[Record], start: int, oops: Oops) -> Iterator[Record]:
    return (record for record in records[start + 1 : start + _LOOKED_AT] if record.line > oops.last_line)


def _near(records: Iterable[Record]) -> list[Record]:
    found: list[Record] = []
    for looked_at, record in enumerate(records):
        if looked_at >= _LOOKED_AT or len(found) >= _LINES:
            break
        if record.text and not record.text.isspace():
            found.append(record)
    return found


def _prose(text: str) -> bool:
    if _KERNELS.match(text) is not None:
        return False
    return _DOCUMENT.match(text) is not None or sentence(text)
