"""Headers, notes and descriptors of an enemy: an answer or a one-line error, in little time and memory."""

import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastwords.vmcore.formats import NotADump, Unmapped, Unreadable, cpu_registers, open_dump
from lastwords.vmcore.formats.notes import parse_notes
from lastwords.vmcore.printk import read_log
from lastwords.vmcore.verify import check

from .. import building
from ..building import PAGE, elf_dump, flattened, kdump_dump

MACHINE = building.machine()
BUILDS = {
    "elf": elf_dump(MACHINE, split_notes=True),
    "elf 32": elf_dump(MACHINE, bits=32),
    "elf PN_XNUM": elf_dump(MACHINE, xnum=True),
    "elf big-endian": elf_dump(MACHINE, order=">", arch=22),
    "kdump": kdump_dump(MACHINE),
    "kdump 32": kdump_dump(MACHINE, bits=32, aligned=True),
    "kdump split": kdump_dump(MACHINE, split=(10, 90), method="snappy"),
    "kdump zstd": kdump_dump(MACHINE, method="zstd"),
    "flattened": flattened(kdump_dump(MACHINE, method="lzo"), record=3000),
}
INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFF, 0x1000, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
WIDE = (*INTERESTING, 1 << 40, (1 << 62) - 1, 1 << 63, (1 << 64) - 1)

mutation = st.tuples(st.floats(0, 1), st.sampled_from((1, 2, 4, 8)), st.sampled_from(WIDE), st.booleans())


def mutated(data, mutations, within):
    result = bytearray(data)
    for at, width, value, big in mutations:
        start = int(at * (min(within, len(data)) - width))
        result[start : start + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "big" if big else "little")
    return bytes(result)


def exercise(path):
    """All that reads a dump."""
    check([path], full=True)
    try:
        opened = open_dump([path])
    except NotADump:
        return
    with opened:
        for address in (0, 0x5000, 0x20000, 0x7F000, 1 << 40, (1 << 64) - 8):
            for size in (1, PAGE, 3 * PAGE):
                try:
                    assert len(opened.memory.read(address, size)) == size
                except Unreadable:
                    continue
        cpu_registers(opened.notes, "x86_64", "little")
        if opened.kernel is not None:
            read_log(opened.kernel, opened.vmcoreinfo)
            sum(1 for _ in opened.kernel.mappings(0, 1 << 64, 64))
            for address in (building.MODULES, building.DIRECT_MAP, building.START_KERNEL_MAP, 0):
                try:
                    opened.kernel.read(address, 100)
                except (Unreadable, Unmapped):
                    continue


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(BUILDS)),
    mutations=st.lists(mutation, min_size=1, max_size=4),
    within=st.sampled_from((512, 8192, 24_000, 1 << 60)),
)
def test_mutated_headers(tmp_path, name, mutations, within):
    path = tmp_path / "vmcore"
    path.write_bytes(mutated(BUILDS[name], mutations, within))
    exercise(str(path))


@given(st.binary(max_size=2000))
def test_any_bytes_as_notes(data):
    for order in ("little", "big"):
        for note in parse_notes(data, order):
            assert len(note.desc) <= len(data)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(
        (b"KDUMP   ", b"\x7fELF\x02\x01", b"\x7fELF\x01\x02", b"makedumpfile\0", b"\x1f\x8b\x08", b"(\xb5/\xfd")
    ),
    data=st.binary(max_size=3000),
)
def test_any_bytes_behind_a_magic_number(tmp_path, head, data):
    path = tmp_path / "vmcore"
    path.write_bytes(head + data)
    exercise(str(path))


def hole(path, data, size):
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
        file.truncate(size)
    return str(path)


def kdump_fields(**fields):
    data = bytearray(BUILDS["kdump"])
    for name, value in fields.items():
        struct.pack_into("<I", data, {"sub": 432, "bitmap": 436, "max": 440}[name], value)
    struct.pack_into("<Q", data, PAGE + 96, (1 << 63) + 5)  # max_mapnr_64
    return bytes(data)


BOMBS = {
    "bitmap": kdump_fields(bitmap=0xFFFF_FFFF, max=0xFFFF_FFFF),
    "sub header": kdump_fields(sub=0x3FFF),
    "segments": BUILDS["elf"][:56] + b"\xff\xff" + BUILDS["elf"][58:],
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_a_file_of_one_hole(tmp_path, data):
    """2 GiB with nothing in them, and headers that promise all of the world."""
    began = time.monotonic()
    path = hole(tmp_path / "vmcore", data, 1 << 31)
    found = check([path])
    assert found.verdict in ("damaged", "incomplete", "whole")
    assert time.monotonic() - began < 60


def test_flattened_records_that_overlap_or_are_empty(tmp_path):
    data = flattened(b"", rewrite=False, end=False)
    data += b"".join(struct.pack(">qq", 5, 0) for _ in range(5000))
    data += struct.pack(">qq", (1 << 62) - 10, 8) + b"KDUMP   " + struct.pack(">qq", 0, 1 << 61) + b"KDUMP   "
    path = tmp_path / "vmcore"
    path.write_bytes(data)
    with pytest.raises(NotADump):
        open_dump([str(path)])


def test_page_tables_that_point_at_themselves(tmp_path):
    machine = building.machine()
    for index in range(512):
        machine.memory[0x1000 + 8 * index : 0x1008 + 8 * index] = struct.pack("<Q", 0x1063)
    path = tmp_path / "vmcore"
    path.write_bytes(elf_dump(machine))
    began = time.monotonic()
    exercise(str(path))
    assert check([str(path)]).verdict == "whole"
    assert time.monotonic() - began < 60
