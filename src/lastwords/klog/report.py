"""One report of a crash: which lines are its own, and the oops that they make."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import structs

from lastwords.model import Frame, OomReport, Oops, Record

from . import titles
from .body import read_body
from .culprit.choose import at_fault, choose
from .culprit.never import plain
from .damage import assess, complete
from .decode.oom import KINDS as OUT_OF_MEMORY
from .decode.oom import oom_report
from .detail import decode
from .draft import Draft
from .headlines import Headline
from .voices import Voices

HEADER = 14
"""Own lines between two headlines of one report, such as `kernel BUG at …` and `invalid opcode: …`."""
_CR2 = re.compile(r"CR2: ([0-9a-f]{8,16})")
PANIC = "Kernel panic - not syncing"

_REPEATED = 40
"""Lines behind an oops's end in which x86 repeats its registers."""
_OVERLAP = 60
"""Lines behind the next report's headline that may still hold frames of the one before."""
_OVERWRITTEN = re.compile(r"\[([\w ]{1,40} overwritten)\] 0x")
_PANIC = "Kernel panic - not syncing"
_LAST_LINE = "---[ end Kernel panic"
"""What a panic ends with: where that is its headline, the line that began it is gone."""
_OWN_LINES = ("CPU:", "Call Trace:", "Call trace:", "RIP:", "Modules linked in", "Kernel panic", "---[")
"""Lines that say that from here on the next report speaks."""


