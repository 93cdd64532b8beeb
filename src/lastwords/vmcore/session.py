"""Reading a machine out of a dump for a command: files sorted, the work done in a child process (`answers`).

Every view and the analysis come through here, so none of them imports drgn into its own process.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import msgspec

from lastwords.model import Listing, Machine, OpenFile, Record, Symbols
from lastwords.model.dump import Dump

from .child import ChildError, Limits, Progress, ask, asking
from .files import Files, sort_files

A = TypeVar("A")

NO_DRGN = "reading dumps takes drgn, which is not installed: pip install 'lastwords[vmcore]'"


class DumpError(Exception):
    """Why nothing can be told of a dump: one line, for users."""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The files to read.

    Attributes:
        dump: the file of the dump, or all files of a split one.
        vmlinux: with debuginfo, or a directory to look for it in.
        modules_dir: with the debuginfo of modules.
        debuginfo: False to look for none.
        others: older dumps in the same directory.
    """

    dump: tuple[str, ...]
    vmlinux: str | None = None
    modules_dir: str | None = None
    debuginfo: bool = True
    others: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to read.

    Attributes:
        sources: where from.
        parts: fields of `lastwords.model.Machine`; all of them by default.
        log: the kernel's log too.
        files_of: the open files of the task with this PID.
        patience: seconds that one part may take.
    """

    sources: Sources
    parts: tuple[str, ...] | None = None
    log: bool = False
    files_of: int | None = None
    patience: float = 120.0


class CodeQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """The function whose code to list: at `where` (a symbol, `symbol+0x12`, an address), else the one that faulted."""

    sources: Sources
    where: str | None = None


class SymbolsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Where a dump's names come from. With `output`, an ELF file with what the dump has of them is written there."""

    sources: Sources
    output: str | None = None


class FoundSymbols(msgspec.Struct, frozen=True, kw_only=True):
    """Where a dump's names come from, and how many symbols were `written`, None where no file was asked for."""

    symbols: Symbols
    written: int | None = None


class Rescued(msgspec.Struct, frozen=True, kw_only=True):
    """The kernel log of a dump that can't be opened: its `text`, and `missing`, why it is not whole, or None."""

    text: str = ""
    missing: str | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read.

    Attributes:
        machine: the parts that were asked for.
        symbols: where names come from.
        dump: the file.
        log: line by line; `log_missing` why it is not whole, or None.
        files: those of the task that was asked for; `files_missing` likewise.
    """

    machine: Machine
    symbols: Symbols
    dump: Dump | None = None
    log: tuple[Record, ...] = ()
    log_missing: str | None = None
    files: tuple[OpenFile, ...] = ()
    files_missing: str | None = None


def sources_of(
    paths: Sequence[str],
    *,
    vmlinux: str | None = None,
    modules_dir: str | None = None,
    debuginfo: bool = True,
    files: Files | None = None,
) -> Sources:
    """The one dump among what the user named, and the vmlinux if there is one, whatever their order.

    `files` are the paths sorted, where they are already.

    Raises:
        DumpError: there is no dump, or more than one was named. Of those in a directory, the newest is taken.
    """
    files = files or sort_files(paths)
    if not files.dumps:
        raise DumpError(_why_none(paths, files.refused, files.vmlinux, files.modules, files.logs))
    named = [dump for dump in files.dumps if dump[0] in paths]
    if len(named) > 1:
        names = ", ".join(dump[0] for dump in named[:4])
        raise DumpError(f"{len(named)} dumps, and this reads one: {names}")
    chosen = named[0] if named else max(files.dumps, key=written)
    given = [path for path in files.vmlinux if path in paths]
    return Sources(
        dump=chosen,
        others=tuple(dump[0] for dump in files.dumps if dump != chosen),
        vmlinux=vmlinux or (given[0] if given else None),
        modules_dir=modules_dir,
        debuginfo=debuginfo,
    )


def written(dump: Sequence[str]) -> float:
    """When the last of a dump's files was written, in seconds since the epoch; 0 where that is not known."""
    try:
        return max(Path(path).stat().st_mtime for path in dump)
    except (OSError, ValueError):
        return 0.0


