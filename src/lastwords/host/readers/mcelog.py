"""mcelog's text, `/var/log/mcelog` or its lines in syslog: machine checks, decoded (`mcelog.c: dump_mce()`)."""

import re
from collections.abc import Iterable, Iterator

from lastwords.model.history import ErrorKind, HardwareError, Severity

BEGIN = "Hardware event. This is not a software error."
_SYSLOG = re.compile(r"^.{0,80}?mcelog(?:\[\d{1,9}\])?: ")
_CPU = re.compile(r"^CPU (\d{1,6}) (?:\d{1,3} )?(?:BANK|.{0,40}bank) ?(\d{1,4})?")
_TIME = re.compile(r"^TIME (\d{1,12})\b")
_ADDRESS = re.compile(r"\bADDR ([0-9a-f]{1,16})\b")
_SOCKET = re.compile(r"\bSOCKETID ([0-9a-f]{1,4})\b")
_STATUS = re.compile(r"^STATUS ([0-9a-f]{1,16})\b")
_DIMM = re.compile(r"^(?:DIMM|Memory (?:DIMM|device)|Location|SOCKET \d{1,3} CHANNEL)\b.{0,120}")
_WORTH = re.compile(r"^(?:MCA: |Transaction: |Uncorrected|Corrected|Processor context corrupt|M2M: |QPI|Large number)")
_LONGEST_TEXT = 300
_MOST_LINES = 60
"""Lines of one event."""
_UNCORRECTED = 1 << 61
_CONTEXT_CORRUPT = 1 << 57


def looks_like_mcelog(lines: Iterable[str]) -> bool:
    """Whether a text is mcelog's."""
    return any(BEGIN in line for line in lines)


def read_mcelog(lines: Iterable[str], path: str) -> Iterator[HardwareError]:
    """The machine checks of a text, in its order.

    Args:
        lines: of the text.
        path: of the evidence.
    """
    event: list[str] | None = None
    for line in lines:
        said = _SYSLOG.sub("", line, count=1).strip() if "mcelog" in line else line.strip()
        if said.startswith(BEGIN[:14]):
            if event is not None:
                yield from _event(event, path)
            event = []
        elif event is not None and len(event) < _MOST_LINES:
            event.append(said)
    if event is not None:
        yield from _event(event, path)


def _event(lines: list[str], path: str) -> Iterator[HardwareError]:
    status = _found(_STATUS, lines, 16)
    cpu = _found(_CPU, lines, 10)
    if status is None and cpu is None:
        return
    words = dict.fromkeys(line for line in lines if _WORTH.match(line))
    yield HardwareError(
        source="mcelog",
        kind=_kind(status or 0, lines),
        severity=_severity(status, lines),
        text="; ".join(words)[:_LONGEST_TEXT] or "machine check",
        path=path,
        time=float(second) if (second := _found(_TIME, lines, 10)) is not None else None,
        cpu=cpu,
        socket=_found(_SOCKET, lines, 16),
        label=next((line[:100] for line in lines if _DIMM.match(line)), None),
        address=_found(_ADDRESS, lines, 16),
    )


def _kind(status: int, lines: list[str]) -> ErrorKind:
    """Intel's SDM volume 3, 17.9: `0000 0000 1MMM CCCC` is the memory controller."""
    if status & 0xEF80 == 0x0080 or any("MEMORY CONTROLLER" in line for line in lines):
        return "memory"
    thermal = any("temperature" in line.lower() or "Thermal" in line for line in lines)
    return "temperature" if thermal else "cpu"


def _severity(status: int | None, lines: list[str]) -> Severity:
    if status is None:
        return "uncorrected" if "Uncorrected error" in lines else "corrected"
    if not status & _UNCORRECTED:
        return "corrected"
    return "fatal" if status & _CONTEXT_CORRUPT else "uncorrected"


def _found(pattern: re.Pattern[str], lines: list[str], base: int) -> int | None:
    for line in lines:
        if match := pattern.search(line):
            return int(match[1], base)
    return None
