"""Saves what is left of a damaged dump: its memory, behind headers that are true, and the kernel log.

The dump that comes out opens in drgn and crash, with as much as survived; what is lost reads as not in the dump. The
log is taken the way the kernel left it, and where that is lost, searched for in all of memory.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from lastwords.model.dump import Salvaged

from .formats import KernelMemory, NotADump, OpenDump, Unmapped, Unreadable, open_dump
from .formats.kdump_pages import DESCRIPTOR_SIZE, KdumpMemory
from .formats.notes import Note
from .formats.opening import open_without_header
from .formats.physical import Extent, ExtentMemory
from .formats.storage import File
from .formats.write_elf import pack_notes, surviving, write_elf
from .formats.write_kdump import Lost, write_kdump
from .log_search import search_log
from .page_check import check_all, check_descriptors
from .printk import KernelLog, lines_of, read_log

Progress = Callable[[int, int], None]

_UTS = ("sysname", "nodename", "release", "version", "machine", "domainname")


class NoRoom(Exception):
    """The output can't be written; the text says why, in one line."""


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
        pages, lost = _write_dump(opened, out, jobs, progress)
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
        log = search_log(ExtentMemory(file, [Extent(0, file.size, 0, file.size)]), progress)
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
        with _new_file(path) as out:
            for line in lines_of(log.records):
                out.write(line.encode("utf-8", "backslashreplace"))


def _write_dump(opened: OpenDump, out: str, jobs: int, progress: Progress | None) -> tuple[int, int]:
    """Pages written, and pages lost."""
    if isinstance(opened.memory, KdumpMemory):
        return _write_kdump(opened, opened.memory, out, jobs, progress)
    raw = opened.raws[0]
    assert raw.elf_header is not None
    kept = sum(segment.file_size for segment in surviving(raw.elf_header, raw.storage))
    wanted = sum(min(load.file_size, load.memory_size) for load in raw.elf_header.loads)
    page = opened.memory.page_size
    if kept < page:
        return 0, wanted // page
    _check_room(out, kept)
    with _new_file(out) as file:
        notes = _notes_with_vmcoreinfo(opened)
        write_elf(file, raw.elf_header, raw.storage, notes, complete=kept == wanted, progress=progress)
    return kept // page, (wanted - kept) // page


def _write_kdump(
    opened: OpenDump, memory: KdumpMemory, out: str, jobs: int, progress: Progress | None
) -> tuple[int, int]:
    lost: list[Lost] = []
    for part, unpacked in zip(memory.parts, check_all(opened, jobs, progress), strict=True):
        faults = check_descriptors(part)
        faults.add(unpacked)
        end = part.count if faults.table_end is None else faults.table_end
        lost.append(Lost(sorted(set(faults.numbers)), end))
    kept = sum(each.kept for each in lost)
    wanted = max(memory.parts[0].dumped.count, kept)
    if not kept:
        return 0, wanted
    # Sizes in a damaged file are not to be believed, but a page takes no more than itself.
    _check_room(out, min(sum(part.storage.size for part in memory.parts), kept * (memory.page_size + DESCRIPTOR_SIZE)))
    notes = [note for note in opened.notes if note.name != "VMCOREINFO"]
    order = memory.parts[0].header.order
    with _new_file(out) as file:
        pages = write_kdump(
            file,
            memory.parts,
            lost,
            names=_names(opened),
            vmcoreinfo=opened.vmcoreinfo.text,
            notes=pack_notes(_notes_with_vmcoreinfo(opened) if opened.vmcoreinfo.text else notes, order),
            complete=kept == wanted and not any(part.header.incomplete for part in memory.parts),
            progress=progress,
        )
    return pages, wanted - pages


def _notes_with_vmcoreinfo(opened: OpenDump) -> list[Note]:
    notes = [note for note in opened.notes if note.name != "VMCOREINFO"]
    text = opened.vmcoreinfo.text
    return [*notes, Note("VMCOREINFO", 0, text)] if text else notes


def _names(opened: OpenDump) -> dict[str, str]:
    """Struct new_utsname: of the header, else of the kernel's memory, else what is known from elsewhere."""
    header = opened.raws[0].kdump_header
    names = {name: value for name, value in (header.utsname if header else {}).items() if value}
    known = {"sysname": "Linux", "release": opened.dump.release or "", "machine": opened.arch or ""}
    there = _names_in_memory(opened.kernel, opened) if opened.kernel else {}
    return known | there | names


def _names_in_memory(kernel: KernelMemory, opened: OpenDump) -> dict[str, str]:
    symbol, offset = opened.vmcoreinfo.symbol("init_uts_ns"), opened.vmcoreinfo.offset("uts_namespace.name")
    if symbol is None:
        return {}
    try:
        data = kernel.read(symbol + (offset or 0), 65 * len(_UTS))
    except (Unreadable, Unmapped):
        return {}
    values = [data[65 * at : 65 * at + 65].split(b"\0")[0].decode("latin-1") for at in range(len(_UTS))]
    return dict(zip(_UTS, values, strict=True)) if values[0] == "Linux" else {}


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


def _check_room(out: str, need: int) -> None:
    folder = Path(out).absolute().parent
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoRoom(f"{out}: needs up to {need >> 20} MiB, and {folder} has {free >> 20} MiB free")


@contextlib.contextmanager
def _new_file(path: str) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is complete, readable by its owner alone: it holds memory."""
    temporary = Path(f"{path}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
