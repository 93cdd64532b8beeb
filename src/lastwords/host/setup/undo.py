"""Take back what `doctor --fix` did last."""

import hashlib
from collections.abc import Callable

from lastwords.host.root import Root
from lastwords.host.writing import remove, write
from lastwords.model.oops import Struct

from .apply import Run, current, last_line, run_logged
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


def steps_back(root: Root) -> list[str]:
    """What `undo` would do, a line each.

    Raises:
        NothingToUndo: nothing.
    """
    return [f"restore {each.path}" if isinstance(each, Entry) else " ".join(each) for each in _back(_last(root))]


def undo(root: Root, *, tell: Tell = lambda text: None, run: Run | None = None) -> Undone:
    """Take back the last run, the last thing first.

    Where somebody has changed a file since, it is left as it is. Can be repeated after it was interrupted.

    Raises:
        NothingToUndo: there was no run, or all were taken back.
        OSError: a file can't be written.
    """
    live = run or (run_logged if root.is_live else None)
    journal = _last(root)
    restored: list[str] = []
    kept: list[str] = []
    failed: list[str] = []
    skipped: list[str] = []
    for each in _back(journal):
        if isinstance(each, Entry):
            tell(f"restoring {each.path}")
            (restored if _restore(root, journal, each) else kept).append(each.path)
        elif live is None:
            skipped.append(" ".join(each))
        else:
            tell(f"running {' '.join(each)}")
            failed += _run(live, each, journal)
    journal.close()
    return Undone(
        directory=str(journal.directory),
        restored=tuple(restored),
        kept=tuple(kept),
        failed=tuple(failed),
        skipped=tuple(skipped),
    )


def _back(journal: Journal) -> list[Entry | tuple[str, ...]]:
    """Files and commands in the opposite order; what only has to run again (`update-grub`) comes at the end, once."""
    back: list[Entry | tuple[str, ...]] = []
    again: dict[tuple[str, ...], None] = {}
    for entry in reversed(journal.entries()):
        if entry.kind == "file":
            back.append(entry)
        elif entry.undo == entry.argv:
            again[entry.undo] = None
        elif entry.undo:
            back.append(entry.undo)
    return [*back, *again]


def _run(run: Run, argv: tuple[str, ...], journal: Journal) -> list[str]:
    """Complaints."""
    try:
        status = run(argv, 1800, journal.log)
    except OSError as error:
        return [f"{' '.join(argv)}: {error.strerror}"]
    return [f"{' '.join(argv)}: {last_line(journal.log)}"] if status else []


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
