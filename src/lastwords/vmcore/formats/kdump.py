"""kdump-compressed, the usual format of makedumpfile: its headers, versions 1 to 6.

    block 0               struct disk_dump_header: signature, utsname, block size, sizes of what follows
    block 1 …             struct kdump_sub_header: dump level, split range, where VMCOREINFO and notes are
    bitmap blocks         1st half: pages that are memory, 2nd half: pages that are in the dump
    page descriptors      24 bytes for each page in the dump: offset, size, flags
    page data

Written down in makedumpfile's `IMPLEMENTATION`, `diskdump_mod.h` and `sadump_info.h`; QEMU writes the same
(`include/sysemu/dump.h`).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .compression import INCOMPLETE, METHODS
from .notes import ByteOrder
from .storage import BrokenHeader, NotADump, Storage

SIGNATURE = b"KDUMP   "
_HEADER_SIZE = 464

# The smallest and largest page sizes of any architecture.
SMALLEST_BLOCK, LARGEST_BLOCK = 1 << 10, 1 << 18
_MOST_SUB_HEADER_BLOCKS = 1 << 14
_MOST_NOTE_BYTES = 1 << 28
MOST_VMCOREINFO = 1 << 20
_MOST_PAGES = 1 << 34
"""64 TiB in pages of 4 KiB: what x86-64 with 4 levels can map, and more than any machine has."""

_UTSNAME = ("sysname", "nodename", "release", "version", "machine", "domainname")


@dataclass(frozen=True, slots=True)
class SubHeader:
    """Offsets in struct kdump_sub_header, and its struct format letter for `unsigned long`."""

    word: str
    dump_level: int
    split: int
    start_pfn: int
    end_pfn: int
    vmcoreinfo: int
    note: int
    eraseinfo: int
    start_pfn_64: int
    end_pfn_64: int
    max_mapnr_64: int


# i386 aligns off_t to 4 bytes, other 32-bit machines to 8.
_SUB_64 = SubHeader("Q", 8, 12, 16, 24, 32, 48, 64, 80, 88, 96)
_SUB_32 = SubHeader("I", 4, 8, 12, 16, 20, 32, 44, 56, 64, 72)
_SUB_32_ALIGNED = SubHeader("I", 4, 8, 12, 16, 24, 40, 56, 72, 80, 88)


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of the file: offset and size in bytes."""

    offset: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class KdumpHeader:
    """What the headers say.

    Attributes:
        version: of the format, 1 to 6.
        bits: 32 or 64, the width of the crashed kernel's `long`.
        order: byte order.
        utsname: of the crashed kernel; QEMU leaves all of it empty but `machine`, and that too before 5.2.
        timestamp: seconds since 1970 when the dump was made, 0 where not set.
        status: DUMP_DH_COMPRESSED_* flags.
        block_size: which is the page size.
        sub_header_blocks: length of the sub header with what belongs to it, in blocks.
        bitmap_blocks: length of both bitmaps together, in blocks.
        max_mapnr: number of page frames, as far as the bitmaps have room for them.
        all_pages: number of page frames as the header says it.
        cpus: number of CPUs.
        layout: of the sub header.
        phys_base: x86-64's, from the sub header.
        dump_level: makedumpfile's -d, or None where the header has no room for it.
        split: one of several files that belong together, holding the page frames from `start_pfn` to `end_pfn`.
        start_pfn: first page frame of this file; `end_pfn` the one behind the last.
        vmcoreinfo: where that text is; `notes` the ELF notes; `eraseinfo` what was erased by a filter.
    """

    version: int
    bits: int
    order: ByteOrder
    utsname: dict[str, str]
    timestamp: int
    status: int
    block_size: int
    sub_header_blocks: int
    bitmap_blocks: int
    max_mapnr: int
    all_pages: int
    cpus: int
    layout: SubHeader
    phys_base: int | None
    dump_level: int | None
    split: bool
    start_pfn: int
    end_pfn: int
    vmcoreinfo: Place
    notes: Place
    eraseinfo: Place

    @property
    def incomplete(self) -> bool:
        """Makedumpfile ran out of space and said so."""
        return bool(self.status & INCOMPLETE)

    @property
    def compression(self) -> str:
        """`zlib`, `lzo`, `snappy`, `zstd` or `none`; single pages may differ."""
        return next((name for flag, name in METHODS.items() if self.status & flag), "none")

    def misplaced(self, size: int) -> str | None:
        """Which of the texts that the sub header points to lies behind the end of a file of `size` bytes, or None.

        libkdumpfile opens no such dump.
        """
        places = (("VMCOREINFO", self.vmcoreinfo), ("notes", self.notes), ("ERASEINFO", self.eraseinfo))
        return next((what for what, place in places if place.size and place.offset + place.size > size), None)

    @property
    def bitmap_size(self) -> int:
        """Of one bitmap, in bytes."""
        return self.bitmap_blocks * self.block_size // 2

    @property
    def bitmap_offset(self) -> int:
        """Of the first bitmap, in the file."""
        return (1 + self.sub_header_blocks) * self.block_size

    @property
    def descriptors_offset(self) -> int:
        """Of the page descriptors, in the file."""
        return self.bitmap_offset + self.bitmap_blocks * self.block_size


@dataclass(frozen=True, slots=True)
class Main:
    """Offset of `status` in struct disk_dump_header: behind a `struct timeval`, whose size differs."""

    bits: int
    seconds: str
    timestamp: int
    status: int


MAINS = (Main(64, "q", 408, 424), Main(32, "i", 404, 412))


