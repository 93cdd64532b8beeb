"""One session over one dump: takes lines, runs commands or Python."""

import builtins
import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import drgn

from lastwords.model import Cpu
from lastwords.vmcore.machine import collect
from lastwords.vmcore.machine.clock import uptime

from . import from_drgn, python
from .command import ALIASES, COMMANDS, CommandError, Quit, View, load, out
from .line import Line, parse, split
from .output import Escape, directed, harmless
from .tasks import default_task

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_NAME = re.compile(r"[A-Za-z_]\w*")
# What follows a word that is a variable of Python's and no command: `p = 3`, `list += [1]`, `set.add(x)`.
_OF_PYTHON = re.compile(r"\s*(?:[-+*/%@&|^]|//|\*\*|<<|>>)?=(?!=)|\s*(?:==|,|:(?!:)|\bin\b|\bis\b)")
_LONGEST_ERROR = 500


# What crash has and this has not, and what to do instead.
ABSENT = {
    "wr": "wr: a dump is not written to",
    "gdb": "gdb: there is no gdb in here; p takes C expressions, and Python has prog",
    "extend": "extend: crash's extensions can't be loaded; write Python, or a module with @command",
    "fuser": "fuser: not here; try: foreach files -R PATH",
    "mach": "mach: not here; see sys",
    "repeat": "repeat: not here; a dump doesn't change",
    "edit": "edit: not here; name a SCRIPT when you start",
}


class Commands:
    """The commands, for Python: `commands.bt("-a")`, `commands("ps | wc -l")`, `commands.text("log")`."""

    def __init__(self, shell: "Shell") -> None:
        self._shell = shell

    def __call__(self, line: str) -> None:
        """Run a command line; raises CommandError where a prompt would say why not."""
        self._shell.execute(line)

    def text(self, line: str) -> str:
        """What a command line prints."""
        collected = io.StringIO()
        with contextlib.redirect_stdout(collected):
            self._shell.execute(line)
        return collected.getvalue()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("_") or not self._shell.knows(name):
            raise AttributeError(f"no command {name}")
        return lambda arguments="": self._shell.execute(f"{name} {arguments}")

    def __dir__(self) -> list[str]:
        return ["text", *self._shell.names()]


