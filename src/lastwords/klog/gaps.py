"""What a log lacks, what that costs, and what to do about it."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lastwords.model import Boot, Gap, Oops, Record

from .boots import Start
from .listing import Listings

_LATE = 30.0
"""Seconds since boot at which a log without a banner has lost its beginning."""
_EXCERPT = 60
"""Lines up to which a log is an excerpt."""
_ABSURD = 30 * 86400.0
"""Seconds without any message that only a broken clock explains; hours are normal on a healthy machine."""
_SLEPT = 120.0
"""Seconds by which the wall clock may run ahead of the kernel's between two messages."""
_DAY = 86400

# Who loses or leaves out messages, and how they say it: what becomes of them, and the number that is missing.
_LOSSES = (
    ("rate-limited", re.compile(r"(?:.{0,80}: )?([0-9]{1,9}) (?:callbacks?|messages?|output lines) suppressed")),
    ("dropped", re.compile(r"(?:.{0,80}: )?Missed ([0-9]{1,9}) kernel messages")),  # systemd-journald
    ("rate-limited", re.compile(r"(?:.{0,80}: )?Suppressed ([0-9]{1,9}) messages from ")),  # systemd-journald
    ("rate-limited", re.compile(r"(?:.{0,80}: )?([0-9]{1,9}) messages lost due to rate-limiting")),  # rsyslogd
)

# Advice by kind of damage of the first oops's text.
_DAMAGE_ADVICE = {
    "no-trace": "Use the registers, where there are any; a dump (kdump), pstore or a serial console would have the trace.",
    "unreliable-trace": "Take no single '?' frame for a caller. A dump gives the true trace: lastwords analyze vmcore.",
    "cut-off": "Look for the rest: pstore (/var/lib/systemd/pstore), netconsole's receiver, the BMC's console log, the dump.",
    "interleaved": "Boot with printk caller ids (CONFIG_PRINTK_CALLER) so that the next log can be unwoven; a dump has it all.",
    "typed": "Hold it against the screen or the photo: a wrong digit makes another address. A dump, pstore or a serial console "
    "would have every line; lastwords doctor says how to get them.",
    "dropped": "Enlarge the ring buffer (log_buf_len=16M) and quiet the console (loglevel=4); the dump's log may be whole.",
}

# The last words of a kernel that was asked to stop, and of the programs that asked it.
_STOPPED = re.compile(
    r".{0,80}(?:reboot: |Restarting system|System halted|Power down|kexec_core: Starting new kernel|systemd-shutdown\[|"
    r"Reached target .{0,60}(?:Reboot|Power.?Off|Halt|Shutdown)|Sending SIG(?:TERM|KILL) to|exiting on signal|"
    r"Requesting system (?:reboot|poweroff|halt)|The system is going down|PM: suspend entry)"
)
_WHOLE = frozenset(("console", "netconsole", "netconsole-extended"))
"""Formats that have a machine's last words: daemons stop before the kernel does, and dmesg is a picture of one moment."""

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})")


def gaps(
    oopses: Sequence[Oops],
    boots: Sequence[Boot],
    starts: Sequence[Start],
    chosen: Boot | None,
    form: str,
    records: Sequence[Record],
    listings: Listings,
) -> tuple[Gap, ...]:
    """What is missing from a log.

    Args:
        oopses: the oopses that the report is about.
        boots: all boots of the file, and `starts` how they begin.
        chosen: the boot that the user asked for.
        form: the log's format.
        records: what is at hand of the log, or of the chosen boot.
        listings: the lists of tasks in it.
    """
    about = chosen or (boots[oopses[0].boot - 1] if oopses else boots[-1])
    return (
        *_oops_gaps(oopses, records, listings),
        *_start(about, records, form),
        *_several(oopses, boots, chosen),
        *_silent(oopses, starts, chosen, form),
        *_losses(records, any(damage.kind == "dropped" for oops in oopses[:1] for damage in oops.damage)),
        *_jumps(records),
    )


