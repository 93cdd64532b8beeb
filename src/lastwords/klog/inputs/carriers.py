r"""What stands in front of a kernel message in one line of text: log daemons, receivers, terminals, e-mail.

`CARRIERS` is the table of all that can, `STARTS` the characters with which one can begin. `peel()` takes them off one after the other, because they nest: a
console capture in a container's log, pasted into an e-mail. Named groups of the patterns:

| group | meaning |
| --- | --- |
| wall | wall-clock time, as it stands there |
| tag | the program that wrote the line; everything but `kernel` makes it a line of another program |
| pri | syslog priority: facility * 8 + level |
| facility, severity | the same as words (`dmesg -x`, busybox syslogd) |
| time | seconds since boot |
| microseconds | the same in microseconds |
| caller | `T123` or `C1` |
| task | a task's PID, from vendor kernels that print it |
| other | the rest is not a kernel message, whatever it says |
"""

import re
from functools import cache

import msgspec

from lastwords.model import Record

LEVELS = {
    "emerg": 0,
    "panic": 0,
    "alert": 1,
    "crit": 2,
    "err": 3,
    "error": 3,
    "warn": 4,
    "warning": 4,
    "notice": 5,
    "info": 6,
    "debug": 7,
}

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|[A-Z]{3})"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_ISO = rf"{_DATE}T{_CLOCK}{_ZONE}?"
_BSD = rf"{_MONTH} [ 0-9][0-9] {_CLOCK}(?: [0-9]{{4}})?"
_CTIME = rf"{_DAY} {_MONTH} [ 0-9][0-9] {_CLOCK}(?: [0-9]{{4}})?"
WALL = rf"{_ISO}|{_DATE} {_CLOCK}(?: ?{_ZONE})?|{_CTIME}|{_BSD}"
_HOST = r"[^ \[\]:]{1,255}"
_TAG = r"(?P<tag>[^\s:\[\]]{1,128})(?:\[[0-9]{0,10}\])?: ?"
# Without knowing that the file is syslog, a driver's `usb 1-1: ` must not pass for host and program.
_SURE_TAG = r"(?:(?P<tag>[Kk][Ee][Rr][Nn][Ee][Ll]|[^\s:\[\]]{1,128}(?=\[[0-9]{1,10}\]:))(?:\[[0-9]{0,10}\])?: ?)"
_FACILITY = r"kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local[0-7]"
_SEVERITY = "|".join(LEVELS)
_BUSYBOX = rf"(?:(?i:(?P<facility>{_FACILITY})\.(?P<severity>{_SEVERITY})) )?"