class Report:
    """One report while it is put together."""

    def __init__(self, records: Sequence[Record], voices: Voices, headline: Headline, end: int) -> None:
        self.records = records
        self.voices = voices
        self.headlines = [headline]
        self.main = headline
        self.begin: int | None = None  # where its text begins, if its headline is gone
        self.groups = dict(headline.groups)
        self.end = end
        self.next: Report | None = None  # what interrupted this one
        self.previous: Report | None = None  # what this one interrupted
        self.unfinished = False
        self.caller = records[headline.index].caller
        kind = headline.kind
        self.draft = Draft(headless=kind.headless, reporter=kind.reporter, unwoven=bool(self.caller))
        if "pid" in self.groups:
            self.draft.task_named = True
            self.draft.pid, self.draft.comm = int(self.groups["pid"]), self.groups.get("comm")

    @property
    def start(self) -> int:
        """Position of the first headline."""
        return self.headlines[0].index

    def own(self) -> list[Record]:
        """The report's records behind its headline, without what others printed in between."""
        end = self.end
        if self.main.kind.event:
            # It prints no report of its own, at most a trace right behind it.
            end = min(end, self.headlines[-1].index + (1 if self.main.kind.trace == "none" else HEADER * 3))
        if not self.caller:
            return self._plain([record for record in self.records[self.start + 1 : end] if record.kernel])
        caller = self.caller
        mine = self.voices.of(caller, self.start + 1, end)
        if self.main.kind.family == "hang":
            # Every CPU prints its own backtrace, at the same time as the others; and all before the kernel gives up.
            others = self.voices.other_cpus(caller, self.start + 1, end)
            panic = next((place for place, each in enumerate(mine) if each.text.startswith(_PANIC)), len(mine))
            return [*mine[:panic], *others, *mine[panic:]]
        return mine

    def _plain(self, own: list[Record]) -> list[Record]:
        """The records as newer kernels print them, and not moved in, as a quotation in a text is."""
        text = self.records[self.start].text
        if own and text.rstrip().endswith(" RIP:"):
            # x86_64 until Linux 2.6.24 had the instruction pointer below its headline; `IP:` stands before it since then.
            own[0] = structs.replace(own[0], text=f"IP: {own[0].text.strip()}")
        margin = text[: len(text) - len(text.lstrip())]
        if not margin:
            return own
        return [
            structs.replace(record, text=record.text.removeprefix(margin)) if record.text.startswith(margin) else record
            for record in own
        ]

    def add(self, headline: Headline) -> None:
        """A further headline of the same report: the more telling of the two names it."""
        self.headlines.append(headline)
        if "pid" in headline.groups and self.draft.pid is None:
            self.draft.pid, self.draft.comm = int(headline.groups["pid"]), headline.groups.get("comm")
        if self.main.kind.name in headline.kind.refines:
            self.main = headline
            self.groups = {**self.groups, **headline.groups}

    def oops(self) -> Oops | None:
        """The finished oops, or None where the report turns out to be of a program's fault."""
        draft = self.draft
        own = self.own()
        headless = self.begin is not None
        if headless:
            own = self._read_remains(own)
        else:
            read_body(own, draft)
        self.unfinished = self.next is not None and not self.caller and not complete(draft)
        overlap = self._read_on(draft) or self._shares_lines(draft)
        if not self._confirmed():
            return None
        first = self.records[self.start]
        kind, form = self.main.kind, self.main.form
        also = self._also(own)
        culprit = choose(kind, draft, self.groups, also)
        groups = {**also, **self.groups}
        message = self.records[self.main.index].text.strip()
        if headless and draft.pointer_text:
            message = draft.pointer_text.strip()
        title = titles.build(kind, form, groups, culprit.function if culprit else None, message)
        damage = assess(
            kind,
            draft,
            own,
            # Of whom only the origin of an object tells, not every kernel is configured to say.
            named=title.function is not None
            or "{function}" not in (form.title or kind.title)
            or kind.where == ("origin",),
            overlap=overlap,
            interrupted=self.next is not None,
            headless=headless or message.startswith(_LAST_LINE),
        )
        frame = culprit.frame if culprit else None
        headlines = [message, *(self.records[h.index].text.strip() for h in self.headlines if h is not self.main)]
        told = (self.records[headline.index] for headline in (self.main, *self.headlines))
        panic = next((record for record in told if record.text.lstrip().startswith(PANIC)), None)
        detail = decode(draft, headlines, kind, frame)
        return Oops(
            title=title.title,
            alternative_titles=(*title.alternatives, *self._overwritten(title.function)),
            kind=kind.name,
            family=kind.family,
            line=min(first.line, draft.first_line or first.line) if headless else first.line,
            last_line=max(draft.last_line, self.records[self.headlines[-1].index].line),
            message=message[:1000],
            intact=not damage,
            damage=damage,
            function=title.function,
            module=frame.module or None if frame else None,
            frame=frame,
            at=self._stood(draft),
            panic=panic.text.strip() if panic is not None else None,
            panic_line=panic.line if panic is not None else None,
            panic_time=panic.time if panic is not None else None,
            time=first.time,
            wall=first.wall or None,
            cpu=draft.cpu,
            pid=draft.pid,
            comm=draft.comm,
            release=draft.release,
            build=draft.build,
            hardware=draft.hardware,
            workqueue=draft.workqueue,
            taint=draft.taint,
            registers=dict(draft.registers.registers),
            traces=tuple(trace.finished() for trace in draft.traces),
            oom=self._oom(own, detail.architecture),
            **detail._asdict(),
        )

    def _confirmed(self) -> bool:
        """Whether something is left of it without a headline that needs to be confirmed, see `Kind.confirmed`, and is not.

        Such as the panic because init died of its own fault.
        """
        kind, draft = self.main.kind, self.draft
        told = draft.registers.registers or draft.location is not None or any(trace.frames for trace in draft.traces)
        if not kind.confirmed or told or any(h.kind.name in kind.confirmed for h in self.headlines):
            return True
        self.headlines = [headline for headline in self.headlines if not headline.kind.confirmed]
        if self.headlines:
            self.main = self.headlines[0]
            self.groups = dict(self.main.groups)
        return bool(self.headlines)

    def _oom(self, own: Sequence[Record], architecture: str | None) -> OomReport | None:
        """What the OOM killer says of the memory."""
        if self.main.kind.name not in OUT_OF_MEMORY:
            return None
        # Where only the kill is left, the line above it says why.
        above = self.records[max(self.start - 1, 0) : self.start]
        summary = [record for record in above if record.text.startswith("oom-kill:constraint=")]
        return oom_report((*summary, self.records[self.start], *own), architecture)

    def _overwritten(self, function: str | None) -> Iterator[str]:
        """What SLUB found overwritten, as older kernels title the report.

        Newer ones (6.12; not 6.1) say it above the report, which they then call "Object corrupt" (mm/slub.c:
        check_bytes_and_report()).
        """
        if self.main.kind.name != "slab-corruption" or function is None:
            return
        for record in self.records[max(self.start - 3, 0) : self.start]:
            if record.caller == self.caller and (found := _OVERWRITTEN.match(record.text.strip())) is not None:
                yield f"BUG: {found[1]} in {function}"

    def _read_remains(self, own: list[Record]) -> list[Record]:
        """Read a report without a beginning, the lines before its headline last; gives all of them.

        The registers that x86 repeats behind the end are whole, those before it may not be.
        """
        draft, headline = self.draft, self.records[self.start]
        window = self.records[self.begin : self.start]
        before = [record for record in window if record.kernel and (not self.caller or record.caller == self.caller)]
        draft.headless = True
        read_body([headline, *own[:_REPEATED]], draft)
        draft.ended, draft.open_trace = False, None
        for record in before[-3:]:
            if (address := _CR2.fullmatch(record.text)) is not None:
                draft.registers.registers.setdefault("cr2", int(address[1], 16))
        read_body(before, draft)
        draft.ended = True
        return [*before, *own]

    def _stood(self, draft: Draft) -> Frame | None:
        """Where the instruction pointer stood, in the kernel's own text."""
        place = draft.location
        if place is None or not place.function or draft.registers.user:
            return None
        return Frame(place.function, 0, place.offset, place.size, place.module, address=place.address)

    def _read_on(self, draft: Draft) -> bool:
        """Finish a trace that another report's headline interrupted; whether it had more lines behind that."""
        if self.next is None:
            return False
        if self.caller:
            # The same task or CPU crashed again while it printed: the second trace holds the first one's frames.
            if not any(trace.frames for trace in draft.traces):
                read_body(self.next.own(), draft)
        elif draft.open_trace is not None and draft.open_trace.frames:
            rest = self.records[self.next.start + 1 : self.end + _OVERLAP]
            heading = next((i for i, r in enumerate(rest) if r.text.startswith(_OWN_LINES)), len(rest))
            names = draft.open_trace is next(
                (t for t in draft.main_traces() if any(f.reliable for f in t.frames)), None
            )
            before = len(draft.open_trace.frames)
            read_body(rest[:heading], draft)
            more = draft.open_trace is None or len(draft.open_trace.frames) > before
            # Harmless where the trace that names the crash was complete before, or where the other report shows none.
            mixed = heading < len(rest) or self.next.main.kind.trace == "needed"
            listed = self.next.main.kind is self.main.kind  # one printer, one report after the other: kmemleak
            return names and mixed and (more or not (listed or complete(draft)))
        return False

    def _shares_lines(self, draft: Draft) -> bool:
        """Whether the report that this one interrupted goes on among its lines: two tasks say who they are."""
        before = self.previous
        return before is not None and before.unfinished and self.main.kind.family != "hang" and len(draft.speakers) > 1

    def _also(self, own: Sequence[Record]) -> dict[str, str]:
        """Groups of the kind's `also` patterns."""
        kind = self.main.kind
        if not kind.also:
            return {}
        found: dict[str, str] = {}
        lines = [r for r in own if r.text and not r.text.isspace()]
        skip = self.main.index - self.start  # lines of the report before its main headline
        for pattern in kind.also:
            for record in lines[skip : skip + kind.also_within]:
                match = _compiled(pattern).match(record.text[:1000])
                if match is None:
                    continue
                function = match.groupdict().get("function")
                if function is not None and not at_fault(plain(function.partition("+")[0]), kind):
                    continue
                found.update({k: v for k, v in match.groupdict().items() if v is not None})
                break
        return found


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
