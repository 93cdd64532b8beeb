"""The report on a terminal: what died and where on the first screen, then the evidence.

Without a terminal, or with NO_COLOR, the same text without colour. Whatever comes from a log goes through
`printable()`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import IO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lastwords.model import Analysis, Code, DumpCheck, Frame, Gap, Instruction, Log, Machine, Oops, Precursor, Trace

from . import diagnosis, width, words
from .escape import printable
from .machine import code, dump_lines, sections
from .oops_facts import facts
from .recorded import recorded_lines
from .stack_rows import of_function

FRAMES = 24
"""Frames shown of a trace, unless the user asks for all."""
NEIGHBOURS = 6
"""Instructions shown before the faulting one, and half as many behind it, unless the user asks for all."""
OTHERS = 12
"""Oopses shown in one line each behind the first, unless the user asks for all."""
PLAIN_WIDTH = 120
"""Columns where there is no terminal to ask."""
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)


def render(analysis: Analysis, file: IO[str], *, verbose: bool = False) -> None:
    """Write the report of an analysis.

    Args:
        analysis: what was found.
        file: where to; colour is used if it is a terminal.
        verbose: all frames of all traces, all registers, modules and later oopses.
    """
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=file, highlight=False, markup=False, emoji=False, width=width.asked_for() or PLAIN_WIDTH)
    with console.capture() as captured:
        for part in _parts(analysis, verbose):
            console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    # Tables are filled up with blanks, which only get in the way of whoever copies from the report.
    file.write(_TRAILING.sub("", captured.get()))


def _parts(analysis: Analysis, verbose: bool) -> Iterator[RenderableType]:
    oopses: dict[str, list[Oops]] = defaultdict(list)
    for oops in analysis.oopses:
        oopses[oops.path].append(oops)
    loud = [log for log in analysis.logs if log.path in oopses]
    quiet = [log for log in analysis.logs if log.path not in oopses]
    for number, log in enumerate(loud):
        if number:
            yield Text()
        first = _told(analysis, oopses[log.path])
        yield from _heading(log, first, None if number else analysis.dump)
        if not number:
            yield from diagnosis.opening(analysis)
        yield from _log(log, first, oopses[log.path], None if number else analysis.machine, verbose)
    if not loud:
        if (text := words.dump_not_whole(analysis.dump)) is not None:
            yield from (Text(printable(text), "bold yellow"), Text())
        yield from diagnosis.opening(analysis)
        if analysis.dump is not None and not quiet:
            yield Text("What crashed is not known: no kernel log is left in the dump.", "bold yellow")
        yield from _quiet(quiet, alone=True)
        yield from _machine_part(analysis.machine, verbose)
    if analysis.dump is not None:
        yield from _section("The dump")
        yield from map(_indented, dump_lines(analysis.dump, analysis.machine))
    if loud:
        yield from _quiet(quiet, alone=False)
    if lines := list(recorded_lines(analysis)):
        yield from _section("Recorded before")
        yield from (_indented(Text(printable(line))) for line in lines)
    yield from diagnosis.closing(analysis, verbose)


def _told(analysis: Analysis, oopses: Sequence[Oops]) -> Oops:
    """Which oops of a log is told in full: the one that the verdict is about, else the first."""
    crash = analysis.crash
    return crash if crash is not None and crash in oopses else oopses[0]


def _heading(log: Log, first: Oops, dump: DumpCheck | None) -> Iterator[RenderableType]:
    yield Text.assemble(
        (printable(words.title(first)), "bold red"),
        ("" if first.intact else f"   {words.state(first)}", "yellow"),
    )
    yield Text(_source(log, first), "dim")
    # Whoever reads only the first lines must know it too.
    if (text := words.dump_not_whole(dump)) is not None:
        yield Text(printable(text), "bold yellow")
    yield Text()


def _log(
    log: Log, first: Oops, oopses: Sequence[Oops], machine: Machine | None, verbose: bool
) -> Iterator[RenderableType]:
    yield _facts(first)
    # The dump's stack is the true one.
    if machine is None or not machine.cpus or verbose:
        yield from _trace_part(first, verbose)
    # The log has no code where the kernel could not read it; the dump has the whole memory.
    if machine is not None and machine.code is not None and (first.code is None or not first.code.instructions):
        yield from _section("Code in the dump")
        yield from map(_indented, code(machine.code))
    elif first.code is not None:
        yield from _code_part(first.code, first.at, verbose)
    if verbose:
        yield from _registers_part(first)
    yield from _machine_part(machine, verbose)
    yield from _before_part(log, first)
    place = oopses.index(first)
    yield from _others_part("Reported before", first, oopses[:place][::-1], oopses, verbose)
    yield from _others_part("And then", first, oopses[place + 1 :], oopses, verbose)
    if verbose and first.modules:
        yield from _section("Modules linked in")
        yield _indented(Text(" ".join(printable(m.name + (f"({m.flags})" if m.flags else "")) for m in first.modules)))
    yield from _gaps_part(log.gaps)


def _machine_part(machine: Machine | None, verbose: bool) -> Iterator[RenderableType]:
    if machine is None:
        return
    for title, lines in sections(machine, verbose=verbose):
        yield from _section(title)
        yield from map(_indented, lines)


def _source(log: Log, first: Oops) -> str:
    name = "standard input" if log.path == "-" else log.path
    parts = [f"{printable(name)}: {log.format}, {log.lines:,} lines", f"line {first.line}"]
    if len(log.boots) > 1:
        parts.append(f"boot {first.boot} of {len(log.boots)}")
    when = words.moment(first)
    return ", ".join([*parts, printable(when)] if when else parts) + _warning(log)


def _warning(log: Log) -> str:
    return f"  ({printable(log.warning)})" if log.warning else ""


_BLAMING = frozenset({"fault", "bug", "warning", "sanitizer", "lockdep", "hang"})
"""Families of crashes in which some function of the kernel is to blame."""


def _facts(oops: Oops) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts(oops):
        style = "bold" if name == "function" else "yellow" if name == "text" and not oops.intact else ""
        table.add_row(f"  {name}", Text(printable(value), style))
    if oops.function is None and oops.family in _BLAMING:
        table.add_row("  function", Text("not known: the text names none that could be to blame", "yellow"))
    return table


def _trace_part(oops: Oops, verbose: bool) -> Iterator[RenderableType]:
    shown = oops.traces if verbose else _telling(oops.traces, oops.frame)
    for trace in shown:
        if not trace.frames:
            continue  # a headline, and what stood beneath it is lost: `What is missing` says so
        yield from _section(_trace_title(trace))
        yield _indented(_frames(trace, oops.frame, verbose, top=trace is shown[0]))
    rest = [trace for trace in oops.traces if trace not in shown]
    if rest:
        titles = ", ".join(dict.fromkeys(printable(trace.title) or "a trace" for trace in rest[:8]))
        yield _indented(Text(f"{len(rest)} more: {titles}  (-v shows them)", "dim"))


def _telling(traces: Sequence[Trace], blamed: Frame | None) -> Sequence[Trace]:
    """The one trace to show: that with the function to blame, else the first."""
    return [t for t in traces if blamed in t.frames][:1] or traces[:1]


def _trace_title(trace: Trace) -> str:
    whose = f" of {trace.comm} (PID {trace.pid})" if trace.pid is not None else ""
    whose += f" on CPU {trace.cpu}" if trace.cpu is not None else ""
    return f"{printable(trace.title or 'Call Trace')}{printable(whose)}, line {trace.line}"


def _frames(trace: Trace, blamed: Frame | None, verbose: bool, *, top: bool) -> Text:
    frames = [f for f in trace.frames if verbose or f.reliable] or list(trace.frames)
    place = frames.index(blamed) if blamed in frames else 0
    limit = len(frames) if verbose else max(FRAMES, place + 4)
    lines = [_repeated(frame, frame == blamed, count) for frame, count in _runs(frames[:limit])]
    if top and blamed is not None and not blamed.line:
        # x86 leaves the function where the instruction pointer stood out of the trace.
        lines.insert(0, Text.assemble(_frame(blamed, True), ("  (instruction pointer)", "dim")))
    left, unreliable = max(len(frames) - limit, 0), len(trace.frames) - len(frames)
    more = [f"{left} more frame{'s' if left > 1 else ''}"] if left else []
    more += [f"{unreliable} marked '?'"] if unreliable else []
    if more:
        lines.append(Text(f"  left out: {', '.join(more)}  (-v shows them)", "dim"))
    return Text("\n").join(lines)


def _runs(frames: Sequence[Frame]) -> Iterator[tuple[Frame, int]]:
    """Frames that repeat, once each with their number: a recursion."""
    for _place, run in groupby(frames, key=lambda frame: (frame.function, frame.offset, frame.reliable)):
        same = list(run)
        yield same[0], len(same)


def _repeated(frame: Frame, blamed: bool, count: int) -> Text:
    line = _frame(frame, blamed)
    return line.append(f"  {count} times: it calls itself", "yellow") if count > 2 else line


def _frame(frame: Frame, blamed: bool) -> Text:
    mark = "> " if blamed else "  "
    doubt = "" if frame.reliable else "? "
    style = "bold red" if blamed else "" if frame.reliable else "dim"
    return Text(f"{mark}{doubt}{printable(words.place(frame))}", style)


def _code_part(code: Code, at: Frame | None, verbose: bool) -> Iterator[RenderableType]:
    shown = code.instructions if verbose else _around_fault(code.instructions, at)
    if shown:
        yield from _section("Code")
        lines = []
        for instruction in shown:
            mark = "> " if instruction.faulting else "  "
            style = "bold" if instruction.faulting else ""
            lines.append(Text(f"{mark}{instruction.offset:+5d}  {printable(instruction.text)}", style))
        yield _indented(Text("\n").join(lines))
    if code.note:
        yield _indented(Text(printable(code.note), "dim"))


def _around_fault(instructions: Sequence[Instruction], at: Frame | None) -> Sequence[Instruction]:
    """The faulting instruction and its neighbours, as far as they are in the same function."""
    instructions = of_function(instructions, at)
    place = next((number for number, instruction in enumerate(instructions) if instruction.faulting), 0)
    return instructions[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS // 2 + 1]


def _registers_part(oops: Oops) -> Iterator[RenderableType]:
    if not oops.registers:
        return
    yield from _section("Registers")
    width = max(len(name) for name in oops.registers)
    cells = [f"{name:>{width}} {value:016x}" for name, value in oops.registers.items()]
    rows = ["   ".join(cells[i : i + 4]) for i in range(0, len(cells), 4)]
    yield _indented(Text("\n".join(rows)))


def _before_part(log: Log, first: Oops) -> Iterator[RenderableType]:
    told = [precursor for precursor in log.precursors if precursor.boot == first.boot and precursor.line <= first.line]
    if not told:
        return
    yield from _section("What came before")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for precursor in told:
        table.add_row(f"  {words.before(precursor, first)}", f"line {precursor.line}", _precursor(precursor))
    yield table


def _precursor(precursor: Precursor) -> Text:
    count = f"{precursor.count} x  " if precursor.count > 1 else ""
    style = "yellow" if precursor.reason in ("hardware", "burst") else ""
    return Text.assemble((count + printable(precursor.text), style), ("\n" + printable(precursor.why), "dim"))


def _others_part(
    title: str, first: Oops, others: Sequence[Oops], oopses: Sequence[Oops], verbose: bool
) -> Iterator[RenderableType]:
    """The log's other oopses in a line each, the nearest to the one that was told first."""
    if not others:
        return
    yield from _section(title)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for oops in others if verbose else others[:OTHERS]:
        table.add_row(
            f"  line {oops.line}", Text.assemble(printable(words.title(oops)), (_relation(oops, first, oopses), "dim"))
        )
    yield table
    if not verbose and len(others) > OTHERS:
        yield _indented(Text(f"{len(others) - OTHERS} more  (-v, or: lastwords scan)", "dim"))


