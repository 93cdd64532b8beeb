"""What was done to a host, on its disk before it is done: enough to take it back after a crash in the middle.

    /var/lib/lastwords/undo/20261124T093012Z/
      journal.jsonl     one entry a line
      before-0, …       contents of the files that were written, as they were
      commands.log      what the commands printed

A directory's name ends in `.undone` once it was taken back.
"""

import os
import time
from pathlib import Path
from typing import Literal, Self

import msgspec

from lastwords.host.root import Root
from lastwords.host.writing import make_directory, sync_directory
from lastwords.model.oops import Struct

DIRECTORY = "/var/lib/lastwords/undo"
_JOURNAL, _UNDONE = "journal.jsonl", ".undone"


class Entry(Struct, frozen=True, kw_only=True):
    """One thing that was about to be done.

    Attributes:
        kind: `file` or `command`.
        path: of a file.
        backup: name of the file with its old content; None where there was none.
        sha256: of the new content.
        argv: of a command; `undo` what takes it back.
    """

    kind: Literal["file", "command"]
    path: str = ""
    backup: str | None = None
    sha256: str = ""
    argv: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()


class Journal:
    """The directory of one run of `--fix`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def new(cls, root: Root) -> Self:
        """Begin one.

        Raises:
            OSError: it can't be written.
        """
        above = root.resolve(DIRECTORY)
        make_directory(above)
        above.chmod(0o700)  # backups may hold what only root may read
        while True:
            directory = above / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:
                time.sleep(0.2)
                continue
            sync_directory(above)
            return cls(directory)

    @classmethod
    def last(cls, root: Root) -> Self | None:
        """The newest one that was not taken back; None where there is none."""
        above = root.resolve(DIRECTORY)
        names = sorted(above.iterdir()) if above.is_dir() else []
        left = [path for path in names if path.is_dir() and path.suffix != _UNDONE]
        return cls(left[-1]) if left else None

    @property
    def log(self) -> Path:
        """What commands printed."""
        return self.directory / "commands.log"

    def add(self, entry: Entry, before: bytes | None = None) -> None:
        """Say what is about to be done, with a file's content as it is."""
        if entry.backup is not None and before is not None:
            self._write(self.directory / entry.backup, before, "xb")
        self._write(self.directory / _JOURNAL, msgspec.json.encode(entry) + b"\n", "ab")
        sync_directory(self.directory)

    def entries(self) -> list[Entry]:
        """What was done, in order; a line that a crash cut off was not."""
        try:
            lines = (self.directory / _JOURNAL).read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Entry) for line in lines if line]

    def before(self, entry: Entry) -> bytes | None:
        """A file's old content."""
        return None if entry.backup is None else (self.directory / entry.backup).read_bytes()

    def close(self) -> None:
        """All of it was taken back."""
        self.directory.rename(self.directory.with_name(self.directory.name + _UNDONE))
        sync_directory(self.directory.parent)

    @staticmethod
    def _write(path: Path, content: bytes, mode: Literal["xb", "ab"]) -> None:
        with path.open(mode) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
