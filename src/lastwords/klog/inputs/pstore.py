"""Text that the kernel saved to firmware or reserved memory while it died (`fs/pstore/platform.c: pstore_dump()`).

Each record starts with `Panic#2 Part3`. The parts are written from the end of the log backwards, so part 1 is the
newest text. Files are called `dmesg-efi-1700000000301001`; where the kernel couldn't unpack a record of its own,
`.enc.z` is added.
"""

import re
from collections.abc import Iterator

import msgspec

from lastwords.model import Record

from .printk import Printk

# The reasons are those of kernel/printk/printk.c: kmsg_dump_reason_str().
_REASON = "(?:Panic|Oops|Emergency|Restart|Halt|Poweroff|Shutdown|Unknown)"
HEADER = re.compile(rf"^({_REASON}#[0-9]{{1,9}}) Part([0-9]{{1,9}})\r?$".encode(), re.MULTILINE)
# Headers again, the file names that systemd-pstore notes in its dmesg.txt, and ramoops' own header.
MARK = re.compile(rf"{_REASON}#[0-9]{{1,9}} Part[0-9]{{1,9}}$|dmesg-[\w.-]{{1,80}}:$|====[0-9.]{{1,30}}-[CD]$")
NAME_MARK = re.compile(rb"dmesg-[\w.-]{1,80}:\r?\n\Z")

# All parts of one crash: EFI variables hold 64 KiB or so, ramoops a few MiB.
LONGEST_CRASH = 1 << 22


class Pstore:
    """Records of one crash or several, in any order of their parts."""

    name = "pstore"
    line_oriented = False

    def __init__(self) -> None:
        self._text = Printk(self.name)
        self._number = 0
        self._told: set[tuple[float | None, str]] = set()
        self._last: tuple[float | None, str] = (None, "")

    def boundary(self, data: bytes) -> int:
        """Offset behind the last crash of which all parts are there."""
        last = 0
        for crash in _crashes(_sections(data)):
            last = crash[0].start
        return last or (data.rfind(b"\n") + 1 if len(data) > LONGEST_CRASH else 0)

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole crashes, their parts in the order in which the kernel printed them."""
        records: list[Record] = []
        before = 0
        for crash in _crashes(_sections(data)):
            start = len(records)
            decoded = []
            for section in crash:
                text = data[section.start : section.end]
                decoded.append((section.part, self._text.records(text, line)))
                line += text.count(b"\n")
            for _, part in sorted(decoded, key=lambda numbered: -numbered[0]):
                records += part
            new, older = self._new(crash[0].crash, records[start:])
            del records[start:]
            at = before if older else start
            records[at:at] = new
            before = at
        for record in records:
            if record.time is None and MARK.match(record.text):
                record.kernel = False
        return records

    def _new(self, crash: bytes, records: list[Record]) -> tuple[list[Record], bool]:
        """Those that the dump before it in the file does not have, and whether they are older than that one.

        Where an oops ends in a panic, the kernel saves its log at both. systemd-pstore has the newest first.
        """
        number = int(crash.partition(b"#")[2] or 0)
        told = [(record.time, record.text) for record in records if record.time is not None]
        if not told:
            return records, False
        goes_on = number == self._number + 1 and self._last in told
        older = number == self._number - 1 and told[-1] in self._told
        kept = [r for r in records if r.time is None or (r.time, r.text) not in self._told]
        self._number, self._told, self._last = number, self._told.union(told) if older else set(told), told[-1]
        return (kept if (goes_on or older) and number else records), older and number > 0


class Section(msgspec.Struct, frozen=True):
    """One part in a file: `crash` is `Panic#2`, or empty for what stands before the first part."""

    crash: bytes
    part: int
    start: int
    end: int


def _sections(data: bytes) -> Iterator[Section]:
    crash, part, start = b"", 0, 0
    for header in HEADER.finditer(data):
        # The file's name belongs to the part that it announces.
        name = NAME_MARK.search(data, max(start, header.start() - 100), header.start())
        end = name.start() if name else header.start()
        if end > start:
            yield Section(crash, part, start, end)
        crash, part, start = header[1], int(header[2]), end
    if len(data) > start:
        yield Section(crash, part, start, len(data))


def _crashes(sections: Iterator[Section]) -> Iterator[list[Section]]:
    """Runs of parts of the same crash."""
    crash: list[Section] = []
    parts: set[int] = set()
    for section in sections:
        if crash and (section.crash != crash[0].crash or section.part in parts):
            yield crash
            crash, parts = [], set()
        crash.append(section)
        parts.add(section.part)
    if crash:
        yield crash