# What only the lines of a crash say, though none of them opened a report. Not `Code:`, which the kernel prints for
# programs too (show_opcodes() in arch/x86/kernel/dumpstack.c, called by show_signal_msg()).
_REMAINS = re.compile(
    r"\s*(?:Call Trace:|RIP: 00[13]0:|Instruction dump:|pc : |Modules linked in: "
    r"|Kernel panic|---\[ end |</(?:TASK|IRQ)>|CR2: [0-9a-f]{8}|Internal error: |(?:\? )?[A-Za-z_][\w.]{1,100}\+0x[0-9a-f]{1,6}/0x)"
)


def _oops_gaps(oopses: Sequence[Oops], records: Sequence[Record], listings: Listings) -> list[Gap]:
    if not oopses:
        left = next(
            (r for r in records if r.kernel and _REMAINS.match(r.text) and not listings.covers(r.line)),
            None,
        )
        if left is None and listings.entries:
            return [
                Gap(
                    kind="no-crash",
                    text="No crash report in this log, only lists of tasks.",
                    advice="Two lists some seconds apart (echo w > /proc/sysrq-trigger) tell who stays blocked; that of all "
                    "tasks (echo t) shows those too that sleep with a lock.",
                    line=listings.entries[0].line,
                )
            ]
        if left is not None:
            return [
                Gap(
                    kind="no-crash",
                    text="No crash report opens in this log, but this line may be a part of one.",
                    advice="Look for the lines before it: pstore, the console's capture, journalctl -k -b -1.",
                    line=left.line,
                )
            ]
        return [
            Gap(
                kind="no-crash",
                text="No crash report in this log.",
                advice="Give it the log of the boot before (journalctl -k -b -1), pstore, or the console's capture. "
                "A machine that stops without a word often has a hardware or power cause: look at the BMC's event log.",
            )
        ]
    first = oopses[0]
    found = [
        Gap(kind=d.kind, text=d.text, advice=_DAMAGE_ADVICE[d.kind], line=d.line or first.line) for d in first.damage
    ]
    silent = first.family == "panic" and not any(trace.frames for trace in first.traces)
    if silent and first.kind not in ("no-root", "no-init") and not any(gap.kind == "no-trace" for gap in found):
        found.append(
            Gap(
                kind="no-trace",
                text="No call trace follows after 'not syncing'.",
                advice="The panic message alone says what gave up, not why. The registers, where there are any, tell where "
                "the CPU was; the dump (kdump) or the lines before the panic tell the rest.",
                line=first.line,
            )
        )
    return found


def _start(boot: Boot, records: Sequence[Record], form: str) -> list[Gap]:
    """The log of the boot begins in its middle."""
    if boot.banner is not None:
        return []
    own = (r for r in records if r.line >= boot.line and r.kernel and r.time is not None)
    first = next(own, None)
    if first is None or first.time is None or first.time < _LATE:
        return []
    if form == "syslog" or boot.last_line - boot.line < _EXCERPT:
        return []  # its files are rotated; and who cuts out a few lines knows it
    return [
        Gap(
            kind="starts-late",
            text=f"The log starts {_since(first.time)} after boot: its beginning is gone (the ring buffer wrapped, or it was cut).",
            advice="The boot's part is in the journal (journalctl -k -b) or kern.log; log_buf_len= makes the buffer larger.",
            line=first.line,
        )
    ]


def _since(seconds: float) -> str:
    """A time since boot in the units that people think in."""
    if seconds < 3600:
        return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"
    if seconds < 2 * _DAY:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / _DAY:.0f} days"


def _several(oopses: Sequence[Oops], boots: Sequence[Boot], chosen: Boot | None) -> list[Gap]:
    if len(boots) < 2:
        return []
    if chosen is not None:
        text = f"The file holds {len(boots)} boots; this is about boot {chosen.number}, lines {chosen.line} to {chosen.last_line}."
        return [Gap(kind="several-boots", text=text, advice="Leave out --boot to see all of them.", line=chosen.line)]
    crashed = sorted({oops.boot for oops in oopses})
    which = (
        f" Crashes in boot {', '.join(map(str, crashed[:10]))}{', …' if len(crashed) > 10 else ''}." if crashed else ""
    )
    return [
        Gap(
            kind="several-boots",
            text=f"The file holds {len(boots)} boots.{which}",
            advice="--boot N shows one of them alone; -1 is the last.",
            line=boots[1].line,
        )
    ]


