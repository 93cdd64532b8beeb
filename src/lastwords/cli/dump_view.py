"""What the views of a dump have in common: their options, reading the dump, printing."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec
from rich.text import Text

from lastwords.model import VIEW_SCHEMA, View, to_json
from lastwords.report.escape import printable
from lastwords.vmcore.child import Limits
from lastwords.vmcore.session import DumpError, Question, Reading, Sources, others_told, read_dump, sources_of

from .complaint import complain
from .progress import activity

F = TypeVar("F", bound=Callable[..., Any])

A = TypeVar("A")

_DEBUGINFO = (
    click.option("--vmlinux", metavar="FILE", type=click.Path(), help="The kernel's debuginfo, or where to look."),
    click.option("--modules-dir", metavar="DIR", type=click.Path(), help="Debuginfo of modules."),
    click.option("--no-debuginfo", is_flag=True, help="Look for none, not even through debuginfod."),
)
_OPTIONS = (
    *_DEBUGINFO,
    click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=1), default=1800.0, help="Give up then."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document."),
)


def debuginfo_options(command: F) -> F:
    """Give a command the options that say where debuginfo is."""
    for option in reversed(_DEBUGINFO):
        command = option(command)
    return command


def dump_options(command: F) -> F:
    """Give a command the options that say where debuginfo is and how to print."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read(paths: str | Sequence[str], options: dict[str, Any], parts: Iterable[str], **wanted: Any) -> Reading:  # noqa: ANN401
    """Read parts of a dump; an error is one line, and the end.

    Args:
        paths: the user's files or directory: the dump, at times its vmlinux, in any order.
        options: the values of `dump_options`.
        parts: fields of `lastwords.model.Machine`.
        wanted: further fields of `Question`.
    """
    return inquire(paths, options, read_dump, lambda files: Question(sources=files, parts=tuple(parts), **wanted))


def inquire(
    paths: str | Sequence[str],
    options: dict[str, Any],
    function: Callable[..., A],
    question: Callable[[Sources], msgspec.Struct],
) -> A:
    """Ask a dump something in a child process; an error is one line, and the end.

    Args:
        paths: the user's files or directory: the dump, at times its vmlinux, in any order.
        options: the values of `dump_options`.
        function: of `lastwords.vmcore.session`, that takes the question.
        question: makes it.
    """
    files = None
    try:
        files = sources(paths, options)
        if told := others_told(files):
            complain(told)
        with activity() as progress:
            return function(question(files), limits=Limits(seconds=options["timeout"]), progress=progress)
    except DumpError as error:
        explained(error, files)


def explained(error: DumpError, files: Sources | None) -> NoReturn:
    """The end for a dump that can't be read, with its damage where that is why.

    Args:
        error: what was wrong.
        files: what was to be read; None where there is no dump among it.
    """
    text = str(error)
    # Damage explains what goes wrong with the dump, not a vmlinux of another kernel.
    fail(text, files.dump if files is not None and text.startswith(files.dump[0]) else ())


def sources(paths: str | Sequence[str], options: dict[str, Any]) -> Sources:
    """The files to read.

    Raises:
        DumpError: what the user named is no dump.
    """
    return sources_of(
        [paths] if isinstance(paths, str) else paths,
        vmlinux=options["vmlinux"],
        modules_dir=options["modules_dir"],
        debuginfo=not options["no_debuginfo"],
    )


def ask(files: Sources, options: dict[str, Any], parts: Iterable[str], **wanted: Any) -> Reading:  # noqa: ANN401
    """As `read()`.

    Raises:
        DumpError: the dump can't be read.
    """
    question = Question(sources=files, parts=tuple(parts), **wanted)
    with activity() as progress:
        return read_dump(question, limits=Limits(seconds=options["timeout"]), progress=progress)


def files_among(first: str, others: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files among the arguments of a view, by looking into them, and the names: `bt vmcore vmlinux insmod`."""
    from lastwords.vmcore.files import sort_files

    known = sort_files([other for other in others if Path(other).is_file()])
    files = {*known.vmlinux, *known.modules, *(path for dump in known.dumps for path in dump)}
    return (first, *(each for each in others if each in files)), tuple(each for each in others if each not in files)


def fail(text: str, dump: Sequence[str] = ()) -> NoReturn:
    """One line on stderr, another where the dump is damaged, and exit status 2.

    Args:
        text: what went wrong.
        dump: its files, to be looked at for damage that explains it.
    """
    complain(text)
    damage(dump)
    sys.exit(2)


def damage(dump: Sequence[str]) -> None:
    """One line on stderr on a dump that is not whole, and where to go on."""
    from lastwords.vmcore.verify import check

    checked = check(dump) if dump else None
    if checked is not None and checked.verdict in ("incomplete", "damaged"):
        files = " ".join(dump)
        text = f"the dump is {checked.verdict}: {checked.summary}. More: lastwords verify {files}"
        if any("lastwords salvage" in advice for advice in checked.advice):
            text += f"; save what is left: lastwords salvage {files} -o OUT"
        complain(text)


def require(reading: Reading, part: str, *, empty: Callable[[Any], bool] | None = None) -> Any:  # noqa: ANN401
    """A part of the machine; where it is missing, the reason, and the end. What is not whole is said on stderr.

    Args:
        reading: with that part.
        part: a field of `lastwords.model.Machine`.
        empty: says whether what was read tells nothing: that is no news where not everything could be read.
    """
    found = getattr(reading.machine, part)
    told = next((each for each in reading.machine.parts if each.name == part), None)
    doubt = told and (told.error or (told.incomplete if empty is not None and empty(found) else None))
    if doubt:
        fail(f"{part}: not known: {doubt}", _files_of(reading))
    note(told.incomplete if told else None)
    return found


def missing(reading: Reading, part: str) -> str | None:
    """Why a part of the machine is not whole, or None."""
    told = next((each for each in reading.machine.parts if each.name == part), None)
    return (told.error or told.incomplete) if told is not None else None


def unknown(reading: Reading, text: str) -> NoReturn:
    """The end of a view that could not find out what it was asked for."""
    fail(text, _files_of(reading))


def _files_of(reading: Reading) -> tuple[str, ...]:
    return reading.dump.paths if reading.dump is not None else ()


def note(text: str | None) -> None:
    """One line on stderr on what is not whole."""
    if text:
        click.echo(f"lastwords: not everything can be read: {printable(text)}", err=True)


def show(lines: Iterable[Text]) -> None:
    """Lines on stdout: with colour on a terminal, unless NO_COLOR is set; not broken at its width."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end with exit status 1, which means something

    console = Piped(file=sys.stdout, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def show_json(reading: Reading, **fields: Any) -> None:  # noqa: ANN401
    """The view as a JSON document."""
    view = View(
        schema=VIEW_SCHEMA,
        dump=reading.dump.paths[0] if reading.dump is not None else "",
        release=reading.machine.release,
        symbols=reading.symbols,
        parts=reading.machine.parts,
        **fields,
    )
    sys.stdout.buffer.write(to_json(view, indent=2 if sys.stdout.isatty() else 0) + b"\n")
