"""The crash among the facts: which oops it is about, and what rules ask of it again and again."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lastwords.model import (
    Blame,
    Boot,
    Cpu,
    Culprit,
    Fact,
    Facts,
    Frame,
    Log,
    Machine,
    Oops,
    Precursor,
    StackFrame,
    Task,
    Trace,
)

_HARMLESS = frozenset({"warning", "lockdep", "other"})
"""Families whose reports do not stop a kernel: one of them long before a crash need not be its cause."""
_CIRCUMSTANCES = frozenset({"hardware", "storage", "filesystem"})
"""Families that tell of trouble around a crash: rules take it into account, but the report is about what came of it."""
_SURVIVED = frozenset({"out-of-memory-kill", "out-of-memory", "memcg-out-of-memory", "kmemleak"})
"""Kinds that a kernel goes on after."""
_TELLING = frozenset({"kasan", "kfence", "kmsan", "cfi", "ubsan", "refcount-warning", "list-corruption"})
"""Kinds that tell of damage even where the kernel goes on."""
_STOPPED = frozenset({"stop_this_cpu", "crash_nmi_callback", "ipi_cpu_stop", "ipi_cpu_crash_stop", "local_cpu_stop"})
"""Where CPUs stand that another one stopped to panic or to dump (arch/*/kernel/smp.c, crash.c)."""
_TOGETHER = 60.0
"""Seconds within which a warning before a crash is taken for its first sign."""


@dataclass(frozen=True)
class Crash:
    """The facts, and the crash that they are about.

    Attributes:
        facts: all of them.
        oops: the report that the diagnosis is about: the first that counts of the boot that died; None where no log
            holds one.
        log: the log that it stands in.
        before: reports of the same boot before it that may have nothing to do with it.
        after: those after it.
    """

    facts: Facts
    oops: Oops | None = None
    log: Log | None = None
    before: tuple[Oops, ...] = ()
    after: tuple[Oops, ...] = ()

    @property
    def machine(self) -> Machine | None:
        """The machine of the dump, or the one that was read while it hung."""
        return self.facts.machine

    @property
    def is_alive(self) -> bool:
        """The kernel was read while it ran, as in a hang, and no report says that it crashed."""
        return self.oops is None and self.machine is not None and self.machine.read_by is not None

    @property
    def blame(self) -> Blame | None:
        """Where the bad pointer came from, as the dump tells; None where that could not be found out."""
        blame = self.machine.blame if self.machine else None
        return blame if blame is not None and blame.confidence != "none" else None

    @cached_property
    def reports(self) -> tuple[Oops, ...]:
        """All reports of the crash's boot, in order."""
        return (*self.before, *((self.oops,) if self.oops else ()), *self.after)

    @property
    def boot(self) -> Boot | None:
        """The boot that the report is of; without a report, the last one of the log."""
        boots = self.log.boots if self.log else ()
        if self.oops is None:
            return boots[-1] if boots else None
        return next((boot for boot in boots if boot.number == self.oops.boot), None)

    @property
    def panic(self) -> str | None:
        """Why the kernel gave up, behind `Kernel panic - not syncing: `; None where it is not known to have."""
        for oops in self.reports:
            if oops.panic is not None:
                return oops.panic.partition("not syncing: ")[2] or oops.panic
        return self.machine.panic.message if self.machine and self.machine.panic else None

    @property
    def release(self) -> str | None:
        """The kernel's release, by the report or the dump."""
        told = (self.oops.release if self.oops else None) or (self.machine.release if self.machine else None)
        return told or (self.boot.release if self.boot else None)

    @property
    def time(self) -> float | None:
        """Seconds from boot to the report; without one, to the dump."""
        return self.oops.time if self.oops else self.machine.uptime if self.machine else None

    @property
    def hypervisor(self) -> str | None:
        """Under which the machine ran, by the firmware's name in its reports or by what its boot found; else None."""
        named = [report.hypervisor for report in self.reports]
        named += [self.boot.hypervisor] if self.boot else []
        return next((name for name in named if name), None)

    @property
    def unloaded(self) -> list[str]:
        """Modules that had been unloaded: of the dump, else those that the report names; the last one first."""
        gone = [module.name for module in (self.machine.unloaded_modules or ())] if self.machine else []
        return gone or [module.name for module in (self.oops.modules if self.oops else ()) if module.last_unloaded]

    @property
    def precursors(self) -> tuple[Precursor, ...]:
        """Unusual messages before the first report of the boot."""
        told = self.log.precursors if self.log else ()
        if self.oops is None:
            return told
        return tuple(p for p in told if p.boot == self.oops.boot and p.line <= self.oops.line)

    @property
    def trace(self) -> Trace | None:
        """The call trace that the report is about."""
        if self.oops is None:
            return None
        with_it = [t for t in self.oops.traces if self.oops.frame is not None and self.oops.frame in t.frames]
        return next(iter((*with_it, *self.oops.traces)), None)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The frames of that trace that can be trusted, innermost first."""
        return tuple(frame for frame in self.trace.frames if frame.reliable) if self.trace else ()

    @property
    def faulting(self) -> Culprit:
        """The function that the report blames."""
        oops = self.oops
        if oops is None:
            return Culprit()
        return Culprit(module=oops.module, function=oops.function, file=oops.file, line=oops.source_line)

    @property
    def crashing_cpu(self) -> Cpu | None:
        """The CPU that panicked."""
        return next((cpu for cpu in self.cpus if cpu.crashing), None)

    @property
    def cpus(self) -> tuple[Cpu, ...]:
        """The CPUs of the dump."""
        return (self.machine.cpus or ()) if self.machine else ()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the dump."""
        return (self.machine.tasks or ()) if self.machine else ()

    def task(self, pid: int | None) -> Task | None:
        """The task of that number."""
        return next((task for task in self.tasks if task.pid == pid), None) if pid else None

    def own_stack(self, task: Task | None) -> tuple[StackFrame, ...]:
        """A task's frames without those of the interrupt that stopped its CPU for the crash.

        What the kernel's own functions have inlined is left out: only debuginfo shows it, and it would stand before the
        functions that rules know (native_halt() in stop_this_cpu(), context_switch() in __schedule()).
        """
        frames = task.stack if task is not None else ()
        stack = tuple(frame for frame in frames if frame.module is not None or not frame.inline)
        stack = tuple(frame for frame in stack if not out_of_header(frame))
        if not stack or stack[0].function not in _STOPPED:
            return stack
        place = next((index for index, frame in enumerate(stack) if index and frame.interrupted), 0)
        return stack[place:]

    def functions(self) -> Iterator[tuple[str, str | None]]:
        """Functions and modules of the crash's stack, innermost first: the dump's, else the log's."""
        cpu = self.crashing_cpu
        if cpu is not None and cpu.stack:
            yield from (
                (frame.function, frame.module) for frame in cpu.stack if not frame.user and not out_of_header(frame)
            )
        else:
            yield from ((frame.function, frame.module or None) for frame in self.frames)

    def here(self, text: str | None = None) -> Fact:
        """The report as a piece of evidence: its first line, or `text` about it."""
        if self.oops is None:
            return Fact(text=text or "the dump")
        if text is None:
            return first_line(self.oops)
        return Fact(text=text or self.oops.message, path=self.oops.path, line=self.oops.line)

    def gave_up(self) -> Fact:
        """The panic's own line as a piece of evidence, where a log has it."""
        report = next((report for report in self.reports if report.panic is not None), None)
        if report is None or report.panic is None:
            return self.here(f"Kernel panic: {self.panic}")
        return Fact(text=report.panic, path=report.path, line=report.panic_line or report.line, quote=True)

    def sign(self, precursor: Precursor) -> Fact:
        """An unusual message as a piece of evidence."""
        times = f" ({precursor.count} times)" if precursor.count > 1 else ""
        path = self.log.path if self.log else None
        return Fact(text=precursor.text + times, path=path, line=precursor.line, quote=True)

    def stood(self) -> Iterator[Fact]:
        """Where the instruction pointer stood, as a piece of evidence."""
        if self.oops is not None and self.oops.at is not None:
            yield self.spot(self.oops.at)

    def spot(self, frame: Frame) -> Fact:
        """A frame of the log's trace as a piece of evidence."""
        module = f" [{frame.module}]" if frame.module else ""
        path = self.oops.path if self.oops else self.log.path if self.log else None
        return Fact(text=f"{frame.function}{module}", path=path, line=frame.line or None)


def out_of_header(frame: StackFrame) -> bool:
    """Whether a module's function inlined it out of the kernel's headers, as udelay() in Linux 7.3: it is not its own.

    Only debuginfo shows it.
    """
    return frame.inline and frame.module is not None and "include/" in (frame.file or "")


def first_line(report: Oops) -> Fact:
    """A report as a piece of evidence, in its own words."""
    return Fact(text=report.message, path=report.path, line=report.line, quote=True)


def crash_among(facts: Facts) -> Crash:
    """Which of all reports the crash is about.

    It is the boot that ended in a panic, or else the last one with a report; of that boot, the first report that
    damages a kernel. A mere warning counts where nothing worse came or where it came within a minute of it.
    """
    logs = {log.path: log for log in facts.logs}
    boots: dict[tuple[str, int], list[Oops]] = {}
    for oops in facts.oopses:
        boots.setdefault((oops.path, oops.boot), []).append(oops)
    if not boots:
        listing = (log for log in facts.logs if log.listed)
        return Crash(facts, log=next(listing, facts.logs[0] if facts.logs else None))
    first = next(iter(boots))[0]
    own = [reports for (path, _boot), reports in boots.items() if path == first]
    reports = next((r for r in reversed(own) if any(o.panic is not None for o in r)), own[-1])
    place = _decisive(reports)
    oops = reports[place]
    return Crash(facts, oops, logs.get(oops.path), tuple(reports[:place]), tuple(reports[place + 1 :]))


def _decisive(reports: list[Oops]) -> int:
    for place, oops in enumerate(reports):
        if _deadly(oops):
            return place
        worse = next((later for later in reports[place + 1 :] if _deadly(later)), None)
        if worse is None or (oops.family not in _CIRCUMSTANCES and _near(oops, worse)):
            return place
    return 0


def _deadly(oops: Oops) -> bool:
    """After this report the kernel is not what it was."""
    mild = oops.family in _HARMLESS | _CIRCUMSTANCES or oops.kind in _SURVIVED
    return oops.panic is not None or oops.kind in _TELLING or not mild


def _near(sign: Oops, crash: Oops) -> bool:
    """A warning soon before a crash, in the same module or task, is its first sign."""
    soon = sign.time is None or crash.time is None or crash.time - sign.time <= _TOGETHER
    same = (sign.module is not None and sign.module == crash.module) or sign.function == crash.function
    return soon and (same or (sign.pid is not None and sign.pid == crash.pid))
