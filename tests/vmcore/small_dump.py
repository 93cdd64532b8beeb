"""A dump of a made-up x86-64 kernel of half a megabyte: page tables, symbols, types, and a stack."""

import struct

from lastwords.vmcore.symbols.btf_format import Kind

from .symbols.btf_writer import BtfWriter
from .symbols.kallsyms_writer import LAYOUTS, symbols, tables

RELEASE = "6.1.0-56-cloud-amd64"
BANNER = f"Linux version {RELEASE} (debian-kernel@lists.debian.org) (gcc-12) #1 SMP Debian 6.1.192-2 (2026-11-16)\n"
BUILD_ID = bytes(range(0x20, 0x34))
BASE = 0xFFFFFFFF81000000
PHYSICAL = 0x1000000
SIZE = 0x100000
# Where things are in the image.
_PGD, _PUD, _PMD = 0x40000, 0x41000, 0x42000
_NOTES, _MODULES, _INIT_TASK, _BANNER, _STACK = 0x43000, 0x43800, 0x44000, 0x44800, 0x45000
_BTF, _KALLSYMS = 0x50000, 0x60000


def types(module=True):
    """BTF of the few types that are asked for."""
    w = BtfWriter()
    number = w.integer("int", 4, signed=True)
    char = w.integer("char", 1, signed=True)
    long = w.integer("unsigned long", 8)
    name = w.add(Kind.ARRAY, words=(char, long, 16))
    w.struct("task_struct", 32, [("pid", number, 0, 0), ("comm", name, 64, 0)])
    pointer = w.add(Kind.PTR, value=w.next + 1)
    head = w.struct("list_head", 16, [("next", pointer, 0, 0), ("prev", pointer, 64, 0)])
    if module:
        w.struct("module", 64, [("list", head, 0, 0), ("name", name, 128, 0)])
    return w.bytes()


def small_dump(
    path,
    *,
    version="6.1",
    named=True,
    build_id_in="vmcoreinfo",
    btf=True,
    kallsyms=True,
    vmcoreinfo=True,
    keep=SIZE,
):
    """Write a dump.

    Args:
        path: of the file.
        version: the layout of its kallsyms.
        named: whether VMCOREINFO names the tables.
        build_id_in: `vmcoreinfo`, `notes` (in the kernel's image) or `nowhere`.
        btf: whether the kernel has types.
        kallsyms: whether it has symbols.
        vmcoreinfo: whether the dump has the note.
        keep: how many bytes of the image are in the dump.
    """
    image = bytearray(SIZE)

    def put(at, data):
        image[at : at + len(data)] = data

    put(_PGD + 511 * 8, struct.pack("<Q", PHYSICAL + _PUD | 3))
    put(_PUD + 510 * 8, struct.pack("<Q", PHYSICAL + _PMD | 3))
    for page in range(64):
        put(_PMD + (8 + page) * 8, struct.pack("<Q", PHYSICAL + (page << 21) | 0x83))
    put(0x40, b"\x55\x48\x89\xe5\x90\xc3")
    put(_MODULES, struct.pack("<QQ", BASE + _MODULES, BASE + _MODULES))
    put(_INIT_TASK, struct.pack("<Q16s", 0, b"swapper/0"))
    put(_BANNER, BANNER.encode() + b"\0")
    # Frame pointers: schedule was called by _stext+0x20, and that by nothing.
    put(_STACK, struct.pack("<QQQQ", BASE + _STACK + 16, BASE + 0x20, 0, 0))
    note = struct.pack("<III4s", 4, len(BUILD_ID), 3, b"GNU\0") + BUILD_ID
    if build_id_in == "notes":
        put(_NOTES, note)
    found = symbols(BASE, percpu=[("runqueues", 0x1980)] if LAYOUTS[version].how == "percpu" else [], count=1100)
    blob = types() if btf else b""
    put(_BTF, blob)
    extra = [
        ("T", "_etext", 0x8000),
        ("R", "__start_rodata", 0x43000),
        ("R", "__start_notes", _NOTES),
        ("R", "__stop_notes", _NOTES + len(note)),
        ("D", "modules", _MODULES),
        ("D", "init_task", _INIT_TASK),
        ("D", "linux_banner", _BANNER),
        ("R", "__end_rodata", 0x60000),
        ("B", "_end", SIZE),
    ]
    extra += [("R", "__start_BTF", _BTF), ("R", "__stop_BTF", _BTF + len(blob))] if btf else []
    found = sorted([*found, *((letter, name, BASE + at) for letter, name, at in extra)], key=lambda each: each[2])
    packed, where = tables(found, BASE, BASE + _KALLSYMS, LAYOUTS[version])
    if kallsyms:
        put(_KALLSYMS, packed)
    lines = [
        f"OSRELEASE={RELEASE}",
        "PAGESIZE=4096",
        f"SYMBOL(swapper_pg_dir)={BASE + _PGD:x}",
        f"SYMBOL(_stext)={BASE:x}",
        "NUMBER(phys_base)=0",
        "NUMBER(pgtable_l5_enabled)=0",
        "KERNELOFFSET=0",
    ]
    if build_id_in == "vmcoreinfo":
        lines.append(f"BUILD-ID={BUILD_ID.hex()}")
    if named:
        names = {"number": "num_syms", "tokens": "token_table"}
        lines += [f"SYMBOL(kallsyms_{names.get(name, name)})={at:x}" for name, at in where.items()]
    text = "\n".join(lines).encode() + b"\n"
    path.write_bytes(_core(bytes(image[:keep]), text if vmcoreinfo else b""))
    return text


def registers():
    """The registers of a CPU in `schedule`, as NT_PRSTATUS has them."""
    values = [0] * 27
    values[4] = BASE + _STACK  # rbp
    values[16] = BASE + 0x44  # rip
    values[17] = 0x10  # cs
    values[19] = BASE + _STACK - 8  # rsp
    return struct.pack("<27Q", *values)


def _core(image, text):
    note = struct.pack("<III12s", 11, len(text), 0, b"VMCOREINFO\0") + text + bytes(-len(text) % 4) if text else b""
    prstatus = bytes(112) + registers() + bytes(8)
    note += struct.pack("<III8s", 5, len(prstatus), 1, b"CORE\0") + prstatus
    offset = 64 + 2 * 56
    at = offset + len(note)
    at += -at % 4096
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 4, 0, offset, 0, 0, len(note), len(note), 4)
    header += struct.pack("<IIQQQQQQ", 1, 7, at, BASE, PHYSICAL, len(image), len(image), 4096)
    return (header + note).ljust(at, b"\0") + image
