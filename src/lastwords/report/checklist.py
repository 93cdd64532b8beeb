"""The checklist as text for a terminal, and as Markdown to print or to paste. Not yet made safe for a terminal."""

import re
from collections.abc import Iterator, Mapping, Sequence

from lastwords.model import Checklist, Entry, Phase, Step, StepStatus

from .case import time_lines, when

_BOXES = {"done": "[x]", "skipped": "[-]", "failed": "[!]", "open": "[ ]"}
PHASES: Mapping[Phase, str] = {
    "immediate": "Immediate: on the machine, before it goes back into service",
    "post-mortem": "Post-mortem: later, anywhere",
}
NO_DUMP = (
    "Not applicable: the case has no dump. "
    "That the next crash leaves one: lastwords doctor --fix, then lastwords rehearse."
)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#])")


def checklist_lines(
    checklist: Checklist, commands: Mapping[str, str], said: Mapping[str, str], named: str
) -> Iterator[str]:
    """The steps by phase, each with what became of it, and of the open ones what to do.

    Args:
        checklist: as it stands.
        commands: of each step that has one, as it can be typed.
        said: what running the steps brought just now, by the step's id.
        named: the case as it can be typed.
    """
    case = checklist.case
    yield f"{case.id}: {case.title or 'without a title'} ({case.status})"
    for phase, statuses in _by_phase(checklist):
        yield ""
        yield PHASES[phase]
        for status in statuses:
            yield from _status_lines(status, commands.get(status.step.id), said.get(status.step.id))
    yield from ("", *time_lines(checklist.times))
    undone = [status for status in checklist.steps if status.state == "open"]
    if any(status.step.run and not status.entries for status in undone) and not said:
        yield f"--run does what can be done by itself:  lastwords checklist {named} --run"
    if undone:
        yield f"What you did:  lastwords checklist {named} --done STEP --note '...'   (or --fail, --skip)"


def checklist_markdown(checklist: Checklist, commands: Mapping[str, str]) -> Iterator[str]:
    """The same as a document: boxes to tick, and lines to write on where nothing is known yet."""
    case = checklist.case
    yield f"# {_plain(case.title or 'Crash')} ({_plain(case.id)})"
    yield ""
    yield f"Host: {_plain(case.host) or '______________'}. Crashed: {when(case.crashed)}. Status: {case.status}."
    for phase, statuses in _by_phase(checklist):
        yield from ("", f"## {PHASES[phase]}", "")
        for status in statuses:
            yield from _markdown_step(status, commands.get(status.step.id))
    times = list(time_lines(checklist.times))
    if times:
        yield from ("", "## Times", "", times[0].removeprefix("times").strip())


def command_of(step: Step, case: str, dump: str | None) -> str | None:
    """A step's command as it can be typed.

    Args:
        step: whose command it is.
        case: how the user names the case, quoted for a shell.
        dump: the path of its dump, quoted; None where it has none.
    """
    if dump is None and step.command is not None and "DUMP" in step.command:
        return step.without_dump.replace("CASE", case) if step.without_dump is not None else None
    return step.command.replace("CASE", case).replace("DUMP", dump or "") if step.command is not None else None


def _by_phase(checklist: Checklist) -> Iterator[tuple[Phase, Sequence[StepStatus]]]:
    for phase in PHASES:
        statuses = [status for status in checklist.steps if status.step.phase == phase]
        if statuses:
            yield phase, statuses


def _status_lines(status: StepStatus, command: str | None, said: str | None) -> Iterator[str]:
    step = status.step
    yield f"  {_BOXES[status.state]} {step.title}  ({step.id})"
    if not status.applies:
        yield f"      {NO_DUMP}"
        return
    if status.entries:
        yield f"      {_entry(status.entries[-1])}"
    if said and (not status.entries or status.entries[-1].note != said):
        yield f"      found: {said}"
    if status.state in ("open", "failed"):
        yield f"      {step.todo}"
        if command:
            yield f"      $ {command}"


def _markdown_step(status: StepStatus, command: str | None) -> Iterator[str]:
    step = status.step
    box = "[x]" if status.state in ("done", "skipped") else "[ ]"
    mark = {"skipped": " (left out)", "failed": " (FAILED)"}.get(status.state, "")
    yield f"- {box} **{step.title}**{mark} `{step.id}`  "
    if not status.applies:
        yield f"  {NO_DUMP}"
        return
    yield f"  {step.why} {step.todo}  "
    if command and status.state in ("open", "failed"):
        yield f"  `{command.replace('`', '')}`  "
    if status.entries:
        yield f"  {_plain(_entry(status.entries[-1]))}"
    else:
        yield "  who ____________ when ____________ result ______________________________"


def _entry(entry: Entry) -> str:
    who = "lastwords" if entry.by == "lastwords" else entry.who
    said = f": {entry.note}" if entry.note else ""
    return f"{entry.state} {when(entry.at)} by {who}{said}"


def _plain(text: str) -> str:
    """Text that Markdown takes as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
