"""ELF core dumps of a kernel: /proc/vmcore, makedumpfile -E, QEMU, `virsh dump --memory-only`, VirtualBox.

Headers of 32 and 64 bits and both byte orders. More than 65534 segments are counted in section header 0 (PN_XNUM).
Format: the System V ABI; `include/uapi/linux/elf.h`; `fs/proc/vmcore.c`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .notes import MOST_NOTE_BYTES, NT_AUXV, NT_FILE, ByteOrder, Note, parse_notes
from .physical import Extent
from .storage import BrokenHeader, Storage

MAGIC = b"\x7fELF"
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_LOAD, PT_NOTE = 1, 4
PN_XNUM = 0xFFFF
DUMP_ELF_INCOMPLETE = 0x1
"""makedumpfile's flag in e_flags for a dump that it could not finish."""

_MOST_SEGMENTS = 1 << 20
_NO_ADDRESS = (0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF)

MACHINES = {
    3: "i686", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 43: "sparc64", 50: "ia64", 62: "x86_64",
    183: "aarch64", 243: "riscv64", 258: "loongarch64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header: `type`, offset and sizes in the file and in memory, virtual and physical address."""

    type: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int


@dataclass(frozen=True, slots=True)
class ElfHeader:
    """An ELF file's header and program headers.

    Attributes:
        bits: 32 or 64.
        order: byte order.
        type: ET_CORE for dumps.
        machine: as `uname -m` says it, or `ELF machine N`; `machine_number` is ELF's number for it.
        flags: e_flags.
        segments: the program headers, in order.
        announced: how many there should be.
        headers_end: offset behind the program headers.
    """

    bits: int
    order: ByteOrder
    type: int
    machine: str
    machine_number: int
    flags: int
    segments: tuple[Segment, ...]
    announced: int
    headers_end: int

    @property
    def incomplete(self) -> bool:
        """Makedumpfile ran out of space and said so."""
        return bool(self.flags & DUMP_ELF_INCOMPLETE)

    @property
    def loads(self) -> tuple[Segment, ...]:
        """The PT_LOAD segments that have a physical address and anything in them."""
        return tuple(
            segment
            for segment in self.segments
            if segment.type == PT_LOAD and segment.memory_size and segment.physical not in _NO_ADDRESS
        )

    @property
    def data_end(self) -> int:
        """Where the file must reach to."""
        return max((segment.offset + segment.file_size for segment in self.segments), default=self.headers_end)


def read_header(storage: Storage) -> ElfHeader:
    """The headers of an ELF file.

    Raises:
        NotADump: no ELF header, or one that makes no sense.
    """
    start = storage.read(0, 64)
    if not start.startswith(MAGIC) or len(start) < 52:
        raise BrokenHeader("cut off inside the ELF header")
    bits, order = {1: 32, 2: 64}.get(start[4]), {1: "little", 2: "big"}.get(start[5])
    if bits is None or order is None or (bits == 64 and len(start) < 64):
        raise BrokenHeader("an ELF header whose fields make no sense: overwritten or cut off")
    mark = "<" if order == "little" else ">"
    kind, machine, _ = struct.unpack_from(mark + "HHI", start, 16)
    word = "Q" if bits == 64 else "I"
    _, phoff, shoff, flags, _, phentsize, phnum, shentsize = struct.unpack_from(mark + f"3{word}I4H", start, 24)
    if phnum == PN_XNUM:
        phnum = _extended_count(storage, mark, bits, shoff, shentsize, phnum)
    size = 56 if bits == 64 else 32
    segments: tuple[Segment, ...] = ()
    if phnum and phentsize >= size:
        there = min(phnum, _MOST_SEGMENTS)
        table = storage.read(phoff, there * phentsize)
        segments = tuple(
            _segment(table, at * phentsize, mark, bits) for at in range(min(there, len(table) // phentsize))
        )
    return ElfHeader(
        bits=bits,
        order="little" if order == "little" else "big",
        type=kind,
        machine=MACHINES.get(machine, f"ELF machine {machine}"),
        machine_number=machine,
        flags=flags,
        segments=segments,
        announced=phnum,
        headers_end=phoff + phnum * phentsize,
    )


def _extended_count(storage: Storage, mark: str, bits: int, shoff: int, shentsize: int, phnum: int) -> int:
    """`sh_info` of section header 0."""
    offset = 44 if bits == 64 else 28
    section = storage.read(shoff, 64)
    if shentsize < offset + 4 or len(section) < offset + 4:
        return phnum
    count: int = struct.unpack_from(mark + "I", section, offset)[0]
    return count


def _segment(table: bytes, at: int, mark: str, bits: int) -> Segment:
    if bits == 64:
        kind, _, *rest = struct.unpack_from(mark + "II5Q", table, at)
    else:
        kind, *rest = struct.unpack_from(mark + "6I", table, at)
    return Segment(kind, *rest)


def made_up_header(machine: str, segments: tuple[Segment, ...]) -> ElfHeader:
    """A header for a dump that lost its own."""
    number = next(number for number, name in MACHINES.items() if name == machine)
    return ElfHeader(64, "little", ET_CORE, machine, number, DUMP_ELF_INCOMPLETE, segments, len(segments), 0)


def read_notes(storage: Storage, header: ElfHeader) -> tuple[list[Note], str | None]:
    """All notes, and what is wrong with them or None."""
    notes: list[Note] = []
    problem = None
    left = MOST_NOTE_BYTES
    for segment in header.segments:
        if segment.type == PT_NOTE and left > 0:
            data = storage.read(segment.offset, min(segment.file_size, left))
            left -= len(data)
            if len(data) < segment.file_size:
                problem = "the ELF notes are cut off"
            found = parse_notes(data, header.order)
            if not found and data.strip(b"\0"):
                problem = "the ELF notes make no sense: overwritten"
            notes.extend(found)
    return notes, problem


def is_process_core(header: ElfHeader, notes: Sequence[Note]) -> bool:
    """A core file of a user process, not of a kernel: those have an auxiliary vector and a list of mapped files."""
    return any(note.name == "CORE" and note.type in (NT_AUXV, NT_FILE) for note in notes) and not any(
        note.name == "VMCOREINFO" for note in notes
    )


def extents(header: ElfHeader) -> list[Extent]:
    """Where which physical memory lies in the file."""
    return [
        Extent(
            segment.physical,
            segment.physical + segment.memory_size,
            segment.offset,
            min(segment.file_size, segment.memory_size),
        )
        for segment in header.loads
        if segment.physical + segment.memory_size <= 1 << 64
    ]
