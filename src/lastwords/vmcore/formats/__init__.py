"""File formats of memory dumps, all read to the same end: physical memory, notes, VMCOREINFO.

with open_dump([path]) as dump:
    dump.dump                    # format, release, build ID, …: lastwords.model.dump.Dump
    dump.memory.read(0x1000, 8)  # physical; raises Excluded, Missing, Damaged, NoMemory (all Unreadable)
    dump.kernel.read(address, 8) # virtual, through the page tables
    dump.notes                   # registers of each CPU
"""

from .notes import CpuRegisters, Note, cpu_registers
from .opening import OpenDump, open_dump
from .physical import Damaged, Excluded, Missing, NoMemory, PhysicalMemory, Range, Unreadable
from .storage import NotADump
from .virtual import KernelMemory, Unmapped
from .vmcoreinfo import Vmcoreinfo

__all__ = [
    "CpuRegisters",
    "Damaged",
    "Excluded",
    "KernelMemory",
    "Missing",
    "NoMemory",
    "NotADump",
    "Note",
    "OpenDump",
    "PhysicalMemory",
    "Range",
    "Unmapped",
    "Unreadable",
    "Vmcoreinfo",
    "cpu_registers",
    "open_dump",
]