def _relation(oops: Oops, first: Oops, oopses: Sequence[Oops]) -> str:
    if oops.boot != first.boot:
        return f"  in boot {oops.boot}"
    parts = []
    if (apart := words.apart(oops, first)) is not None:
        parts.append(apart)
    if oops.follows is not None:
        parts.append(f"perhaps because of line {oopses[oops.follows].line}")
    return "  " + ", ".join(parts) if parts else ""


def _gaps_part(gaps: Iterable[Gap]) -> Iterator[RenderableType]:
    gaps = list(gaps)
    if not gaps:
        return
    yield from _section("What is missing")
    for gap in gaps:
        where = f"line {gap.line}: " if gap.line else ""
        yield _indented(Text.assemble((where, "dim"), printable(gap.text)))
        yield Padding(Text(printable(gap.advice), "dim"), (0, 0, 0, 4), expand=False)


def _quiet(logs: list[Log], *, alone: bool) -> Iterator[RenderableType]:
    """Logs without a crash."""
    if not logs:
        return
    if not alone:
        yield Text(f"\nNo crash in {len(logs)} other log{'s' if len(logs) > 1 else ''}.", "dim")
        return
    for log in logs[:OTHERS]:
        yield Text(f"{printable(log.path)}: no crash report in {log.lines:,} lines ({log.format}){_warning(log)}")
    if len(logs) > OTHERS:
        yield Text(f"and none in {len(logs) - OTHERS} more logs")
    yield from _gaps_part(logs[0].gaps)


def _section(title: str) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold")


def _indented(body: Text) -> RenderableType:
    """The text below its section's title; a single line that has to be broken goes on where it began."""
    blanks = 0 if "\n" in body.plain else len(body.plain) - len(body.plain.lstrip(" "))
    return Padding(body[blanks:], (0, 0, 0, 2 + blanks), expand=False)
