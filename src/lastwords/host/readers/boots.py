"""Which boots a machine had, and which of them somebody ended: wtmp, `last -x`, wtmpdb, `journalctl --list-boots`.

wtmp gets a record at each boot, and one for run level 0 or 6 when the machine is shut down (utmp(5); systemd's
`systemd-update-utmp`). A boot that another follows without such a record in between ended in a crash, a reset or a loss
of power: here it is `vanished` until a crash record turns up (`lastwords.case.history`).
"""

import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from lastwords.model.history import Ending, Reboot

from .lines import clock
from .sqlite_file import number, opened, text

# struct utmp of glibc with 32-bit times (bits/utmp.h): type, pid, line, id, user, host, exit, session, time.
_UTMP = struct.Struct("<hxxi32s4s32s256shhiii36x")
_RUN_LEVEL, _BOOT = 1, 2
_KNOWN_TYPES = range(10)
MOST_RECORDS = 200_000
_MOST_BOOTS = 5000
_YEAR_2000 = 946684800

_MARK = re.compile(r"(reboot\s{1,8}system boot|shutdown\s{1,8}system down)\s{1,8}(\S{0,128})\s{1,40}(\S.{0,160})")
_FULL = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}\s{1,2}\d{1,2} \d{2}:\d{2}:\d{2} \d{4})")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:?\d{2}")
_LISTED = re.compile(
    r"\s{0,8}(-?\d{1,6}) ([0-9a-f]{32}) "
    r"[A-Z][a-z]{2} (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) (\S{1,40}?)(?:\u2014|\s{1,4})"
    r"[A-Z][a-z]{2} (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) (\S{1,40})"
)


class Mark(NamedTuple):
    """A boot, or a shutdown (`boot` False), as a record has it."""

    time: float
    boot: bool
    kernel: str | None = None


def looks_like_wtmp(head: bytes) -> bool:
    """Whether a file begins with records of wtmp."""
    if len(head) < _UTMP.size:
        return False
    kind, _pid, line, _id, _user, _host, _exit, _termination, _session, seconds, micros = _UTMP.unpack_from(head)
    return kind in _KNOWN_TYPES and 0 <= micros < 1_000_000 and seconds > _YEAR_2000 and line.rstrip(b"\0").isascii()


def read_wtmp(file: BinaryIO, path: str) -> list[Reboot]:
    """The boots that wtmp knows of, the oldest first.

    Args:
        file: the file, at its start.
        path: of the evidence.
    """
    return boots_of(list(_utmp_marks(file)), path)


def looks_like_last(lines: Iterable[str]) -> bool:
    """Whether a text is what `last -x` prints."""
    return any(_MARK.match(line) for line in lines)


def read_last(lines: Iterable[str], path: str) -> list[Reboot]:
    """The boots in a text of `last -xF` or `last -x --time-format iso`, which has the newest first.

    Without `-F` there are no years, and nothing is read.
    """
    marks: list[Mark] = []
    zone = True
    for line in lines:
        if match := _MARK.match(line):
            time, told = _last_time(match[3])
            if time is not None and len(marks) < MOST_RECORDS:
                boot = match[1].startswith("reboot")
                marks.append(Mark(time, boot, match[2] if boot and match[2][:1].isdigit() else None))
                zone = zone and told
    return boots_of(marks[::-1], path, zone=zone)


def is_wtmpdb(path: Path) -> bool:
    """Whether a SQLite file is wtmpdb's, which Debian 13 and openSUSE have instead of wtmp."""
    try:
        with opened(path) as file:
            return {"Type", "Login", "Logout"} <= set(file.columns("wtmp"))
    except sqlite3.Error:
        return False


def read_wtmpdb(path: Path, shown: str) -> tuple[list[Reboot], str | None]:
    """The boots that wtmpdb knows of, and what was wrong with it; times are microseconds, type 1 is a boot."""
    marks: list[Mark] = []
    try:
        with opened(path) as file:
            for row in file.rows("wtmp", ("Type", "Login", "Logout", "RemoteHost")):
                login, logout = number(row, "Login"), number(row, "Logout")
                if number(row, "Type") == 1 and login is not None:
                    marks.append(Mark(login / 1e6, True, text(row, "RemoteHost")[:128] or None))
                    marks += [Mark(logout / 1e6, False)] if logout else []
    except sqlite3.Error as problem:
        return boots_of(marks, shown), f"{shown}: wtmpdb can't be read to its end: {problem}"
    return boots_of(marks, shown), None


