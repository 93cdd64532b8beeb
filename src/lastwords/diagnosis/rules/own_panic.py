"""Modules that call panic() themselves."""

from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.owner import origin_of
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.model import Finding, NextStep


@rule(
    "own-panic",
    "a module from outside the tree that called panic()",
    why="No fault and no check of the kernel's: the module's author decided that the machine must stop in that state, and "
    "says why in the panic's own words.",
    sure="possible: that it was decided there is sure, and whether the state it speaks of was real is not known",
)
def own_panic(crash: Crash) -> Iterator[Finding]:
    """The function of a module from which panic() was called, with its words."""
    oops = crash.oops
    if oops is None or oops.kind != "panic" or oops.function is None:
        return
    # The kernel's own modules panic because they are told to (errors=panic), or for a watchdog that others did not feed.
    origin = origin_of(crash, oops.module)
    if origin is None and oops.module is not None:  # a panic lists no modules, but tells that there are foreign ones
        origin = "out-of-tree" if any(taint.letter == "O" for taint in oops.taints) else None
    if origin not in ("out-of-tree", "proprietary"):
        return
    who = named(oops.function, oops.module)
    yield Finding(
        id="own-panic",
        title=f"{who} called panic()",
        text=f"{who} called panic(): it stopped the machine on purpose, for what its message says.",
        confidence=0.6,
        crash_class="deliberate",
        culprit=crash.faulting,
        evidence=(crash.gave_up(), *crash.stood()),
        next=(
            NextStep(
                text=f"Read in {oops.module}'s source what makes {oops.function}() call panic(), and ask its makers "
                "what the message means: a fault of its device, or a mistake of its own.",
                value=0.8,
            ),
        ),
        weight=0.9,
    )
