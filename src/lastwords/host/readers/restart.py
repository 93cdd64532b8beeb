"""What the hardware says of the last restart: `ipmitool chassis restart_cause`, and the watchdog devices' boot status.

Both speak of the running boot's beginning, so of the end of the one before, and have no time.
"""

import re
from collections.abc import Iterable, Iterator

from lastwords.model.history import ErrorKind, HardwareError, Severity

_CAUSE = re.compile(r"System restart cause:\s{0,8}(\S.{0,100})", re.IGNORECASE)
_STATUS = re.compile(r"(?:^|/)(watchdog\d{1,3})/bootstatus[:= ]{1,4}(0x[0-9a-fA-F]{1,8}|\d{1,10})$")

# IPMI 2.0, 28.11 "Get System Restart Cause", in ipmitool's words. A soft reset is what any reboot does.
_CAUSES: tuple[tuple[str, ErrorKind, Severity], ...] = (
    ("watchdog", "watchdog", "fatal"),
    ("pushbutton", "chassis", "information"),
    ("chassis power control", "chassis", "information"),
    ("power policy", "power", "information"),
    ("pef", "chassis", "information"),
)
# include/uapi/linux/watchdog.h: WDIOF_*.
_BITS: tuple[tuple[int, ErrorKind, str], ...] = (
    (0x20, "watchdog", "the watchdog reset the machine"),
    (0x01, "temperature", "reset for overheating"),
    (0x02, "fan", "reset for a fan"),
    (0x10, "power", "reset for a supply voltage that was too low: power failure"),
    (0x40, "power", "reset for a supply voltage that was too high: power failure"),
)


def looks_like_restart(lines: Iterable[str]) -> bool:
    """Whether a text speaks of the last restart."""
    return any(_CAUSE.match(line) or _STATUS.search(line) for line in lines)


def read_restart(lines: Iterable[str], path: str) -> Iterator[HardwareError]:
    """What is said of the last restart; nothing where that was an ordinary one.

    Args:
        lines: of the text.
        path: of the evidence.
    """
    for line in lines:
        if match := _CAUSE.match(line):
            yield from _cause(match[1].strip(), path)
        elif match := _STATUS.search(line):
            yield from _bits(match[1], int(match[2], 0), path)


def _cause(said: str, path: str) -> Iterator[HardwareError]:
    for words, kind, severity in _CAUSES:
        if words in said.lower():
            text = f"System restart cause: {said}"
            yield HardwareError(source="bmc", kind=kind, severity=severity, text=text, path=path)
            return


def _bits(device: str, status: int, path: str) -> Iterator[HardwareError]:
    for bit, kind, meaning in _BITS:
        if status & bit:
            text = f"{meaning} (bootstatus {status:#x})"
            yield HardwareError(source="watchdog", kind=kind, severity="fatal", text=text, path=path, label=device)
