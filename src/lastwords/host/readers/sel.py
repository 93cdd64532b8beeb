"""The BMC's System Event Log, as `ipmitool sel elist`, `ipmitool sel list` and FreeIPMI's `ipmi-sel` print it.

      1 | 11/24/2026 | 05:38:11 | Memory CPU1_DIMM_A1 | Uncorrectable ECC | Asserted
      2 | 11/24/26 | 05:38:12 UTC | Watchdog2 OS Watchdog | Hard reset | Asserted
    3   | Nov-24-2026 | 05:38:14 | PSU1 | Power Supply | Power Supply input lost (AC/DC)

Sensor types and events are those of the IPMI specification 2.0, table 42-3. The clock is the BMC's, in whatever zone.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from lastwords.model.history import ErrorKind, HardwareError, Severity

from .lines import clock

Word = TypeVar("Word", ErrorKind, Severity)

_LINE = re.compile(r"\s{0,8}[0-9a-fA-F]{1,8}\s{0,8}\|([^|]{1,60})\|([^|]{1,60})\|(.{1,600})")
_ZONE = re.compile(r"\s{0,4}(?:UTC|GMT)$")
_DAYS = ("%m/%d/%Y", "%m/%d/%y", "%b-%d-%Y")
_STAMPS = tuple(f"{day} {hour}" for day in _DAYS for hour in ("%H:%M:%S", "%I:%M:%S %p"))
_LONGEST_TEXT = 300

# What the sensor's type or name says; the first that fits. Names are the maker's own, types the specification's.
_KIND_WORDS: tuple[tuple[str, ErrorKind], ...] = (
    (r"watchdog", "watchdog"),
    (r"button|chassis control|physical security|intrusion", "chassis"),
    (r"os critical stop|os stop|os boot|run-?time stop", "os"),
    (r"temperature|\btemp\b|overheat", "temperature"),
    (r"memory|dimm|ecc\b", "memory"),
    (r"processor|\bcpu\b|\bcpu\d|ierr|cat ?err|thermal trip|machine check", "cpu"),
    (r"pci|critical interrupt|bus (?:un)?correctable|bus fatal|slot|add-in card", "pcie"),
    (r"power supply|power unit|pwr|psu|\bps\d|\bac lost|input lost|battery|power", "power"),
    (r"voltage|\bvcore|\b(?:3\.3|5|12)v\b", "voltage"),
    (r"\bfan", "fan"),
    (r"drive slot|drive bay|\bdrive\b|\bdisk\b|\bhdd", "disk"),
    (r"system firmware|bios|post error|firmware|system event|event logging|version change", "firmware"),
)
# What the event says; the first that fits. Power off/down is no error: a machine that is switched off logs it too.
_SEVERITY_WORDS: tuple[tuple[str, Severity], ...] = (
    (r"log area (?:reset|cleared)|presence detected|device present|installed|timestamp clock sync", "information"),
    (r"uncorrectable|non-?recoverable|\bfatal|ierr|thermal trip|machine check|cat ?err|critical stop", "fatal"),
    (r"run-?time stop|ac lost|input lost|failure detected|soft power control failure|power unit failure", "fatal"),
    (r"lost redundancy|redundancy lost|redundancy degraded", "uncorrected"),
    (r"correctable|corrected|logging limit reached", "corrected"),
    (r"(?:upper|lower) (?:non-)?critical|predictive failure|failure|fault", "uncorrected"),
    (r"\berror|parity|perr|serr|nmi", "uncorrected"),
)
_KINDS = tuple((re.compile(words, re.IGNORECASE), kind) for words, kind in _KIND_WORDS)
_SEVERITIES = tuple((re.compile(words, re.IGNORECASE), severity) for words, severity in _SEVERITY_WORDS)
_FREEIPMI_HEADER = re.compile(r"ID\s{0,8}\|\s{0,4}Date")
_PREVIOUS = re.compile(r"deasserted|deassertion", re.IGNORECASE)


def looks_like_sel(lines: Iterable[str]) -> bool:
    """Whether the first lines of a text are of a SEL."""
    written = [line for line in lines if line.strip()][:20]
    hits = sum(1 for line in written if _entry(line, "") is not None or _FREEIPMI_HEADER.match(line))
    return hits > 0 and hits * 2 >= len(written)


def read_sel(lines: Iterable[str], path: str) -> Iterator[HardwareError]:
    """The events of a SEL, in its order; lines that are none are passed over.

    Args:
        lines: of the text.
        path: of the evidence.
    """
    for line in lines:
        if (event := _entry(line, path)) is not None:
            yield event


def _entry(line: str, path: str) -> HardwareError | None:
    match = _LINE.match(line)
    if match is None:
        return None
    day, hour, rest = match[1].strip(), match[2].strip(), [part.strip() for part in match[3].split("|")]
    time = clock(f"{day} {_ZONE.sub('', hour)}", *_STAMPS)
    if time is None:
        if not day.lower().startswith("pre-init"):
            return None
        rest = [hour, *rest] if not hour.isdecimal() else rest  # the clock was not set yet; a counter may stand here
    text = " | ".join(part for part in rest if part)
    gone = any(_PREVIOUS.fullmatch(part) for part in rest)
    kind = _first(_KINDS, rest[0]) or _first(_KINDS, text)
    severity = _first(_SEVERITIES, text)
    if kind == "watchdog" and severity is None:
        severity = "fatal"  # whatever it was told to do: reset, power cycle, nothing but this line
    return HardwareError(
        source="sel",
        kind=kind or "other",
        severity="information" if gone else severity or "information",
        text=text[:_LONGEST_TEXT],
        path=path,
        time=time,
        zone=bool(_ZONE.search(hour)),
        label=rest[0][:100] or None,
    )


def _first(table: tuple[tuple[re.Pattern[str], Word], ...], said: str) -> Word | None:
    return next((word for pattern, word in table if pattern.search(said)), None)
