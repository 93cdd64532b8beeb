"""Headers that were overwritten, worked out anew from what stands behind them.

- kdump-compressed: the sub header names VMCOREINFO's place, and the bitmaps' size follows from the number of pages.
  That the page data begin right behind the descriptors proves it.
- ELF: the memory lies behind the headers as it is. VMCOREINFO is somewhere in it, and says at which physical address
  the kernel keeps its release; where that release stands in the file gives the distance. The page tables prove it.
"""

import re
from collections.abc import Iterator

from . import elf, kdump
from .kdump_pages import KdumpPart
from .physical import Extent, ExtentMemory, Unreadable
from .raw import Raw
from .storage import File, Storage
from .virtual import KernelMemory, Unmapped
from .vmcoreinfo import Vmcoreinfo, is_vmcoreinfo

_STEP = 1 << 22
_BLOCK_SIZES = (4096, 65536, 16384, 8192)
_LARGEST_INFO = 1 << 14


def rebuilt(path: str) -> Raw | None:
    """The dump in a file whose headers are lost, or None where there is none to be found.

    Raises:
        OSError: the file can't be read.
    """
    storage = File(path)
    header = _kdump_header(storage)
    if header is not None:
        return Raw(path, path, storage, kdump_header=header)
    elf_header = _elf_header(storage)
    if elf_header is not None:
        return Raw(path, path, storage, elf_header=elf_header)
    storage.close()
    return None


def _kdump_header(storage: Storage) -> kdump.KdumpHeader | None:
    for block_size in _BLOCK_SIZES:
        for header in kdump.guessed_headers(storage, block_size):
            place = header.vmcoreinfo
            if not is_vmcoreinfo(storage.read(place.offset, place.size)):
                continue
            part = KdumpPart(storage, header)
            some = part.descriptors(0, min(part.count, 4096))
            if some and min(found.offset for found in some) == part.data_offset:
                return header
    return None


def _elf_header(storage: Storage) -> elf.ElfHeader | None:
    """One segment for all of the file: true for the part of memory that holds the kernel."""
    for info in _vmcoreinfos(storage):
        if info.arch not in ("x86_64", "aarch64") or info.release is None:
            continue
        for distance in _distances(storage, info):
            start = max(-distance, 0)
            offset = start + distance
            extent = Extent(start, start + storage.size - offset, offset, storage.size - offset)
            if _proven(ExtentMemory(storage, [extent]), info):
                segment = elf.Segment(elf.PT_LOAD, offset, 0, start, extent.stored, extent.stored)
                return elf.made_up_header(info.arch, (segment,))
    return None


def _vmcoreinfos(storage: Storage) -> Iterator[Vmcoreinfo]:
    """Every VMCOREINFO in the file, at whatever offset."""
    seen: set[bytes] = set()
    for at, data in _blocks(storage):
        for match in re.finditer(rb"OSRELEASE=", data):
            text = storage.read(at + match.start(), _LARGEST_INFO).partition(b"\0")[0]
            if is_vmcoreinfo(text) and text not in seen and len(seen) < 16:
                seen.add(text)
                yield Vmcoreinfo(text)


def _distances(storage: Storage, info: Vmcoreinfo) -> Iterator[int]:
    """Where memory may begin in the file, less its physical address."""
    symbol, name = info.symbol("init_uts_ns"), info.offset("uts_namespace.name")
    if symbol is None or info.release is None:
        return
    nowhere = KernelMemory(ExtentMemory(storage, []), info, info.arch or "")
    try:
        physical, _ = nowhere.translate(symbol + (name or 0))
    except (Unmapped, Unreadable):
        return
    # struct new_utsname: six names of 65 bytes; the first is always Linux, the third the release.
    names = re.compile(rb"Linux\0{60}[^\0]{0,64}\0[\0-\xff]{0,64}?" + re.escape(info.release.encode()) + b"\0")
    found = 0
    for at, data in _blocks(storage):
        for match in names.finditer(data):
            if found < 64:
                found += 1
                yield at + match.start() - physical


def _proven(memory: ExtentMemory, info: Vmcoreinfo) -> bool:
    """Whether the page tables, read so, lead to where the kernel's image is."""
    kernel = KernelMemory(memory, info, info.arch or "")
    symbol = info.symbol("init_uts_ns")
    try:
        return symbol is not None and kernel.walked(symbol) == kernel.translate(symbol)[0]
    except (Unmapped, Unreadable):
        return False


def _blocks(storage: Storage) -> Iterator[tuple[int, bytes]]:
    """The file in pieces that overlap a little."""
    for at in range(0, storage.size, _STEP):
        yield at, storage.read(at, _STEP + 512)
