import struct

import drgn
import pytest

from lastwords.vmcore.symbols.btf import Btf
from lastwords.vmcore.symbols.btf_finder import BtfFinder
from lastwords.vmcore.symbols.btf_format import Kind
from lastwords.vmcore.symbols.btf_types import BtfTypes
from lastwords.vmcore.symbols.exports import exported_symbols, per_cpu_symbols
from lastwords.vmcore.symbols.list_heads import modules_list, slab_caches_list

from .btf_writer import BtfWriter

START = 0xFFFF800008010000
DATA = START + 0x900000
NAMES = ["init_task", "init_pid_ns", "nr_cpu_ids", *(f"lab_symbol_{i}" for i in range(300))]


def image(order="<", size=12, offset=0x41234):
    """Memory with a table of exported symbols, checksums, and their names."""
    strings, where = b"\0", {}
    for name in sorted(NAMES, reverse=True):
        where[name] = len(strings)
        strings += name.encode() + b"\0"
    table = b""
    base = offset - offset % 4
    names_at = base + size * len(NAMES) + 4 * len(NAMES)
    expected = {}
    for i, name in enumerate(sorted(NAMES)):
        at = base + size * i
        expected[name] = DATA + 64 * i
        words = [expected[name] - START - at, names_at + where[name] - at - 4, 0][: size // 4]
        table += struct.pack(f"{order}{len(words)}i", *words)
    checksums = struct.pack(f"{order}{len(NAMES)}I", *range(0x71000000, 0x71000000 + len(NAMES)))
    # The names stand in BTF too, where no entry points to them.
    return b"\xcc" * 100 + b"\0init_task\0" + b"\xcc" * (base - 111) + table + checksums + strings, expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [8, 12])
def test_finds_the_exported_symbols(order, size):
    data, expected = image(order, size)
    found = exported_symbols(data, START, order)
    assert expected.items() <= found.items()
    assert len(found) < len(expected) + 5


def test_an_image_without_the_table_has_none():
    assert exported_symbols(b"\0init_task\0" * 50 + bytes(5000), START) == {}
    assert exported_symbols(b"", START) == {}


def test_per_cpu_variables_by_those_that_are_exported():
    w = BtfWriter()
    long = w.integer("unsigned long", 8)
    names = ["runqueues", "vm_event_states", "cpu_number", "this_cpu_off"]
    variables = [w.add(Kind.VAR, name, long, (1,)) for name in names]
    words = [word for i, variable in enumerate(variables) for word in (variable, 0x100 * i, 8)]
    w.add(Kind.DATASEC, ".data..percpu", 0x400, words, length=len(names))
    btf = Btf(w.bytes())
    exported = {name: DATA + 0x100 * i for i, name in enumerate(names) if i}
    assert per_cpu_symbols(btf, exported)["runqueues"] == DATA
    # One or two may agree by chance.
    assert per_cpu_symbols(btf, {"cpu_number": DATA, "this_cpu_off": DATA + 0x100}) == {}
    assert per_cpu_symbols(btf, {}) == {}


def sysfs_types(parent):
    """The types on the way from /sys/kernel to the modules."""
    w = BtfWriter()
    w.integer("unsigned long", 8)
    char = w.integer("char", 1)
    names = ["list_head", "rb_node", "rb_root", "kernfs_elem_dir", "kernfs_node", "kobject", "kset", "module_kobject"]
    names.append("module")
    # Two types each: the struct and a pointer to it.
    number = {name: w.next + 2 * i for i, name in enumerate(names)}
    pointer = {name: at + 1 for name, at in number.items()}
    void, text = w.next + 2 * len(names), w.next + 2 * len(names) + 1
    link = pointer["rb_node"]
    members = {
        "list_head": (16, [("next", pointer["list_head"], 0), ("prev", pointer["list_head"], 8)]),
        "rb_node": (24, [("__rb_parent_color", 1, 0), ("rb_right", link, 8), ("rb_left", link, 16)]),
        "rb_root": (8, [("rb_node", link, 0)]),
        "kernfs_elem_dir": (8, [("children", number["rb_root"], 0)]),
        "kernfs_node": (
            64,
            [
                (parent, pointer["kernfs_node"], 0),
                ("name", text, 8),
                ("rb", number["rb_node"], 16),
                ("priv", void, 40),
                ("dir", number["kernfs_elem_dir"], 48),
            ],
        ),
        "kobject": (32, [("sd", pointer["kernfs_node"], 0), ("entry", number["list_head"], 8)]),
        "kset": (48, [("list", number["list_head"], 0), ("kobj", number["kobject"], 16)]),
        "module_kobject": (40, [("kobj", number["kobject"], 0), ("mod", pointer["module"], 32)]),
        "module": (24, [("state", 1, 0), ("list", number["list_head"], 8)]),
    }
    for name in names:
        size, rows = members[name]
        w.struct(name, size, [(member, kind, 8 * at, 0) for member, kind, at in rows])
        w.add(Kind.PTR, value=number[name])
    w.add(Kind.PTR, value=0)
    w.add(Kind.PTR, value=char)
    return Btf(w.bytes())