def looks_like_boot_list(lines: Sequence[str]) -> bool:
    """Whether a text is what `journalctl --list-boots` prints, or its JSON."""
    return any(_LISTED.match(line) for line in lines) or (
        lines[:1] != [] and lines[0].lstrip().startswith("[") and any('"boot_id"' in line for line in lines[:4])
    )


def read_boot_list(content: str, path: str) -> list[Reboot]:
    """The boots that the journal has, the oldest first; it can't tell how they ended."""
    listed = list(_json_boots(content) if content.lstrip()[:1] == "[" else _text_boots(content))[:_MOST_BOOTS]
    listed.sort(key=lambda each: each[1])
    last = len(listed) - 1
    return [
        Reboot(
            ending="running" if number == last else "unknown",
            path=path,
            started=began,
            ended=None if number == last else ended,
            zone=zone,
            boot_id=boot,
        )
        for number, (boot, began, ended, zone) in enumerate(listed)
    ]


def boots_of(marks: Sequence[Mark], path: str, *, zone: bool = True) -> list[Reboot]:
    """Boots from marks in the order they were written: a boot that no shutdown follows has vanished."""
    boots: list[tuple[Mark, Mark | None]] = []
    for mark in marks:
        if mark.boot:
            boots.append((mark, None))
        elif boots and boots[-1][1] is None:
            boots[-1] = (boots[-1][0], mark)
    boots = boots[-_MOST_BOOTS:]

    def ending(number: int, down: Mark | None) -> Ending:
        return "clean" if down is not None else "running" if number == len(boots) - 1 else "vanished"

    return [
        Reboot(
            ending=ending(number, down),
            path=path,
            started=up.time,
            ended=down.time if down is not None else None,
            zone=zone,
            kernel=up.kernel,
        )
        for number, (up, down) in enumerate(boots)
    ]


def _utmp_marks(file: BinaryIO) -> Iterator[Mark]:
    for _ in range(MOST_RECORDS):
        record = file.read(_UTMP.size)
        if len(record) < _UTMP.size:
            return
        kind, _pid, _line, _id, user, host, _exit, _end, _session, seconds, micros = _UTMP.unpack(record)
        time = (seconds & 0xFFFFFFFF) + micros / 1e6
        if kind == _BOOT:
            yield Mark(time, True, _name(host))
        elif kind == _RUN_LEVEL and _name(user) == "shutdown":
            yield Mark(time, False)


def _name(field: bytes) -> str | None:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace") or None


def _last_time(said: str) -> tuple[float | None, bool]:
    if match := _ISO.search(said):
        try:
            return datetime.fromisoformat(match[0]).timestamp(), True
        except (ValueError, OverflowError):
            return None, False
    match = _FULL.search(said)
    return (clock(" ".join(match[1].split()), "%b %d %H:%M:%S %Y") if match else None), False


def _json_boots(content: str) -> Iterator[tuple[str | None, float, float, bool]]:
    try:
        listed: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return
    for each in listed if isinstance(listed, list) else ():
        if not isinstance(each, dict):
            continue
        first, last, boot = each.get("first_entry"), each.get("last_entry"), each.get("boot_id")
        if isinstance(first, int) and isinstance(last, int) and max(first, last) < 1 << 60:
            yield (boot if isinstance(boot, str) else None), first / 1e6, last / 1e6, True


def _text_boots(content: str) -> Iterator[tuple[str | None, float, float, bool]]:
    for line in content.splitlines():
        if match := _LISTED.match(line[:400]):
            began, ended = (clock(match[place], "%Y-%m-%d %H:%M:%S") for place in (3, 5))
            if began is not None and ended is not None:
                yield match[2], began, ended, match[4] in ("UTC", "GMT")
