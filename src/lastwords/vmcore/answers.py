"""What is asked of a dump in `session`, answered: this runs in the child process.

Each function takes the encoded question and a function that tells what it is doing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lastwords.model import Listing, Machine, OpenFile, Record

from .session import CodeQuestion, FoundSymbols, Question, Reading, Rescued, Sources, SymbolsQuestion

if TYPE_CHECKING:
    from .program import Kernel

Tell = Callable[[str], None]


class QuestionError(Exception):
    """A question that this dump has no answer to: one line, for users."""


def machine(encoded: bytes, tell: Tell) -> Reading:
    """Open the dump and read what was asked for of the machine."""
    question = msgspec.msgpack.decode(encoded, type=Question)
    from .machine import collect

    kernel = _opened(question.sources, tell)
    found = collect(
        kernel,
        only=question.parts,
        progress=lambda part: tell(f"reading {part.replace('_', ' ')}"),
        seconds=question.patience,
    )
    log, log_missing = _log(kernel, found) if question.log else ((), None)
    files, files_missing = _files(kernel, question.files_of) if question.files_of is not None else ((), None)
    return Reading(
        machine=found,
        symbols=kernel.symbols,
        dump=msgspec.structs.replace(kernel.dump.dump, vmcoreinfo=None) if kernel.dump is not None else None,
        log=log,
        log_missing=log_missing,
        files=files,
        files_missing=files_missing,
    )


def code(encoded: bytes, tell: Tell) -> Listing:
    """Open the dump and list the code that was asked for."""
    question = msgspec.msgpack.decode(encoded, type=CodeQuestion)
    from .blame.listing import NotFoundError, listing

    kernel = _opened(question.sources, tell)
    tell("disassembling")
    try:
        return listing(kernel, question.where)
    except NotFoundError as error:
        raise QuestionError(str(error)) from None


def symbols(encoded: bytes, tell: Tell) -> FoundSymbols:
    """Open the dump and tell where its names come from. What is written comes from the dump alone."""
    question = msgspec.msgpack.decode(encoded, type=SymbolsQuestion)
    if question.output is None:
        return FoundSymbols(symbols=_opened(question.sources, tell).symbols)
    kernel = _opened(msgspec.structs.replace(question.sources, vmlinux=None, debuginfo=False), tell)
    tell(f"writing {question.output}")
    return FoundSymbols(symbols=kernel.symbols, written=kernel.write_vmlinux(Path(question.output)))


def rescued(encoded: bytes, tell: Tell) -> Rescued:
    """Search the dump for what is left of its kernel log."""
    from .printk import lines_of
    from .salvage import rescue_log

    sources = msgspec.msgpack.decode(encoded, type=Sources)
    tell("looking for the kernel log")
    log = rescue_log(sources.dump)
    return Rescued(text="".join(lines_of(log.records)), missing=log.reason or None)


def _opened(sources: Sources, tell: Tell) -> "Kernel":
    from .program import open_program
    from .source import open_source

    tell("opening the dump")
    return open_program(
        Path(sources.dump[0]),
        vmlinux=Path(sources.vmlinux) if sources.vmlinux else None,
        modules_dir=Path(sources.modules_dir) if sources.modules_dir else None,
        debuginfo=sources.debuginfo,
        dump=open_source(sources.dump),
    )


def _log(kernel: "Kernel", machine: Machine) -> tuple[tuple[Record, ...], str | None]:
    from .machine.log import log_lines, log_records

    boot_time = None
    if machine.time is not None and machine.uptime is not None:
        boot_time = machine.time - machine.uptime
    return log_lines(kernel, boot_time), log_records(kernel).reason or None


def _files(kernel: "Kernel", pid: int) -> tuple[tuple[OpenFile, ...], str | None]:
    from .machine.files import open_files_of

    try:
        found = open_files_of(kernel, pid)
    except LookupError as error:
        raise QuestionError(str(error)) from None
    return found.value, "; ".join(found.reasons) or None
