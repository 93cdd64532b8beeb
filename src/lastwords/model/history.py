"""What other programs had written down about a machine before it died: hardware errors, its load, its boots."""

from typing import Literal

from .oops import Struct

ErrorSource = Literal["rasdaemon", "mcelog", "sel", "bmc", "edac", "watchdog"]
ErrorKind = Literal[
    "memory",
    "cpu",
    "pcie",
    "cxl",
    "disk",
    "power",
    "temperature",
    "voltage",
    "fan",
    "watchdog",
    "firmware",
    "os",
    "chassis",
    "other",
]
Severity = Literal["information", "corrected", "uncorrected", "fatal"]
Ending = Literal["running", "clean", "crash", "vanished", "unknown"]


class HardwareError(Struct, frozen=True, kw_only=True):
    """One event that hardware, firmware or their watchers recorded: an error, or what explains a reset.

    Attributes:
        source: who wrote it: `rasdaemon`, `mcelog`, the BMC's event log (`sel`) or its word on the last restart
            (`bmc`), the kernel's `edac` counters, a `watchdog` device's word on the last restart.
        kind: what it concerns. `os` is what a system told the BMC (`OS Critical Stop`); `chassis` what a person did to
            the machine (buttons, covers, power cycles by command).
        severity: `information` where it is no error: power restored, the log cleared.
        text: in the source's words, shortened: may hold text that an attacker wrote.
        path: of the evidence it stands in.
        time: seconds since the epoch; None where the source keeps no time (counters, the last restart).
        zone: False where the source tells no time zone (a BMC's clock): `time` is what the clock showed, read as UTC.
        cpu: number of the logical CPU, or None; `socket` of the package.
        label: the DIMM, slot, device or sensor, as the source names it: `CPU_SrcID#0_Ha#0_Chan#1_DIMM#0`; or None.
        address: physical, or None.
        count: how often: of counters and of entries that count.
    """

    source: ErrorSource
    kind: ErrorKind
    severity: Severity
    text: str
    path: str
    time: float | None = None
    zone: bool = True
    cpu: int | None = None
    socket: int | None = None
    label: str | None = None
    address: int | None = None
    count: int = 1


class Sample(Struct, frozen=True, kw_only=True):
    """What sar counted over one interval: an average, not a moment. What was not collected is None.

    Attributes:
        time: end of the interval: seconds since the epoch where the source says its zone or counts so, else wall-clock
            time read as if it were UTC (`zone` is False then).
        zone: whether `time` is a point in time and not just what a clock showed.
        path: of the evidence it stands in.
        user: per cent of all CPUs, as `system`, `iowait`, `steal` and `idle`; `user` includes nice.
        run_queue: tasks that wanted a CPU; `load_1` the load average of a minute; `blocked` tasks that waited for I/O.
        memory_used: per cent; `memory_available` in bytes; `commit` per cent of RAM and swap that was promised.
        swap_used: per cent.
        faults: major page faults a second; `scanned` pages a second that reclaim looked at.
        read: bytes a second from disks, `written` to them.
        busiest_disk: with the highest `disk_busy`, per cent; `disk_wait` its milliseconds a request.
        received: network bytes a second of all interfaces but loopback; `sent` likewise.
    """

    time: float
    path: str
    zone: bool = True
    user: float | None = None
    system: float | None = None
    iowait: float | None = None
    steal: float | None = None
    idle: float | None = None
    run_queue: int | None = None
    load_1: float | None = None
    blocked: int | None = None
    memory_used: float | None = None
    memory_available: int | None = None
    commit: float | None = None
    swap_used: float | None = None
    faults: float | None = None
    scanned: float | None = None
    read: float | None = None
    written: float | None = None
    busiest_disk: str | None = None
    disk_busy: float | None = None
    disk_wait: float | None = None
    received: float | None = None
    sent: float | None = None


class Reboot(Struct, frozen=True, kw_only=True):
    """One boot of the machine, and how it ended.

    Attributes:
        started: seconds since the epoch, or None; `zone` as for samples.
        ended: of the last that was heard of this boot: a shutdown, a crash record, the journal's last line; or None.
        ending: `running`: this boot, or the last one that the evidence knows of; `clean`: somebody shut it down;
            `crash`: there is a crash record; `vanished`: neither: power, reset, watchdog, triple fault or a crash that
            left no trace; `unknown`: the source can't tell.
        kernel: its release, where it is told.
        boot_id: of `/proc/sys/kernel/random/boot_id`, where it is told.
        explanation: what is known of why it ended, one sentence; empty where nothing is.
        cause: the kind of the recorded event that explains a vanished boot, or None.
        path: of the evidence that told of the boot; `seen_in` of all that spoke of its end.
    """

    ending: Ending
    path: str
    started: float | None = None
    ended: float | None = None
    zone: bool = True
    kernel: str | None = None
    boot_id: str | None = None
    explanation: str = ""
    cause: ErrorKind | None = None
    seen_in: tuple[str, ...] = ()