def others_told(sources: Sources) -> str | None:
    """One line on the dumps of a directory that are not read, or None."""
    if not sources.others:
        return None
    more = f" and {len(sources.others) - 4} more" if len(sources.others) > 4 else ""
    names = ", ".join(f"lastwords analyze {path}" for path in sources.others[:4])
    return f"of {len(sources.others) + 1} dumps this is the newest, {sources.dump[0]}; the others: {names}{more}"


def _why_none(
    paths: Sequence[str],
    refused: Sequence[tuple[str, str]],
    vmlinux: Sequence[str],
    modules: Sequence[str],
    logs: Sequence[str],
) -> str:
    if refused:
        return f"{refused[0][0]}: {refused[0][1]}"
    for found, what in (
        (vmlinux, "a kernel or program, not a dump: name the dump too"),
        (modules, "a kernel module, not a dump"),
        (logs, "a text, not a dump; of a kernel log, try: lastwords analyze"),
    ):
        if found:
            return f"{found[0]}: {what}"
    return f"{paths[0]}: no dump"


def read_dump(question: Question, *, limits: Limits | None = None, progress: Progress | None = None) -> Reading:
    """Read a dump, in a child process.

    Raises:
        DumpError: it can't be read.
    """
    with reading_dump(question, limits=limits, progress=progress) as wait:
        return wait()


@contextmanager
def reading_dump(
    question: Question, *, limits: Limits | None = None, progress: Progress | None = None
) -> Iterator[Callable[[], Reading]]:
    """As `read_dump()`, with time for something else before the reading is waited for.

    Yields:
        What waits for it, to be called in the `with` block.

    Raises:
        DumpError: the dump can't be read; raised out of the block.
    """
    with _asking("machine", question, question.sources, Reading, limits, progress) as wait:
        yield wait


def list_code(question: CodeQuestion, *, limits: Limits | None = None, progress: Progress | None = None) -> Listing:
    """Disassemble a function of a dump, in a child process.

    Raises:
        DumpError: it can't be read, or there is no such code.
    """
    return _ask("code", question, question.sources, Listing, limits, progress)


def find_symbols(
    question: SymbolsQuestion, *, limits: Limits | None = None, progress: Progress | None = None
) -> FoundSymbols:
    """Find out where a dump's names come from, and write them into a file if that is asked for; in a child process.

    Raises:
        DumpError: the dump can't be read, or the file can't be written. None is left then.
    """
    output = Path(question.output) if question.output is not None else None
    there = output is not None and os.path.lexists(output)
    try:
        return _ask("symbols", question, question.sources, FoundSymbols, limits, progress)
    except DumpError:
        if output is not None and not there:
            output.unlink(missing_ok=True)
        raise


def rescue_log(paths: Sequence[str], *, limits: Limits | None = None, progress: Progress | None = None) -> Rescued:
    """What is left of the kernel log in a damaged dump, searched for in a child process. Takes no drgn.

    Raises:
        DumpError: it can't be read at all.
    """
    question = Sources(dump=tuple(paths))
    try:
        return ask("lastwords.vmcore.answers:rescued", question, Rescued, limits=limits, progress=progress)
    except ChildError as error:
        raise DumpError(f"{paths[0]}: {error}") from None


def _ask(
    function: str,
    question: msgspec.Struct,
    sources: Sources,
    answer: type[A],
    limits: Limits | None,
    progress: Progress | None,
) -> A:
    with _asking(function, question, sources, answer, limits, progress) as wait:
        return wait()


@contextmanager
def _asking(
    function: str,
    question: msgspec.Struct,
    sources: Sources,
    answer: type[A],
    limits: Limits | None,
    progress: Progress | None,
) -> Iterator[Callable[[], A]]:
    """Have a function of `answers` called in a child."""
    if find_spec("drgn") is None:
        raise DumpError(NO_DRGN)
    path = sources.dump[0]
    child = asking(f"lastwords.vmcore.answers:{function}", question, answer, limits=limits, progress=progress)
    try:
        with child as wait:
            yield wait
    except ChildError as error:
        text = str(error)
        raise DumpError(text if text.startswith((path, str(sources.vmlinux))) else f"{path}: {text}") from None
