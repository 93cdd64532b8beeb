"""Which dialect a file is in, found out by looking at its first lines."""

import re
from collections import Counter
from collections.abc import Callable

from .carriers import STAMP
from .containers import TEXT, Wrapped
from .dialect import Dialect
from .dmesg_json import DmesgJson
from .foreign import Prefixed, foreign, without
from .journal import JournalExport, JournalJson, JournalPretty
from .journal_verbose import HEADER as VERBOSE_HEADER
from .journal_verbose import JournalVerbose
from .kmsg import Kmsg
from .pasted import ENTITY, OUR_REPORT, Pasted, indentation, outdented, without_markup
from .printk import Printk
from .pstore import HEADER as PSTORE_HEADER
from .pstore import Pstore
from .syslog import Monotonic, Syslog
from .terminal import displayed

SAMPLE = 1 << 16
SAMPLE_LINES = 400

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"

# What the whole sample looks like, for formats that can be told at a glance.
SAMPLES: tuple[tuple[re.Pattern[bytes], Callable[[], Dialect]], ...] = (
    (re.compile(rb'\s*\{\s*"dmesg"\s*:\s*\[\s*(?:\{\s*"(?:fac|pri|time)"|\])'), DmesgJson),
    (re.compile(rb"__CURSOR=[^\n]*\n(?:__[A-Z_]+=|_BOOT_ID=)"), JournalExport),
    (re.compile(rb'\s*\{[ \t\r]*\n\s*"_{0,2}[A-Z][A-Z_]{0,63}"\s*:'), JournalPretty),
    (VERBOSE_HEADER, JournalVerbose),
    (PSTORE_HEADER, Pstore),
    (re.compile(rb"dmesg-[\w.-]{1,80}:\r?\n" + PSTORE_HEADER.pattern.replace(b"^", b""), re.MULTILINE), Pstore),
)

# journalctl's own first lines, in whatever format the rest is.
REMARKS = re.compile(rb"\A(?:-- [^\n]{0,300}\n){1,4}")

# What a single line looks like; the first pattern that fits names the line's dialect.
LINES: tuple[tuple[str, str], ...] = (
    ("journal-json", r"(?:data: |\x1e)?\{ ?\"(?:.{0,4000}\")?(?:__REALTIME_TIMESTAMP|__CURSOR|_TRANSPORT|_BOOT_ID)\""),
    ("json-lines", r"(?:- )?\{ ?\"(?:log|msg|dt|stream|time|message)\" ?:"),
    ("json-lines", rf"(?:- )?\{{ ?(?:\".{{0,2000}})?\"(?:{'|'.join(TEXT)})\" ?: ?\""),
    # Looking for a comma first is cheap, and few lines have one.
    ("netconsole-extended", r"(?=[^;,\n]{1,160},)(?:[^;,\n]{1,80} )?(?:[0-9]+\.[^,;\s]{1,80},)?[0-9]{1,5},[0-9]{1,18},[0-9]{1,18},[-c+]"),
    ("dmesg-json", r" {2,16}\"(?:fac|pri|time|caller|msg)\": "),
    ("journal-export", r"_{1,2}[A-Z][A-Z_]{1,63}="),
    ("journal-pretty", r"\t\"_{0,2}[A-Z][A-Z_]{1,63}\" : "),
    ("journal-verbose", r" {4}_{0,2}[A-Z][A-Z_]{1,63}="),
    # short-monotonic and short-delta, with the host or without.
    ("journal-short", r"\[ {0,8}[0-9]{1,12}\.[0-9]{6}(?: <[ 0-9.]{1,24}>| {1,24})?\] "
                      r"(?:kernel|[^\s:]{1,255} (?:kernel|[^\s:\[\]]{1,128}\[[0-9]{1,10}\])): "),
    ("dmesg", r"[> ]{0,24}(?:<[0-9]{1,3}>)?\[ {0,8}[0-9]{1,12}\.[0-9]{1,9}[\]@, ]"),
    ("dmesg", r"\[(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} ?[ 0-9][0-9] [0-9]{2}:[0-9]{2}|\[[+<] {0,11}[0-9]{1,9}\.[0-9]"),
    ("dmesg", r"(?:kern|user|daemon|auth|syslog|local[0-7]) *:(?:emerg|alert|crit|err|warn|notice|info|debug) *:"),
    ("dmesg", rf"{_ISO},[0-9]{{6}}[+-][0-9:]{{5}} "),
    ("syslog", r"<[0-9]{1,3}>1 "),
    ("syslog", r"(?:<[0-9]{1,3}>)?(?:[A-Z][a-z]{2} )?[A-Z][A-Za-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"),
    ("journal-short", rf"[A-Z][a-z]{{2}} {_ISO} |[0-9]{{9,11}}\.[0-9]{{6}} "),
    ("console", rf"{_ISO}[0-9.]*Z? (?:stdout|stderr) [FP] "),
    ("syslog", rf"{_ISO}[0-9.:+-]*Z? [^\s:\[]{{1,255}} [^\s:\[\]]{{1,128}}(?:\[[0-9]+\])?: "),
    ("console", rf"\[?{_ISO}"),
    ("netconsole", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?:? "),
    ("console", r"\[(?:  OK  |FAILED|DEPEND)\]|\S{1,64} login: | {9}Starting "),
    ("raw", r"(?:> )*(?:Call Trace:|CPU: [0-9]+ PID: [0-9]+ |RIP: 00|Code: [0-9a-f]{2} |Modules linked in:|BUG: "
            r"|INFO: |WARNING: |Oops: |Internal error: |Unable to handle |Backtrace:|Kernel panic - not syncing|Linux version [0-9]| \[<[0-9a-f]{8,16}>\] |pc : |x29: |NIP: )"),
)  # fmt: skip

# Dialects in which an entry has a line for each of its many fields, and what share of all lines these are at least.
_FIELDS = ("journal-verbose", "journal-pretty", "journal-export")
_FIELDS_SHARE = 0.2

# Dialects whose lines anything may stand in front of.
_FREE_TEXT = ("text", "raw", "dmesg", "console", "syslog", "journal-short", "netconsole")

_ANY_LINE = re.compile("|".join(f"({pattern})" for _, pattern in LINES))

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "dmesg": lambda: Printk("dmesg"),
    "console": lambda: Printk("console"),
    "netconsole": lambda: Printk("netconsole"),
    "dmesg-json": DmesgJson,
    "journal-json": JournalJson,
    "journal-export": JournalExport,
    "journal-pretty": JournalPretty,
    "journal-verbose": JournalVerbose,
    "pstore": Pstore,
    "json-lines": Wrapped,
    "netconsole-extended": Kmsg,
    "syslog": lambda: Syslog("syslog"),
    "journal-short": lambda: Syslog("journal-short"),
    "journal-short-monotonic": lambda: Monotonic("journal-short"),
    "raw": lambda: Printk("raw"),
    "text": lambda: Printk("text"),
}


