"""Registers that the kernel noted in memory: where a kdump's own notes are lost, they are all there is."""

import struct

import drgn

from lastwords.vmcore.source import registers_in_memory

from . import building

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
