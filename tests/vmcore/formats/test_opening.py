"""Every format gives the same memory, the same kernel and the same notes."""

import bz2
import gzip
import lzma
import random
import zlib

import pytest
import zstandard

from lastwords.vmcore.formats import (
    Damaged,
    Excluded,
    Missing,
    NoMemory,
    NotADump,
    Unmapped,
    Unreadable,
    cpu_registers,
)
from lastwords.vmcore.formats import open_dump as typed_open_dump

from .. import building
from ..building import PAGE, elf_dump, flattened, kdump_dump


def open_dump(*args, **options):
    """Without its types: a test knows what it opens."""
    return typed_open_dump(*args, **options)


def same_memory(opened, machine, pages=None):
    for pfn in range(machine.pages) if pages is None else pages:
        assert opened.memory.read(pfn * PAGE, PAGE) == machine.page(pfn)
    # across pages, at odd addresses
    assert opened.memory.read(0x5FF0, 0x2020) == machine.memory[0x5FF0:0x8010]


def is_the_machine(opened):
    assert opened.dump.release == building.RELEASE
    assert opened.dump.build_id == building.BUILD_ID
    assert opened.dump.arch == "x86_64"
    assert opened.kernel.read(building.kernel(building.UTS) + 4, 5) == b"Linux"
    assert opened.kernel.read(building.DIRECT_MAP + building.MODULE, 7) == b"module!"
    assert opened.kernel.read(building.MODULES + 0x1000, 7) == b"module!"
    (cpu,) = cpu_registers(opened.notes, "x86_64", "little")
    assert (cpu.pid, cpu.stack_pointer) == (42, building.DIRECT_MAP + building.STACK + 0x1000)


ELFS = {
    "plain": {},
    "one segment": {"ranges": ((0, building.PAGES),)},
    "split notes": {"split_notes": True},
    "PN_XNUM": {"xnum": True},
    "32-bit headers": {"bits": 32},
}


@pytest.mark.parametrize("options", ELFS.values(), ids=ELFS)
def test_elf(machine, put, options):
    with open_dump([put(elf_dump(machine, **options))]) as opened:
        assert opened.dump.format == "elf"
        assert opened.dump.vmcoreinfo_source == "header"
        assert opened.dump.drgn.path is not None
        is_the_machine(opened)
        same_memory(opened, machine)


def test_elf_with_more_segments_than_its_header_can_count(machine, put):
    ranges = tuple((pfn % 128, pfn % 128 + 1) for pfn in range(128))
    data = elf_dump(machine, ranges=ranges, xnum=True)
    with open_dump([put(data)]) as opened:
        assert len(opened.raws[0].elf_header.loads) == 128
        same_memory(opened, machine)


def test_big_endian_elf(machine, put):
    path = put(elf_dump(machine, order=">", arch=22, notes=[("VMCOREINFO", 0, machine.vmcoreinfo)]))
    with open_dump([path]) as opened:
        assert (opened.dump.arch, opened.dump.byte_order) == ("s390x", "big")
        assert opened.dump.release == building.RELEASE
        assert opened.kernel is None
        same_memory(opened, machine)


@pytest.mark.parametrize("version", range(1, 7))
@pytest.mark.parametrize("method", ["none", "zlib", "lzo", "snappy", "zstd"])
def test_kdump(machine, put, version, method):
    with open_dump([put(kdump_dump(machine, version=version, method=method, level=31))]) as opened:
        assert opened.dump.format == "kdump-compressed"
        assert opened.dump.version == version
        assert opened.dump.compression == method
        assert opened.dump.dump_level == 31
        assert opened.dump.producer == "makedumpfile"
        # Before version 3 the header has no VMCOREINFO, before 4 no notes; memory has the one.
        assert opened.dump.vmcoreinfo_source == ("header" if version >= 3 else "memory")
        assert opened.dump.build_id == building.BUILD_ID
        assert opened.dump.cpus == (1 if version >= 4 else 0)
        same_memory(opened, machine)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_32_bit_kdump_headers(machine, put, aligned, order):
    data = kdump_dump(machine, bits=32, order=order, aligned=aligned, arch="armv7l" if aligned else "i686")
    with open_dump([put(data)]) as opened:
        header = opened.raws[0].kdump_header
        assert (header.bits, header.order) == (32, "little" if order == "<" else "big")
        assert opened.dump.release == building.RELEASE
        assert opened.dump.vmcoreinfo == machine.vmcoreinfo.rstrip(b"\0")
        assert len(opened.notes) == 2
        same_memory(opened, machine)


def test_qemu_kdump_with_empty_machine_name(machine, put):
    with open_dump([put(flattened(kdump_dump(machine, qemu=True, version=6)))]) as opened:
        assert opened.dump.flattened
        assert opened.dump.producer == "QEMU"
        assert opened.dump.drgn.path is None
        assert opened.dump.drgn.vmcoreinfo == machine.vmcoreinfo
        is_the_machine(opened)
        same_memory(opened, machine)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"record": 33}, {"garbage": b"\x98\xff\xff"}])
