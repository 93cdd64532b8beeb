import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.vmcore.symbols.btf import Btf
from lastwords.vmcore.symbols.btf_format import BtfError, Enumerator, Kind, Member, Parameter

from .btf_writer import BtfWriter


@pytest.mark.parametrize("order", ["<", ">"])
def test_reads_each_kind(order):
    w = BtfWriter(order)
    number = w.integer("int", 4, signed=True)
    flag = w.integer("_Bool", 1, boolean=True)
    pointer = w.add(Kind.PTR, value=number)
    array = w.add(Kind.ARRAY, words=(pointer, number, 7))
    item = w.struct("item", 16, [("value", number, 0, 0), ("", array, 64, 0)])
    prototype = w.prototype(number, [("item", pointer), ("", 0)])
    function = w.add(Kind.FUNC, "item_get", prototype, length=1)
    variable = w.add(Kind.VAR, "items", item, (1,))
    section = w.add(Kind.DATASEC, ".data..percpu", 64, (variable, 0, 16), length=1)
    real = w.add(Kind.FLOAT, "double", 8)
    tag = w.add(Kind.TYPE_TAG, "rcu", number)
    note = w.add(Kind.DECL_TAG, "note", item, (0xFFFFFFFF,))
    wide = w.enum("wide", 8, [("HUGE", 1 << 40), ("LESS", -1)], signed=True)
    btf = Btf(w.bytes())

    assert btf.complete
    assert btf.end == wide + 1
    assert btf.little_endian == (order == "<")
    assert [btf.name(each) for each in (number, item, section, real, note)] == [
        "int",
        "item",
        ".data..percpu",
        "double",
        "note",
    ]
    assert btf.integer(number) == (True, False, 0, 32)
    assert btf.integer(flag).boolean
    assert btf.element(array) == (pointer, 7)
    assert btf.members(item) == [Member("value", number, 0, 0), Member(None, array, 64, 0)]
    assert btf.parameters(prototype) == [Parameter("item", pointer), Parameter(None, 0)]
    assert list(btf.numbers("item_get")) == [function]
    assert btf.header(variable).value == item
    assert btf.resolve(tag) == number
    assert btf.enumerators(wide) == [Enumerator("HUGE", 1 << 40), Enumerator("LESS", -1)]
    assert btf.constant("HUGE") == (wide, 1 << 40)
    assert btf.constant("nothing") is None


def test_bit_fields_in_both_ways_of_writing_them():
    w = BtfWriter()
    number = w.integer("unsigned int", 4)
    new = w.struct("new", 8, [("plain", number, 0, 0), ("three", number, 32, 3), ("rest", number, 35, 29)], flag=True)
    three = w.integer("unsigned int", 4, bits=3)
    shifted = w.integer("unsigned int", 4, bits=29, offset=3)
    alias = w.add(Kind.TYPEDEF, "u32", shifted)
    old = w.struct("old", 8, [("plain", number, 0, 0), ("three", three, 32, 0), ("rest", alias, 32, 0)])
    btf = Btf(w.bytes())

    expected = [("plain", 0, 0), ("three", 32, 3), ("rest", 35, 29)]
    for struct in (new, old):
        assert [(each.name, each.bit_offset, each.bit_size) for each in btf.members(struct)] == expected


def test_before_linux_6_0_an_enum_does_not_say_that_it_is_signed():
    w = BtfWriter()
    signed = w.enum("state", 4, [("GONE", -1), ("HERE", 0)])
    flags = w.enum("flags", 4, [("TOP", 0x80000000)])
    btf = Btf(w.bytes())
    assert btf.enumerators(signed)[0].value == -1
    assert btf.enumerators(flags)[0].value == 0x80000000

    w.enum("newer", 4, [("LOW", -5)], signed=True)
    btf = Btf(w.bytes())
    assert btf.enumerators(signed)[0].value == 0xFFFFFFFF
    assert btf.constant("LOW") == (3, -5)