def read_header(storage: Storage) -> KdumpHeader:
    """The headers of a kdump-compressed file.

    Raises:
        NotADump: no such header, or one that makes no sense.
    """
    block = storage.read(0, _HEADER_SIZE)
    if not block.startswith(SIGNATURE):
        raise NotADump("no kdump-compressed header")
    for order in ("little", "big"):
        for main in MAINS:
            fields = _sensible(block, order, main)
            if fields is not None:
                return _with_sub_header(storage, block, order, main, fields)
    raise BrokenHeader("a kdump-compressed header whose fields make no sense: overwritten or cut off")


def _sensible(block: bytes, order: ByteOrder, main: Main) -> tuple[int, ...] | None:
    """Version and the fields from `status` on, if they can be true in this byte order and width."""
    mark = "<" if order == "little" else ">"
    if len(block) < main.status + 20:
        return None
    version = struct.unpack_from(mark + "i", block, 8)[0]
    fields = struct.unpack_from(mark + "5I", block, main.status)
    status, block_size, sub_header_blocks, bitmap_blocks, _ = fields
    sensible = (
        0 < version < 0x100
        and status < 0x100
        and SMALLEST_BLOCK <= block_size <= LARGEST_BLOCK
        and block_size & (block_size - 1) == 0
        and 0 < sub_header_blocks <= _MOST_SUB_HEADER_BLOCKS
        and bitmap_blocks > 0
    )
    return (version, *fields) if sensible else None


def guessed_headers(storage: Storage, block_size: int) -> Iterator[KdumpHeader]:
    """Headers that fit a sub header of version 6, for files whose first block is overwritten.

    The sub header and what belongs to it are followed by the bitmaps at the next block.
    """
    for main in MAINS:
        for order in ("little", "big"):
            guess = _with_sub_header(storage, b"", order, main, (6, 0, block_size, 1, 1 << 31, 0))
            pages = guess.all_pages
            if not 0 < pages <= _MOST_PAGES:
                continue
            end = max(place.offset + place.size for place in (guess.vmcoreinfo, guess.notes, guess.eraseinfo))
            sub_header_blocks = max(-(-end // block_size) - 1, 1)
            bitmap_blocks = 2 * -(-pages // (8 * block_size))
            fields = (6, 0, block_size, sub_header_blocks, bitmap_blocks, 0)
            yield _with_sub_header(storage, b"", order, main, fields)


def _with_sub_header(
    storage: Storage, block: bytes, order: ByteOrder, main: Main, fields: tuple[int, ...]
) -> KdumpHeader:
    block = block.ljust(_HEADER_SIZE, b"\0")
    mark = "<" if order == "little" else ">"
    version, status, block_size, sub_header_blocks, bitmap_blocks, max_mapnr = fields
    sub_block = storage.read(block_size, 256).ljust(256, b"\0")
    sub = _sub_header_layout(sub_block, mark, main.bits, version, storage.size)

    def field(offset: int, form: str) -> int:
        value: int = struct.unpack_from(mark + form, sub_block, offset)[0]
        return value

    def place(offset: int, since: int, most: int) -> Place:
        found = Place(field(offset, "Q"), field(offset + 8, sub.word)) if version >= since else Place()
        return found if found.size <= most else Place(found.offset, most)

    start_pfn = field(sub.start_pfn_64, "Q") if version >= 6 else field(sub.start_pfn, sub.word)
    end_pfn = field(sub.end_pfn_64, "Q") if version >= 6 else field(sub.end_pfn, sub.word)
    split = version >= 2 and field(sub.split, "I") == 1
    if version >= 6:
        # The old field holds the lower half; taking the larger survives a sub header that was overwritten.
        max_mapnr = max(field(sub.max_mapnr_64, "Q"), max_mapnr)
    all_pages = max_mapnr
    # Bits beyond the bitmap can't be set, whatever the header says.
    max_mapnr = min(max_mapnr, bitmap_blocks * block_size // 2 * 8, _MOST_PAGES)
    phys_base = field(0, sub.word)
    return KdumpHeader(
        version=version,
        bits=main.bits,
        order=order,
        utsname={
            name: block[12 + 65 * index : 12 + 65 * (index + 1)].split(b"\0")[0].decode("latin-1")
            for index, name in enumerate(_UTSNAME)
        },
        timestamp=struct.unpack_from(mark + main.seconds, block, main.timestamp)[0],
        status=status,
        block_size=block_size,
        sub_header_blocks=sub_header_blocks,
        bitmap_blocks=bitmap_blocks,
        max_mapnr=max_mapnr,
        all_pages=all_pages,
        cpus=struct.unpack_from(mark + "I", block, main.status + 36)[0],
        layout=sub,
        phys_base=phys_base - (1 << 64) if phys_base >> 63 else phys_base,
        dump_level=field(sub.dump_level, "I") & 0xFF if version >= 1 else None,
        split=split,
        start_pfn=start_pfn if split else 0,
        end_pfn=min(end_pfn, max_mapnr) if split else max_mapnr,
        vmcoreinfo=place(sub.vmcoreinfo, 3, MOST_VMCOREINFO),
        notes=place(sub.note, 4, _MOST_NOTE_BYTES),
        eraseinfo=place(sub.eraseinfo, 5, MOST_VMCOREINFO),
    )


def _sub_header_layout(sub_block: bytes, mark: str, bits: int, version: int, size: int) -> SubHeader:
    """Of the two 32-bit layouts, the one whose offset of VMCOREINFO points into the file."""
    if bits == 64:
        return _SUB_64
    for layout in (_SUB_32, _SUB_32_ALIGNED):
        offset, length = struct.unpack_from(mark + "QI", sub_block, layout.vmcoreinfo)
        if version >= 3 and 0 < length <= MOST_VMCOREINFO and offset > 0 and offset + length <= size:
            return layout
    return _SUB_32
