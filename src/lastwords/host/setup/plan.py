"""What `doctor --fix` would do to a host: files to write and commands to run, each with its reason."""

import difflib
import shlex
from typing import Literal

from lastwords.model.oops import Struct

Stage = Literal["install", "settle"]


class Edit(Struct, frozen=True, kw_only=True):
    """One file to write.

    Attributes:
        path: on that host.
        before: its text now, None where it is not there.
        after: its text then.
        why: what for, one sentence.
        mode: permissions of a new file; one that is there keeps its own.
    """

    path: str
    before: str | None
    after: str
    why: str
    mode: int = 0o644

    def diff(self) -> str:
        """As a unified diff."""
        old, new = (self.before or "").splitlines(keepends=True), self.after.splitlines(keepends=True)
        name = "/dev/null" if self.before is None else self.path
        lines = difflib.unified_diff(old, new, name, self.path)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class Command(Struct, frozen=True, kw_only=True):
    """One command to run, without a shell.

    Attributes:
        argv: the program and its arguments.
        why: what for, one sentence.
        undo: the command that takes it back; empty where another's undo does.
        stage: `install` before the files are written, `settle` after that.
        seconds: its time limit.
    """

    argv: tuple[str, ...]
    why: str
    undo: tuple[str, ...] = ()
    stage: Stage = "settle"
    seconds: int = 1800

    def __str__(self) -> str:
        return shlex.join(self.argv)


Action = Edit | Command


class Plan(Struct, frozen=True, kw_only=True):
    """All that would be done, in this order: packages, files, commands.

    Attributes:
        installs: commands that install packages.
        edits: files, each once.
        settles: commands that make it take effect.
        left: what no step can do, each with the check's own advice.
        reboot: it takes a reboot until all of it is in force.
    """

    installs: tuple[Command, ...] = ()
    edits: tuple[Edit, ...] = ()
    settles: tuple[Command, ...] = ()
    left: tuple[str, ...] = ()
    reboot: bool = False

    @property
    def is_empty(self) -> bool:
        """There is nothing to do."""
        return not (self.installs or self.edits or self.settles)
