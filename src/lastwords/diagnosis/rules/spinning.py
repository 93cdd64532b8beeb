"""CPUs that wait for another one: for its lock, or for its answer."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.diagnosis.stuck_cpu import KINDS, SPINNING, busy_elsewhere, spins, waits_for_cpus
from lastwords.model import Culprit, Fact, Finding, NextStep

_INTERRUPT = re.compile(
    r"asm_(?:sysvec|common_interrupt)|common_interrupt|apic_timer_interrupt|ret_from_intr|el1h?_(?:64_)?irq|hrtimer_interrupt_entry"
)
_ALL_CPUS = {
    True: "lastwords bt -a DUMP",
    False: "echo l > /proc/sysrq-trigger   # while it hangs; in a guest: virsh dump",
}
"""How to see what all CPUs do: in the dump, or of a machine that still hangs."""


@rule(
    "spinning",
    "a CPU that spins for a lock",
    why="Who spins is the victim: the one to look at holds the lock, on another CPU, asleep, or gone.",
    sure="probable; with a dump the holder is found by what it is doing",
)
def spinning(crash: Crash) -> Iterator[Finding]:
    """Spinning for a spinlock, and who might hold it."""
    oops = crash.oops
    if oops is None or oops.kind not in KINDS or (spun := spins(crash)) is None:
        return
    holder = busy_elsewhere(crash)
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


def _locker(crash: Crash) -> str:
    """Who called for the lock: the frame next to the lock's own; a title may name one further out."""
    frames = crash.frames
    # The instruction pointer stands in the lock's function, or in it behind the watchdog's frames on the stack.
    inner = [place for place, frame in enumerate(frames[:17]) if SPINNING.match(frame.function)]
    place = inner[-1] + 1 if inner else 0
    caller = frames[place] if inner and place < len(frames) else None
    if caller is None and crash.oops is not None:
        return named(crash.oops.function, crash.oops.module)
    return named(caller.function, caller.module or None) if caller is not None else "?"


@rule(
    "interrupted-holder",
    "an interrupt that spins for a lock which the code it interrupted holds",
    why="The lock is taken with interrupts on, and in the interrupt as well: once both meet on one CPU, neither can go on.",
    sure="quite sure where both stand on one stack, in the same module: no other CPU need have the lock",
)
def interrupted_holder(crash: Crash) -> Iterator[Finding]:
    """Spinning in an interrupt above code of the same module."""
    oops = crash.oops
    if oops is None or oops.kind not in KINDS:
        return
    stack = list(crash.functions())
    if crash.crashing_cpu is None and oops.at is not None and not any(SPINNING.match(name) for name, _ in stack):
        # In newer kernels (7.3; not in 6.12) nothing else on the stack tells: a spinlock's slow path is jumped to.
        stack.insert(0, (oops.at.function, oops.at.module or None))
    spot = next((place for place, (name, _module) in enumerate(stack) if SPINNING.match(name)), None)
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
    if oops is None or oops.kind not in KINDS or not waits_for_cpus(crash):
        return
    holder = busy_elsewhere(crash)
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
