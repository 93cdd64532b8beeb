"""Take back what `doctor --fix` did last."""

import hashlib
from collections.abc import Callable

from lastwords.host.root import Root
from lastwords.model.oops import Struct

from .apply import Run, current, last_line, run_logged
from .files import remove, write
from .journal import Entry, Journal

Tell = Callable[[str], None]


class NothingToUndo(Exception):
    """`doctor --fix` has changed nothing on this host, or all of it was taken back."""


class Undone(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        directory: the journal's.
        restored: paths of files that are as they were.
        kept: paths that somebody else has changed since, left as they are.
        failed: commands that did not work, each with its complaint.
        skipped: commands that were not run, because the root is not the running machine.
    """

    directory: str
    restored: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def steps_back(root: Root) -> tuple[list[str], list[str]]:
    """What `undo` would do: paths to restore, commands to run.

    Raises:
        NothingToUndo: nothing.
    """
    entries = _last(root).entries()
    back = entries[::-1]
    return [entry.path for entry in back if entry.kind == "file"], [" ".join(argv) for argv in _commands(entries)]


def undo(root: Root, *, tell: Tell = lambda text: None, run: Run | None = None) -> Undone:
    """Take back the last run: its files first, then its commands.

    Where somebody has changed a file since, it is left as it is. Can be repeated after it was interrupted.

    Raises:
        NothingToUndo: there was no run, or all were taken back.
        OSError: a file can't be written.
    """
    live = run or (run_logged if root.is_live else None)
    journal = _last(root)
    entries = journal.entries()
    restored, kept, failed, skipped = [], [], [], []
    for entry in reversed(entries):
        if entry.kind == "file":
            tell(f"restoring {entry.path}")
            (restored if _restore(root, journal, entry) else kept).append(entry.path)
    for argv in _commands(entries):
        text = " ".join(argv)
        if not live:
            skipped.append(text)
            continue
        tell(f"running {text}")
        try:
            status = live(argv, 1800, journal.log)
        except OSError as error:
            failed.append(f"{text}: {error.strerror}")
        else:
            failed += [f"{text}: {last_line(journal.log)}"] if status else []
    journal.close()
    return Undone(
        directory=str(journal.directory),
        restored=tuple(restored),
        kept=tuple(kept),
        failed=tuple(failed),
        skipped=tuple(skipped),
    )


def _commands(entries: list[Entry]) -> list[tuple[str, ...]]:
    """In the opposite order, each once; what only has to be run again (`update-grub`) comes after the others."""
    undos = dict.fromkeys(entry.undo for entry in reversed(entries) if entry.undo)
    again = {entry.argv for entry in entries}
    return sorted(undos, key=lambda argv: argv in again)


def _last(root: Root) -> Journal:
    journal = Journal.last(root)
    if journal is None:
        raise NothingToUndo("there is nothing to undo: doctor --fix has changed nothing here")
    return journal


def _restore(root: Root, journal: Journal, entry: Entry) -> bool:
    """Whether the file is as it was before; not so where its content is neither ours nor the old one."""
    found, before = current(root, entry.path), journal.before(entry)
    if found == before:
        return True
    if found is None or hashlib.sha256(found).hexdigest() != entry.sha256:
        return False
    if before is None:
        remove(root, entry.path)
    else:
        write(root, entry.path, before)
    return True
