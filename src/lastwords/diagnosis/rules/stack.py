"""Stacks that are full: the recursion, or the frame that is too fat."""

from collections import Counter
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named, several
from lastwords.glossary.units import size
from lastwords.model import Culprit, Fact, Finding, NextStep, StackFrame

_KINDS = frozenset({"kernel-stack-overflow", "double-fault", "corrupted-stack-end"})
_FAT = 4096
"""Bytes of stack: a quarter of all, and twice as much as the kernel's makefiles let a function have without a warning."""
_OFTEN = 4
"""How often a function stands on one stack before it is a recursion."""


@rule(
    "stack-overflow",
    "a kernel stack that is full",
    why="A kernel stack has 16 KiB. A function that calls itself, or keeps large arrays on the stack, fills it.",
    sure="quite sure where a function repeats on the trace or a dump tells how much each takes; else only likely",
)
def stack_overflow(crash: Crash) -> Iterator[Finding]:
    """The recursion, by functions that repeat."""
    oops = crash.oops
    if oops is None or oops.kind not in _KINDS:
        return
    frames = [
        (frame.function, frame.module or None) for trace in oops.traces for frame in trace.frames if frame.reliable
    ]
    if oops.at is not None:
        frames.insert(0, (oops.at.function, oops.at.module or None))
    stack = list(crash.functions())
    often = Counter(frames if len(frames) >= len(stack) else stack)
    measured: tuple[Fact, ...] = ()
    ring = [place for place, count in often.items() if count >= _OFTEN]
    if ring:
        # Of several functions in the ring, one of a module says more than the kernel's own.
        function, module = next((place for place in ring if place[1] is not None), ring[0])
        names = several([named(*place) for place in ring])
        text = f"The stack was full: {names} call{'s itself' if len(ring) == 1 else ' each other'} without end."
        confidence, culprit = 0.92, Culprit(module=module, function=function)
    elif (fat := _fat_frame(crash)) is not None:
        fattest, taken = named(fat.function, fat.module), size(fat.stack_bytes or 0)
        text = f"The stack was full, and no function repeats: {fattest} alone takes {taken} of it."
        confidence, culprit = 0.88, Culprit(module=fat.module, function=fat.function)
        measured = (Fact(text=f"{fattest} takes {taken} of the stack", address=fat.address),)
    else:
        # A log does not tell how much each takes: of several of modules it may be any.
        own = list(dict.fromkeys(place for place in frames if place[1] is not None))
        likely = own[0] if own else (oops.function, oops.module)
        names = several([named(*place) for place in own]) or named(*likely)
        text = f"The stack was full. No function repeats, so one of the frames is too large: look at {names}."
        confidence, culprit = 0.65, Culprit(module=likely[1], function=likely[0])
    yield Finding(
        id="stack-overflow",
        title="the kernel's stack was full",
        text=text,
        # A double fault may have other reasons than a full stack.
        confidence=confidence if oops.kind != "double-fault" else 0.85 if ring else 0.5,
        crash_class="logic-bug",
        culprit=culprit,
        evidence=(crash.here(), *measured, *crash.stood(), *(crash.spot(frame) for frame in crash.frames[:6])),
        next=(
            NextStep(
                text="See how much stack each function takes.",
                command="scripts/checkstack.pl   # in the kernel's source, on objdump -d of the module",
                value=0.6,
            ),
            NextStep(
                text="Measure the deepest stack while the load runs.",
                command="echo 1 > /proc/sys/kernel/stack_tracer_enabled; cat /sys/kernel/tracing/stack_trace",
                value=0.5,
            ),
        ),
        weight=0.95,
    )


def _fat_frame(crash: Crash) -> StackFrame | None:
    """The frame of the dump's stack that takes most of it, if that is too much."""
    cpu = crash.crashing_cpu
    fattest = max(cpu.stack if cpu else (), key=lambda frame: frame.stack_bytes or 0, default=None)
    return fattest if fattest is not None and (fattest.stack_bytes or 0) >= _FAT else None