@pytest.mark.parametrize("parent", ["parent", "__parent"])
def test_the_list_of_modules_by_way_of_sysfs(parent):
    heap = 0xFFFF000001000000
    at = {name: heap + 0x100 * i for i, name in enumerate(["kernel", "root", "node", "kset", "mkobj", "one", "name"])}
    at |= {"knode": heap + 0x800, "two": heap + 0x900}
    head, variable = START + 0x20, START + 0x40
    memory = bytearray(0x1000)

    def put(address, *words):
        struct.pack_into(f"<{len(words)}Q", memory, address - heap, *words)

    put(at["kernel"], at["knode"])
    put(at["knode"], at["root"])
    put(at["root"] + 48, at["node"] + 16)
    put(at["node"], at["root"], at["name"], 1, 0, 0, at["kset"] + 16)
    put(at["kset"], at["mkobj"] + 8, at["mkobj"] + 8)
    put(at["mkobj"], 0, at["kset"], at["kset"], 0, at["one"])
    put(at["one"] + 8, at["two"] + 8, head)
    put(at["two"] + 8, head, at["one"] + 8)
    memory[at["name"] - heap : at["name"] - heap + 7] = b"module\0"
    kernel = struct.pack("<8xQ", 0).ljust(0x40, b"\0") + struct.pack("<Q", at["kernel"])

    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    prog.add_memory_segment(heap, len(memory), lambda a, n, o, p: bytes(memory[o : o + n]))
    prog.add_memory_segment(START, len(kernel), lambda a, n, o, p: kernel[o : o + n])
    finder = BtfFinder([BtfTypes(prog, sysfs_types(parent))])
    prog.register_type_finder("btf", finder.find_type, enable_index=0)
    symbol = drgn.Symbol("kernel_kobj", variable, 8, drgn.SymbolBinding.GLOBAL, drgn.SymbolKind.OBJECT)
    prog.register_symbol_finder("test", drgn.SymbolIndex([symbol]), enable_index=0)

    assert modules_list(prog, range(START, START + 0x1000)) == head
    # A list that never comes back to the kernel's image, and one that leads out of memory.
    put(at["two"] + 8, at["one"] + 8)
    assert modules_list(prog, range(START, START + 0x1000)) is None
    put(at["two"] + 8, 0xFFFF0000DEAD0000)
    assert modules_list(prog, range(START, START + 0x1000)) is None


def test_the_list_of_slab_caches_by_one_of_them():
    w = BtfWriter()
    w.integer("unsigned long", 8)
    w.add(Kind.PTR, value=3)
    head_type = w.struct("list_head", 16, [("next", 2, 0, 0), ("prev", 2, 64, 0)])
    w.struct("kmem_cache", 24, [("flags", 1, 0, 0), ("list", head_type, 64, 0)])
    heap, head, variable = 0xFFFF000001000000, START + 0x80, START + 0x10
    memory = struct.pack("<QQQ", 7, heap + 32, 0) + bytes(8) + struct.pack("<QQ", head, 0)
    kernel = bytes(0x20) + struct.pack("<QQ", heap, 0) + bytes(0x80)
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    prog.add_memory_segment(heap, len(memory), lambda a, n, o, p: memory[o : o + n])
    prog.add_memory_segment(START, len(kernel), lambda a, n, o, p: kernel[o : o + n])
    prog.register_type_finder("btf", BtfFinder([BtfTypes(prog, Btf(w.bytes()))]).find_type, enable_index=0)
    symbol = drgn.Symbol("kmalloc_caches", variable, 8, drgn.SymbolBinding.GLOBAL, drgn.SymbolKind.OBJECT)
    prog.register_symbol_finder("test", drgn.SymbolIndex([symbol]), enable_index=0)
    assert slab_caches_list(prog, range(START, START + 0x1000)) == head
    assert slab_caches_list(prog, range(1, 2)) is None
