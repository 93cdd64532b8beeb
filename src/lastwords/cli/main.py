"""The entry point: finds the subcommand and loads only its file, so that `--help` stays fast."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from lastwords import __version__

# Name, and the line that `lastwords --help` shows for it: kept here so that help imports no command.
COMMANDS = {
    "analyze": "Say what died and where, from kernel logs and memory dumps.",
    "case": "Keep all about one crash in one directory: evidence, notes, results.",
    "checklist": "Walk through what is to be done after a crash, and keep what became of it.",
    "scan": "List every oops in many or huge logs.",
    "annotate": "Print the crash text with each line explained in its margin.",
    "rules": "Show what the diagnosis looks for, why, and how sure it is.",
    "explain": "Explain a term: a taint flag, a register, an error code, a message.",
    "verify": "Say whether a memory dump is whole, and what is lost.",
    "shell": "Look around in a dump: crash's commands and Python with drgn's names at one prompt.",
    "bt": "Stacks in a dump: of the task that crashed, of CPUs, of tasks by state.",
    "ps": "Tasks in a dump, with state, time waited and memory.",
    "log": "The kernel log in a dump.",
    "mod": "Modules in a dump, with versions, taints and parameters.",
    "files": "Open files of a task in a dump.",
    "locks": "Locks in a dump that tasks wait for, who holds them, and every deadlock.",
    "mem": "Memory in a dump: who holds it, and what nothing explains.",
    "io": "Disks in a dump, and the block requests in flight.",
    "irq": "Interrupts, softirqs, overdue timers and workqueues in a dump.",
    "dis": "Disassemble a function as it was in memory when the machine died.",
    "salvage": "Save what is left of a damaged dump: a dump that opens again, and the log.",
    "symbols": "Say which debuginfo a dump wants and how to get it; or rebuild an ELF file from the dump.",
    "capture": "Secure all evidence of the last crash, or of a hang that is going on, before it is overwritten.",
    "doctor": "Say whether this machine is ready to explain its next crash, and how to make it so.",
    "rehearse": "Crash this machine on purpose, and see that a dump arrives.",
    "trigger": "Turn a machine that hangs into a dump: by SysRq, or how to by NMI.",
    "lab": "Crash a real kernel in a virtual machine and record what it says.",
    "completion": "Print the completion code for bash, zsh or fish.",
}


@contextmanager
def _shell_statuses() -> Iterator[None]:
    """Ctrl-C and a closed pipe end us as shells expect it; click would say 1, which is an answer of ours."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone (`| head`): keep the interpreter from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _meant(name: str) -> str | None:
    """What somebody meant who named no command of ours."""
    from difflib import get_close_matches

    if os.access(name, os.F_OK):
        return "To say what died in a file: lastwords analyze FILE"
    near = get_close_matches(name, COMMANDS, 1)
    return f"Did you mean {near[0]!r}?" if near else None


class LazyCommands(click.Group):
    """A group whose commands live in modules of the same name, imported when one is run."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401
        """Read our own options; `--help` prints here."""
        with _shell_statuses():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command."""
        with _shell_statuses():
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # a closed pipe shows here at the latest

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; a file in its place is what people try first."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = _meant(name)
            if hint:
                ctx.fail(f"No such command {name!r}. {hint}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a user's need, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's module, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lastwords.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table from COMMANDS, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples:\n\n\b\n"
    "  lastwords analyze crash.log\n"
    "  lastwords analyze /var/crash/202611240538\n"
    "  journalctl -k -b -1 | lastwords analyze -\n"
    "  lastwords scan /var/log/netconsole --json | jq .\n"
    "  lastwords explain 'not syncing'\n",
)
@click.version_option(__version__, prog_name="lastwords")
def cli() -> None:
    """Find out why a Linux kernel died.

    Reads kernel logs and memory dumps in whatever form they come, names the crash and the function to blame, and shows
    the evidence beside it.
    """


def run() -> None:
    """Run the command line: `lastwords.__main__` calls it. Errors a user can cause are one line on stderr."""
    from .encoding import take_near_characters

    take_near_characters()
    cli(prog_name="lastwords")
