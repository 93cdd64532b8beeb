"""Saves what is left of a damaged dump: its memory, behind headers that are true, and the kernel log.

The dump that comes out opens in drgn and crash, with as much as survived; what is lost reads as not in the dump. The
log is taken the way the kernel left it, and where that is lost, searched for in all of memory.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lastwords.model.dump import Salvaged

from .formats import NotADump, OpenDump, open_dump
from .formats.opening import open_without_header
from .formats.physical import Extent, ExtentMemory
from .formats.storage import File
from .log_search import search_log
from .printk import KernelLog, lines_of, read_log
from .rewrite import NoRoom, new_file, write_dump

Progress = Callable[[int, int], None]


def salvage(
    paths: Sequence[str], out: str, *, overwrite: bool = False, jobs: int = 1, progress: Progress | None = None
) -> Salvaged:
    """Save what is left.

    Args:
        paths: the damaged dump's file, or the files of a split dump.
        out: the dump to write; the log goes to the same name with `.log` behind it.
        overwrite: files of these names may be replaced.
        jobs: processes that unpack pages, to find the damaged ones.
        progress: called with what is done and what there is to do.

    Raises:
        NotADump: something else, with neither memory nor a kernel log in it.
        NoRoom: the output is there already, or does not fit the disk.
        OSError: a file can't be read or written.
    """
    log_path = f"{out}.log"
    _check_out(paths, (out, log_path), overwrite)
    try:
        opened = open_dump(paths, progress=progress)
    except NotADump as error:
        found = open_without_header(paths[0], progress) if len(paths) == 1 else None
        if found is None:
            return _log_alone(paths, log_path, error, progress)
        opened = found
    with opened:
        log = _log(opened, progress)
        _write_log(log, log_path)
        pages, lost = write_dump(opened, out, unpack=True, jobs=jobs, progress=progress)
        return Salvaged(
            path=paths[0],
            dump_path=out if pages else None,
            log_path=log_path if log.records else None,
            pages=pages,
            lost=lost,
            release=opened.dump.release,
            log_records=len(log.records),
            log_source=log.how if log.records else "",
            log_lost=log.lost,
            notes=tuple(_notes(opened, log, pages)),
        )


def rescue_log(paths: Sequence[str], progress: Progress | None = None) -> KernelLog:
    """The kernel log of a dump that nothing else can be read from.

    Args:
        paths: the dump's file, or the files of a split dump.
        progress: called with what is done and what there is to do.

    Raises:
        OSError: a file can't be read.
    """
    try:
        opened = open_dump(paths, progress=progress)
    except NotADump:
        found = open_without_header(paths[0], progress) if len(paths) == 1 else None
        if found is None:
            with File(paths[0]) as file:
                return search_log(_as_memory(file), progress)
        opened = found
    with opened:
        return _log(opened, progress)


def _check_out(paths: Sequence[str], outs: Sequence[str], overwrite: bool) -> None:
    for out in outs:
        target = Path(out)
        if not target.exists():
            continue
        if any(target.samefile(path) for path in paths if Path(path).exists()):
            raise NoRoom(f"{out}: is the damaged dump itself")
        if not overwrite or not target.is_file():
            raise NoRoom(f"{out}: exists already")


def _log_alone(paths: Sequence[str], log_path: str, error: NotADump, progress: Progress | None) -> Salvaged:
    """The log of a file that is no dump to be read, taken for memory from its first byte to its last."""
    with File(paths[0]) as file:
        log = search_log(_as_memory(file), progress)
    if not log.records:
        raise NotADump(f"{error}; and no kernel log was found in it") from None
    _write_log(log, log_path)
    return Salvaged(
        path=paths[0],
        log_path=log_path,
        log_records=len(log.records),
        log_source=log.how,
        notes=tuple(filter(None, (str(error), log.reason))),
    )


def _as_memory(file: File) -> ExtentMemory:
    """A file of which nothing is known, taken for memory from its first byte to its last."""
    return ExtentMemory(file, [Extent(0, file.size, 0, file.size)])


def _log(opened: OpenDump, progress: Progress | None) -> KernelLog:
    """The log as the kernel left it; where that is lost or has gaps, what a search finds if it finds more."""
    log = KernelLog(reason="no VMCOREINFO")
    if opened.kernel is not None:
        log = read_log(opened.kernel, opened.vmcoreinfo)
        if log.records and not log.lost:
            return log
    found = search_log(opened.memory, progress)
    return found if len(found.records) > len(log.records) else log


def _write_log(log: KernelLog, path: str) -> None:
    if log.records:
        with new_file(path) as out:
            for line in lines_of(log.records):
                out.write(line.encode("utf-8", "backslashreplace"))
    else:
        Path(path).unlink(missing_ok=True)  # an older one would be taken for this dump's


def _notes(opened: OpenDump, log: KernelLog, pages: int) -> Iterator[str]:
    yield from (problem.text for problem in opened.problems)
    if not pages:
        yield "no page of memory is left, so no dump was written"
    if not log.records or log.lost:
        yield f"log: {log.reason}"
    elif log.how == "search":
        yield "the log was found by searching memory" + (f"; {log.reason}" if log.reason else "")
    if pages and not opened.vmcoreinfo.text:
        yield "VMCOREINFO is lost: drgn and crash will not know the kernel"
