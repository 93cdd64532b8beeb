"""One kernel log: what it is, its boots, what came before its first oops and what is missing from it."""

from .oops import Frame, Struct


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
            `several-boots`, `several-machines`, `ended-silently`, `cut-off`, `interleaved`, `typed`, `no-crash`.
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
        time: when the last one came, in seconds since boot, or None.
        boot: number of the boot in the file, from 1.
    """

    reason: str
    text: str
    count: int
    line: int
    last_line: int
    seconds_before: float | None
    why: str
    clock: str | None = None
    time: float | None = None
    boot: int = 1


class ListedTask(Struct, frozen=True, kw_only=True):
    """A task in a list that the kernel printed: SysRq w or t, a hung-task report.

    Source: `kernel/sched/core.c: sched_show_task()`.

    Attributes:
        pid: its number.
        comm: its name, cut to 15 characters by the kernel.
        state: one letter as in /proc/PID/stat; D is blocked.
        ppid: its parent, or None.
        line: where it was listed last, the first line; `last_line` the last.
        time: seconds since boot, or None.
        workqueue: a worker's queue and function.
        function: who waits there, `module` where that lives (None: the kernel's own text); `frame` its frame.
        frames: its stack, innermost first; of a task that is not blocked the innermost only.
        alike: PIDs of further tasks at the same place.
        seen: in how many lists, one after the other, it stood at this place; `seconds` from the first to the last of
            them, or None.
        blocked_by: PID of the task that holds the lock it waits for, where the kernel says so: its hung-task report
            since Linux 6.16, the lock validator; `blocked_on` what kind of lock that is, by the former.
    """

    pid: int
    comm: str
    state: str
    line: int
    last_line: int
    ppid: int | None = None
    time: float | None = None
    workqueue: str | None = None
    function: str | None = None
    module: str | None = None
    frame: Frame | None = None
    frames: tuple[Frame, ...] = ()
    alike: tuple[int, ...] = ()
    seen: int = 1
    seconds: float | None = None
    blocked_by: int | None = None
    blocked_on: str | None = None


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
        precursors: of each boot's first oops that is more than a warning or a complaint of a device; else of its first.
        gaps: what is missing.
        listed: tasks that were blocked when the kernel listed them last, in the boot of the first oops, or in the last
            one; and tasks that may be whom they wait for.
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
    listed: tuple[ListedTask, ...] = ()
    excerpt: tuple[LogLine, ...] = ()
