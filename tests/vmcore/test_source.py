"""Registers that the kernel noted in memory: where a kdump's own notes are lost, they are all there is."""

import struct

import drgn
import pytest

from lastwords.vmcore.source import open_source, program_of, registers_in_memory

from . import building
from .small_dump import BASE, PHYSICAL, small_dump

_OFFSETS, _PER_CPU = 0x10000, 0x100000
NOTES = 0x3000


def program(notes):
    """A kernel of two CPUs with `crash_notes` in their areas; no types but what is needed for that."""
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    areas = {_PER_CPU * (cpu + 1) + NOTES: note.ljust(1024, b"\0") for cpu, note in enumerate(notes)}
    areas[_OFFSETS] = struct.pack("<2Q", _PER_CPU, 2 * _PER_CPU)
    for start, data in areas.items():

        def read(address, count, offset, physical, data=data):
            return data[offset : offset + count]

        prog.add_memory_segment(start, len(data), read)
    number = prog.int_type("unsigned long", 8, False)
    objects = {
        "crash_notes": lambda: drgn.Object(prog, prog.pointer_type(prog.void_type()), NOTES),
        "__per_cpu_offset": lambda: drgn.Object(prog, prog.array_type(number, 2), address=_OFFSETS),
    }

    def find(prog, name, flags, filename):
        return objects[name]() if name in objects else None

    prog.register_object_finder("test", find, enable_index=0)
    return prog


def note(stack_pointer):
    return building.packed_notes([("CORE", 1, building.prstatus(stack_pointer))])


def test_registers_of_each_cpu():
    prog = program([note(0xFFFFC90000001000), note(0xFFFFC90000002000)])
    for cpu, stack_pointer in enumerate((0xFFFFC90000001000, 0xFFFFC90000002000)):
        registers = registers_in_memory(prog, cpu)
        assert registers is not None
        assert struct.unpack_from("<Q", registers, 8 * 19) == (stack_pointer,)


def test_a_kernel_that_noted_none():
    """QEMU stopped it before it could."""
    prog = program([b"", b"\xff" * 1024])
    assert registers_in_memory(prog, 0) is None
    assert registers_in_memory(prog, 1) is None
    assert registers_in_memory(drgn.Program(drgn.Platform(drgn.Architecture.X86_64)), 0) is None


def test_null_is_no_memory(tmp_path):
    """QEMU's ELF headers map all physical memory at its own addresses, from 0 on."""
    path = tmp_path / "vmcore"
    text = small_dump(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 64 + 56 + 16, PHYSICAL)  # p_vaddr of the memory
    path.write_bytes(data)
    with open_source([str(path)]) as dump:
        prog = program_of(dump, path, text)
        assert prog.read(BASE, 4) == prog.read(PHYSICAL, 4, True)
        for address in (0, PHYSICAL, 0x7FFFFFFFFFFFFFF8):
            with pytest.raises(drgn.FaultError):
                prog.read(address, 8)
