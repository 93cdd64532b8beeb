"""What the views of a dump have in common: their options, reading the dump, printing."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

import click
from rich.text import Text

from lastwords.model import VIEW_SCHEMA, Machine, View, to_json
from lastwords.report.escape import printable
from lastwords.vmcore.child import Limits
from lastwords.vmcore.session import DumpError, Question, Reading, Sources, read_dump, sources_of

from .progress import activity

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--vmlinux", metavar="FILE", type=click.Path(), help="The kernel's debuginfo, or where to look."),
    click.option("--modules-dir", metavar="DIR", type=click.Path(), help="Debuginfo of modules."),
    click.option("--no-debuginfo", is_flag=True, help="Look for none, not even through debuginfod."),
    click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=1), default=1800.0, help="Give up then."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document."),
)


def dump_options(command: F) -> F:
    """Give a command the options that say where debuginfo is and how to print."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read(dump: str, options: dict[str, Any], parts: Iterable[str], **wanted: Any) -> Reading:  # noqa: ANN401
    """Read parts of a dump; an error is one line, and the end.

    Args:
        dump: the user's file or directory.
        options: the values of `dump_options`.
        parts: fields of `lastwords.model.Machine`.
        wanted: further fields of `Question`.
    """
    try:
        return ask(sources(dump, options), options, parts, **wanted)
    except DumpError as error:
        fail(str(error))


def sources(dump: str, options: dict[str, Any]) -> Sources:
    """The files to read.

    Raises:
        DumpError: what the user named is no dump.
    """
    return sources_of(
        [dump], vmlinux=options["vmlinux"], modules_dir=options["modules_dir"], debuginfo=not options["no_debuginfo"]
    )


def ask(files: Sources, options: dict[str, Any], parts: Iterable[str], **wanted: Any) -> Reading:  # noqa: ANN401
    """As `read()`.

    Raises:
        DumpError: the dump can't be read.
    """
    question = Question(sources=files, parts=tuple(parts), **wanted)
    with activity() as progress:
        return read_dump(question, limits=Limits(seconds=options["timeout"]), progress=progress)


def fail(text: str) -> NoReturn:
    """One line on stderr, and exit status 2."""
    click.echo(f"lastwords: {printable(text)}", err=True)
    sys.exit(2)


def require(machine: Machine, part: str) -> Any:  # noqa: ANN401
    """A part of the machine; where it is missing, the reason, and the end. What is not whole is said on stderr."""
    told = next((each for each in machine.parts if each.name == part), None)
    if told is not None and told.error:
        fail(f"the {part.replace('_', ' ')} can't be read: {told.error}")
    note(told.incomplete if told else None)
    return getattr(machine, part)


def note(text: str | None) -> None:
    """One line on stderr on what is not whole."""
    if text:
        click.echo(f"lastwords: not everything can be read: {printable(text)}", err=True)


def show(lines: Iterable[Text]) -> None:
    """Lines on stdout: with colour on a terminal, unless NO_COLOR is set; not broken at its width."""
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def show_json(dump: str, reading: Reading, **fields: Any) -> None:  # noqa: ANN401
    """The view as a JSON document."""
    view = View(
        schema=VIEW_SCHEMA,
        dump=dump,
        release=reading.machine.release,
        symbols=reading.symbols,
        parts=reading.machine.parts,
        **fields,
    )
    sys.stdout.buffer.write(to_json(view, indent=2 if sys.stdout.isatty() else 0) + b"\n")