def test_flattened(machine, put, options):
    plain = kdump_dump(machine)
    with open_dump([put(flattened(plain, **options))]) as opened:
        is_the_machine(opened)
        same_memory(opened, machine)
        assert opened.problems == []
        storage = opened.raws[0].storage
        assert storage.size == len(plain)
        chooser = random.Random(1)
        for _ in range(200):
            at, size = chooser.randrange(len(plain)), chooser.randrange(30_000)
            assert storage.read(at, size) == plain[at : at + size]


def test_flattened_elf_and_cut_flattened(machine, put):
    data = flattened(elf_dump(machine), rewrite=False)
    with open_dump([put(data)]) as opened:
        is_the_machine(opened)
    with open_dump([put(data[:200_000])]) as opened:
        assert [problem.kind for problem in opened.problems] == ["cut-off"]
        with pytest.raises(Missing):
            opened.memory.read(0x70000, 8)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("xz", lzma.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_containers(machine, put, tmp_path, name, pack):
    for data in (elf_dump(machine), kdump_dump(machine), flattened(kdump_dump(machine))):
        path = put(pack(data), "vmcore.packed")
        steps: list[tuple[int, int]] = []
        with open_dump([path], progress=lambda *step, steps=steps: steps.append(step)) as opened:
            assert opened.dump.container == name
            assert opened.dump.paths == (path,)
            is_the_machine(opened)
            same_memory(opened, machine)
        assert steps
        with open_dump([path], progress=lambda *_: pytest.fail("unpacked twice")) as opened:
            is_the_machine(opened)


@pytest.mark.parametrize("block", [1 << 20, 64])
def test_xz_of_many_streams_with_padding(machine, put, monkeypatch, block):
    monkeypatch.setattr("lastwords.compressed.BLOCK", block)
    data = elf_dump(machine)
    streams = (lzma.compress(data[at : at + 100_000]) for at in range(0, len(data), 100_000))
    with open_dump([put(bytes(200).join(streams) + bytes(4), "vmcore.xz")]) as opened:
        assert opened.problems == []
        same_memory(opened, machine)


def test_xz_that_wants_too_much_memory(machine, put):
    """Its dictionary may be as large as 4 GiB, whatever it holds."""
    packed = lzma.compress(elf_dump(machine), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    header, block, rest = packed[:12], bytearray(packed[12:24]), packed[24:]
    assert block[:5] == b"\x02\x00\x21\x01\x10"  # the last byte is the dictionary's size; behind it a CRC
    open_dump([put(packed, "small.xz")]).close()
    block[4] = 40
    block[8:] = zlib.crc32(bytes(block[:8])).to_bytes(4, "little")
    with pytest.raises(NotADump):
        open_dump([put(header + bytes(block) + rest, "vmcore.xz")])


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_cut_container_gives_what_it_holds(machine, put, pack):
    data = pack(elf_dump(machine))
    with open_dump([put(data[: len(data) * 3 // 4], "vmcore.packed")]) as opened:
        assert [problem.kind for problem in opened.problems] == ["bad-container"]
        assert opened.dump.release == building.RELEASE
    with open_dump([str(opened.raws[0].path)]) as opened:
        assert [problem.kind for problem in opened.problems] == ["bad-container"]


def test_container_that_does_not_fit_the_disk(machine, put, monkeypatch):
    import shutil

    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1 << 20))
    for pack in (gzip.compress, zstandard.ZstdCompressor().compress):
        with pytest.raises(NotADump, match="XDG_CACHE_HOME"):
            open_dump([put(pack(elf_dump(machine)), "vmcore.packed")])


def test_split_set(machine, put):
    paths = [
        put(kdump_dump(machine, split=ends), f"part{at}")
        for at, ends in enumerate([(0, 40), (40, 100), (100, building.PAGES)])
    ]
    with open_dump([paths[2], paths[0], paths[1]]) as opened:
        is_the_machine(opened)
        same_memory(opened, machine)
        assert opened.dump.drgn.path is None
    with open_dump([paths[0], paths[2]]) as opened:
        same_memory(opened, machine, [*range(40), *range(100, building.PAGES)])
        with pytest.raises(Missing, match="split"):
            opened.memory.read(50 * PAGE, 8)
    with pytest.raises(NotADump, match="same part"):
        open_dump([paths[0], put(kdump_dump(machine, split=(0, 40)), "again")])
    with pytest.raises(NotADump, match="another split dump"):
        open_dump([paths[0], put(kdump_dump(machine, split=(40, 100), release="5.10.0"), "other")])
    with pytest.raises(NotADump, match="not part of a split dump"):
        open_dump([paths[0], put(kdump_dump(machine), "whole")])


def test_why_memory_can_not_be_read(machine, put):
    data = bytearray(kdump_dump(machine, excluded={3, 0x66}, unwritten={0x67}))
    with open_dump([put(bytes(data))]) as opened:
        part = opened.memory.parts[0]
        bad = part.descriptor(0x68)
        data[bad.offset : bad.offset + bad.size] = b"\xff" * bad.size
        with pytest.raises(Excluded):
            opened.memory.read(3 * PAGE, 8)
        with pytest.raises(NoMemory):
            opened.memory.read(building.PAGES * PAGE, 8)
        with pytest.raises(Missing):
            opened.memory.read(0x67 * PAGE, 8)
        assert [(found.start // PAGE, found.end // PAGE) for found in opened.memory.present()] == [
            (0, 3),
            (4, 0x66),
            (0x67, building.PAGES),
        ]
    with open_dump([put(bytes(data))]) as opened, pytest.raises(Damaged, match="0x68000"):
        opened.memory.read(0x68 * PAGE, 8)


def test_elf_memory_that_was_left_out(machine, put):
    data = bytearray(elf_dump(machine))
    at = 64 + 56 * 2 + 40  # p_memsz of the second PT_LOAD
    data[at : at + 8] = (200 * PAGE).to_bytes(8, "little")
    with open_dump([put(bytes(data))]) as opened:
        with pytest.raises(Excluded):
            opened.memory.read(building.PAGES * PAGE + 5, 8)
        with pytest.raises(NoMemory):
            opened.memory.read(1 << 40, 8)


@pytest.mark.parametrize("method", ["zlib", "lzo", "snappy", "zstd", "none"])
def test_a_flipped_byte_never_gives_another_size_or_a_crash(machine, put, method):
    data = kdump_dump(machine, method=method)
    chooser = random.Random(2)
    with open_dump([put(data)]) as opened:
        found = opened.memory.parts[0].descriptor(0x20)
    for _ in range(200):
        broken = bytearray(data)
        broken[found.offset + chooser.randrange(found.size)] ^= 1 << chooser.randrange(8)
        with open_dump([put(bytes(broken))], search_memory=False) as opened:
            try:
                page = opened.memory.read(0x20 * PAGE, PAGE)
            except Damaged:
                continue
            assert len(page) == PAGE


def test_vmcoreinfo_found_in_memory(machine, put):
    for data in (
        elf_dump(machine, notes=machine.notes[:1]),
        kdump_dump(machine, vmcoreinfo=False),
        kdump_dump(machine, vmcoreinfo=False, qemu=True),
    ):
        with open_dump([put(data)]) as opened:
            assert opened.dump.vmcoreinfo_source == "memory"
            assert opened.dump.drgn.vmcoreinfo == machine.vmcoreinfo
            is_the_machine(opened)
        with open_dump([put(data)], search_memory=False) as opened:
            assert opened.dump.vmcoreinfo is None
            assert opened.kernel is None


def test_false_vmcoreinfo_is_not_believed(machine, put):
    """As Hyper-V's converter writes it: of the same kernel, with addresses that are not this machine's."""
    false = machine.vmcoreinfo.replace(b"phys_base)=0", b"phys_base)=8192")
    with open_dump([put(elf_dump(machine, notes=[("VMCOREINFO", 0, false)]))]) as opened:
        assert opened.dump.vmcoreinfo_source == "memory"
        assert [problem.kind for problem in opened.problems] == ["false-vmcoreinfo"]
        assert opened.dump.drgn.vmcoreinfo == machine.vmcoreinfo
        assert opened.dump.vmcoreinfo == machine.vmcoreinfo


def test_stale_vmcoreinfo_of_an_earlier_boot_is_not_taken(put):
    machine = building.machine()
    stale = machine.vmcoreinfo.replace(b"6.1.0-13", b"5.10.0-9").replace(b"phys_base)=0", b"phys_base)=65536")
    machine.memory[0x18000 : 0x18000 + len(stale)] = stale
    with open_dump([put(elf_dump(machine, notes=machine.notes[:1]))]) as opened:
        assert opened.dump.release == building.RELEASE


def test_5_level_page_tables(put):
    machine = building.machine(level5=True)
    with open_dump([put(elf_dump(machine))]) as opened:
        assert opened.kernel.tables.shifts[0] == 48
        assert opened.kernel.read(building.MODULES + 0x1000, 7) == b"module!"
        assert [mapping.physical for mapping in opened.kernel.mappings(building.MODULES, 1 << 64)] == [building.MODULE]
        with pytest.raises(Unmapped):
            opened.kernel.read(building.MODULES + 0x3000, 1)


def test_mappings(machine, put):
    with open_dump([put(elf_dump(machine))]) as opened:
        found = list(opened.kernel.mappings(0xFFFF_8000_0000_0000, 1 << 64))
    assert [(found.start, found.physical, found.end - found.start) for found in found] == [
        (building.DIRECT_MAP, 0, 1 << 30),
        (building.START_KERNEL_MAP, 0, 1 << 21),
        (building.MODULES + 0x1000, building.MODULE, PAGE),
    ]


NO_DUMPS = {
    "empty": (b"", "never written"),
    "zeros": (bytes(5000), "begins with zeros"),
    "text": (b"[    0.000000] Linux version 6.1\n" * 30, "lastwords analyze"),
    "vmlinux": (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0" + bytes(44), "vmlinux"),
    "module": (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x01\0\x3e\0" + bytes(44), "module"),
    "xen": (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\0\x3e\0" + bytes(44), "Xen"),
    "vmware": (b"\xd0\xbe\xd2\xbe" + bytes(1000), "vmss2core"),
    "sadump": (b"sadump\0\0" + bytes(1000), "makedumpfile"),
    "lkcd": (b"\xed\x23\x8f\x61\x73\x01\x19\xa8" + bytes(1000), "LKCD"),
    "windows": (b"PAGEDU64" + bytes(1000), "Windows"),
    "virsh save": (b"LibvirtQemudSave" + bytes(1000), "memory-only"),
    "s390": (b"\xa8\x19\x01\x73\x61\x8f\x23\xfd" + bytes(1000), "zgetdump"),
    "noise": (bytes(range(128, 256)) * 10, "not a memory dump that lastwords knows"),
    "gzipped text": (gzip.compress(b"hello\n" * 500), "inside a compressed file"),
    "broken gzip": (b"\x1f\x8b" + bytes(100), "damaged at its very beginning"),
    "tiny kdump": (b"KDUMP   \x06\0\0\0", "no sense"),
    "tiny elf": (b"\x7fELF\x02\x01\x01", "cut off"),
}


@pytest.mark.parametrize(("data", "text"), NO_DUMPS.values(), ids=NO_DUMPS)
def test_what_is_no_dump_is_named(put, data, text):
    path = put(data)
    with pytest.raises(NotADump, match=text) as caught:
        open_dump([path])
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_a_process_core_is_no_dump(machine, put):
    data = elf_dump(machine, notes=[("CORE", 1, building.prstatus(0)), ("CORE", 6, bytes(160))])
    with pytest.raises(NotADump, match="process"):
        open_dump([put(data)])


def test_errors_close_their_files(machine, put):
    with pytest.raises(OSError, match="No such file"):
        open_dump([put(kdump_dump(machine, split=(0, 40))), "/nonexistent"])


@pytest.mark.parametrize("size", [16, 100, 300, 439, 3000, 5000, 9000, 20_000, 100_000])
@pytest.mark.parametrize("build", [elf_dump, kdump_dump, lambda machine: flattened(kdump_dump(machine))])
def test_cut_files(machine, put, build, size):
    try:
        opened = open_dump([put(build(machine)[:size])])
    except NotADump:
        return
    with opened:
        for pfn in range(0, machine.pages, 3):
            try:
                assert opened.memory.read(pfn * PAGE, PAGE) == machine.page(pfn)
            except Unreadable:
                continue


@pytest.mark.parametrize("lines", [b"", b"OFFSET(uts_namespace.name)=4\n"], ids=["since 5.11", "before 5.11"])
def test_an_overwritten_sub_header_costs_the_notes_alone(put, lines):
    """libkdumpfile does not open such a dump. Before Linux 5.11 VMCOREINFO does not say where the release stands."""
    machine = building.machine()
    text = machine.vmcoreinfo.replace(lines, b"")
    machine.memory[building.VMCOREINFO : building.VMCOREINFO + PAGE] = text.ljust(PAGE, b"\0")
    data = bytearray(kdump_dump(machine))
    data[PAGE : 2 * PAGE] = random.Random(1).randbytes(PAGE)
    with open_dump([put(data)]) as opened:
        assert opened.vmcoreinfo.text == text
        assert opened.dump.vmcoreinfo_source == "memory"
        assert opened.dump.drgn.path is None
        assert "sub header" in opened.dump.drgn.why
        same_memory(opened, machine)


def test_the_release_agrees_without_a_search_of_memory_before_5_11(put):
    machine = building.machine()
    machine.vmcoreinfo = machine.vmcoreinfo.replace(b"OFFSET(uts_namespace.name)=4\n", b"")
    machine.memory[building.VMCOREINFO : building.VMCOREINFO + PAGE] = bytes(PAGE)
    with open_dump([put(kdump_dump(machine))]) as opened:
        assert opened.dump.vmcoreinfo_source == "header"
        assert opened._agrees(machine.vmcoreinfo) is True
