"""What had been recorded about the machine before the crash, put together from all that a case holds.

Boots are the hard part. wtmp knows which boots nobody shut down; the journal knows when each was last heard of; dumps
and pstore know which died of a crash that the kernel could still report. What is left has vanished, and the BMC's log
may say why: power, a watchdog, a fault that stops the processors (a triple fault on x86 resets and leaves nothing).
"""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import BinaryIO, NamedTuple

import msgspec

from lastwords.glossary.clock import utc
from lastwords.glossary.units import duration
from lastwords.host.readers import History, read_history
from lastwords.klog.inputs import Input
from lastwords.model import DumpCheck, Ending, ErrorKind, Evidence, HardwareError, Oops, Reboot

from .evidence import Past

_SAME_BOOT = 300.0
"""Seconds between what two sources say of one boot's start: wtmp's record is written when systemd comes to it."""
_SAME_SECOND = 1.5
"""Seconds between two sources one of which tells no zone: so close, it was UTC, and one was made from the other."""
_LATE = 900.0
"""Seconds after a boot within which systemd-pstore puts away what the boot before had left."""
_FIRMWARE = 120.0
"""Seconds by which the BMC's clock may be ahead: an event of the end must not fall behind the next start."""

_WRITTEN_BY_THE_CRASH = ("/var/crash/", "/var/spool/kdump/", "/sys/fs/pstore/", "/var/lib/systemd/pstore/")
_FROM_KDUMP = re.compile(r"/(?:dump|vmcore|dmesg)[^/]{0,80}$|^/var/(?:crash|spool/kdump)/")
_THERE = ("taken", "skipped")
"""States of evidence: a dump of another crash is left where it is, and tells of that crash all the same."""

# What the BMC's events say of an end, the most telling first: kind, words that must be there, what it means.
_ENDS: tuple[tuple[ErrorKind, re.Pattern[str], str], ...] = (
    ("watchdog", re.compile(r"reset|power|expired|cycle", re.I), "a watchdog ended it: the system did not answer"),
    (
        "cpu",
        re.compile(r"ierr|cat ?err|thermal trip|machine check|uncorrectable", re.I),
        "a processor error stopped it",
    ),
    ("memory", re.compile(r"uncorrectable|parity|fatal", re.I), "an uncorrectable memory error stopped it"),
    ("pcie", re.compile(r"fatal|perr|serr|nmi", re.I), "a fatal bus error stopped it"),
    ("temperature", re.compile(r"non-?recoverable|upper critical|thermal trip|overheat", re.I), "it became too hot"),
    ("power", re.compile(r"lost|failure|fault|off|down|soft power", re.I), "power went away"),
    ("chassis", re.compile(r"button|power|reset|cycle", re.I), "somebody used a button or the BMC to reset or stop it"),
    ("os", re.compile(r"stop", re.I), "the operating system told the BMC that it stopped"),
)


def read_pasts(pasts: Iterable[Past]) -> History:
    """All records of the past, each once, in the order of time."""
    history = History()
    for past in pasts:
        opener = partial(_open, past)
        read_history(past.path, past.form, past.shown, history, opener)
    errors = {(e.source, e.time, e.text, e.label, e.address): e for e in history.errors}
    history.errors = sorted(errors.values(), key=lambda e: (e.time is None, e.time or 0.0))
    samples = {(sample.time, sample.zone): sample for sample in history.samples}
    history.samples = sorted(samples.values(), key=lambda sample: sample.time)
    return history


class CrashRecord(NamedTuple):
    """When the kernel left a record of a crash, where that stands, and whether the time is the crash's own."""

    time: float
    path: str
    exact: bool = True


def crash_records(dump: DumpCheck | None, oopses: Iterable[Oops], evidence: Iterable[Evidence]) -> list[CrashRecord]:
    """The records of crashes in a case, by time.

    A file's time of change counts only where the kernel or its distribution puts such files: a copy's is the copy's.
    """
    found: list[CrashRecord] = []
    if dump is not None and dump.dump is not None and dump.dump.crash_time:
        found.append(CrashRecord(dump.dump.crash_time, dump.path))
    walls = ((utc(oops.clock), oops.path) for oops in oopses if oops.panic)
    found += [CrashRecord(time, path) for time, path in walls if time is not None]
    found += [
        CrashRecord(item.modified, item.path or item.origin, exact=False)
        for item in evidence
        if item.modified and item.state in _THERE and item.origin.startswith(_WRITTEN_BY_THE_CRASH)
    ]
    return sorted(found)


