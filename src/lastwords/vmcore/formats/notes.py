"""ELF notes of a dump: VMCOREINFO, the registers of each CPU (NT_PRSTATUS), QEMU's state of each CPU.

Kernel sources: `include/linux/elfcore.h` (struct elf_prstatus), `arch/*/include/asm/elf.h`, `kernel/crash_core.c`;
QEMU's `target/i386/arch_dump.c`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ByteOrder = Literal["little", "big"]

NT_PRSTATUS = 1
NT_AUXV = 6
NT_FILE = 0x46494C45

MOST_NOTES = 1 << 17
"""More CPUs than any machine has, with two notes each."""

MOST_NOTE_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes:
        name: its owner: `CORE`, `VMCOREINFO`, `QEMU`, `LINUX`, `Xen`.
        type: as the owner defines it.
        desc: the contents.
    """

    name: str
    type: int
    desc: bytes


def parse_notes(data: bytes, order: ByteOrder) -> list[Note]:
    """The notes in a PT_NOTE segment; ends silently at the first that does not fit, a caller compares lengths."""
    form = struct.Struct("<III" if order == "little" else ">III")
    notes: list[Note] = []
    at = 0
    while at + 12 <= len(data) and len(notes) < MOST_NOTES:
        name_size, size, kind = form.unpack_from(data, at)
        start = at + 12 + (name_size + 3 & ~3)
        if name_size > 256 or start + size > len(data):
            break
        if name_size == 0 and size == 0 and kind == 0:
            # The kernel reserves a note for each possible CPU and leaves those of CPUs that are offline empty.
            at += 12
            continue
        name = data[at + 12 : at + 12 + name_size].split(b"\0")[0].decode("latin-1")
        notes.append(Note(name, kind, data[start : start + size]))
        at = start + (size + 3 & ~3)
    return notes


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where NT_PRSTATUS holds what, by architecture: offsets in bytes, and the size of the whole."""

    size: int
    pid: int
    program_counter: int
    stack_pointer: int
    word: str = "Q"


# Sizes and offsets follow from each architecture's elf_gregset_t.
PRSTATUS: dict[str, _Layout] = {
    "x86_64": _Layout(336, 32, 112 + 8 * 16, 112 + 8 * 19),
    "aarch64": _Layout(392, 32, 112 + 8 * 32, 112 + 8 * 31),
    "i686": _Layout(144, 24, 72 + 4 * 12, 72 + 4 * 15, "I"),
    "arm": _Layout(148, 24, 72 + 4 * 15, 72 + 4 * 13, "I"),
    "ppc64": _Layout(504, 32, 112 + 8 * 32, 112 + 8 * 1),
    "riscv64": _Layout(376, 32, 112, 112 + 8 * 2),
    "s390x": _Layout(336, 32, 112 + 8 * 1, 112 + 8 * (2 + 15)),
    "loongarch64": _Layout(480, 32, 112 + 8 * 33, 112 + 8 * 3),
}


@dataclass(frozen=True, slots=True)
class CpuRegisters:
    """What NT_PRSTATUS tells of one CPU at the time of the crash.

    Attributes:
        cpu: its place among the notes, which is its number where no CPU before it was offline.
        pid: of its task; 0 for the idle task, and in QEMU's dumps the CPU's number plus 1.
        program_counter: where it was.
        stack_pointer: of the stack it was on.
    """

    cpu: int
    pid: int
    program_counter: int
    stack_pointer: int


def cpu_registers(notes: Sequence[Note], arch: str, order: ByteOrder) -> list[CpuRegisters]:
    """The registers of all CPUs, in the order of the notes."""
    layout = PRSTATUS.get(arch)
    if layout is None:
        return []
    mark = "<" if order == "little" else ">"
    statuses = [
        note for note in notes if note.type == NT_PRSTATUS and note.name == "CORE" and len(note.desc) >= layout.size
    ]
    return [
        CpuRegisters(
            cpu,
            struct.unpack_from(mark + "I", note.desc, layout.pid)[0],
            struct.unpack_from(mark + layout.word, note.desc, layout.program_counter)[0],
            struct.unpack_from(mark + layout.word, note.desc, layout.stack_pointer)[0],
        )
        for cpu, note in enumerate(statuses)
    ]


def vmcoreinfo_note(notes: Sequence[Note]) -> bytes | None:
    """The text of the VMCOREINFO note, or None."""
    return next((note.desc.rstrip(b"\0") for note in notes if note.name == "VMCOREINFO" and note.desc), None)


def arch_of_prstatus(notes: Sequence[Note], order: ByteOrder) -> str | None:
    """The architecture, told from the size of NT_PRSTATUS. s390x has x86-64's size and the other byte order."""
    sizes = {len(note.desc) for note in notes if note.type == NT_PRSTATUS and note.name == "CORE"}
    for arch, layout in PRSTATUS.items():
        if layout.size in sizes and (arch == "s390x") == (layout.size == 336 and order == "big"):
            return arch
    return None
