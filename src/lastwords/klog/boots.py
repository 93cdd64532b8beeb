"""The boots in one file, told apart by the kernel's banner and by its clock, which starts again at 0."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lastwords.model import Boot, Record

BANNER = "Linux version "
"""How the first message of a kernel begins (`init/version.c: linux_banner`)."""

BACK = 10.0
"""Seconds by which the clock must go back for a new boot: CPUs that print at once differ by milliseconds."""
_LATER = 5
"""Messages behind a restart of the clock that must agree with it."""
_PREAMBLE = 50
"""Lines that may stand between the first message of a boot and its banner (arm64 prints one before it)."""
_EARLY = 1500
"""Messages of a boot that may hold the facts about the machine."""
_LAST = 40
"""Messages of a boot's end that are kept."""
MOST = 1000
"""Boots in one file. With more, several machines write to it at once, and clocks tell nothing."""

_RELEASE = re.compile(r"Linux version (\S{1,128})")
# What the first messages of a boot say about the machine: field of Boot, and the text before its value.
_FACTS = (
    ("command_line", re.compile(r"(?:Kernel c|C)ommand line: (.*)")),
    (
        "hardware",
        re.compile(r"(?:DMI|Machine model|Hardware name|OF: fdt: Machine model|Machine|MIPS: machine is): (.+)"),
    ),
    # init/initramfs.c: do_populate_rootfs(), init/main.c: kernel_init_freeable(), arch/x86/kernel/setup.c
    ("initramfs", re.compile(r"(Trying to unpack rootfs image as initramfs|Unpacking initramfs|RAMDISK: \[mem .+)")),
    (
        "initramfs_error",
        re.compile(r"((?:Initramfs unpacking failed: |check access for rdinit=|rootfs image is not initramfs ).+)"),
    ),
    ("host", re.compile(r"systemd\[1\]: (?:Hostname set to|Set hostname to) <([\w.-]{1,64})>")),
    (
        "hypervisor",
        # A kernel that may run under one says so on a physical machine too (arch/x86/kernel/paravirt.c: pv_info).
        re.compile(
            r"(?:Hypervisor detected: |x86/hyper: Hypervisor detected: |Booting paravirtualized kernel on )(?!bare hardware)(.+)"
        ),
    ),
)


@dataclass(slots=True)
class Start:
    """Where a boot begins.

    Attributes:
        line: its first line.
        banner: the `Linux version` message, or the empty string.
        before: the last messages of the boot before it.
        facts: fields of `Boot` that its first messages give.
        early: how many of them were looked at.
    """

    line: int
    banner: str = ""
    before: tuple[Record, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    early: int = 0


class Starts:
    """Where the boots of a log begin, found out while its records go by, in order but not necessarily all of them."""

    def __init__(self) -> None:
        self.found: list[Start] = []
        self._crashed = False  # in this boot: no kernel goes on to its banner after that
        self._clock: list[float] = []  # the last three stamps: one that is damaged must not count

    def boot(self, line: int) -> tuple[int, int]:
        """Number, from 1, and first line of the boot that a line belongs to."""
        index = max(bisect_right(self.found, line, key=lambda start: start.line), 1)
        return index, self.found[index - 1].line if self.found else 1

    def see(self, records: Sequence[Record], after: int, until: int | None, crashes: Iterable[int]) -> None:
        """Look at the next records.

        Args:
            records: in the order of the file.
            after: look only at those behind this line, and up to line `until`.
            until: None for all.
            crashes: lines of the oopses in them.
        """
        crashed = frozenset(crashes)
        for index, record in enumerate(records):
            if record.line <= after or (until is not None and record.line > until):
                continue
            if self.found and record.line < self.found[-1].line:
                self.found[-1].line = record.line  # pstore's parts stand in the file backwards
            if not record.kernel:
                continue
            banner = record.text.startswith(BANNER)
            restarted = self._restarts(records, index, banner)
            if (banner or restarted) and len(self.found) < MOST:
                self._start(records, index, banner, restarted or self._crashed)
            elif self.found and self.found[-1].early < _EARLY:
                self.found[-1].early += 1
                self._facts(record.text)
            self._crashed = self._crashed or record.line in crashed
            if record.time is not None:
                self._clock = [*self._clock[-2:], record.time]

    def _restarts(self, records: Sequence[Record], index: int, banner: bool) -> bool:
        """Whether the clock goes back here, and stays there."""
        time = records[index].time
        if time is None or not self._clock or time >= self._clock[-1] - BACK:
            return False
        if banner or len(self._clock) < 3:
            return banner
        limit = sorted(self._clock)[1] - BACK
        times = [r.time for r in records[index : index + 4 * _LATER] if r.kernel and r.time is not None]
        return all(later < limit for later in times[:_LATER])

    def _start(self, records: Sequence[Record], index: int, banner: bool, another: bool) -> None:
        record = records[index]
        last = self.found[-1] if self.found else None
        if banner and not another and last is not None and not last.banner and record.line - last.line <= _PREAMBLE:
            last.banner = record.text[:1000]
            return
        if (
            banner
            and not another
            and last is not None
            and last.banner == record.text[:1000]
            and record.time is not None
        ):
            return  # the serial console took over from the boot console, and the kernel began its log anew
        if another and last is None:
            self.found.append(Start(1))
        self.found.append(
            Start(
                record.line,
                record.text[:1000] if banner else "",
                tuple(r for r in records[max(index - _LAST, 0) : index] if r.line < record.line),
            )
        )
        self._clock = []
        self._crashed = False

    def _facts(self, text: str) -> None:
        facts = self.found[-1].facts
        for name, pattern in _FACTS:
            if name not in facts and (match := pattern.match(text)) is not None:
                facts[name] = match[1].strip()[:4096]


def boots(starts: Sequence[Start], lines: int) -> tuple[Boot, ...]:
    """The boots of a log.

    Args:
        starts: where they begin; without any, all of the log is one boot.
        lines: number of lines in the file.
    """
    starts = starts or [Start(1)]
    ends = [*(start.line - 1 for start in starts[1:]), lines]
    return tuple(
        Boot(
            number=number,
            line=start.line,
            last_line=max(end, start.line),
            release=release[1] if (release := _RELEASE.match(start.banner)) else None,
            banner=start.banner or None,
            **start.facts,
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    )


def unseen_restarts(starts: Sequence[int], oopses: Sequence[tuple[int, float | None]]) -> list[int]:
    """The starts of boots, with those added that only the time stamps of the oopses show.

    Args:
        starts: lines, in order.
        oopses: line and time of each, in order.
    """
    found = list(starts)
    last: tuple[int, float] | None = None
    for line, time in oopses:
        if time is None:
            continue
        if (
            last is not None
            and time < last[1] - BACK
            and bisect_left(found, last[0] + 1) == bisect_left(found, line + 1)
        ):
            found.insert(bisect_left(found, line), line)
        last = line, time
    return [1, *found] if found and found[0] > 1 and not starts else found
