"""Hung tasks that wait for somebody to say that something is done: no lock, and no disk."""

from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash, first_line
from lastwords.diagnosis.listed import blocked, is_hang, known_for
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.diagnosis.waits import event_waited_for, lock_waited_for, waits_for_io
from lastwords.model import Culprit, Finding, NextStep


@rule(
    "waiting",
    "a hung task that waits for an event, not for a lock or a disk",
    why="A task that waits for a completion, a work item or a thread hangs because of somebody who never said that it is "
    "done: who that was to be is in the source of the one who waits.",
    sure="probable: the trace shows what it waits for; who should have ended the wait it does not show",
)
def waiting(crash: Crash) -> Iterator[Finding]:
    """What the first hung task waits for."""
    if not is_hang(crash):
        return
    reported = crash.oops is not None and crash.oops.kind == "hung-task"
    hung = (crash.oops,) if crash.oops is not None and reported else blocked(crash)
    # Who waits for a lock or a disk waits for somebody else, who may be the next one.
    free = (task for task in hung if not waits_for_io(task) and lock_waited_for(task) is None)
    told = next(((task, event) for task in free if (event := event_waited_for(task)) is not None), None)
    if told is None:
        return
    oops, (frame, what, look) = told
    who = named(oops.function, oops.module)
    yield Finding(
        id="waiting",
        title=f"{oops.comm or 'a task'} waits in {who} for {what}",
        text=f"{oops.comm or 'A task'} waits in {who} for {what}.",
        confidence=known_for(crash, 0.6),
        crash_class="lockup",
        culprit=Culprit(module=oops.module, function=oops.function, file=oops.file, line=oops.source_line),
        evidence=(first_line(oops), crash.spot(frame)),
        next=(NextStep(text=look, value=0.75),),
        weight=0.9,
    )
