"""A program in drgn with memory that a test fills, and a few types."""

import struct

import drgn

BASE = 0xFFFF888000000000


class Made:
    """Memory from BASE on; what was not written is not in the dump."""

    def __init__(self, size=1 << 16):
        self.prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
        self.memory = bytearray(size)
        self.lost = set()
        self.types = {}
        self.prog.add_memory_segment(BASE, size, self._read, False)
        self.prog.register_type_finder("made", self._find, enable_index=0)
        self.u64 = self.prog.int_type("unsigned long", 8, False)
        self.u32 = self.prog.int_type("unsigned int", 4, False)
        self.s32 = self.prog.int_type("int", 4, True)

    def _read(self, address, count, offset, physical):
        if any(address <= lost < address + count for lost in self.lost):
            raise drgn.FaultError("not in the dump", address)
        return bytes(self.memory[offset : offset + count])

    def _find(self, prog, kinds, name, filename):
        found = self.types.get(name)
        return found if found is not None and found.kind in kinds else None

    def word(self, address, *values):
        """Write words."""
        struct.pack_into(f"<{len(values)}Q", self.memory, address - BASE, *(value & (1 << 64) - 1 for value in values))

    def word32(self, address, *values):
        struct.pack_into(f"<{len(values)}I", self.memory, address - BASE, *(value & 0xFFFFFFFF for value in values))

    def struct(self, tag, size, *members):
        """A struct of (type, name, offset in bytes) members; found under its tag from now on."""
        made = self.prog.struct_type(
            tag, size, tuple(drgn.TypeMember(kind, name, offset * 8) for kind, name, offset in members)
        )
        if tag is not None:
            self.types[tag] = made
        return made