def test_a_module_goes_on_where_the_kernel_ends():
    w = BtfWriter()
    number = w.integer("int", 4, signed=True)
    shared = w.struct("shared", 4, [("value", number, 0, 0)])
    kernel = Btf(w.bytes())

    m = BtfWriter(first=kernel.end, first_string=len(w.strings))
    own = m.struct("own", 8, [("value", shared, 0, 0), (w.name("shared"), number, 32, 0)])
    same = m.struct(w.name("shared"), 8, [])
    module = Btf(m.bytes(), kernel)

    assert module.first == own == kernel.end
    assert module.members(own) == [Member("value", shared, 0, 0), Member("shared", number, 32, 0)]
    assert module.name(shared) == "shared"
    assert list(module.numbers("own")) == [own]
    assert list(module.numbers("shared")) == [same]
    assert module.members(shared)[0].name == "value"


def test_namesakes_are_all_found():
    w = BtfWriter()
    number = w.integer("node", 4)
    struct = w.struct("node", 4, [("a", number, 0, 0)])
    alias = w.add(Kind.TYPEDEF, "node", struct)
    assert list(Btf(w.bytes()).numbers("node")) == [number, struct, alias]
    assert list(Btf(w.bytes()).numbers("nod")) == []
    assert list(Btf(w.bytes()).numbers("ode")) == []


def test_a_layout_table_lets_an_unknown_kind_be_passed():
    w = BtfWriter()
    w.integer("int", 4)
    w.add(77, "", 0, (1, 2, 3, 4, 5), length=2)
    after = w.struct("after", 0, [])
    assert not Btf(w.bytes()).complete

    layout = bytes(77 * 4) + bytes((4, 8, 0, 0))
    btf = Btf(w.bytes(layout))
    assert btf.complete
    assert btf.name(after) == "after"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x9f\xeb\x01", b"\x9f\xeb\x01\0" + b"\xff" * 40, b"\x9f\xeb\x02\0\x18\0\0\0" + bytes(40), bytes(64)],
)
def test_refuses_what_is_no_btf(data):
    with pytest.raises(BtfError):
        Btf(data)


def test_refuses_a_blob_that_is_cut_off():
    w = BtfWriter()
    for _ in range(10):
        w.integer("int", 4)
    with pytest.raises(BtfError):
        Btf(w.bytes()[:60])


def test_circles_and_wrong_numbers_are_errors():
    w = BtfWriter()
    w.add(Kind.TYPEDEF, "a", 2)
    w.add(Kind.CONST, value=1)
    w.add(Kind.PTR, value=99)
    btf = Btf(w.bytes())
    with pytest.raises(BtfError):
        btf.resolve(1)
    with pytest.raises(BtfError):
        btf.header(99)
    with pytest.raises(BtfError):
        btf.string(1 << 30)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=40), st.binary(max_size=30))
def test_any_types_end_in_an_answer_or_a_btf_error(words, strings):
    w = BtfWriter()
    w.strings += strings
    w.types = b"".join(word.to_bytes(4, "little") for word in words)
    btf = Btf(w.bytes())
    readers = {
        Kind.STRUCT: btf.members,
        Kind.UNION: btf.members,
        Kind.ENUM: btf.enumerators,
        Kind.ENUM64: btf.enumerators,
        Kind.FUNC_PROTO: btf.parameters,
        Kind.ARRAY: btf.element,
        Kind.INT: btf.integer,
    }
    for number in range(1, btf.end):
        kind = Kind(btf.header(number).kind)
        for reader in (readers.get(kind, btf.header), btf.resolve, btf.name):
            try:
                reader(number)
            except BtfError:
                continue


def test_the_index_of_100_000_types_takes_a_fraction_of_a_second():
    w = BtfWriter()
    number = w.integer("int", 4)
    w.struct("item", 8, [("a", number, 0, 0), ("b", number, 32, 0)])
    once, strings = w.types, w.strings
    w.types = once * 50_000
    w.strings = strings
    began = time.monotonic()
    btf = Btf(w.bytes())
    assert time.monotonic() - began < 5
    assert btf.end == 100_001
