"""Whole logs, however large, in one pass and constant memory: sieve, then decode around what it found."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from msgspec import structs

from lastwords.model import Oops, Record

from . import sieve
from .boots import Start, Starts
from .catalogue import events
from .chunks import LONGEST_LINE, count_lines, fill, fill_up, line_end, line_start, next_line
from .follow import tied
from .inputs import (
    Dialect,
    Input,
    among_strings,
    decoded,
    host_in,
    is_binary,
    machines_in,
    not_a_log,
    recognise,
)
from .inputs.files import shown
from .listing import Listings, span
from .unwrapped import FORMATS as WRAPPED_FORMATS
from .unwrapped import unwrapped
from .wall_clock import WallClock
from .window import BEFORE, REACH, Window, of_a_page, of_text, read_window, telling

CHUNK = 8 << 20
"""Bytes read at a time: few enough to stay in a CPU's cache, so many that what is read twice (`TAIL`) costs little."""
AT_HAND = 400_000
"""Records decoded at a time where the format has to be decoded as a whole."""
TAIL_RECORDS = 10_000
"""Records at their end that wait for the next ones."""
TAIL = 512 << 10
"""Bytes at a chunk's end that wait for the next chunk, so that a report has its end in view."""
SMALL = 128 << 10
"""Logs up to this size are decoded as a whole."""
WIDEST = 4 << 20
"""Bytes of the widest window."""
CONTEXT = 2 << 20
"""Bytes decoded before the first oops, where the caller wants to know what came before."""

CONTEXTS = 8
"""Boots of which that is kept."""
WINDOWS = 500_000
"""Records around oopses that are kept, for the same callers."""

