"""A dump written anew: one plain file with true headers, from a damaged, split, flattened or odd one."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .formats import KernelMemory, OpenDump, Unmapped, Unreadable
from .formats.kdump_pages import DESCRIPTOR_SIZE, KdumpMemory
from .formats.notes import Note
from .formats.write_elf import pack_notes, surviving, write_elf
from .formats.write_kdump import Lost, write_kdump
from .page_check import Faults, check_all, check_descriptors

Progress = Callable[[int, int], None]

_UTS = ("sysname", "nodename", "release", "version", "machine", "domainname")


class NoRoom(Exception):
    """The output can't be written; the text says why, in one line."""


def write_dump(
    opened: OpenDump, out: str, *, unpack: bool, jobs: int = 1, progress: Progress | None = None
) -> tuple[int, int]:
    """Write what is left of a dump as a dump of the same format, in one file that is neither split nor flattened.

    Args:
        opened: the dump.
        out: the file to write. It appears when it is complete.
        unpack: unpack every page first, and leave out those that don't.
        jobs: processes for that.
        progress: called with what is done and what there is to do.

    Returns:
        Pages written, and pages lost. With none to write there is no file.

    Raises:
        NoRoom: it does not fit the disk.
        OSError: it can't be written.
    """
    if isinstance(opened.memory, KdumpMemory):
        return _write_kdump(opened, opened.memory, out, unpack, jobs, progress)
    raw = opened.raws[0]
    assert raw.elf_header is not None
    kept = sum(segment.file_size for segment in surviving(raw.elf_header, raw.storage))
    wanted = sum(min(load.file_size, load.memory_size) for load in raw.elf_header.loads)
    page = opened.memory.page_size
    if kept < page:
        return 0, wanted // page
    check_room(out, kept)
    with new_file(out) as file:
        notes = _notes_with_vmcoreinfo(opened)
        write_elf(file, raw.elf_header, raw.storage, notes, complete=kept == wanted, progress=progress)
    return kept // page, (wanted - kept) // page


def _write_kdump(
    opened: OpenDump, memory: KdumpMemory, out: str, unpack: bool, jobs: int, progress: Progress | None
) -> tuple[int, int]:
    lost: list[Lost] = []
    unpacked = check_all(opened, jobs, progress) if unpack else [Faults() for _ in memory.parts]
    for part, found in zip(memory.parts, unpacked, strict=True):
        faults = check_descriptors(part)
        faults.add(found)
        end = part.count if faults.table_end is None else faults.table_end
        lost.append(Lost(sorted(set(faults.numbers)), end))
    kept = sum(each.kept for each in lost)
    wanted = max(memory.parts[0].dumped.count, kept)
    if not kept:
        return 0, wanted
    # Sizes in a damaged file are not to be believed, but a page takes no more than itself.
    check_room(out, min(sum(part.storage.size for part in memory.parts), kept * (memory.page_size + DESCRIPTOR_SIZE)))
    notes = [note for note in opened.notes if note.name != "VMCOREINFO"]
    order = memory.parts[0].header.order
    with new_file(out) as file:
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
    for place in opened.vmcoreinfo.names_at:
        try:
            data = kernel.read(place, 65 * len(_UTS))
        except (Unreadable, Unmapped):
            continue
        values = [data[65 * at : 65 * at + 65].split(b"\0")[0].decode("latin-1") for at in range(len(_UTS))]
        if values[0] == "Linux":
            return dict(zip(_UTS, values, strict=True))
    return {}


def check_room(out: str, need: int) -> None:
    """Raise `NoRoom` where a file of `need` bytes does not fit."""
    folder = Path(out).absolute().parent
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoRoom(f"{out}: needs up to {need >> 20} MiB, and {folder} has {free >> 20} MiB free")


@contextlib.contextmanager
def new_file(path: str) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is complete, readable by its owner alone: it holds memory."""
    temporary = Path(f"{path}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
