import struct
import time

import drgn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.vmcore.symbols.kallsyms import Kallsyms, KallsymsError, read_kallsyms
from lastwords.vmcore.symbols.kallsyms_tables import Tables, named, search

from .kallsyms_writer import LAYOUTS, symbols, tables

BASE = 0xFFFFFFFF81000000
PLACE = 0xFFFFFFFF82000000


def reader(blob, start):
    def read(address, size):
        at = address - start
        if at < 0 or at + size > len(blob):
            raise ValueError(f"no memory at {address:#x}")
        return blob[at : at + size]

    return read


def image(layout, order="<", **options):
    """Memory with the tables somewhere in it, and the symbols that they hold."""
    percpu = (("__per_cpu_start", 0), ("runqueues", 0x1980)) if layout.how == "percpu" else ()
    found = symbols(BASE, percpu=percpu, **options)
    start = PLACE - 0x1230
    blob, where = tables(found, BASE, PLACE, layout, order)
    noise = b"0\x001\x002\x00" * 100 + bytes(range(256)) * 14
    return noise[:0x1230].ljust(0x1230, b"\1") + blob + b"\xaa" * 4096, start, found, where


@pytest.mark.parametrize("version", LAYOUTS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_finds_and_reads_the_tables_of_each_version(version, order):
    layout = LAYOUTS[version]
    blob, start, found, where = image(layout, order, long_name=layout.long_names)
    read = reader(blob, start)
    right = []
    for candidate in search(blob, start, 8, order):
        try:
            kallsyms = read_kallsyms(read, candidate, BASE, 8, order)
        except KallsymsError:
            continue
        right.append(candidate)
        assert list(zip(kallsyms.types, kallsyms.names, kallsyms.addresses, strict=True)) == found
        assert kallsyms.located == (2 if layout.how == "percpu" else 0)
    assert len(right) == 1
    expected = {name: address for name, address in where.items() if name in Tables._fields}
    assert {name: address for name, address in right[0]._asdict().items() if address} == expected


def test_the_tables_that_vmcoreinfo_names():
    blob, start, found, where = image(LAYOUTS["6.1"], long_name=True)
    names = {"names": "names", "number": "num_syms", "tokens": "token_table"}
    given = {f"kallsyms_{names.get(name, name)}": address for name, address in where.items()}
    found_tables = named(given)
    assert found_tables is not None
    assert len(read_kallsyms(reader(blob, start), found_tables, BASE)) == len(found)
    assert named({"kallsyms_names": 1}) is None


def test_another_stext_than_vmcoreinfo_says_is_refused():
    blob, start, _, where = image(LAYOUTS["6.6"])
    right = Tables(*(where.get(name, 0) for name in Tables._fields))
    with pytest.raises(KallsymsError, match="_stext"):
        read_kallsyms(reader(blob, start), right, BASE + 16)


def test_names_that_are_damaged_end_the_table_early():
    blob, start, found, where = image(LAYOUTS["5.10 arm64"])
    right = Tables(*(where.get(name, 0) for name in Tables._fields))
    at = where["names"] - start + 9000
    hurt = blob[:at] + bytes(5000) + blob[at + 5000 :]
    kallsyms = read_kallsyms(reader(hurt, start), right, BASE)
    assert 100 < len(kallsyms) < len(found)
    assert kallsyms.address("schedule") == BASE + 0x40


def test_tables_outside_the_dump_are_an_error():
    blob, start, _, where = image(LAYOUTS["5.4"])
    right = Tables(*(where.get(name, 0) for name in Tables._fields))
    for field in ("number", "tokens", "token_index", "offsets", "relative_base"):
        with pytest.raises(KallsymsError):
            read_kallsyms(reader(blob, start), right._replace(**{field: 0x1000}), BASE)


def test_symbols_by_address():
    kallsyms = Kallsyms(
        [0, 0x1980, BASE, BASE, BASE + 0x40, BASE + 0x80, BASE + 0x100, BASE + (64 << 20)],
        "DDTtTTdB",
        [
            "__per_cpu_start",
            "runqueues",
            "_text",
            "_stext",
            "entry_SYSCALL_64",
            "entry_SYSCALL_64_after_hwframe",
            "x",
            "_end",
        ],
        located=2,
    )

    def at(address):
        return [kallsyms.names[place] for place in kallsyms.places(address)]

    assert at(BASE + 8) == ["_text", "_stext"]
    # The label is not a function, as debuginfo has it too.
    assert at(BASE + 0xA0) == ["entry_SYSCALL_64"]
    assert kallsyms.symbol(4).size == 0xC0
    # A NULL function pointer isn't a per-CPU variable.
    assert at(0) == at(0x1990) == []
    # What follows the last symbol of a section belongs to none.
    assert at(BASE + 0x20000) == []
    assert at(BASE - 1) == []
    assert kallsyms.address("runqueues") == 0x1980


def test_finder_answers_as_drgn_asks():
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    names = ["a", "dup", "b", "dup"]
    kallsyms = Kallsyms([BASE, BASE + 0x10, BASE + 0x20, BASE + 0x30], "TtWd", names)
    prog.register_symbol_finder("kallsyms", kallsyms.find, enable_index=0)
    assert prog.symbol("a").binding == drgn.SymbolBinding.GLOBAL
    assert prog.symbol("b").binding == drgn.SymbolBinding.WEAK
    assert prog.symbol("dup").address == BASE + 0x10
    assert [each.address for each in prog.symbols("dup")] == [BASE + 0x10, BASE + 0x30]
    assert prog.symbol(BASE + 0x15).kind == drgn.SymbolKind.FUNC
    assert len(prog.symbols()) == 4
    with pytest.raises(LookupError):
        prog.symbol("c")


def test_what_is_between_sdata_and_edata_is_data_whatever_its_letter():
    """Linux 6.14 and newer on x86-64; drgn asks for `jiffies`, and a function is no variable."""
    names = ["_stext", "do_one", "_sdata", "jiffies_64", "jiffies", "relocate_kernel", "_edata", "init_one"]
    kallsyms = Kallsyms([BASE + 0x100 * at for at in (0, 1, 2, 3, 3, 4, 5, 6)], "TtDTTtTt", names)
    kinds = {symbol.name: symbol.kind for symbol in kallsyms.find(None, None, None, False)}
    functions = {name for name, kind in kinds.items() if kind == drgn.SymbolKind.FUNC}
    assert functions == {"_stext", "do_one", "_edata", "init_one"}
    assert kallsyms.types == "TtDDDdTt"
    for lost in ("_sdata", "_edata"):  # a kernel whose kallsyms has functions only may have one of them
        others = [name.replace(lost, "lost") for name in names]
        assert Kallsyms([BASE + 0x100 * at for at in (0, 1, 2, 3, 3, 4, 5, 6)], "TtDTTtTt", others).types == "TtDTTtTt"


def test_a_second_name_for_early_code_stands_behind_the_first():
    names = ["__pi___x86_indirect_thunk_rax", "__x86_indirect_thunk_rax", "__pi_startup_64_load_idt"]
    kallsyms = Kallsyms([BASE, BASE, BASE + 0x20], "TTt", names)
    assert [each.name for each in kallsyms.find(None, None, BASE, True)] == ["__x86_indirect_thunk_rax"]
    assert [each.name for each in kallsyms.find(None, None, BASE + 0x20, True)] == ["__pi_startup_64_load_idt"]


def test_addresses_that_are_not_sorted_are_sorted():
    kallsyms = Kallsyms([BASE + 8, BASE], "tT", ["later", "first"])
    assert list(kallsyms.names) == ["first", "later"]
    assert kallsyms.types == "Tt"


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_damaged_image_ends_in_tables_or_nothing(data):
    layout = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))]
    blob, start, *_ = image(layout)
    hurt = bytearray(blob)
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(hurt) - 9))
        hurt[at : at + 8] = struct.pack("<Q", data.draw(st.integers(0, 2**64 - 1)))
    for candidate in search(bytes(hurt), start):
        try:
            read_kallsyms(reader(bytes(hurt), start), candidate, BASE)
        except KallsymsError:
            continue


