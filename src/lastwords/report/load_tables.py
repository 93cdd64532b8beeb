"""Tables of block I/O, interrupts, timers and work."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from lastwords.glossary.units import duration, size
from lastwords.model import BlockIo, Interrupts, Irq, Request, Timer, Work

from .escape import printable

_OLD = 10.0
"""Seconds; an older request stands out."""
_SPURIOUS = 99_900
"""So many in a row that nobody wanted, and the kernel switches the interrupt off (kernel/irq/spurious.c)."""
_MOST_CPUS = 16


def io_tables(io: BlockIo, *, longest: int) -> Iterator[Text]:
    """The disks, then at most `longest` requests, the oldest first."""
    width = max([4, *(len(printable(disk.name)) for disk in io.disks)])
    if not io.disks:
        yield Text("no disks, no requests in flight")
        return
    yield Text(f"{'DISK':<{width}}        SIZE  IN FLIGHT  SCHEDULER    DRIVER", "bold")
    for disk in io.disks:
        flying = "-" if disk.in_flight is None else str(disk.in_flight)
        line = f"{size(disk.size):>10} {flying:>10}  {printable(disk.scheduler or 'none'):<12} "
        yield Text(
            f"{printable(disk.name):<{width}}  {line}{printable(disk.driver or '-')}", "" if disk.in_flight else "dim"
        )
    if not io.requests:
        yield Text("\nno requests in flight")
        return
    yield Text(f"\n{'DISK':<{width}}           AGE  OPERATION           SECTOR        SIZE   TAG QUEUE  STATE", "bold")
    for request in io.requests[:longest]:
        yield _request(request, width)
    if len(io.requests) > longest:
        yield Text(f"and {len(io.requests) - longest} more")


def _request(request: Request, width: int) -> Text:
    age = duration(request.age) if request.age is not None else "-"
    tag = "-" if request.tag is None else str(request.tag)
    queue = "-" if request.queue is None else str(request.queue)
    late = ", past its timeout" if request.timed_out else ""
    line = f"{age:>14}  {request.operation:<14} {request.sector:>12}  {size(request.bytes):>10} {tag:>5} {queue:>5}"
    loud = request.timed_out or (request.age or 0) > _OLD
    return Text(printable(f"{request.device:<{width}}{line}  {request.state}{late}"), "bold yellow" if loud else "")


def irq_tables(interrupts: Interrupts, *, longest: int, whole: bool = True) -> Iterator[Text]:
    """What hangs first: overdue timers, work; then the counts.

    Args:
        interrupts: as collected.
        longest: lines of each list at most.
        whole: all of it could be read, so that what is not there is news.
    """
    if whole and not (interrupts.timers or interrupts.works or interrupts.pending):
        yield Text("nothing overdue: no late timer, no work that runs or waits, no softirq raised\n")
    elif whole and not interrupts.timers:
        yield Text("no timer is overdue\n")
    yield from _timers(interrupts.timers, longest)
    yield from _works(interrupts.works, longest)
    yield from _pending(interrupts.pending)
    columns = interrupts.cpus[:_MOST_CPUS]
    heading = "".join(f"{f'CPU{cpu}':>11}" for cpu in columns)
    more = f"  and {len(interrupts.cpus) - len(columns)} more CPUs" if len(interrupts.cpus) > len(columns) else ""
    yield Text(f"INTERRUPT{heading}{more}", "bold")
    for irq in interrupts.irqs:
        yield _irq(irq, len(columns))
    yield from _counts(interrupts.vectors, len(columns))
    yield Text(f"\nSOFTIRQ  {heading}{more}", "bold")
    yield from _counts(interrupts.softirqs, len(columns))


def _function(function: str, module: str | None) -> str:
    return printable(f"{function}{f' [{module}]' if module else ''}")


def _timers(timers: Sequence[Timer], longest: int) -> Iterator[Text]:
    if not timers:
        return
    yield Text(f"OVERDUE TIMERS ({len(timers)})", "bold yellow")
    for timer in timers[:longest]:
        kind = " (high resolution)" if timer.high_resolution else ""
        purpose = f", {printable(timer.purpose)}" if timer.purpose else ""
        what = _function(timer.function, timer.module)
        yield Text(f"  {duration(timer.late):>14} late on CPU {timer.cpu}: {what}{kind}{purpose}")
    if len(timers) > longest:
        yield Text(f"  and {len(timers) - longest} more")
    yield Text()


def _works(works: Sequence[Work], longest: int) -> Iterator[Text]:
    if not works:
        return
    yield Text("WORK", "bold")
    for work in works[:longest]:
        place = "unbound" if work.cpu is None else f"CPU {work.cpu}"
        who = f" in PID {work.pid}, state {work.worker_state}" if work.pid is not None else ""
        time = f", asleep for {duration(work.seconds)}" if work.seconds is not None else ""
        state = {"inactive": "waits for others"}.get(work.state, work.state)
        queue = printable(work.workqueue or "?")
        line = f"  {state:<16}  {_function(work.function, work.module)}  on {queue} ({place}){who}{time}"
        yield Text(line, "yellow" if work.state == "running" and work.worker_state == "D" else "")
    if len(works) > longest:
        yield Text(f"  and {len(works) - longest} more")
    yield Text()


def _pending(pending: Mapping[int, Sequence[str]]) -> Iterator[Text]:
    if pending:
        yield Text("SOFTIRQS RAISED AND NOT YET RUN", "bold")
        yield from (Text(f"  CPU {cpu}: {' '.join(names)}") for cpu, names in sorted(pending.items()))
        yield Text()


def _irq(irq: Irq, columns: int) -> Text:
    counts = "".join(f"{count:>11}" for count in irq.counts[:columns]) or " " * 11 * columns
    remarks = "  disabled" if irq.disabled else ""
    remarks += "  switched off as spurious" if irq.disabled and irq.unhandled > _SPURIOUS else ""
    who = f"  {irq.chip or '-':<10} {', '.join(irq.actions) or '-'}"
    return Text(f"{irq.number:>9}{counts}{printable(who)}{remarks}", "yellow" if irq.disabled else "")


def _counts(counts: Mapping[str, Sequence[int]], columns: int) -> Iterator[Text]:
    for name, values in counts.items():
        yield Text(f"{printable(name):>9}" + "".join(f"{value:>11}" for value in values[:columns]))
