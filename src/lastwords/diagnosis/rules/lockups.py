"""CPUs that do not come back: loops, spinning, stolen time, RCU that cannot go on."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.model import Cpu, Culprit, Fact, Finding, NextStep, Oops, StackFrame

_KINDS = frozenset({"soft-lockup", "hard-lockup", "rcu-stall", "workqueue-lockup", "watchdog-panic"})
_OF_NO_CPU = frozenset({"watchdog-panic", "workqueue-lockup"})
"""Reports that come on any CPU: what stood there says nothing."""
_SPINNING = re.compile(
    r"(?:native_)?queued_(?:spin_lock|read_lock|write_lock)\w{0,20}|_raw_(?:spin|read|write)_lock\w{0,20}|do_raw_spin_lock"
    r"|rwsem_spin_on_owner|mutex_spin_on_owner|osq_lock|arch_spin_lock|pv_wait_head_or_lock|__pv_queued_spin_lock_slowpath"
)
_INTERRUPT = re.compile(
    r"asm_(?:sysvec|common_interrupt)|common_interrupt|apic_timer_interrupt|ret_from_intr|el1h?_(?:64_)?irq|hrtimer_interrupt_entry"
)
_WAITING_FOR_CPUS = re.compile(
    r"smp_call_function\w{0,20}|csd_lock_wait|on_each_cpu\w{0,20}|flush_tlb_\w{0,20}|stop_machine\w{0,20}|multi_cpu_stop"
)
# What stands on a stack because the CPU was asked where it is, or because time passes.
_WATCHERS = re.compile(
    r"(?:asm_)?(?:sysvec|exc|common_interrupt|apic_timer|smp_apic|nmi|end_repeat_nmi|__sysvec|irq_exit|__irq_exit|__do_softirq|"
    r"handle_softirqs|hrtimer_|__hrtimer|tick_|update_process_times|watchdog|panic|oops|crash|delay_|__delay|__const_udelay|"
    r"rcu_|print_cpu_stall|check_cpu_stall|note_gp|lapic_|local_apic|dump_stack|show_|nmi_|trigger_|native_(?:smp|safe)|__crash|"
    r"machine_kexec|default_do_nmi|call_timer|update_wall)"
)


_ALL_CPUS = {
    True: "lastwords bt -a DUMP",
    False: "echo l > /proc/sysrq-trigger   # while it hangs; in a guest: virsh dump",
}
"""How to see what all CPUs do: in the dump, or of a machine that still hangs."""


@rule(
    "lockup-loop",
    "a CPU that runs in a loop",
    why="The watchdogs say which CPU did not come back; what it executed is on its stack.",
    sure="quite sure where the stack shows a function that loops; its caller may be the one that gave it no end",
)
def lockup_loop(crash: Crash) -> Iterator[Finding]:
    """Who spins and why, when it is no lock and no wait for other CPUs."""
    oops = crash.oops
    if oops is None or oops.kind not in _KINDS or oops.kind in _OF_NO_CPU:
        return
    if _spins(crash) is not None or _waits_for_cpus(crash) or _idle(crash):
        return
    stack = _interrupted(crash)
    frame = next((f for f in stack if not _WATCHERS.match(f.function)), None)
    at = oops.at if oops.at is not None and not _WATCHERS.match(oops.at.function) else None
    function = at.function if at else frame.function if frame else oops.function
    module = (at.module or None) if at else frame.module if frame else oops.module
    if function is None or _IDLE.match(function):
        return
    file, line = (at.file or None, at.source_line) if at else (frame.file, frame.line) if frame else (None, None)
    caller = oops.function if oops.function != function else None
    called = f", called by {named(caller, oops.module)}" if caller else ""
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
            *(crash.spot(f) for f in crash.frames[:4]),
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
    if stuck and int(stuck[1]) > _LATE and any(report.hypervisor for report in crash.reports):
        return 0.5  # the guest was not run in between: its watchdog would have spoken before
    return 0.82 if oops.kind in ("soft-lockup", "hard-lockup") else 0.75 if at else 0.7


@rule(
    "spinning",
    "a CPU that spins for a lock",
    why="Who spins is the victim: the one to look at holds the lock, on another CPU, asleep, or gone.",
    sure="probable; with a dump the holder is found by what it is doing",
)
def spinning(crash: Crash) -> Iterator[Finding]:
    """Spinning for a spinlock, and who might hold it."""
    oops = crash.oops
    if oops is None or oops.kind not in _KINDS or (spun := _spins(crash)) is None:
        return
    holder = _busy_elsewhere(crash)
    waiter = _locker(crash)
    if holder is not None:
        cpu, frame = holder
        text = f"CPU {oops.cpu} spun in {waiter} for a lock. CPU {cpu.number} meanwhile ran {named(frame.function, frame.module)} in {cpu.comm}, of the same code: it probably holds the lock."
        culprit = Culprit(module=frame.module, function=frame.function, file=frame.file, line=frame.line)
        confidence = 0.72
    else:
        text = f"CPU {oops.cpu} spun in {waiter} for a spinlock that was not given back; who holds it is not known."
        culprit = Culprit()
        confidence = 0.6
    yield Finding(
        id="spinning",
        title=f"CPU {oops.cpu} spun for a lock in {waiter}",
        text=text,
        confidence=confidence,
        crash_class="lockup",
        culprit=culprit,
        evidence=(crash.here(), Fact(text=f"it stood in {spun}()", path=oops.path, line=oops.line)),
        next=(
            NextStep(
                text="Look at what all other CPUs were doing: the holder is one of them, or sleeps with the lock held.",
                command=_ALL_CPUS[crash.machine is not None],
                value=0.8,
            ),
            NextStep(text="CONFIG_DEBUG_SPINLOCK and lockdep name the holder.", value=0.6),
        ),
        weight=0.9,
    )


@rule(
    "interrupted-holder",
    "an interrupt that spins for a lock which the code it interrupted holds",
    why="The lock is taken with interrupts on, and in the interrupt as well: once both meet on one CPU, neither can go on.",
    sure="quite sure where both stand on one stack, in the same module: no other CPU need have the lock",
)
def interrupted_holder(crash: Crash) -> Iterator[Finding]:
    """Spinning in an interrupt above code of the same module."""
    oops = crash.oops
    if oops is None or oops.kind not in _KINDS:
        return
    stack = list(crash.functions())
    spot = next((place for place, (name, _module) in enumerate(stack) if _SPINNING.match(name)), None)
    if spot is None:
        return
    waiter = next(((name, module) for name, module in stack[spot:] if module is not None), None)
    entry = next((place for place in range(spot, len(stack)) if _INTERRUPT.match(stack[place][0])), None)
    if waiter is None or entry is None or waiter not in stack[spot:entry]:
        return
    holder = next((each for each in stack[entry:] if each[1] == waiter[1]), None)
    if holder is None:
        return
    yield Finding(
        id="interrupted-holder",
        title=f"{named(*waiter)} spins in an interrupt for a lock that the interrupted {named(*holder)} may hold",
        text=f"{named(*waiter)} spins for a lock in an interrupt, above {named(*holder)}, which it interrupted: if that one "
        "holds the lock, neither can go on. It has to be taken with interrupts (or softirqs) off.",
        confidence=0.78,
        crash_class="deadlock",
        culprit=Culprit(module=holder[1], function=holder[0]),
        evidence=(
            crash.here(),
            crash.here(f"on one stack: {' < '.join(name for name, _module in stack[spot : entry + 6])}"),
        ),
        next=(
            NextStep(
                text="Take the lock with spin_lock_irqsave() or spin_lock_bh() wherever the interrupt takes it too.",
                value=0.9,
            ),
            NextStep(
                text="lockdep (CONFIG_PROVE_LOCKING) names it as an inconsistent lock state, before it ever hangs.",
                value=0.6,
            ),
        ),
        weight=1.0,
    )


@rule(
    "other-cpu",
    "a CPU that waits for another one to answer",
    why="Flushing TLBs or stopping the machine needs an answer of every CPU: one that has its interrupts off holds up all.",
    sure="probable: the CPU that does not answer is to blame, not the one that waits",
)
def other_cpu(crash: Crash) -> Iterator[Finding]:
    """smp_call_function and its like on the stuck CPU."""
    oops = crash.oops
    if oops is None or oops.kind not in _KINDS or not _waits_for_cpus(crash):
        return
    holder = _busy_elsewhere(crash)
    who = f" CPU {holder[0].number} ran {named(holder[1].function, holder[1].module)} meanwhile." if holder else ""
    yield Finding(
        id="other-cpu",
        title="the stuck CPU waited for another one to answer",
        text=f"CPU {oops.cpu} waited for the other CPUs to answer an interrupt.{who} The one that did not answer is to blame.",
        confidence=0.65 if holder else 0.5,
        crash_class="lockup",
        culprit=Culprit(module=holder[1].module, function=holder[1].function) if holder else Culprit(),
        evidence=(crash.here(), *(crash.spot(frame) for frame in crash.frames[:5])),
        next=(
            NextStep(
                text="Look which CPU ran with interrupts off.", command=_ALL_CPUS[crash.machine is not None], value=0.8
            ),
        ),
        weight=0.9,
    )


@rule(
    "idle-when-looked-at",
    "a CPU that is reported as stuck, but was idle",
    why="An idle CPU runs no loop: interrupts, timers or the clock did not come, or the report came when it was over.",
    sure="that it was idle is sure, why it is reported is open: firmware (SMI), power saving states, timers, RCU's own thread",
)
def idle_when_looked_at(crash: Crash) -> Iterator[Finding]:
    """Stalls of idle CPUs on bare metal."""
    oops = crash.oops
    if oops is None or oops.kind not in _KINDS - _OF_NO_CPU or not _idle(crash) or _starved(crash):
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
    if oops is None or oops.kind not in _KINDS - _OF_NO_CPU or not _starved(crash):
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


_IDLE = re.compile(
    r"(?:native_)?safe_halt|default_idle|do_idle|cpu_startup_entry|arch_cpu_idle|acpi_idle\w{0,20}|intel_idle\w{0,20}|mwait_idle\w{0,20}|pv_native_safe_halt|cpuidle_enter\w{0,20}|poll_idle"
    r"|cpu_do_idle|cpu_idle_poll|default_enter_idle|snooze_loop|power\d_idle\w{0,20}|plpar_hcall_norets\w{0,10}|shared_cede_loop|enabled_wait|psci_\w{0,20}idle\w{0,20}"
)


def _starved(crash: Crash) -> bool:
    return _idle(crash) and any(report.hypervisor for report in crash.reports)


def _idle(crash: Crash) -> bool:
    """The stuck CPU stood in the idle loop."""
    oops = crash.oops
    return oops is not None and oops.at is not None and _IDLE.match(oops.at.function) is not None


def _spins(crash: Crash) -> str | None:
    """The function of a lock that the stuck CPU spins in; None where it does not."""
    oops = crash.oops
    if oops is None:
        return None
    names = [oops.at.function] if oops.at else []
    names += [frame.function for frame in crash.frames[:14] if not _WATCHERS.match(frame.function)][:3]
    return next((name for name in names if _SPINNING.match(name)), None)


def _locker(crash: Crash) -> str:
    """Who called for the lock: the frame next to the lock's own; a title may name one further out."""
    frames = crash.frames
    # The instruction pointer stands in the lock's function, or in it behind the watchdog's frames on the stack.
    inner = [place for place, frame in enumerate(frames[:17]) if _SPINNING.match(frame.function)]
    place = inner[-1] + 1 if inner else 0
    caller = frames[place] if inner and place < len(frames) else None
    if caller is None and crash.oops is not None:
        return named(crash.oops.function, crash.oops.module)
    return named(caller.function, caller.module or None) if caller is not None else "?"


def _waits_for_cpus(crash: Crash) -> bool:
    oops = crash.oops
    return oops is not None and oops.at is not None and _WAITING_FOR_CPUS.match(oops.at.function) is not None


def _interrupted(crash: Crash) -> tuple[StackFrame, ...]:
    """The stack of the stuck CPU in the dump, from where it was interrupted."""
    number = crash.oops.cpu if crash.oops else None
    cpu = next((cpu for cpu in crash.cpus if cpu.number == number), None)
    if cpu is None:
        return ()
    place = next((index for index, frame in enumerate(cpu.stack) if frame.interrupted), 0)
    return cpu.stack[place:]


def _busy_elsewhere(crash: Crash) -> tuple[Cpu, StackFrame] | None:
    """Another CPU that ran code of the module that is stuck, and where."""
    oops = crash.oops
    for cpu in crash.cpus:
        if oops is None or cpu.number == oops.cpu or cpu.context == "idle":
            continue
        for frame in cpu.stack:
            if frame.module is not None and frame.module == oops.module:
                return cpu, frame
    return None
