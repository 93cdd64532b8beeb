"""`lastwords doctor --fix` and `--undo`: show what would be done, ask, do it."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, NoReturn

import click

from lastwords.report.escape import printable

from .complaint import complain, fail
from .progress import CLEAR, activity

if TYPE_CHECKING:
    from lastwords.host.root import Root
    from lastwords.host.setup import Plan
    from lastwords.model.readiness import Readiness

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def fix(root: "Root", found: "Readiness", *, yes: bool, as_json: bool = False) -> NoReturn:
    """Show the plan for the checks that warn or fail, ask, and carry it out.

    Args:
        root: the host.
        found: its checks.
        yes: don't ask.
        as_json: print the plan as JSON and change nothing.
    """
    from lastwords.host.machine import Host
    from lastwords.host.setup import NotApplied, apply, plan

    try:
        planned = plan(Host(root), found.checks)
    except OSError as error:
        fail(str(error) if error.filename is None else f"{error.filename}: {error.strerror}")
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(planned).decode() + "\n")
        sys.exit(0)
    _show(root, planned)
    if planned.is_empty:
        sys.exit(0)
    _may_write(root)
    container = Host(root).container
    if root.is_live and container:
        fail(f"nothing was changed: this is a container ({container}); run it on its host")
    if not yes and not _agreed(f"Do {'all this but what is left to you' if planned.left else 'this'}?"):
        complain("nothing was changed")
        sys.exit(1)
    try:
        with _telling() as tell:
            done = apply(root, planned, tell=tell)
    except NotApplied as error:
        complain(f"{error}; lastwords doctor --undo takes back what was done")
        sys.exit(1)
    _say(f"Done. The old files are in {done.directory}; lastwords doctor --undo takes it back.")
    if done.skipped:
        _say("To be run in that system, because this is not the running one:")
        _list(done.skipped)
    if planned.reboot:
        _say("Reboot to put it in force; then look again: lastwords doctor. The proof: lastwords rehearse.")
    sys.exit(0)


def undo(root: "Root", *, yes: bool) -> NoReturn:
    """Say what the last --fix did, ask, and take it back."""
    from lastwords.host.setup import NothingToUndo
    from lastwords.host.setup import undo as take_back
    from lastwords.host.setup.undo import steps_back

    try:
        back = steps_back(root)
        _say("This takes back what doctor --fix did last:")
        _list(back)
        _may_write(root)
        if not yes and not _agreed("Do this?"):
            complain("nothing was changed")
            sys.exit(1)
        with _telling() as tell:
            done = take_back(root, tell=tell)
    except NothingToUndo as error:
        _say(f"{error}.")
        sys.exit(0)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    for path in done.kept:
        complain(f"{path} was changed since, so it stays as it is; the old one is in {done.directory}")
    for text in done.failed:
        complain(f"it did not work: {text}")
    if done.skipped:
        _say("To be run in that system, because this is not the running one:")
        _list(done.skipped)
    done_with = "The rest is done." if done.kept or done.failed else "Done."
    _say(f"{done_with} A reboot puts the kernel's command line in force.")
    sys.exit(1 if done.kept or done.failed else 0)


def _show(root: "Root", plan: "Plan") -> None:
    if plan.is_empty:
        rest = " A reboot puts it in force." if plan.reboot else ""
        _say(f"Nothing to do: all that can be set is set.{rest}")
    settling = "Commands, after the files:" if plan.edits else "Commands:"
    for title, commands in (("Packages:", plan.installs), (settling, plan.settles)):
        if title.startswith("Commands"):
            _show_edits(plan)
        if commands:
            _say(title)
            for why, same in groupby(commands, key=lambda command: command.why):
                _list(map(str, same))
                _say(f"      {why}")
            _say("")
    if plan.left:
        _say("Left to you:")
        _list(plan.left)
        _say("")
    if plan.reboot and not plan.is_empty:
        _say("Some of it is in force after a reboot only.")
    if not plan.is_empty and not root.is_live:
        _say("Of these, only the files will be changed here: commands belong to the system itself.")


def _show_edits(plan: "Plan") -> None:
    if plan.edits:
        _say("Files:")
    for edit in plan.edits:
        _say(f"  {edit.why}")
        for line in edit.diff().splitlines():
            click.echo(click.style(printable(line), fg=_COLOURS.get(line[:1])), color=_colour())
        _say("")


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _may_write(root: "Root") -> None:
    if root.is_live and os.geteuid() != 0:
        fail("changing this machine takes root: sudo lastwords doctor --fix")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        fail("nobody is there to ask: say --yes, or run it in a terminal")
    return click.confirm(question, default=False)


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Gives what tells of each thing that is done; below it, on a terminal, how long it has been at work."""
    with activity() as still:

        def tell(text: str) -> None:
            click.echo(f"{CLEAR if still else ''}{printable(text)} …", err=True)
            if still:
                still("at work")

        yield tell


def _list(lines: Iterable[str]) -> None:
    for line in lines:
        _say(f"  {line}")


def _say(text: str) -> None:
    click.echo(printable(text))
