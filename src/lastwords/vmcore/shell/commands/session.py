"""The session itself: help, leaving, context, aliases."""

import argparse
import re
import shlex
from typing import TYPE_CHECKING

from lastwords.vmcore.shell import from_drgn
from lastwords.vmcore.shell.command import COMMANDS, CommandError, Quit, argument, command, out
from lastwords.vmcore.shell.tasks import task_object

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell

_INTRODUCTION = """\
Commands are crash's; what is none is Python, with drgn's names (prog, cast, for_each_task, …).
Output goes on: `bt -a | grep schedule`, `log > file`. In Python: commands.bt("-a"), commands.text("ps").
Several in a line: `set 1; bt`. `!ls` is for the shell. `help NAME` tells more."""


@command(
    "help",
    "this list, or how to use a command",
    argument("name", nargs="?", text="a command"),
    aliases={"man": "help"},
)
def help_(shell: "Shell", given: argparse.Namespace) -> None:
    """Without a name, list the commands."""
    if given.name is None:
        summaries = dict(shell.drgn_commands)
        summaries |= {name: each.summary for name, each in shell.views.items()}
        summaries |= {name: each.summary for name, each in COMMANDS.items()}
        width = max(map(len, summaries))
        for name in sorted(summaries):
            out(f"{name:<{width}}  {summaries[name]}")
        out(f"{'NAMES':<{width}}  {', '.join(f'{short} = {text}' for short, text in sorted(shell.aliases.items()))}")
        out(f"\n{_INTRODUCTION}")
        return
    name = shell.aliases.get(given.name, given.name).split()[0]
    if name in COMMANDS:
        out(COMMANDS[name].help())
        if COMMANDS[name].raw and name in shell.drgn_commands:
            out(f"\n{from_drgn.help_of(name)}")
    elif name in shell.views:
        out(f"usage: {name}\n\n{shell.views[name].summary}")
    elif name in shell.drgn_commands:
        out(from_drgn.help_of(name))
    else:
        raise CommandError(f"{name}: no such command")


@command("quit", "leave", aliases={"q": "quit", "exit": "quit"})
def quit_(shell: "Shell", given: argparse.Namespace) -> None:
    """Leave the shell."""
    raise Quit


@command(
    "set",
    "the task that commands are about; settings",
    argument("[PID | TASK] [-c CPU] [-p] [-v] | SETTING [VALUE]", text=""),
    raw=True,
)
def set_(shell: "Shell", given: argparse.Namespace) -> None:
    """Show the task that commands are about when none is named, or make it another.

    That of a PID or address, the one on a CPU (-c), the one that panicked (-p). `set scroll off` ends the paging of
    long output.
    """
    words = shlex.split(given.text)
    if words[:1] == ["scroll"]:
        if len(words) > 1:
            if words[1] not in ("on", "off"):
                raise CommandError("set scroll: on or off")
            shell.scroll = words[1] == "on"
        out(f"scroll: {'on' if shell.scroll else 'off'}")
        return
    if len(words) == 1 and re.fullmatch(r"(?:0x)?[0-9a-f]+", words[0]):
        shell.task = task_object(shell.kernel, words[0])
        words = []
    from_drgn.run(shell, "set", words)


@command(
    "alias",
    "other names for commands",
    argument("name", nargs="?", text="the new name"),
    argument("text", nargs="*", text="what it stands for; without, the name is forgotten"),
)
def alias(shell: "Shell", given: argparse.Namespace) -> None:
    """Show the other names of commands, or make one: `alias tt foreach task -R comm`."""
    if given.name is None:
        for name, text in sorted(shell.aliases.items()):
            out(f"{name:<8} {text}")
    elif given.text:
        shell.aliases[given.name] = shlex.join(given.text) if len(given.text) > 1 else given.text[0]
    elif shell.aliases.pop(given.name, None) is None:
        raise CommandError(f"{given.name}: no such alias")
