"""What a dump adds to an analysis: the machine, the dump's own state, and the kernel log in its memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module

import msgspec

from lastwords.klog.inputs import Text
from lastwords.model import DumpCheck, Machine, Record
from lastwords.vmcore.files import Files
from lastwords.vmcore.session import (
    DumpError,
    Question,
    Reading,
    Sources,
    others_told,
    read_dump,
    reading_dump,
    rescue_log,
    sources_of,
)

Tell = Callable[[str], None]

_SMALL = 16 << 20
"""Bytes. Of a dump up to this size every page is unpacked, which takes no longer than the rest of the analysis."""


@dataclass(frozen=True)
class Debuginfo:
    """Where to look for debuginfo.

    Attributes:
        vmlinux: a file, or a directory to look for it in.
        modules_dir: a directory with the debuginfo of modules.
        wanted: False to look for none.
    """

    vmlinux: str | None = None
    modules_dir: str | None = None
    wanted: bool = True


@dataclass(frozen=True)
class Vmcore:
    """A dump, read.

    Attributes:
        check: whether it is whole.
        machine: None where it can't be opened.
        log: its kernel log, or None where none is left.
        errors: what went wrong, one line each.
    """

    check: DumpCheck
    machine: Machine | None = None
    log: Text | None = None
    errors: tuple[str, ...] = ()


def read_vmcore(
    paths: Sequence[str], files: Files, debuginfo: Debuginfo, tell: Tell | None = None, say: Tell | None = None
) -> Vmcore:
    """Read a dump as far as it goes.

    Args:
        paths: what the user named: the dump, at times its vmlinux, in any order; or a directory.
        files: the same, sorted.
        debuginfo: where to look for it.
        tell: called with what is being done.
        say: called with a line that is no error and is to stay.

    Raises:
        DumpError: there is no dump among the paths, or more than one.
    """
    sources = sources_of(
        paths, vmlinux=debuginfo.vmlinux, modules_dir=debuginfo.modules_dir, debuginfo=debuginfo.wanted, files=files
    )
    if say is not None and (others := others_told(sources)):
        say(others)
    checked = cache(partial(_checked, sources, tell))
    try:
        reading, errors = _read(sources, tell, checked)
    except DumpError as error:
        return _without_machine(sources, checked(), str(error), tell)
    machine = msgspec.structs.replace(reading.machine, symbols=reading.symbols)
    if reading.log:
        errors += _not_whole(sources, reading.log_missing)
        return Vmcore(checked(), machine, Text(_log_name(sources), as_dmesg(reading.log)), errors)
    left = _without_machine(sources, checked(), None, tell)
    return Vmcore(checked(), machine, left.log, (*errors, *left.errors))


def _checked(sources: Sources, tell: Tell | None) -> DumpCheck:
    from lastwords.vmcore.verify import check  # not before the child is started

    if tell is not None:
        tell("checking the dump")
    checked = check(sources.dump, small=_SMALL)
    if checked.dump is None:
        return checked
    return msgspec.structs.replace(checked, dump=msgspec.structs.replace(checked.dump, vmcoreinfo=None))


def _read(sources: Sources, tell: Tell | None, meanwhile: Callable[[], object]) -> tuple[Reading, tuple[str, ...]]:
    """The machine and the log; where a vmlinux that was given can't be used, without it."""
    try:
        with reading_dump(Question(sources=sources, log=True), progress=tell) as wait:
            # The child reads for half a second or more, mostly on a CPU of its own.
            meanwhile()
            _prepare()
            return wait(), ()
    except DumpError as error:
        if sources.vmlinux is None:
            raise
        bare = msgspec.structs.replace(sources, vmlinux=None, debuginfo=False)
        return read_dump(Question(sources=bare, log=True), progress=tell), (f"{error}; going on without debuginfo",)


def _prepare() -> None:
    """Load what the log and the diagnosis will need."""
    import_module("lastwords.diagnosis")
    from lastwords.klog.read import prepare

    prepare()


def _without_machine(sources: Sources, checked: DumpCheck, error: str | None, tell: Tell | None) -> Vmcore:
    """The log alone, from wherever it survives."""
    errors: tuple[str, ...] = (error,) if error else ()
    try:
        rescued = rescue_log(sources.dump, progress=tell)
    except DumpError as failure:
        return Vmcore(checked, errors=errors or (str(failure),))
    errors += _not_whole(sources, rescued.missing or (None if rescued.text else "it is nowhere in the dump"))
    text = Text(_log_name(sources), rescued.text.encode()) if rescued.text else None
    return Vmcore(checked, log=text, errors=errors)


def _not_whole(sources: Sources, reason: str | None) -> tuple[str, ...]:
    """What is an error because no crash in what is left of the log is no all-clear."""
    return (f"{_log_name(sources)}: not whole: {reason}",) if reason else ()


def _log_name(sources: Sources) -> str:
    return f"{sources.dump[0]} (kernel log)"


def as_dmesg(lines: Sequence[Record]) -> bytes:
    """Records as `dmesg --raw` prints them, with levels and callers, so that nothing is lost on the way to klog."""
    return "".join(f"{line.raw()}\n" for line in lines).encode("utf-8", "replace")