def test_an_image_made_to_waste_time_is_given_up_on():
    blob, _, _, where = image(LAYOUTS["6.1"])
    start = PLACE - 0x1230
    tokens = blob[where["tokens"] - start : where["token_index"] - start + 512]
    # A million names of one code, before tokens that are right, with each of the names' places a plausible number.
    evil = b"\x01T\0\0\0\0\0\0".join([struct.pack("<Q", 900_000)] * 2) + b"\x01T" * 2_000_000
    evil = (struct.pack("<Q", 0x5401_5401) * 64 + struct.pack("<Q", 900_000)) * 100 + evil
    evil += bytes(-len(evil) % 8) + tokens
    began = time.monotonic()
    assert list(search(evil * 3, 0)) == []
    assert time.monotonic() - began < 30


def test_tokens_without_an_end_do_not_fill_memory():
    layout = LAYOUTS["6.1"]
    blob, start, _, where = image(layout)
    right = Tables(*(where.get(name, 0) for name in Tables._fields))
    at = where["tokens"] - start
    end = where["token_index"] - start
    endless = blob[:at] + b"x" * (end - at) + struct.pack("<256H", *range(256)) + b"x" * 65536
    with pytest.raises(KallsymsError):
        read_kallsyms(reader(endless, start), right, BASE)
    huge = bytearray(blob)
    struct.pack_into("<I", huge, where["number"] - start, 0xFFFFFFFF)
    with pytest.raises(KallsymsError):
        read_kallsyms(reader(bytes(huge), start), right, BASE)
