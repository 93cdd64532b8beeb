"""Counters and lists of memory."""

import struct
from types import SimpleNamespace
from typing import Any

import drgn
import pytest

from lastwords.vmcore.machine import percpu_counter, slabs, suspects
from lastwords.vmcore.machine.percpu_counter import PercpuCounters

from .memory_maker import BASE, Made

SLAB = 32


@pytest.fixture
def partial():
    """Reads lists of partly used slabs whose struct is a link and one word of counters."""
    made = Made()
    head = made.struct("list_head", 16, (made.u64, "next", 0), (made.u64, "prev", 8))
    members = (
        drgn.TypeMember(head, "slab_list", 0),
        drgn.TypeMember(drgn.Object(made.prog, made.u32, 0, bit_field_size=16), "inuse", 128),
        drgn.TypeMember(drgn.Object(made.prog, made.u32, 0, bit_field_size=15), "objects", 144),
        drgn.TypeMember(drgn.Object(made.prog, made.u32, 0, bit_field_size=1), "frozen", 159),
    )
    made.types["slab"] = made.prog.struct_type("slab", SLAB, members)
    return made, slabs._Partial(made.prog)


def listed(made, *slabs_of):
    """A list with its head at BASE of slabs of (used, objects)."""
    places = [BASE, *(BASE + 0x100 + SLAB * number for number in range(len(slabs_of)))]
    for here, following in zip(places, (*places[1:], BASE), strict=True):
        made.word(here, following)
    for place, (used, objects) in zip(places[1:], slabs_of, strict=True):
        made.word32(place + 16, used | objects << 16 | 1 << 31)
    return places


def test_free_objects_of_a_list_of_slabs(partial):
    made, reader = partial
    listed(made, (10, 21), (21, 21), (0, 42))
    assert reader.free(BASE, 3) == 11 + 0 + 42
    listed(made)
    assert reader.free(BASE, 0) == 0


def test_a_list_of_slabs_in_a_circle_ends(partial):
    made, reader = partial
    places = listed(made, (1, 2), (1, 2))
    made.word(places[2], places[1])
    assert reader.free(BASE, 2) == 3


def test_of_a_very_long_list_the_rest_is_taken_to_be_like_its_beginning(partial, monkeypatch):
    made, reader = partial
    monkeypatch.setattr(slabs, "_MOST_PARTIAL", 4)
    listed(made, *[(5, 10)] * 20)
    assert reader.free(BASE, 20) == 100


@pytest.fixture
def counters(monkeypatch):
    made = Made()
    made.struct("percpu_counter", 24, (made.u64, "lock", 0), (made.prog.int_type("long long", 8, True), "count", 8),
                (made.u64, "counters", 16))  # fmt: skip
    monkeypatch.setattr(percpu_counter, "per_cpu_offsets", lambda kernel: {0: BASE, 1: BASE + 0x100})
    return made, SimpleNamespace(prog=made.prog)


def test_a_counter_has_what_each_cpu_has_for_it(counters):
    made, kernel = counters
    made.word(BASE + 0x800, 0, 100, 0x40)
    made.word32(BASE + 0x40, 7)
    made.word32(BASE + 0x140, -12)
    assert PercpuCounters(kernel).sum(BASE + 0x800) == 95
    assert PercpuCounters(kernel, cpus=1).sum(BASE + 0x800) == 107


def test_a_counter_that_is_not_in_the_dump(counters):
    made, kernel = counters
    made.lost.add(BASE + 0x808)
    with pytest.raises(ValueError, match="not in the dump"):
        PercpuCounters(kernel).sum(BASE + 0x800)


RANGES = [(0xFFFFFFFFC0300000, 0xFFFFFFFFC0304000, "lab"), (0xFFFFFFFFC0400000, 0xFFFFFFFFC0404000, "other")]


def page(*pointers):
    return struct.pack(f"<{len(pointers)}Q", *pointers).ljust(4096, b"\0")


NO_KERNEL: Any = SimpleNamespace(prog=None)


def pointed_to(pages, monkeypatch):
    monkeypatch.setattr(suspects, "function_at", lambda prog, address: (f"function_{address:x}", None))
    return list(suspects._pointed_to(NO_KERNEL, pages, RANGES, "pages"))


def test_the_module_that_most_pages_point_to(monkeypatch):
    pages = [page(0xFFFFFFFFC0300040, 0xFFFFFFFFC0300040)] * 30 + [page(0xFFFFFFFFC0400010)] * 20 + [page(1, 2)] * 50
    found = pointed_to(pages, monkeypatch)
    assert [(each.module, each.pages, each.sampled) for each in found] == [("lab", 30, 100), ("other", 20, 100)]
    assert found[0].function == "function_ffffffffc0300040"


def test_a_few_pages_make_no_suspect(monkeypatch):
    assert pointed_to([page(0xFFFFFFFFC0300040)] * 9 + [page(0)] * 91, monkeypatch) == []
    assert pointed_to([page(0xFFFFFFFFC0300040)], monkeypatch) == []
    assert pointed_to([], monkeypatch) == []


@pytest.mark.parametrize(
    ("amount", "total", "large"),
    [(None, 1 << 30, False), (30 << 20, 1 << 30, False), (60 << 20, 1 << 30, True), (65 << 20, 1 << 40, True)],
)
def test_what_is_worth_a_look(amount, total, large):
    assert suspects._large(amount, total) is large