CARRIERS: tuple[tuple[str, str], ...] = (
    # First characters with which the carrier can start, and its pattern.
    # RFC 5424: <4>1 2026-11-23T10:00:00Z host kernel - - - text
    ("<", rf"<(?P<pri>[0-9]{{1,3}})>1 (?P<wall>{_ISO}|-) \S{{1,255}} (?P<tag>\S{{1,48}}) \S{{1,128}} \S{{1,32}} "
          r"(?:-|(?:\[(?:[^\]\\]|\\.){0,1000}\])+) ?\ufeff?"),
    # RFC 3164 with its priority, as it comes over the net.
    ("<", rf"<(?P<pri>[0-9]{{1,3}})>(?P<wall>{_BSD}|{_ISO}) {_HOST} {_TAG}"),
    # printk's own, `dmesg --raw` and `syslog(2)`: <6>[   12.345678] text. Also <6>text.
    ("<", r"<(?P<pri>[0-9]{1,3})>(?!1 )"),
    # journalctl -o short, rsyslog, busybox syslogd, OpenWrt's logread.
    ("JFMASOND", rf"(?P<wall>{_BSD}) {_HOST} {_BUSYBOX}{_TAG}"),
    ("MTWFS", rf"(?P<wall>{_CTIME}) (?:{_HOST} )??{_BUSYBOX}{_SURE_TAG}"),
    # journalctl -o short-full: Mon 2026-11-23 10:00:00 CET host kernel: text
    ("MTWFS", rf"(?P<wall>{_DAY} {_DATE} {_CLOCK} [A-Za-z0-9:+-]{{1,9}}) {_HOST} {_TAG}"),
    # /dev/kmsg's header where the rest of the file is something else.
    ("0123456789", r"(?P<pri>[0-9]{1,3}),[0-9]{1,18},(?P<microseconds>[0-9]{1,18}),[-c+][^;]{0,200};"),
    # A container's log, as the kubelet keeps it.
    ("0123456789", rf"(?P<wall>{_ISO}) (?:stdout|stderr) [FP] "),
    # A log that somebody shortened: 19:18:21 kernel: text
    ("0123456789", rf"(?P<wall>{_CLOCK}) (?P<tag>kernel): "),
    # ISO time stamps: rsyslog, syslog-ng, journalctl -o short-iso and short-iso-precise.
    ("0123456789", rf"(?P<wall>{_ISO}) {_HOST} {_SURE_TAG}"),
    # journalctl -o short-unix.
    ("0123456789", rf"(?P<wall>[0-9]{{9,11}}\.[0-9]{{6}}) {_HOST} {_SURE_TAG}"),
    # dmesg --time-format iso (a comma before the fraction), GitHub Actions, serial concentrators, kubectl logs.
    ("0123456789", rf"(?P<wall>{_ISO}|{_DATE} {_CLOCK}(?: ?{_ZONE})?)(?:[:|]? |(?=\[)|$)(?:[0-9]{{2}}[OE][ +])?"),
    # A receiver of netconsole that notes the sender: 10.0.0.1:6666 text
    ("0123456789", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?(?::? |$)"),
    ("[", r"\[[0-9a-fA-F:.]{7,45}\]:[0-9]{1,5} "),
    # dmesg -T and --time-format reltime, delta; conserver, minicom, tio.
    ("[", rf"\[(?P<wall>{_CTIME}|{_MONTH} ?[0-9]{{1,2}} [0-9]{{2}}:[0-9]{{2}}"
          rf"|{_DATE}[ T]{_CLOCK}{_ZONE}?|{_CLOCK})"
          r"(?: < {0,11}[0-9]{1,9}\.[0-9]{1,9} ?>)?\](?: ?\[ {0,8}(?P<caller>[TC][0-9]{1,10})\])? ?"),
    ("[", r"\[ {0,11}[+-][0-9]{1,9}\.[0-9]{1,9}\](?: ?\[ {0,8}(?P<caller>[TC][0-9]{1,10})\])? ?"),
    ("[", r"\[[+<] {0,11}[0-9]{1,9}\.[0-9]{1,9}>?\](?: ?\[ {0,8}(?P<caller>[TC][0-9]{1,10})\])? ?"),
    ("[", r"(?P<other>\[-- )(?=\S)"),
    # systemd's status lines on the console.
    ("[", r"(?P<other>\[(?:  OK  |FAILED|DEPEND| WARN | INFO | SKIP | TIME |\*{0,3} {0,6}\*{0,3} {0,6})\] )"),
    (" ", r"(?P<other> {9})(?=(?:Starting|Stopping|Unmounting|Mounting|Expecting|Activating|Reached) )"),
    # journalctl's own remarks.
    ("-", r"(?P<other>-- )(?=(?:Boot|Reboot|Logs|Journal|No entries))"),
    # dmesg -x: kern  :warn  : [   12.345678] text
    ("kudmalsncf", rf"(?P<facility>{_FACILITY}) *:(?P<severity>{_SEVERITY}) *: ?"),
    # metalog: Feb 01 14:13:27 [kernel] text
    ("JFMASOND", rf"(?P<wall>{_BSD}) \[(?P<tag>[^\s\]]{{1,64}})\] ?"),
    # E-mail. Some programs put no blank behind the sign; neither does KASAN's `>ffff8880…`, which is no quotation.
    (">", r"(?:>{1,8} ){1,16}|>{1,16}$|(?:>{1,8} ){0,8}>{1,8}(?![0-9a-f]{8})(?=[A-Za-z0-9\[*#-]|<[0-7]>)"),
    (" ", r" {1,3}>{1,8}(?: |$)"),
    # A block of code in a text, whose lines have a date.
    (" \t", rf"[ \t]{{1,16}}(?=(?:{_BSD}|{_CTIME}|{_ISO}) )"),
    ("(", r"\(XEN\) ?"),
    # ts(1) and other stamps without a host; busybox klogd without one either.
    ("JFMASOND", rf"(?P<wall>{_BSD})(?: |$)"),
    ("Kk", r"(?P<tag>kernel): "),
)  # fmt: skip
STARTS = frozenset("".join(characters for characters, _ in CARRIERS))

# printk's stamp in every form, at the start of what the carriers left. `dmesg --time-format delta` adds
# ` <    0.000012>`, Amlogic's kernels `@2`, others `,0`.
_STAMP = (
    r"\[ {0,8}(?P<time>[0-9]{1,12}\.[0-9]{1,9})(?:[@,][0-9]{1,3})?(?: < {0,11}[0-9]{1,9}\.[0-9]{1,9} ?>| {1,24})?\]"
    r"(?: ?\[ {0,8}(?P<caller>[TC][0-9]{1,10})\])? ?"
    r"(?:<(?P<pri>[0-7])> ?)?"
)
# MediaTek: (0)[123:comm]text. Samsung: [0:  comm:  123] text. HiSilicon: [pid:123,cpu0,comm]text, with a number at the end.
_VENDOR = (
    r"\([0-9]{1,3}\)\[(?P<task>[0-9]{1,10}):[^\]]{1,32}\] ?"
    r"|\[ ?[0-9]{1,3}: {0,16}[^\s\]][^\]]{0,32}: {0,8}(?P<task2>[0-9]{1,10})\] "
    r"|\[pid:(?P<task3>[0-9]{1,10}),cpu[0-9]{1,4},[^\]]{1,32}\] ?"
)

STAMP = re.compile(f"{_STAMP}(?:{_VENDOR})?")
VENDOR = re.compile(_VENDOR)
# More than this is not a log but an attempt.
MOST_CARRIERS = 8

# What waits for somebody to type when the kernel prints: getty, a shell, a boot loader.
PROMPT = re.compile(r"(?:\S{1,64} login:|Password:|\S{0,64} ?[#$%]|\S{0,16}=>) *")


class Envelope(msgspec.Struct, gc=False):
    """All that stood in front of a message. `length` is where the message starts in the line."""

    length: int = 0
    time: float | None = None
    caller: str = ""
    level: int | None = None
    wall: str = ""
    kernel: bool = True

    def record(self, line: int, text: str) -> Record:
        """The message as a record."""
        return Record(line, text, self.time, self.caller, self.level, self.wall, self.kernel)


@cache
def _carriers(first: str) -> tuple[re.Pattern[str], ...]:
    """What can begin with this character. A log has few of these, and to compile all takes longer than to read a log."""
    return tuple(re.compile(pattern) for characters, pattern in CARRIERS if first in characters)


def peel(text: str) -> Envelope:
    """What stands in front of the message in one line. The kernel's own time stamp is the last to go."""
    envelope = Envelope()
    for _ in range(MOST_CARRIERS):
        match = STAMP.match(text, envelope.length)
        if match:
            _open(envelope, match)
            return envelope
        first = text[envelope.length : envelope.length + 1]
        for carrier in _carriers(first) if first in STARTS else ():
            match = carrier.match(text, envelope.length)
            if match:
                break
        if not match:
            return envelope
        _open(envelope, match)
        if not envelope.kernel:
            # Programs write to /dev/kmsg too, and printk puts its stamp on that.
            if match := STAMP.match(text, envelope.length):
                _open(envelope, match)
            return envelope
    return envelope


def _open(envelope: Envelope, match: re.Match[str]) -> None:
    envelope.length = match.end()
    for name, value in match.groupdict().items():
        if value is not None and name in _FIELDS:
            _FIELDS[name](envelope, value)


def _tag(envelope: Envelope, value: str) -> None:
    envelope.kernel = value.lower() == "kernel"


def _pri(envelope: Envelope, value: str) -> None:
    # Facility 0 is the kernel; what programs write to /dev/kmsg gets 1 at least (devkmsg_write()).
    envelope.level = int(value) & 7
    envelope.kernel = int(value) >> 3 == 0


def _facility(envelope: Envelope, value: str) -> None:
    envelope.kernel = value.lower() == "kern"


def _severity(envelope: Envelope, value: str) -> None:
    envelope.level = LEVELS[value.lower()]


def _time(envelope: Envelope, value: str) -> None:
    envelope.time = float(value)


def _microseconds(envelope: Envelope, value: str) -> None:
    envelope.time = int(value) / 1_000_000


def _caller(envelope: Envelope, value: str) -> None:
    envelope.caller = value


def _task(envelope: Envelope, value: str) -> None:
    envelope.caller = f"T{value}"


def _wall(envelope: Envelope, value: str) -> None:
    envelope.wall = envelope.wall or value


def _other(envelope: Envelope, value: str) -> None:
    # The mark itself says more than what would be left without it: keep it in the text.
    envelope.length -= len(value)
    envelope.kernel = False


_FIELDS = {
    "wall": _wall,
    "pri": _pri,
    "facility": _facility,
    "severity": _severity,
    "tag": _tag,
    "time": _time,
    "microseconds": _microseconds,
    "caller": _caller,
    "task": _task,
    "task2": _task,
    "task3": _task,
    "other": _other,
}