def recognise(sample: bytes) -> Dialect:
    """The dialect that fits most of the lines of a sample.

    Args:
        sample: the first bytes of the file, unpacked; 64 KiB are enough.

    Returns:
        A fresh object: some dialects remember what they have read. `text` where nothing fits.
    """
    sample = sample[:SAMPLE].removeprefix(b"\xef\xbb\xbf")
    if ENTITY.search(sample) and OUR_REPORT not in sample[:4096]:
        return _pasted(_bare(without_markup(sample)), without_markup)
    return _bare(sample)


def _bare(sample: bytes) -> Dialect:
    sample = REMARKS.sub(b"", sample)
    whole = next((dialect for pattern, dialect in SAMPLES if pattern.match(sample)), None)
    if whole is not None:
        return whole()
    lines = _lines(sample)
    if indent := indentation(lines, _line_dialect):
        bared = outdented(indent)
        return _pasted(_of_lines(bared(sample)), bared)
    name = _name(lines, sample)
    if name in _FREE_TEXT and (fronts := foreign(lines)):
        inner = _of_lines(b"\n".join(without(sample.split(b"\n"), fronts)))
        if inner.line_oriented:
            return Prefixed(inner, fronts)
    return DIALECTS[name]()


def _pasted(inner: Dialect, bared: Callable[[bytes], bytes]) -> Dialect:
    return Pasted(inner, bared) if inner.line_oriented else inner


def _lines(sample: bytes) -> list[str]:
    text, _ = displayed(sample)
    lines = [line for line in text.split("\n", SAMPLE_LINES * 4) if line][: SAMPLE_LINES * 4]
    # Boot loaders and test rigs come first: look at lines from all over the sample.
    return lines[:: max(1, len(lines) // SAMPLE_LINES)]


def _of_lines(sample: bytes) -> Dialect:
    return DIALECTS[_name(_lines(sample), sample)]()


def _name(lines: list[str], sample: bytes) -> str:
    votes = Counter(_line_dialect(line) for line in lines)
    for fields in _FIELDS:
        # init's environment, which the kernel prints before it starts it, looks like them.
        if votes[fields] < len(lines) * _FIELDS_SHARE:
            votes.pop(fields, None)
    raw = votes.pop("raw", 0)
    votes.pop("text", 0)
    if not votes:
        return "raw" if raw else "text"
    winner, _ = votes.most_common(1)[0]
    if winner == "dmesg" and b"Part" in sample and PSTORE_HEADER.search(sample):
        return "pstore"
    if winner == "dmesg" and (b"\r" in sample or b"\x1b" in sample or votes["console"]):
        return "console"
    if winner == "journal-short" and votes["journal-short"] and STAMP.match(_first_of(lines, winner)):
        return "journal-short-monotonic"
    return winner


def _first_of(lines: list[str], dialect: str) -> str:
    return next(line for line in lines if _line_dialect(line) == dialect)


def _line_dialect(line: str) -> str:
    match = _ANY_LINE.match(line)
    return LINES[match.lastindex - 1][0] if match is not None and match.lastindex else "text"