MOST = 20_000
"""Crash reports of one log that are read: a file that has more is broken, or means harm."""
FRAMES = 300_000
"""Frames kept of all traces of one log: some 100 MB. Later oopses come without traces, registers and modules."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Scanned:
    """What one pass over a log gave.

    Attributes:
        path: as the user gave it.
        format: the dialect's name.
        lines: number of lines.
        size: number of bytes, unpacked.
        host: the machine that its lines name, where they name one only.
        machines: those whose lines stand between each other's.
        oopses: in the order of the file.
        starts: where boots begin.
        first: the first records of the log.
        contexts: by boot, from 1: the records up to its first crash, or else its first event. Only of some boots, if there
            are many.
        windows: the records decoded around each group of oopses, up to a limit.
        listings: lists of tasks in it.
        binary: it begins with bytes of no text.
        error: why the log can't be read, or None; `warning`: why only a part of it could.
    """

    path: str
    format: str = ""
    lines: int = 0
    size: int = 0
    host: str | None = None
    machines: tuple[str, ...] = ()
    oopses: list[Oops] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    first: list[Record] = field(default_factory=list)
    contexts: dict[int, list[Record]] = field(default_factory=dict)
    windows: list[list[Record]] = field(default_factory=list)
    listings: Listings = field(default_factory=Listings)
    binary: bool = False
    error: str | None = None
    warning: str | None = None


def steps(progress: Progress | None) -> Progress | None:
    """A progress function for one log, which is told the running total, out of one that wants steps.

    Args:
        progress: called with the bytes read since its last call.
    """
    if progress is None:
        return None
    done = 0

    def count(total: int) -> None:
        nonlocal done
        progress(total - done)
        done = total

    return count


def scan(source: Input, *, context: bool = False, progress: Progress | None = None) -> Scanned:
    """Find every oops in a log.

    Args:
        source: the log.
        context: keep what stands before and around the oopses too, for `read()`.
        progress: called with the number of bytes read, after each chunk.

    Never raises for what is in the log; what can't be read at all is said in `error`.
    """
    result = Scanned(source.path, error=source.error and f"{source.path}: {source.error}")
    if source.error is None:
        try:
            with source.open() as file:
                _Scanner(result, context, progress).run(file)
        except OSError as error:
            result.error = f"{source.path}: {error.strerror or error}"
        result.warning = source.warning or result.warning
        result.oopses = tied(result.oopses, [start.line for start in result.starts])
    return result


def scan_piece(path: Path, begin: int, end: int) -> Scanned:
    """Find the oopses that begin in a part of a plain, line-oriented file; lines are counted from the part's start.

    Args:
        path: the file.
        begin: offset of the first byte, `end` behind the last; both are moved to the next start of a line.
    """
    result = Scanned(shown(str(path)))
    try:
        _scan_piece(result, path, begin, end)
    except OSError as error:
        result.error = f"{result.path}: {error.strerror or error}"
    return result


def _scan_piece(result: Scanned, path: Path, begin: int, end: int) -> None:
    with path.open("rb") as file:
        begin, end = next_line(file, begin), next_line(file, end)
        start = next_line(file, max(begin - BEFORE, 0)) if begin else 0
        scanner = _Scanner(result, False, None)
        file.seek(0)
        sample = file.read(SMALL)
        scanner.dialect, scanner.program = recognise(sample), among_strings(sample)
        result.format = scanner.dialect.name
        file.seek(start)
        before = count_lines(file.read(begin - start))
        file.seek(start)
        scanner.reported = before
        scanner.by_chunks(file, b"", end - start)
    result.lines -= before
    result.size = end - begin
    result.oopses = [structs.replace(o, line=o.line - before, last_line=o.last_line - before) for o in result.oopses]
    result.starts = [start for start in result.starts if start.line > before]
    for boot in result.starts:
        boot.line -= before


class _Scanner:
    """One pass over one file."""

    def __init__(self, result: Scanned, context: bool, progress: Progress | None) -> None:
        self.result = result
        self.context = context
        self.progress = progress
        self.reported = 0  # the last line whose oopses are in the result
        self.starts = Starts()
        self.reached: dict[int, bool] = {}  # boots of which the first oops is found, and whether it was a crash
        self.kept = 0  # records in the result's windows
        self.frames = 0  # in the traces of the result's oopses
        self.wall = WallClock(())  # as far as it is known
        self.program = False  # the file begins as programs do
        self.dialect: Dialect

    def run(self, file: BinaryIO) -> None:
        """Read the file to its end."""
        data = fill(file, b"", SMALL + 1)
        if (reason := not_a_log(data)) is not None:
            raise OSError(reason if "unpack it" in reason else f"{reason}; it can't be read from a pipe: give the file")
        self.result.binary = is_binary(data)
        self.program = among_strings(data)
        self.dialect = recognise(data)
        self.result.format = self.dialect.name
        if self.context:
            self.result.host = host_in(data)
            self.result.machines = machines_in(data)
        if self.dialect.line_oriented and len(data) > SMALL:
            self.by_chunks(file, data)
        elif self.dialect.line_oriented:
            self._all_at_once(data)
        else:
            self._from_the_start(file, data)

    def _all_at_once(self, data: bytes) -> None:
        self.result.size, self.result.lines = len(data), count_lines(data)
        sent = decoded(data)
        text, numbers = sent.text, sent.numbers
        if self.dialect.name in WRAPPED_FORMATS:
            text, numbers = unwrapped(text, numbers, sieve.hits)
        if self.context or sieve.hits(text):
            window = of_text(read_window(self._whole(text, numbers)), data, 1, program=self.program)
            if sent.page:
                window = of_a_page(window)
            if self.context and not self.program:
                self.result.listings.feed(window.records)
            self._take(window if sent.page or telling(window) else self._typed(text, numbers) or window)
        elif (typed := self._typed(text, numbers)) is not None:
            self._take(typed)

    def _whole(self, text: bytes, numbers: Sequence[int]) -> list[Record]:
        """The records of a whole file; `numbers` are those of its lines, where they are not just counted."""
        records = self.dialect.records(text)
        if numbers:
            for record in records:
                record.line = numbers[min(record.line, len(numbers)) - 1]
        return records

    def _typed(self, data: bytes, numbers: Sequence[int]) -> Window | None:
        """The text as the kernel would have spelt it, where somebody typed it; None where nothing crashes in it."""
        from .typed import DAMAGE, may_be_typed, typed  # few logs need it

        if not may_be_typed(data, self.dialect.name):
            return None
        records = typed(self._whole(data, numbers))
        window = read_window(records) if records is not None else None
        if window is None or not telling(window):
            return None
        oopses = [structs.replace(oops, intact=False, damage=(*oops.damage, DAMAGE)) for oops in window.oopses]
        return Window(window.records, oopses)

    def _from_the_start(self, file: BinaryIO, data: bytes) -> None:
        """Formats that only make sense from their beginning: decoded in full, chunk after chunk."""
        line, records, end = 1, list[Record](), 0
        while True:
            more = fill(file, data, CHUNK)
            final = len(more) < CHUNK
            end = len(more) if final else self.dialect.boundary(more) or len(more)
            fresh = self.dialect.records(more[:end], line)
            if self.context:
                self.result.listings.feed(fresh)
            records += fresh
            line += more.count(b"\n", 0, end)
            self._count(end)
            data = more[end:]
            if final:
                self._take(read_window(records))
            elif len(records) > AT_HAND:
                # A report that begins near the end has its own end in the next chunk.
                self._take(read_window(records), until=records[-TAIL_RECORDS].line)
                records = records[-2 * TAIL_RECORDS :]
            if final or self.full:
                break
        self.result.lines = line - 1 + (end > 0 and more[end - 1 : end] != b"\n")

    def by_chunks(self, file: BinaryIO, data: bytes, stop: int | None = None) -> None:
        """Read line-oriented data; headlines from offset `stop` on are not for this scanner."""
        from concurrent.futures import ThreadPoolExecutor  # small logs need none

        # The matcher lets other threads run: where a second CPU is free, it sieves while this one counts lines.
        with ThreadPoolExecutor(1) as helper:
            self._by_chunks(file, data, stop, lambda chunk: helper.submit(sieve.hits, chunk).result)

    def _by_chunks(
        self, file: BinaryIO, data: bytes, stop: int | None, sieved: Callable[[bytearray], Callable[[], list[int]]]
    ) -> None:
        # One buffer for the whole file: fresh memory for each chunk costs more than reading it.
        buffer, filled = bytearray(CHUNK), len(data)
        buffer[:filled] = data
        line, done = 1, 0
        while True:
            filled = fill_up(file, buffer, filled)
            final = filled < CHUNK
            if final:
                del buffer[filled:]
            limit = filled if final else self._limit(buffer)
            if stop is not None and done + limit >= stop:
                limit, final = stop - done, True
            if line == 1 and self.context:
                self.result.first = self._records(buffer, 0, line_end(buffer, 1 << 16), 1)
            hits = sieved(buffer)
            # The next chunk begins a little before where this one ends; at its end where all of it is one line.
            begin = limit if final else line_start(buffer, max(limit - BEFORE, 1)) or limit
            lines = buffer.count(b"\n", 0, begin)
            self._windows(buffer, line, limit, hits())
            if self.context and not self.program:
                self._listings(buffer, line, begin)
            line += lines
            done += begin
            self._count(begin)
            if final or self.full:
                break
            filled -= begin
            buffer[:filled] = buffer[begin:]
        self.result.lines = line - 1 + (limit > 0 and buffer[limit - 1] != ord("\n"))

    def _listings(self, data: bytearray, line: int, end: int) -> None:
        """Read the lists of tasks that stand before `end`: in the lines from the first sign of one to the last."""
        reader = self.result.listings
        found = span(data, end)
        if found is None and not reader.reading:
            return
        begins, ends = found or (0, 0)
        first = 0 if reader.reading else line_start(data, max(begins - BEFORE, 0))
        last = min(line_end(data, ends + REACH), end)
        reader.feed(self._records(data, first, last, line + data.count(b"\n", 0, first)))

    def _limit(self, data: bytearray) -> int:
        """Where a chunk ends of which the tail is to wait for the next one: behind a line's end."""
        end = len(data) - TAIL
        begin = end - LONGEST_LINE
        boundary = self.dialect.boundary(bytes(data[begin:end]))
        return begin + boundary if boundary else end

    def _records(self, data: bytearray, begin: int, end: int, line: int) -> list[Record]:
        return self.dialect.records(bytes(data[begin:end]), line)

    def _windows(self, data: bytearray, line: int, limit: int, found: Sequence[int]) -> None:
        """Decode around the hits before `limit`, each neighbourhood once."""
        counted = index = 0
        while index < len(found) and found[index] <= limit and not self.full:
            begin = line_start(data, max(found[index] - BEFORE, 0))
            line += data.count(b"\n", counted, begin)
            counted = begin
            window, end, index = self._window(data, begin, line, found, index)
            window = of_text(window, data[begin:end], line, program=self.program)
            accepted = line + data.count(b"\n", begin, min(end, limit)) - 1
            self._take(window, until=accepted, begin=begin, data=data)

    def _window(
        self, data: bytearray, begin: int, line: int, found: Sequence[int], index: int
    ) -> tuple[Window, int, int]:
        """What stands from `begin` to where the report behind hit `index` is over, how far it counts, the next hit."""
        reach = REACH
        while True:
            last = index
            end = min(found[index] + reach, begin + WIDEST)
            while last + 1 < len(found) and found[last + 1] <= end:
                last += 1
                end = max(end, min(found[last] + REACH, begin + WIDEST))
            end = line_end(data, end)
            window = read_window(self._records(data, begin, end, line))
            if end >= len(data) or window.over:
                return window, end, last + 1
            if end - begin >= WIDEST:
                # The last report may be cut off here: it gets a window of its own, unless it has this one.
                own = end - len(data[begin:end].split(b"\n", window.oopses[-1].line - line)[-1])
                following = bisect_right(found, own)
                return (window, own, following) if following > index + 1 else (window, end, last + 1)
            reach *= 4

    def _take(
        self,
        window: Window,
        *,
        until: int | None = None,
        begin: int = 0,
        data: bytearray | None = None,
    ) -> None:
        """Add the oopses and boots of a run of records to the result.

        Args:
            window: the records and the oopses in them.
            until: the last line that counts; None where these are all the records that there are.
            begin: where the window begins in `data`.
            data: what is at hand of the file; None where the records reach back far enough.
        """
        result, records = self.result, window.records
        oopses = [oops for oops in window.oopses if oops.line > self.reported and (until is None or oops.line <= until)]
        oopses = [self._bounded(oops) for oops in oopses[: MOST - len(result.oopses)]]
        if any(oops.wall for oops in oopses):
            if not self.wall.dated:
                self.wall = WallClock(records)
            oopses = [structs.replace(oops, clock=self.wall.at(oops.wall)) for oops in oopses]
        result.oopses += oopses
        if self.full:
            result.warning = f"more than {MOST} crash reports; read up to line {result.oopses[-1].line}"
        self.starts.see(records, self.reported, until, [oops.line for oops in oopses])
        result.starts = self.starts.found
        if self.context and (until is None or oopses):
            for oops in oopses:
                boot, start = self.starts.boot(oops.line)
                crash = oops.kind not in events()
                if self.reached.get(boot, -1) < crash:
                    self.reached[boot] = crash
                    self._keep(boot, self._before(records, oops, start, data, begin))
            if self.kept < WINDOWS:
                self.kept += len(records)
                result.windows.append(records)
        if self.context and not result.first:
            result.first = records[:2000]
        if records:
            self.reported = max(self.reported, until if until is not None else records[-1].line)

    @property
    def full(self) -> bool:
        """Whether there are as many oopses as are read of one log."""
        return len(self.result.oopses) >= MOST

    def _bounded(self, oops: Oops) -> Oops:
        """The oops; without what takes much memory where there is too much of it."""
        self.frames += 10 + sum(len(trace.frames) for trace in oops.traces)
        if self.frames < FRAMES:
            return oops
        return structs.replace(oops, traces=(), registers={}, modules=(), code=None)

    def _keep(self, boot: int, context: list[Record]) -> None:
        """Keep what came before the first oops of a boot; of many boots, that of the first and the last ones."""
        contexts = self.result.contexts
        contexts[boot] = context
        if len(contexts) > CONTEXTS:
            del contexts[sorted(contexts)[1]]

    def _before(self, records: list[Record], oops: Oops, boot: int, data: bytearray | None, begin: int) -> list[Record]:
        """What came before an oops in the same boot, which starts on line `boot`."""
        at = next((index for index, record in enumerate(records) if record.line == oops.line), len(records))
        near = [record for record in records[:at] if record.line >= boot]
        if data is None or not begin or records[0].line <= boot:
            return near
        start = line_start(data, max(begin - CONTEXT, 0))
        first = records[0].line - data.count(b"\n", start, begin)
        skipped = max(boot - first, 0)
        return self.dialect.records(bytes(data[start:begin]).split(b"\n", skipped)[-1], first + skipped) + near

    def _count(self, size: int) -> None:
        self.result.size += size
        if self.progress is not None:
            self.progress(self.result.size)
