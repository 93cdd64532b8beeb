"""`lastwords shell`: crash's commands and Python with drgn's names over a dump."""

import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lastwords.report.escape import printable

from .complaint import fail, needing_drgn
from .dump_view import debuginfo_options, explained, files_among, sources

if TYPE_CHECKING:
    from lastwords.vmcore.shell import Shell
    from lastwords.vmcore.shell.command import View


_LONGEST = 30
"""Lines of a view's lists."""

# Views of lastwords that crash has no command for: what they are, the part of the machine, what renders it.
_VIEWS = {
    "locks": (
        "locks that tasks wait for, their holders, deadlocks",
        "locks",
        "lastwords.report.lock_tables:lock_tables",
    ),
    "mem": ("who holds the memory", "memory", "lastwords.report.memory_tables:memory_tables"),
    "io": ("disks and block requests in flight", "io", "lastwords.report.load_tables:io_tables"),
    "overdue": ("timers, work and softirqs that are late", "interrupts", "lastwords.report.load_tables:irq_tables"),
}


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords shell vmcore                                 a prompt; help lists the commands\n"
    "  lastwords shell vmcore -c 'sys; bt -a; foreach UN bt'\n"
    "  lastwords shell vmcore -c 'log -T' | grep -i nvme\n"
    "  lastwords shell vmcore vmlinux                         debuginfo; in either order\n"
    "  lastwords shell vmcore commands.txt                    as crash -i does; *.py is run as Python\n"
    "  lastwords shell vmcore -c 'for t in for_each_task(prog): print(t.pid.value_(), t.comm.string_())'\n\n"
    "Exit status: 0, 1 if a command failed, 2 if the dump can't be read."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX] [SCRIPT]")
@click.option("-c", "commands", multiple=True, metavar="COMMANDS", help="Run these, parted by `;`, and end.")
@debuginfo_options
def command(
    paths: tuple[str, ...],
    commands: tuple[str, ...],
    **options: Any,  # noqa: ANN401
) -> None:
    """Look around in a dump at a prompt that knows crash's commands, and Python with drgn's names.

    Works with debuginfo and without: names and types then come from the dump itself. Commands may be piped and
    redirected: bt -a | grep rwsem, log > file. What is no command is Python: prog, cast, container_of and drgn's
    helpers are there.
    """
    files, script = _files_and_script(paths)
    # libkdumpfile and libdw are C: what a malformed dump does to them is the end of the child alone.
    child = os.fork()
    if child:
        sys.exit(_wait(child, files[0]))
    shell = _open(files, options)
    sys.exit(0 if _run(shell, script, commands) else 1)


def _files_and_script(paths: Sequence[str]) -> tuple[tuple[str, ...], Path | None]:
    """The dump and its vmlinux, in either order as with crash, and the script."""
    files, rest = files_among(paths[0], paths[1:])
    if len(rest) > 1:
        raise click.UsageError(f"one script, not {len(rest)}: {' '.join(rest)}")
    script = Path(rest[0]) if rest else None
    if script is not None and not script.exists():
        fail(f"{script}: no such file")
    return files, script


def _wait(child: int, dump: str) -> int:
    """The child's exit status. Ctrl-C is the child's; we wait."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGPIPE:
            return 141
        name = signal.Signals(number).name
        click.echo(
            f"lastwords: {printable(dump)}: the libraries that read it crashed ({name}):"
            " it is damaged; lastwords salvage may save it",
            err=True,
        )
        return 2
    return os.waitstatus_to_exitcode(status)


def _open(paths: Sequence[str], options: dict[str, Any]) -> "Shell":
    with needing_drgn():
        from lastwords.vmcore.session import DumpError
        from lastwords.vmcore.shell.opening import open_shell
    files = None
    try:
        files = sources(paths, options)
        return open_shell(files, escape=printable, views=views())
    except DumpError as error:
        explained(error, files)


def views() -> "dict[str, View]":
    """The commands that lastwords' own views give the shell."""
    from lastwords.vmcore.shell.command import View

    return {name: View(summary, part, _rendered(renderer)) for name, (summary, part, renderer) in _VIEWS.items()}


def _rendered(renderer: str) -> Callable[[Any], Iterator[str]]:
    """The lines that a renderer of the views gives, as plain text; it is imported when it is used."""

    def lines(value: object) -> Iterator[str]:
        module, _, name = renderer.partition(":")
        render = getattr(importlib.import_module(module), name)
        return (text.plain for text in render(value, longest=_LONGEST))

    return lines


def _run(shell: "Shell", script: Path | None, commands: tuple[str, ...]) -> bool:
    from lastwords.vmcore.shell.command import Quit

    well = True
    try:
        if script is not None:
            well = shell.run_script(script)
        for each in commands:
            well &= shell.run(each)
        if script is None and not commands:
            if sys.stdin.isatty():
                from lastwords.vmcore.shell.prompt import interact

                interact(shell)
            else:
                well = shell.run_lines(sys.stdin, "<stdin>")
    except Quit:
        pass
    except SystemExit as leaving:
        return not leaving.code
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        fail(f"{error.filename}: {error.strerror}")
    return well