def _silent(oopses: Sequence[Oops], starts: Sequence[Start], chosen: Boot | None, form: str) -> list[Gap]:
    """Boots that were over without a word of the kernel."""
    if form not in _WHOLE:
        return []
    crashed = {oops.boot for oops in oopses}
    silent = [
        (number, start.before[-1])
        for number, start in enumerate(starts[1:], 1)
        if number not in crashed
        and (chosen is None or chosen.number == number)
        and start.before
        and not any(_STOPPED.match(record.text) for record in start.before)
    ]
    return [
        Gap(
            kind="ended-silently",
            text=f"Boot {number} ends on line {last.line} without a crash report and without a shutdown.",
            advice="Reset, power loss, a watchdog, or a hang with nothing on the console: look at the BMC's event log, and "
            "set up kdump and nmi_watchdog=panic for the next time.",
            line=last.line,
        )
        for number, last in silent[-3:]
    ]


def _losses(records: Sequence[Record], told: bool) -> Iterator[Gap]:
    """Messages that never came; those inside the first report may be told already."""
    lost = {"dropped": 0, "rate-limited": 0}
    lines: dict[str, int] = {}
    for record in records:
        if record.dropped:
            lost["dropped"] += record.dropped
            lines.setdefault("dropped", record.line)
        if "ssed" not in record.text and "messages lost" not in record.text:
            continue
        for kind, pattern in _LOSSES:
            if (match := pattern.match(record.text)) is not None:
                lost[kind] += int(match[1])
                lines.setdefault(kind, record.line)
                break
    if lost["dropped"] and not told:
        yield Gap(
            kind="dropped",
            text=f"{lost['dropped']} messages near the crash were lost on their way to this log.",
            advice=_DAMAGE_ADVICE["dropped"],
            line=lines["dropped"],
        )
    if lost["rate-limited"]:
        yield Gap(
            kind="rate-limited",
            text=f"{lost['rate-limited']} messages near the crash were suppressed by rate limits.",
            advice="printk.devkmsg=on and kernel.printk_ratelimit=0 show all; a dump does not bring them back.",
            line=lines["rate-limited"],
        )


def _jumps(records: Sequence[Record]) -> list[Gap]:
    """A clock that does not do what clocks do, between two neighbours; going back to 0 is a new boot and no jump."""
    stamped = (record for record in records if record.kernel and record.time is not None)
    for last, record in pairwise(stamped):
        if record.time is None or last.time is None or not 0 <= record.line - last.line <= 3:
            continue
        step = record.time - last.time
        if step > _ABSURD:
            reason = "The clock is broken, a stamp is damaged, or two logs are joined here"
            return [_jump(f"Time stamps jump by {step:+.0f} s", reason, last, record)]
        ahead = _wall_step(last.wall, record.wall, step)
        if ahead is not None:
            reason = "The machine slept, or its clock was set"
            return [_jump(f"The wall clock runs {ahead:.0f} s ahead of the kernel's", reason, last, record)]
    return []


def _wall_step(last: str, wall: str, step: float) -> float | None:
    """Seconds by which the wall clock went further than the kernel's, if that is more than daemons delay messages.

    Only the time of day is compared, since not all formats have a date; so whole days go unseen.
    """
    if not last or not wall or last == wall:
        return None
    before, after = _CLOCK.search(last), _CLOCK.search(wall)
    if before is None or after is None:
        return None
    ahead = (_seconds(after) - _seconds(before) - step) % _DAY
    return ahead if _SLEPT < ahead < _DAY / 2 else None


def _seconds(clock: re.Match[str]) -> int:
    return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])


def _jump(text: str, reason: str, last: Record, record: Record) -> Gap:
    return Gap(
        kind="time-jump",
        text=f"{text} between lines {last.line} and {record.line}.",
        advice=f"{reason}: trust the order of lines more than the times.",
        line=record.line,
    )
