"""Carry out a plan: each thing into the journal first, then done."""

import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from lastwords.host.root import Root
from lastwords.host.writing import write
from lastwords.model.oops import Struct

from .journal import Entry, Journal
from .plan import Action, Command, Edit, Plan

Tell = Callable[[str], None]
Run = Callable[[Sequence[str], int, Path], int]
"""Takes argv, seconds and a file for the output; gives the exit status."""


class NotApplied(Exception):
    """A plan could not be carried out to its end; the text says where it stopped."""


class Applied(Struct, frozen=True, kw_only=True):
    """What was done.

    Attributes:
        directory: the journal's, where the old files are.
        skipped: commands that were not run, because the root is not the running machine.
    """

    directory: str
    skipped: tuple[str, ...] = ()


def apply(root: Root, plan: Plan, *, tell: Tell = lambda text: None, run: Run | None = None) -> Applied:
    """Carry out a plan.

    Args:
        root: whose files; its commands are run where it is the running machine only.
        plan: what to do.
        tell: called before each thing.
        run: what runs commands.

    Raises:
        NotApplied: a command failed, or a file has changed since the plan was made or can't be written. What was
            done until then is in the journal: `undo` takes it back.
    """
    live = run or (run_logged if root.is_live else None)
    try:
        journal = Journal.new(root)
    except OSError as error:
        raise NotApplied(f"{error.filename}: {error.strerror}") from error
    skipped: list[str] = []
    actions: tuple[Action, ...] = (*plan.installs, *plan.edits, *plan.settles)
    for action in actions:
        if isinstance(action, Edit):
            tell(f"writing {action.path}")
            _edit(root, journal, action)
        elif live is None:
            skipped.append(str(action))
        else:
            tell(f"running {action}")
            _command(live, journal, action)
    return Applied(directory=str(journal.directory), skipped=tuple(skipped))


def _edit(root: Root, journal: Journal, edit: Edit) -> None:
    content = edit.after.encode(errors="surrogateescape")
    try:
        before = current(root, edit.path)
        if before != (None if edit.before is None else edit.before.encode(errors="surrogateescape")):
            raise NotApplied(f"{edit.path} has changed since the plan was made: run doctor --fix again")
        backup = None if before is None else f"before-{len(journal.entries())}"
        digest = hashlib.sha256(content).hexdigest()
        journal.add(Entry(kind="file", path=edit.path, backup=backup, sha256=digest), before)
        write(root, edit.path, content, edit.mode)
    except OSError as error:
        raise NotApplied(f"{edit.path}: {error.strerror}") from error


def _command(run: Run, journal: Journal, command: Command) -> None:
    journal.add(Entry(kind="command", argv=command.argv, undo=command.undo))
    try:
        status = run(command.argv, command.seconds, journal.log)
    except OSError as error:
        raise NotApplied(f"{command.argv[0]}: {error.strerror}") from error
    if status:
        raise NotApplied(f"{command} ended with status {status}: {last_line(journal.log)} (all of it: {journal.log})")


def current(root: Root, path: str) -> bytes | None:
    """A file's content; None where it is not there."""
    try:
        return root.read(path, 1 << 22)
    except FileNotFoundError:
        return None


def run_logged(argv: Sequence[str], seconds: int, log: Path) -> int:
    """Run a command with its output behind a file's end; gives its exit status, 124 where it took too long."""
    with log.open("ab") as file:
        file.write(f"$ {' '.join(argv)}\n".encode())
        file.flush()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return 124
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def last_line(log: Path) -> str:
    """What a command said last, to be shown in one line."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "no message"
    return next((line.strip()[:200] for line in reversed(lines) if line.strip() and not line.startswith("$ ")), "")
