"""CPUs that do not come back: loops, idle CPUs, and guests that got no time."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.diagnosis.stuck_cpu import (
    IDLE,
    KINDS,
    OF_NO_CPU,
    WATCHERS,
    idle,
    interrupted_stack,
    spins,
    waits_for_cpus,
)
from lastwords.model import Culprit, Fact, Finding, NextStep, Oops


@rule(
    "lockup-loop",
    "a CPU that runs in a loop",
    why="The watchdogs say which CPU did not come back; what it executed is on its stack.",
    sure="quite sure where the stack shows a function that loops; its caller may be the one that gave it no end",
)
def lockup_loop(crash: Crash) -> Iterator[Finding]:
    """Who spins and why, when it is no lock and no wait for other CPUs."""
    oops = crash.oops
    if oops is None or oops.kind not in KINDS or oops.kind in OF_NO_CPU:
        return
    if spins(crash) is not None or waits_for_cpus(crash) or idle(crash):
        return
    stack = interrupted_stack(crash)
    frame = next((f for f in stack if not WATCHERS.match(f.function)), None)
    at = oops.at if oops.at is not None and not WATCHERS.match(oops.at.function) else None
    function = at.function if at else frame.function if frame else oops.function
    module = (at.module or None) if at else frame.module if frame else oops.module
    if function is None or IDLE.match(function):
        return
    file, line = (at.file or None, at.source_line) if at else (frame.file, frame.line) if frame else (None, None)
    caller = oops.function if oops.function != function else None
    called = f", called by {named(caller, oops.module)}," if caller else ""
    yield Finding(
        id="lockup-loop",
        title=f"{named(function, module)} did not come back",
        text=f"CPU {oops.cpu if oops.cpu is not None else '?'} ran in {named(function, module)}{called} and did not come back: a loop whose end "
        "does not come, or far too much work without cond_resched().",
        # RCU's report looks once, and may look at work that only takes long.
        confidence=_how_sure(crash, oops, at is not None),
        crash_class="lockup",
        culprit=Culprit(module=module, function=function, file=file, line=line),
        evidence=(
            crash.here(),
            *crash.stood(),
            *(crash.spot(f) for f in [f for f in crash.frames if not WATCHERS.match(f.function)][:4]),
            *(Fact(text=f"CPU stack: {f.function}", address=f.address) for f in stack[:3]),
        ),
        next=(
            NextStep(
                text=f"Look what ends the loop in {named(function, module)}, and who should have made it true.",
                value=0.8,
            ),
            NextStep(
                text="Several samples tell a loop from slow work: have all CPUs' stacks printed at the next one.",
                command="sysctl kernel.softlockup_all_cpu_backtrace=1",
                value=0.5,
            ),
        ),
        weight=0.9,
    )


_STUCK = re.compile(r"stuck for (\d{1,6})s")
_LATE = 150
"""Seconds: a soft lockup is reported after twice kernel.watchdog_thresh, which is 60 at most."""


def _how_sure(crash: Crash, oops: Oops, at: bool) -> float:
    stuck = _STUCK.search(oops.message)
    if stuck and int(stuck[1]) > _LATE and crash.hypervisor:
        return 0.5  # the guest was not run in between: its watchdog would have spoken before
    return 0.82 if oops.kind in ("soft-lockup", "hard-lockup") else 0.75 if at else 0.7


@rule(
    "idle-when-looked-at",
    "a CPU that is reported as stuck, but was idle",
    why="An idle CPU runs no loop: interrupts, timers or the clock did not come, or the report came when it was over.",
    sure="that it was idle is sure, why it is reported is open: firmware (SMI), power saving states, timers, RCU's own thread",
)
def idle_when_looked_at(crash: Crash) -> Iterator[Finding]:
    """Stalls of idle CPUs on bare metal."""
    oops = crash.oops
    if oops is None or oops.kind not in KINDS - OF_NO_CPU or not idle(crash) or _starved(crash):
        return
    yield Finding(
        id="idle-when-looked-at",
        title="the CPU that is reported as stuck was idle",
        text=f"CPU {oops.cpu if oops.cpu is not None else '?'} was idle when it was looked at: no code ran in a loop there. "
        "Its timer or interrupts did not come, firmware kept it, or RCU's own thread got no time.",
        confidence=0.5,
        crash_class="lockup",
        culprit=Culprit(),
        evidence=(crash.here(), *crash.stood(), *(crash.spot(frame) for frame in crash.frames[:3])),
        next=(
            NextStep(
                text="Look for messages on clocks and timers, and count SMIs.",
                command="dmesg | grep -iE 'clocksource|tsc|timer'; turbostat --show SMI",
                value=0.6,
            ),
            NextStep(
                text="See whether it goes away without deep power saving states.",
                command="processor.max_cstate=1 intel_idle.max_cstate=0   # on the kernel command line",
                value=0.5,
            ),
        ),
        weight=0.85,
    )


@rule(
    "stolen-time",
    "a guest that got no time from its host",
    why="A lockup reported while a virtual CPU was not run at all is no bug of the guest.",
    sure="possible: an idle CPU that is reported as stuck, in a guest, speaks for it",
)
def stolen_time(crash: Crash) -> Iterator[Finding]:
    """Lockups in the idle loop of a guest."""
    oops = crash.oops
    if oops is None or oops.kind not in KINDS - OF_NO_CPU or not _starved(crash):
        return
    yield Finding(
        id="stolen-time",
        title="the stuck CPU was idle: its host may not have let it run",
        text="The CPU that is reported as stuck was idle: in a virtual machine that mostly means that the host did not let it run (overload, live migration, a paused guest).",
        confidence=0.65,
        crash_class="hypervisor",
        evidence=(crash.here(), *(crash.spot(frame) for frame in crash.frames[:3])),
        next=(
            NextStep(
                text="Look at the host: load, migration and pauses at that time; steal time in sar or top.",
                command="sar -u ALL",
                phase="immediate",
                value=0.8,
            ),
        ),
        weight=0.85,
    )


def _starved(crash: Crash) -> bool:
    return idle(crash) and crash.hypervisor is not None
