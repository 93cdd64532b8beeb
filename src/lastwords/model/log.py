"""One kernel log: what it is, its boots, what came before its first oops and what is missing from it."""

from .oops import Struct


class Boot(Struct, frozen=True, kw_only=True):
    """One boot in a file.

    Attributes:
        number: from 1, in the order of the file.
        line: first line, from 1; `last_line` its last.
        release: kernel release, or None where the log starts after the banner.
        banner: the `Linux version …` line, or None.
        command_line: the kernel's command line, or None.
        hardware: the `DMI:` or `Machine model:` text, or None.
        hypervisor: what `Hypervisor detected:` says, or None.
        host: the machine's name, where systemd says that it set it.
        initramfs: the kernel's line that one was loaded or unpacked; `initramfs_error` why it could not be used.
    """

    number: int
    line: int
    last_line: int
    release: str | None = None
    banner: str | None = None
    command_line: str | None = None
    hardware: str | None = None
    hypervisor: str | None = None
    host: str | None = None
    initramfs: str | None = None
    initramfs_error: str | None = None


class Gap(Struct, frozen=True, kw_only=True):
    """Something that the log lacks, what that costs and what to do about it.

    Attributes:
        kind: `starts-late`, `no-trace`, `unreliable-trace`, `rate-limited`, `dropped`, `time-jump`,
            `several-boots`, `ended-silently`, `cut-off`, `interleaved`, `typed`, `newest-first`, `no-crash`.
        text: what is missing.
        advice: what to do.
        line: where, from 1, or None.
    """

    kind: str
    text: str
    advice: str
    line: int | None = None


class Precursor(Struct, frozen=True, kw_only=True):
    """Messages before an oops that are unusual in this log.

    Attributes:
        reason: `burst`, `named-by-trace`, `first-warning`, `hardware`.
        text: the message, or the template with `N` for what varies.
        count: how many there were.
        line: line of the first; `last_line` of the last.
        seconds_before: time from the last one to the oops, or None without time stamps.
        why: one sentence on why it stands out.
        clock: when the last one came by the wall clock, as `Oops.clock`.
    """

    reason: str
    text: str
    count: int
    line: int
    last_line: int
    seconds_before: float | None
    why: str
    clock: str | None = None


class LogLine(Struct, frozen=True, kw_only=True):
    """One line of a log.

    Attributes:
        line: its number, from 1.
        text: the message, without the prefix that its way to the file gave it.
        time: seconds since boot, or None; `clock` as of an oops.
        level: 0 (emergency) to 7 (debug), or None.
    """

    line: int
    text: str
    time: float | None = None
    clock: str | None = None
    level: int | None = None


class Log(Struct, frozen=True, kw_only=True):
    """One log file, read. Its oopses are those of `Analysis.oopses` that have its path.

    Attributes:
        path: as the user gave it; `-` for standard input.
        format: what it was found to be: `dmesg`, `console`, `syslog`, `journal-json`, `pstore`, …
        lines: lines in the file.
        host: the machine that it is of, where it tells and tells of one only.
        warning: why only a part of it could be read, or None.
        boots: in the order of the file.
        precursors: of the first oops.
        gaps: what is missing.
        excerpt: the lines around the crash and the first signs of it, a few hundred at most; not all follow each other.
    """

    path: str
    format: str
    lines: int
    host: str | None = None
    warning: str | None = None
    boots: tuple[Boot, ...] = ()
    precursors: tuple[Precursor, ...] = ()
    gaps: tuple[Gap, ...] = ()
    excerpt: tuple[LogLine, ...] = ()
