"""The prompt on a terminal: history, completion, statements over several lines."""

import contextlib
import os
import re
import rlcompleter
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import python
from .command import Quit
from .commands.system import print_system

if TYPE_CHECKING:
    from .shell import Shell

PROMPT = "lastwords> "
_MORE = "...> "
_HISTORY_LINES = 10_000
_MOST_MATCHES = 500
_DELIMITERS = " \t\n`~!@#$%^&*()=+[{]}\\|;:'\",<>/?"


def interact(shell: "Shell") -> None:
    """Show what machine it is and take lines until the user leaves."""
    with contextlib.suppress(ImportError):
        _prepare_readline(shell)
    shell.pager = default_pager()
    with shell.shown():
        print_system(shell)
    sys.stdout.write("\nhelp lists the commands; what is none is Python.\n")
    block = ""
    while True:
        try:
            line = input(_MORE if block else PROMPT)
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            block = ""
            continue
        if not block and (not line.strip() or line.lstrip().startswith("#")):
            continue
        if not block and shell.is_command(line):
            try:
                shell.run(line)
            except Quit:
                return
            continue
        block = f"{block}\n{line}" if block else line
        if python.waits_for_more(block):
            continue
        source, block = block, ""
        if not _run(shell, source):
            return


def _run(shell: "Shell", source: str) -> bool:
    """Run a statement of Python; False where it leads out."""
    try:
        shell.run_python(source)
    except (SystemExit, Quit):
        return False
    return True


def default_pager() -> str | None:
    """`$PAGER`, or less, which ends by itself where all fits the screen."""
    if pager := os.environ.get("PAGER"):
        return pager
    return "less -F -X" if shutil.which("less") else None


def history_file() -> Path:
    """Where the history is kept."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "lastwords" / "shell_history"


def _prepare_readline(shell: "Shell") -> None:
    import atexit
    import readline

    path = history_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        readline.read_history_file(path)
        readline.set_history_length(_HISTORY_LINES)
        atexit.register(_save_history, path)
    except OSError:  # a home that can't be written: no history
        pass
    readline.set_completer_delims(_DELIMITERS)
    readline.set_completer(Completer(shell).complete)
    readline.parse_and_bind("tab: complete")


def _save_history(path: Path) -> None:
    import readline

    with contextlib.suppress(OSError):
        readline.write_history_file(path)


class Completer:
    """Completes commands, symbols, types behind commands that take them, and Python."""

    def __init__(self, shell: "Shell") -> None:
        """Look names up when they are first asked for."""
        self._shell = shell
        self._python = rlcompleter.Completer(shell.variables)
        self._symbols: list[str] | None = None
        self._matches: list[str] = []

    def complete(self, word: str, state: int) -> str | None:
        """The `state`th way to go on with a word; readline's protocol."""
        if state == 0:
            import readline

            try:
                self._matches = self.matches(readline.get_line_buffer()[: readline.get_begidx()], word)
            except Exception:  # nothing that completion does may disturb who is typing
                self._matches = []
        return self._matches[state] if state < len(self._matches) else None

    def matches(self, before: str, word: str) -> list[str]:
        """The ways to go on with a word, by what stands before it in the line."""
        first = before.split()[0] if before.split() else ""
        if not before.strip():
            return self._starting(self._shell.names(), word) + self._of_python(word)
        if first in ("help", "man", "foreach"):
            return self._starting(self._shell.names(), word)
        if self._shell.is_command(f"{before}x"):
            return self._starting(self._symbol_names(), word) if len(word) > 2 else []
        return self._of_python(word)

    def _starting(self, names: list[str], word: str) -> list[str]:
        return [name for name in names if name.startswith(word)][:_MOST_MATCHES]

    def _symbol_names(self) -> list[str]:
        if self._symbols is None:
            names = {symbol.name for symbol in self._shell.prog.symbols()}
            self._symbols = sorted(name for name in names if re.fullmatch(r"[A-Za-z_]\w*", name))
        return self._symbols

    def _of_python(self, word: str) -> list[str]:
        found: list[str] = []
        while len(found) < _MOST_MATCHES and (match := self._python.complete(word, len(found))) is not None:
            found.append(match)
        return [match for match in found if match.strip()]