def boots(
    told: Sequence[Reboot], crashes: Sequence[CrashRecord], errors: Sequence[HardwareError]
) -> tuple[Reboot, ...]:
    """The machine's boots, each once, with how it ended and why as far as that is known.

    Args:
        told: by all sources.
        crashes: when the kernel left a record of a crash, with the path of the record.
        errors: what the BMC and others recorded.
    """
    merged = _without_crash_kernels(_merged(told), crashes)
    telling = [record for record in crashes if record.exact or not _is_of_exact(record, crashes)]
    died = {number: record for record in telling if (number := _boot_of(record, merged)) is not None}
    nexts = [*(boot.started for boot in merged[1:]), None]
    return tuple(
        _explained(boot, until, died.get(number), crashes, _of_its_end(errors, last=number == len(merged) - 2))
        for number, (boot, until) in enumerate(zip(merged, nexts, strict=False))
    )


def _without_crash_kernels(merged: Sequence[Reboot], crashes: Sequence[CrashRecord]) -> list[Reboot]:
    """Debian's crash kernel runs systemd, which enters a boot in wtmp and journal: that boot saved the dump, no more.

    It began soon after a crash whose very time is known, and before the dump of that crash was written. Where only the
    time of the dump is known, it is taken for the dump of the boot before, which nobody shut down.
    """
    exact = [record.time for record in crashes if record.exact]
    written = [record.time for record in crashes if not record.exact and _FROM_KDUMP.search(record.path)]
    result: list[Reboot] = []
    for boot, until in zip(merged, [*(each.started for each in merged[1:]), None], strict=False):
        began, before = boot.started or 0.0, result[-1] if result else None
        dumped = until is not None and any(began < time < min(until, began + _LATE) for time in written)
        if before is None or not dumped or not boot.zone or boot.ending not in ("vanished", "unknown"):
            result.append(boot)
            continue
        died_before = any(max(began - _LATE, before.started or 0.0) < time < began for time in exact)
        died_itself = any(began <= time < (until or 0.0) for time in exact)
        if not died_before and (died_itself or before.ending != "vanished"):
            result.append(boot)
    return result


def _of_its_end(errors: Sequence[HardwareError], *, last: bool) -> Sequence[HardwareError]:
    """What can speak of a boot's end: the word on the last restart only of the last that ended."""
    return errors if last else [error for error in errors if error.source not in _LAST_RESTART]


def _is_of_exact(file: CrashRecord, crashes: Sequence[CrashRecord]) -> bool:
    """A file that was written soon after a crash whose time is known: it tells of that one, and of no other."""
    return any(record.exact and 0 <= file.time - record.time < _LATE for record in crashes)


def _boot_of(record: CrashRecord, merged: Sequence[Reboot]) -> int | None:
    """The boot that a record is of: the one that ran then, or the one before where the file was put away afterwards."""
    ran = [number for number, boot in enumerate(merged) if boot.started is not None and boot.started <= record.time]
    if not ran or not merged[ran[-1]].zone:
        return None
    number = ran[-1]
    soon = not record.exact and record.time - (merged[number].started or 0.0) < _LATE
    return number - 1 if soon and number and merged[number - 1].ending == "vanished" else number


def _merged(told: Sequence[Reboot]) -> list[Reboot]:
    """The same boot from two sources becomes one: what one lacks the other may know."""
    result: list[Reboot] = []
    for boot in sorted(told, key=lambda each: each.started or 0.0):
        last = result[-1] if result else None
        if last is not None and _same(last, boot):
            result[-1] = _both(last, boot)
        else:
            result.append(boot)
    # That a boot was the last that one source knew of says nothing once another knows a later one.
    for number, boot in enumerate(result[:-1]):
        if boot.ending == "running":
            result[number] = msgspec.structs.replace(boot, ending="unknown")
    return result


_SURER: tuple[Ending, ...] = ("unknown", "running", "vanished", "clean", "crash")
"""Of two sources the one counts that says more."""


