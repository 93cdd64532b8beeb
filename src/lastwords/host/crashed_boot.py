"""When the boot that crashed began: what is older does not belong to its crash.

The boots of a machine stand in wtmp (utmp(5), records of the type BOOT_TIME), in wtmpdb's database since Debian 13 and
openSUSE Leap 16, and in the journal. The crash ended the boot before the running one. With kdump, the crash kernel may
have left a record too; the dump is younger than that as well.
"""

import contextlib
import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

from lastwords.model.oops import Struct

from .root import Root

SLACK = 3600.0
"""Seconds that a clock may have been wrong during a boot, before the time service set it."""
_SAME = 180.0
"""Seconds within which two sources tell of the same boot."""
_WTMP_LIMIT = 16 << 20
# bits/utmp.h: size of a record, and where its tv_sec is. 384 bytes where time_t is kept in 32 bits for the sake of
# 32-bit programs (x86, powerpc, s390, riscv), 400 on arm64.
_UTMP = ((384, 340, "i"), (400, 344, "q"))
_MOST_TYPE = 9  # ACCOUNTING
_BOOT_TIME = 2
# A line of `journalctl --list-boots`: number, boot ID, first and last entry.
_LISTED = re.compile(r" {0,8}-?\d{1,6} [0-9a-f]{32} \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")


class CrashedBoot(Struct, frozen=True, kw_only=True):
    """What is known of the boots.

    Attributes:
        running: when the running boot began, in seconds since the epoch; None for a tree.
        began: when the boot that crashed began; None where nothing tells.
        source: where that stands.
    """

    running: float | None = None
    began: float | None = None
    source: str = ""

    @property
    def goes_on(self) -> bool:
        """It is the running boot that matters: it hangs."""
        return self.running is not None and self.began == self.running

    def may_be_of_it(self, when: float) -> bool:
        """Whether something of that time may belong to the crash, or to the hang."""
        # Of the running boot the kernel reckons the start by the clock as it is now (btime).
        return self.began is None or when >= self.began - (0.0 if self.goes_on else SLACK)


def crashed_boot(root: Root) -> CrashedBoot:
    """What the host knows of its boots. Reads little, raises nothing."""
    running = _running(root)
    for source, read in (
        ("/var/log/wtmp", _wtmp),
        ("/var/lib/wtmpdb/wtmp.db", _wtmpdb),
        ("journalctl --list-boots", _journal),
    ):
        boots: list[float] = []
        with contextlib.suppress(OSError):
            boots = sorted(when for when in read(root) if running is None or when < running - _SAME)
        # Of a tree, nobody knows whether the machine came up again after its crash: the last boot may be the one that
        # crashed, or the one after it. The earlier of both leaves nothing out.
        began = boots[-1] if running is not None and boots else boots[-2] if len(boots) > 1 else None
        if began is not None:
            return CrashedBoot(running=running, began=began, source=source)
    return CrashedBoot(running=running)


def hanging_boot(root: Root) -> CrashedBoot:
    """The running boot as the one that matters: of a hang. Reads /proc only, since the disks may be what hangs."""
    running = _running(root)
    return CrashedBoot(running=running, began=running, source="/proc/stat" if running is not None else "")


def _running(root: Root) -> float | None:
    """Btime of /proc/stat; a tree has none that means anything."""
    if not root.runs_commands:
        return None
    found = re.search(r"^btime (\d{1,12})$", root.text("/proc/stat") or "", re.MULTILINE)
    return float(found[1]) if found else None


def _wtmp(root: Root) -> Iterator[float]:
    data = root.tail("/var/log/wtmp", _WTMP_LIMIT)
    for size, seconds, form in _UTMP:
        whole = len(data) - len(data) % size
        records = range(len(data) - whole, len(data), size)
        for order in "<>":
            kinds = [struct.unpack_from(f"{order}h", data, at)[0] for at in records]
            if kinds and all(0 <= kind <= _MOST_TYPE for kind in kinds) and _BOOT_TIME in kinds:
                for kind, at in zip(kinds, records, strict=True):
                    if kind == _BOOT_TIME:
                        yield float(struct.unpack_from(f"{order}{form}", data, at + seconds)[0])
                return


def _wtmpdb(root: Root) -> Iterator[float]:
    """Type 1 is BOOT_TIME, Login its microseconds (wtmpdb.h)."""
    import sqlite3

    if not root.is_file("/var/lib/wtmpdb/wtmp.db"):
        return
    path = root.resolve("/var/lib/wtmpdb/wtmp.db")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as base:
            rows = base.execute("SELECT Login FROM wtmp WHERE Type = 1 ORDER BY Login DESC LIMIT 100").fetchall()
    except sqlite3.Error:
        return
    yield from (row[0] / 1e6 for row in rows if isinstance(row[0], int))


def _journal(root: Root) -> Iterator[float]:
    ran = root.run("journalctl", "--list-boots", "--no-pager", seconds=10)
    for line in ran.text.splitlines() if ran else ():
        if found := _LISTED.match(line):
            yield datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
