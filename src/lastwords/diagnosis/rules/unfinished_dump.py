"""A dump that kdump began and did not finish: not why the machine crashed, but why the evidence is thin."""

from collections.abc import Iterator
from posixpath import basename

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.model import Fact, Finding, NextStep


@rule(
    "unfinished-dump",
    "a dump that kdump began and did not finish",
    why="kdump gives a dump its name when it is whole. A name that still says `incomplete` tells that the crash kernel "
    "was at it and was stopped: mostly by a full disk, else by too little memory, a watchdog or a second crash.",
    sure="almost certain that it was not finished; why, only where the disk is still full",
)
def unfinished_dump(crash: Crash) -> Iterator[Finding]:
    """By the names that kdump-tools and kdump-utils use while they write."""
    named = {item.path or item.origin: item.note for item in crash.facts.evidence if item.kind == "dump"}
    if crash.facts.dump is not None:
        named.setdefault(crash.facts.dump.path, "")
    cut = {path: note for path, note in named.items() if "incomplete" in basename(path)}
    if not cut:
        return
    full = any("no room" in note for note in cut.values())
    why = "for want of room" if full else "mostly that is for want of room"
    yield Finding(
        id="unfinished-dump",
        title="kdump began a dump and did not finish it" + (": the disk was full" if full else ""),
        text=f"kdump began to save a dump and did not finish it, {why}. What is missing in it is not in the evidence.",
        confidence=0.95,
        evidence=tuple(
            Fact(text=note or "its name says that it is not finished", path=path) for path, note in cut.items()
        ),
        next=(
            NextStep(
                text="Make room where dumps go, or the next crash leaves no more than this one; doctor says how much.",
                command="lastwords doctor",
                phase="immediate",
                value=0.75,
            ),
        ),
        weight=0.1,
    )