def _same(one: Reboot, other: Reboot) -> bool:
    if one.boot_id and other.boot_id:
        return one.boot_id == other.boot_id
    if one.started is None or other.started is None or other.path in (one.path, *one.seen_in):
        return False
    apart = abs(one.started - other.started)
    return apart <= (_SAME_BOOT if one.zone == other.zone else _SAME_SECOND)


def _both(one: Reboot, other: Reboot) -> Reboot:
    ending = max(one.ending, other.ending, key=_SURER.index)
    heard = [each.ended for each in (one, other) if each.ended is not None]
    return msgspec.structs.replace(
        one,
        ending=ending,
        ended=max(heard, default=None),
        zone=one.zone or other.zone,
        kernel=one.kernel or other.kernel,
        boot_id=one.boot_id or other.boot_id,
        seen_in=tuple(dict.fromkeys((*one.seen_in, *other.seen_in, other.path))),
    )


def _explained(
    boot: Reboot,
    until: float | None,
    record: CrashRecord | None,
    crashes: Sequence[CrashRecord],
    errors: Sequence[HardwareError],
) -> Reboot:
    if record is not None and boot.ending != "clean":
        seen = (*boot.seen_in, record.path)
        text = "the kernel left a record of its crash"
        return msgspec.structs.replace(boot, ending="crash", ended=record.time, explanation=text, seen_in=seen)
    if boot.ending != "vanished" or until is None:
        return boot
    if crashes and not boot.zone:
        text = "there are crash records, but the times of this list have no zone to compare them with"
        return msgspec.structs.replace(boot, ending="unknown", explanation=text)
    text, cause = _why(boot, until, errors)
    return msgspec.structs.replace(boot, explanation=text, cause=cause)


def _why(boot: Reboot, until: float, errors: Sequence[HardwareError]) -> tuple[str, ErrorKind | None]:
    """Why a boot ended without a word, as far as the BMC knows, and the kind of event that says so."""
    word = next((event for event in errors if event.source in _LAST_RESTART), None)
    if word is not None:
        meaning = next((meaning for kind, _words, meaning in _ENDS if kind == word.kind), "the hardware reset it")
        return f"{meaning}: the {_NAMES[word.source]} says “{word.text}” of the last restart", word.kind
    began = boot.ended or boot.started or 0.0
    events = [e for e in errors if e.time is not None and began - _FIRMWARE <= e.time <= until + _FIRMWARE]
    for kind, words, meaning in _ENDS:
        for event in reversed(events):
            if event.kind == kind and event.time is not None and words.search(event.text) and _is_end(event):
                before = (
                    f"{duration(abs(until - event.time))} {'before' if event.time <= until else 'after'} the next boot"
                )
                clock = "" if event.zone and boot.zone else ", if the clocks agree"
                return f"{meaning}: the {_NAMES[event.source]} has “{event.text}” {before}{clock}", event.kind
    logged = [event.time for event in errors if event.source == "sel" and event.time is not None]
    if logged and min(logged) > until:
        return f"{_SILENT}: {_ANY}; the BMC's log begins later", None
    if logged:
        return f"{_SILENT}, and nothing about it in the BMC's log: {_WITHOUT_A_TRACE}", None
    return f"{_SILENT}: {_ANY}; the BMC's log (ipmitool sel elist) or the hypervisor's would tell", None


_SILENT = "no shutdown, no crash record"
_WITHOUT_A_TRACE = "a reset from outside, a triple fault, or a crash whose record was lost"
_ANY = "power, a reset, a watchdog, a triple fault, or a crash whose record was lost"
_LAST_RESTART = ("bmc", "watchdog")
_NAMES = {
    "bmc": "BMC",
    "watchdog": "watchdog's driver",
    "sel": "BMC's log",
    "rasdaemon": "database of rasdaemon",
    "mcelog": "log of mcelog",
    "edac": "EDAC counter",
}


def _is_end(event: HardwareError) -> bool:
    """Power and chassis events are no errors when somebody switches a machine off; here they count all the same."""
    return event.severity in ("fatal", "uncorrected") or event.kind in ("power", "chassis", "os")


def _open(past: Past) -> BinaryIO:
    return Input(str(past.path), [past.path]).open()
