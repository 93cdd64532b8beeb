"""Records in, oopses out: which headlines make one report, and where each report ends."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from lastwords.model import Oops, Record

from . import remains
from .headlines import Headline, headlines
from .hearsay import said
from .report import HEADER, PANIC, Report
from .sieve import RESTARTS
from .voices import Voices

MAX_REPORT = 4000
"""Lines of one report at the most: the longest lockdep and all-CPU backtraces stay below."""
_ON_PURPOSE = frozenset({"sysrq-crash"})
"""Kinds of panics that somebody asks for: whatever was reported before is not what the kernel gave up over."""
_LIVE = 400
"""Own lines after which a panic is no longer the end of the report before it."""
_MIDST = 120
"""Own lines within which a device's or file system's message stands amid a report rather than behind it."""
_PRINTING = 2.0
"""Seconds that a kernel takes to print a report."""
_DATA = {"storage", "filesystem"}
"""Families in which one failure makes the other."""
_DETAIL = 100
"""Lines behind an event in which its details, or the panic because of it, may stand."""


def find_oopses(records: Sequence[Record], candidates: Iterable[int]) -> list[Oops]:
    """All oopses in a log, or in a window of one.

    Args:
        records: in the order of the file.
        candidates: positions of the records that hold a literal of the catalogue.
    """
    candidates = list(candidates)
    restarts = [i for i in candidates if any(words in records[i].text for words in RESTARTS)]
    reports = _reports(records, headlines(records, candidates), restarts)
    found = [(report.start, oops) for report in reports if (oops := report.oops()) is not None]
    return said(records, found)


def _reports(records: Sequence[Record], found: Sequence[Headline], restarts: Sequence[int]) -> list[Report]:
    """Headlines that belong together, each group with the records up to the next, or to the next restart."""
    voices = Voices(records)
    reports: list[Report] = []
    live: dict[str, Report] = {}
    incident: Report | None = None
    floor = 0  # of what may be left of a report without a headline
    for headline in found:
        if headline.kind.behind and not headline.kind.part:
            # Every whole report has such lines too.
            if headline.index < floor or (rest := remains.told(records, headline)) is None:
                continue
            headline = rest
        record = records[headline.index]
        current = live.get(record.caller)
        if incident is not None and _explains(incident, headline):
            incident.add(headline)
            if not headline.kind.event and headline.kind.alone:
                live[record.caller], incident = incident, None
            continue
        if headline.kind.event:
            if current is None or not _amid(records, current, headline):
                incident = Report(records, voices, headline, _end(records, voices, headline.index, restarts))
                reports.append(incident)
                if current is not None:
                    current.end = min(current.end, headline.index)
            continue
        interrupted = None
        if current is not None and _belongs(records, current, headline):
            current.add(headline)
            continue
        if current is not None and headline.index < current.end:
            current.end = headline.index
            interrupted = current
        if headline.kind.part and not headline.kind.alone:
            continue
        report = Report(records, voices, headline, _end(records, voices, headline.index, restarts))
        if headline.kind.behind and headline.index >= floor:
            begin = remains.begin(records, headline.index, floor)
            # A panic may be all that there is: the console shows nothing less.
            report.begin = begin if begin < headline.index or not headline.kind.part else None
        floor = max(floor, report.end)
        live[record.caller] = report
        if incident is not None:
            incident.end, incident = min(incident.end, headline.index), None
        if interrupted is not None:
            interrupted.next, report.previous = report, interrupted
        reports.append(report)
    return reports


def _explains(incident: Report, headline: Headline) -> bool:
    """Whether a headline goes on with what an event began: the same failure, what follows from it, the panic over it."""
    first, then = incident.main.kind, headline.kind
    if headline.index >= incident.end:
        return False
    if not then.event:
        near = headline.index - incident.headlines[-1].index <= _DETAIL
        return near and (first.name in then.refines or (not then.alone and then.family == first.family))
    if first.name == then.name or first.name in then.refines or then.name in first.refines:
        return True
    # The disk fails, then its file system: one incident. The other way round the disk is the news.
    related = first.family == then.family == "hardware" or {first.family, then.family} <= _DATA
    return related and (then.yields or not first.yields)


def _amid(records: Sequence[Record], report: Report, headline: Headline) -> bool:
    """Whether an event's line stands between the lines of a report that the kernel is still printing."""
    last = report.headlines[-1].index
    if headline.index >= report.end or headline.index - last > _MIDST:
        return False
    then, now = records[last].time, records[headline.index].time
    if then is not None and now is not None and now - then > _PRINTING:
        return False
    return not any(record.text.startswith("---[ end ") for record in records[last : headline.index])


def _belongs(records: Sequence[Record], report: Report, headline: Headline) -> bool:
    """Whether a headline is part of the report before it."""
    if headline.index >= report.end:
        return False
    if headline.kind.name in _ON_PURPOSE:
        return report.main.kind is headline.kind  # its end
    last = report.headlines[-1]
    distance = headline.index - last.index
    main = report.main.kind
    if main.name == headline.kind.name and distance <= 3:
        return True
    if (main.name in headline.kind.refines or headline.kind.name in main.refines) and not headline.kind.part:
        return distance <= HEADER
    if headline.kind.part or records[headline.index].text.startswith(PANIC):
        between = records[last.index : headline.index]
        ended = any(record.text.startswith("---[ end trace") for record in between)
        return distance <= _LIVE and (not ended or headline.kind.name == "panic-after-oops")
    return False


def _end(records: Sequence[Record], voices: Voices, start: int, restarts: Sequence[int]) -> int:
    """Where the report that starts here ends at the latest: a restart, a long silence of its caller, the limit."""
    stop = min(len(records), start + MAX_REPORT)
    following = bisect_right(restarts, start)
    if following < len(restarts):
        restart = restarts[following]
        # A record that the firmware's text was appended to is the last one of the report.
        stop = min(stop, restart + (not records[restart].text.startswith(RESTARTS)))
    return voices.falls_silent(start, stop)