class Shell:
    """A session.

    Attributes:
        kernel: the opened dump; `prog` its drgn.Program.
        dump: the path that the user named.
        variables: what Python at the prompt sees.
        aliases: other names of commands, and what they stand for.
        scroll: whether the pager is used.
        views: commands from another room, by name.
        drgn_commands: summaries of the commands that drgn has, by name.
        pager: a shell command that shows long output, or None.
    """

    def __init__(
        self,
        kernel: "Kernel",
        dump: str,
        escape: Escape,
        views: Mapping[str, View] | None = None,
        pager: str | None = None,
    ) -> None:
        """Begin.

        Args:
            kernel: the opened dump.
            dump: the path that the user named.
            escape: makes control characters in a line visible.
            views: further commands, by name.
            pager: a shell command that shows long output.
        """
        load()
        self.kernel = kernel
        self.prog: drgn.Program = kernel.prog
        # drgn's helpers take it where they are given none: find_task(1).
        drgn.set_default_prog(self.prog)
        self.dump = dump
        self.pager = pager
        self.views = dict(views or {})
        self._escape = escape
        self.drgn_commands = from_drgn.load(self.prog)
        self.aliases = dict(ALIASES)
        self.scroll = True
        self.variables = python.namespace(self.prog, kernel=kernel, commands=Commands(self))
        # drgn's commands look for the context here, and page for themselves.
        self.prog.config["crash_scroll"] = False
        with contextlib.suppress(Exception):
            uptime(kernel)  # gives drgn's helpers the type of the clock, which BTF lacks
        with contextlib.suppress(Exception):
            self.prog.config["crash_context"] = default_task(kernel)

    @property
    def task(self) -> drgn.Object:
        """The task that commands are about when none is named: the one that panicked, or as `set` says.

        Raises:
            CommandError: there is none.
        """
        try:
            return self.prog.config["crash_context"]
        except KeyError:
            raise CommandError("no task is set: set PID") from None

    @task.setter
    def task(self, task: drgn.Object) -> None:
        self.prog.config["crash_context"] = task

    @property
    def byte_order(self) -> Literal["little", "big"]:
        """Of the machine's words."""
        platform = self.prog.platform
        little = platform is None or drgn.PlatformFlags.IS_LITTLE_ENDIAN in platform.flags
        return "little" if little else "big"

    def cpus(self) -> tuple[Cpu, ...]:
        """The CPUs that were online."""
        return collect(self.kernel, only=("cpus",)).cpus or ()

    def names(self) -> list[str]:
        """All commands that can be typed."""
        return sorted({*COMMANDS, *self.aliases, *self.views, *self.drgn_commands})

    def knows(self, name: str) -> bool:
        """Whether there is such a command."""
        return any(name in table for table in (COMMANDS, self.aliases, self.views, self.drgn_commands))

    def is_command(self, text: str) -> bool:
        """Whether a line is a command, and not Python that begins with the same word."""
        text = text.strip()
        if text.startswith(("!", "*", "?", "%")):
            return True
        name, _, rest = text.partition(" ")
        if self.knows(name):
            return not _OF_PYTHON.match(rest)
        return self._is_type(name)

    def _is_type(self, name: str) -> bool:
        """Whether crash would take it for `struct NAME`: `task_struct.pid ffff8880…`."""
        word = _NAME.match(name)
        if word is None or word[0] in self.variables or hasattr(builtins, word[0]):
            return False
        if not re.fullmatch(r"\w+(\.[\w.,\[\]]+)?", name):
            return False
        return from_drgn.find_type(self.prog, word[0]) is not None

    def execute(self, text: str) -> None:
        """Run one command line.

        Raises:
            CommandError: it can't be done: one line.
            Quit: the user wants to leave.
        """
        text = text.strip()
        if text.startswith("!"):
            subprocess.run(text[1:], shell=True, check=False)
            return
        for sign, name in (("*", "struct "), ("?", "help ")):
            if text.startswith(sign):
                text = name + text[1:].strip()
        line = parse(text)
        if not self.knows(line.name) and self._is_type(line.name):
            line = parse(f"struct {text}")
        with directed(line, self._escape, self._pager()):
            try:
                self._run(line)
            except (CommandError, Quit, KeyboardInterrupt, BrokenPipeError):
                raise
            except Exception as error:  # a dump may be wrong in any way
                raise CommandError(f"{line.name}: {self._reason(error)}") from error

    def _run(self, line: Line) -> None:
        name, text = line.name, line.text
        if name in self.aliases:
            name, _, more = self.aliases[name].partition(" ")
            text = f"{more} {text}".strip()
            line = Line(name, text)
        if name in COMMANDS:
            found = COMMANDS[name]
            found(self, [] if found.raw else line.words, text)
        elif name in self.views:
            self._show(self.views[name])
        elif name in self.drgn_commands:
            from_drgn.run(self, name, line.words)
        elif name.startswith("%"):
            from_drgn.run_own(self, f"{name[1:]} {text}")
        else:
            raise CommandError(f"{name}: no such command; see: help")

    def _show(self, view: View) -> None:
        machine = collect(self.kernel, only=(view.part,))
        for part in machine.parts:
            if part.name == view.part and part.error:
                raise CommandError(f"{part.name} can't be read: {part.error}")
        for each in view.lines(getattr(machine, view.part)):
            out(each)

    def _pager(self) -> str | None:
        return self.pager if self.scroll else None

    def _reason(self, error: Exception) -> str:
        text = " ".join(str(error).split())[:_LONGEST_ERROR]
        kind = type(error).__name__
        return text if text and isinstance(error, (LookupError, ValueError, drgn.FaultError)) else f"{kind}: {text}"

    def attempt(self, text: str) -> bool:
        """Run one command line; False if it failed, and one line on stderr said why."""
        try:
            self.execute(text)
        except CommandError as error:
            self.complain(str(error))
            return False
        except KeyboardInterrupt:
            self.complain("interrupted")
            return False
        return True

    def complain(self, text: str) -> None:
        """One line on stderr."""
        sys.stdout.flush()
        sys.stderr.write(f"{self._escape(' '.join(text.split()))}\n")
        sys.stderr.flush()

    def shown(self) -> AbstractContextManager[None]:
        """Within, what is printed can't do anything to the terminal."""
        return harmless(self._escape)

    def run_python(self, source: str, filename: str = "<prompt>") -> bool:
        """Run Python; False if it raised, and the traceback was printed."""
        if (name := self._mistyped(source)) is not None:
            self.complain(ABSENT.get(name, f"{name}: no such command, and no name of Python's; see: help"))
            return False
        with self.shown():
            return python.run(source, self.variables, filename)

    def _mistyped(self, source: str) -> str | None:
        """The first word of a line that was meant to be a command, and is neither that nor Python."""
        name, _, rest = source.strip().partition(" ")
        if not _NAME.fullmatch(name) or name in self.variables or hasattr(builtins, name) or iskeyword(name):
            return None
        return name if not rest or not python.is_complete(source) else None

    def run(self, text: str) -> bool:
        """Run commands and Python in one line, parted by `;`; False if something failed.

        Raises:
            Quit: as a command asks.
        """
        well = True
        parts = split(text)
        while parts:
            if self.is_command(parts[0]):
                well &= self.attempt(parts.pop(0))
                continue
            ends = (place for place, part in enumerate(parts) if self.is_command(part))
            end = next(ends, len(parts))
            well &= self.run_python("; ".join(parts[:end]))
            del parts[:end]
        return well

    def run_lines(self, lines: Iterable[str], filename: str) -> bool:
        """Run a script of commands and Python, line by line; False if something failed.

        A statement of Python may go over several lines; it ends where the next one begins.
        """
        well, block = True, ""
        for number, line in enumerate(lines):
            line = line.rstrip("\n")
            if number == 0 and line.startswith("#!"):
                continue
            if python.begins_anew(line) and (not block.strip() or python.is_complete(block)):
                well &= self._block(block, filename)
                block = ""
                if self.is_command(line):
                    well &= self.run(line)
                    continue
            block += f"{line}\n"
        return self._block(block, filename) and well

    def _block(self, block: str, filename: str) -> bool:
        return not block.strip() or self.run_python(block, filename)

    def run_script(self, path: Path) -> bool:
        """Run a file: Python if it is called `*.py`, else commands and Python; False if something failed.

        Raises:
            OSError: it can't be read.
        """
        if path.suffix == ".py":
            with self.shown():
                return python.run_file(path, self.variables)
        with path.open(encoding="utf-8", errors="replace") as lines:
            return self.run_lines(lines, str(path))
