"""What a log lacks, what that costs, and what to do about it."""

import re
from collections.abc import Sequence

from lastwords.model import Boot, Gap, Oops, Record

_LATE = 30.0
"""Seconds since boot at which a log without a banner has lost its beginning."""
_JUMP = 3600.0
_SUPPRESSED = re.compile(
    r"(?:.{0,80}: )?(\d+) (?:callbacks? suppressed|messages? suppressed|printk messages dropped|output lines suppressed)"
)

# Advice by kind of damage of the first oops's text.
_DAMAGE_ADVICE = {
    "no-trace": "Use the registers and the modules below; a dump (kdump), pstore or a serial console would have the trace.",
    "unreliable-trace": "Take no single '?' frame for a caller. A dump gives the true trace: lastwords analyze vmcore.",
    "cut-off": "Look for the rest: pstore (/var/lib/systemd/pstore), netconsole's receiver, the BMC's console log, the dump.",
    "interleaved": "Boot with printk caller ids (CONFIG_PRINTK_CALLER) so that the next log can be unwoven; a dump has it all.",
    "dropped": "Enlarge the ring buffer (log_buf_len=16M) and quiet the console (loglevel=4); the dump's log may be whole.",
}


def gaps(
    oopses: Sequence[Oops], boots: Sequence[Boot], first: Sequence[Record], near: Sequence[Record]
) -> tuple[Gap, ...]:
    """What is missing from a log.

    Args:
        oopses: the oopses that the report is about.
        boots: all boots of the file.
        first: the log's first records.
        near: the records around the oopses.
    """
    return (*_oops_gaps(oopses), *_start(boots, first), *_several(boots), *_suppressed(near), *_jumps(near))


def _oops_gaps(oopses: Sequence[Oops]) -> list[Gap]:
    if not oopses:
        return [
            Gap(
                kind="no-crash",
                text="No crash report in this log.",
                advice="Give it the log of the boot before (journalctl -k -b -1), pstore, or the console's capture. "
                "A machine that stops without a word often has a hardware or power cause: look at the BMC's event log.",
            )
        ]
    first = oopses[0]
    found = [Gap(kind=d.kind, text=d.text, advice=_DAMAGE_ADVICE[d.kind], line=d.line) for d in first.damage]
    if first.family == "panic" and not first.traces and first.kind not in ("no-root", "no-init"):
        found.append(
            Gap(
                kind="no-trace",
                text="Nothing follows after 'not syncing'.",
                advice="The panic message alone says what gave up, not why: the dump, or the lines before it, would.",
                line=first.line,
            )
        )
    return found


def _start(boots: Sequence[Boot], first: Sequence[Record]) -> list[Gap]:
    time = next((record.time for record in first if record.time is not None), None)
    if time is None or time < _LATE or (boots and boots[0].banner and boots[0].line <= 3):
        return []
    return [
        Gap(
            kind="starts-late",
            text=f"The log starts {time:.0f} s after boot: its beginning is gone (the ring buffer wrapped, or it was cut).",
            advice="The boot's part is in the journal (journalctl -k -b) or kern.log; log_buf_len= makes the buffer larger.",
            line=1,
        )
    ]


def _several(boots: Sequence[Boot]) -> list[Gap]:
    if len(boots) < 2:
        return []
    return [
        Gap(
            kind="several-boots",
            text=f"The file holds {len(boots)} boots.",
            advice="--boot N shows one of them alone; -1 is the last.",
            line=boots[1].line,
        )
    ]


def _suppressed(records: Sequence[Record]) -> list[Gap]:
    dropped = sum(record.dropped for record in records)
    limited = [(int(m[1][:9]), r.line) for r in records if (m := _SUPPRESSED.match(r.text)) is not None]
    found = []
    if dropped:
        line = next(record.line for record in records if record.dropped)
        found.append(
            Gap(
                kind="dropped",
                text=f"printk lost {dropped} messages near the crash.",
                advice=_DAMAGE_ADVICE["dropped"],
                line=line,
            )
        )
    if limited:
        found.append(
            Gap(
                kind="rate-limited",
                text=f"{sum(n for n, _ in limited)} messages near the crash were suppressed by rate limits.",
                advice="printk.devkmsg=on and kernel.printk_ratelimit=0 show all; a dump does not bring them back.",
                line=limited[0][1],
            )
        )
    return found


def _jumps(records: Sequence[Record]) -> list[Gap]:
    last: Record | None = None
    for record in records:
        if record.time is None:
            continue
        if last is not None and last.time is not None and record.line > last.line:
            step = record.time - last.time
            if step > _JUMP or step < -_JUMP:
                return [
                    Gap(
                        kind="time-jump",
                        text=f"Time stamps jump by {step:+.0f} s between lines {last.line} and {record.line}.",
                        advice="The machine slept, the clock was wrong, or two logs are joined here: trust the order of lines "
                        "more than the times.",
                        line=record.line,
                    )
                ]
        last = record
    return []
