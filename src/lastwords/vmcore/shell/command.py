"""How a command is declared."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from lastwords.plugins import discover

if TYPE_CHECKING:
    from .shell import Shell

Run = Callable[["Shell", argparse.Namespace], object]


class CommandError(Exception):
    """Why a command gives nothing: one line."""


class Quit(Exception):
    """The user wants to leave."""


@dataclass(frozen=True)
class Argument:
    """An argument as `argparse.ArgumentParser.add_argument` takes it."""

    names: tuple[str, ...]
    how: dict[str, Any]


def flag(*names: str, text: str, **how: object) -> Argument:
    """An option without a value."""
    return Argument(names, {"action": "store_true", "help": text, **how})


def argument(*names: str, text: str, **how: object) -> Argument:
    """An option with a value, or a word; `how` is for argparse."""
    return Argument(names, {"help": text, **how})


class _Parser(argparse.ArgumentParser):
    """Mistakes are exceptions, not the program's end."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{self.prog}: {message}; see: help {self.prog}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise CommandError(message or f"{self.prog}: see: help {self.prog}")


@dataclass(frozen=True)
class Command:
    """A command of the shell.

    Attributes:
        name: as the user types it; `aliases` its other names, mapped to what they stand for, as `p -x`.
        summary: one line for `help`.
        run: gets the shell and what was given; prints to sys.stdout.
        raw: it gets its arguments as one text, unparsed.
    """

    name: str
    summary: str
    run: Run
    arguments: tuple[Argument, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    raw: bool = False

    def parser(self) -> argparse.ArgumentParser:
        """Of its arguments."""
        parser = _Parser(
            prog=self.name,
            description=" ".join((self.run.__doc__ or "").split()),
            add_help=False,
            allow_abbrev=False,
        )
        for each in self.arguments:
            parser.add_argument(*each.names, **each.how)
        return parser

    def __call__(self, shell: "Shell", words: Sequence[str], text: str) -> object:
        """Run it with its arguments, as words and as the text that they come from."""
        if self.raw:
            return self.run(shell, argparse.Namespace(text=text, words=list(words)))
        return self.run(shell, self.parser().parse_args(words))

    def help(self) -> str:
        """What `help NAME` prints."""
        if not self.raw:
            return self.parser().format_help().rstrip()
        return f"usage: {self.name} {' '.join(self.arguments[0].names)}\n\n{' '.join((self.run.__doc__ or '').split())}"


@dataclass(frozen=True)
class View:
    """A command from another room: a part of the machine, and what renders it.

    Attributes:
        summary: one line for `help`.
        part: a field of `lastwords.model.Machine`.
        lines: from the part's value to the lines to print.
    """

    summary: str
    part: str
    lines: Callable[[Any], Iterable[str]]


COMMANDS: dict[str, Command] = {}
"""Each command by its name; aliases stand in ALIASES."""

ALIASES: dict[str, str] = {}
"""What another name stands for, as `px` for `p -x`."""


def command(
    name: str, summary: str, *arguments: Argument, aliases: dict[str, str] | None = None, raw: bool = False
) -> Callable[[Run], Run]:
    """Declare a command.

    Args:
        name: as crash calls it.
        summary: one line for `help`.
        arguments: its options and words.
        aliases: other names, and what they stand for.
        raw: do not parse: `given.text` is all behind the name.

    The function gets the shell and the parsed arguments, and prints. Whatever it raises is told in one line.

    Example:
        >>> @command("uptime", "how long the machine had been up")
        ... def uptime(shell, given):
        ...     print(shell.machine("identity").uptime)
    """

    def declared(run: Run) -> Run:
        COMMANDS[name] = Command(name, summary, run, arguments, tuple((aliases or {}).items()), raw)
        ALIASES.update(aliases or {})
        return run

    return declared


def load() -> None:
    """Find the commands: importing a module of `commands` declares its own."""
    discover("lastwords.vmcore.shell.commands")


def out(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
