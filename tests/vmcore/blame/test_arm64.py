"""Values followed backwards through small pieces of arm64 code."""

import pytest

from lastwords.vmcore.blame.instruction import Act
from lastwords.vmcore.blame.walk import Budget, Definition, Source, definitions

from .fakes import CODE, OBJECT, STACK, FakeDump

_POISON = 0x6B6B6B6B6B6B6B6B
_FLAGS_HIGHER = 1 << 29  # no borrow, not zero
_ENOMEM = (1 << 64) - 12


def _dump(*words: int, memory: dict[int, int] | None = None) -> FakeDump:
    code = b"".join(word.to_bytes(4, "little") for word in words).hex()
    return FakeDump({"f": code, "g": "c0035fd6"}, memory or {}, architecture="arm64")


def _walk(dump: FakeDump, at: int, place: str, values: dict[str, int]) -> list[Definition]:
    function = dump.function("f")
    index = function.index(CODE + at)
    assert index is not None
    return definitions(function, index, place, dump.state(values), Budget())


def test_load_and_the_register_that_it_went_by() -> None:
    # ldr x0, [x19, #24]; ldr w0, [x0]
    (found,) = _walk(_dump(0xF9400E60, 0xB9400000), 4, "x0", {"x0": 0, "x19": OBJECT})
    assert (found.source, found.at, found.state.get("x19")) == (Source.LOAD, 0, OBJECT)


def test_registers_that_a_prologue_saved() -> None:
    # stp x29, x30, [sp, #-32]!; stp x19, x20, [sp, #16]; mov x19, x0; ldr w0, [x19]
    memory = {STACK: 1, STACK + 8: 2, STACK + 16: 3, STACK + 24: 4}
    dump = _dump(0xA9BE7BFD, 0xA90153F3, 0xAA0003F3, 0xB9400260, memory=memory)
    (found,) = _walk(dump, 12, "x19", {"x19": 0})
    assert (found.source, found.place, found.value) == (Source.ENTRY, "x0", 0)
    assert [found.state.get(name) for name in ("x29", "x30", "x19", "x20", "sp")] == [1, 2, 3, 4, STACK + 32]


def test_of_a_pair_one_may_be_the_base() -> None:
    # ldp x0, x1, [x0, #16]; ldr w2, [x0]
    function = _dump(0xA9410400, 0xB9400002).function("f")
    first, second = function.parts(0)
    assert (first.target, second.target) == ("x1", "x0")
    assert [each.memory and each.memory.displacement for each in (first, second)] == [24, 16]


def test_a_pointer_that_moves_on() -> None:
    # ldr x1, [x0], #8; ldr w2, [x1]
    (found,) = _walk(_dump(0xF8408401, 0xB9400022), 4, "x1", {"x1": 0, "x0": OBJECT + 8})
    assert (found.source, found.state.get("x0")) == (Source.LOAD, OBJECT)


def test_an_address_of_two_instructions() -> None:
    # adrp x0, 0; add x0, x0, #0x28; ldr x0, [x0, #8]; ldr w1, [x0]
    dump = _dump(0x90000000, 0x9100A000, 0xF9400400, 0xB9400001)
    (found,) = _walk(dump, 8, "x0", {"x0": CODE + 0x28})
    assert (found.source, found.delta, found.value) == (Source.CONSTANT, 0x28, CODE)
    assert dump.function("f").instruction(0).act is Act.PAGE


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"x1": 5}, {"x2"}),
        ({"x1": 4}, {"x3"}),
        ({"flags": _FLAGS_HIGHER}, {"x2"}),
        ({"x2": 7}, {"x3"}),  # it holds something else
        ({}, {"x2", "x3"}),
    ],
)
def test_a_choice(values: dict[str, int], places: set[str]) -> None:
    # cmp x1, #4; csel x0, x2, x3, hi; ldr w1, [x0]
    found = _walk(_dump(0xF100103F, 0x9A838040, 0xB9400001), 8, "x0", {"x0": 0, **values})
    assert {each.place for each in found} == places


@pytest.mark.parametrize(
    ("flags", "sources"),
    [(8, {Source.ENTRY}), (7, {Source.LOAD}), (None, {Source.ENTRY, Source.LOAD})],
)
def test_a_branch_on_a_bit(flags: int | None, sources: set[Source]) -> None:
    # tbz w1, #3, 0xc; mov x0, x2; b 0x10; 0xc: ldr x0, [x3, #8]; 0x10: ldr w1, [x0]
    dump = _dump(0x36180061, 0xAA0203E0, 0x14000002, 0xF9400460, 0xB9400001)
    values = {"x0": 0, "x2": 0} | ({} if flags is None else {"x1": flags})
    assert {each.source for each in _walk(dump, 16, "x0", values)} == sources


def test_a_branch_on_zero_tells_what_was_zero() -> None:
    # cbnz x1, 0xc; mov x0, #-12; b 0x10; 0xc: mov x0, x2; 0x10: ldr w1, [x0]
    dump = _dump(0xB5000061, 0x92800160, 0x14000002, 0xAA0203E0, 0xB9400001)
    (found,) = _walk(dump, 16, "x0", {"x0": _ENOMEM, "x1": 0})
    assert (found.source, found.value) == (Source.CONSTANT, _ENOMEM)
    (found,) = _walk(dump, 16, "x0", {"x0": _POISON})
    assert (found.source, found.place) == (Source.ENTRY, "x2")


def test_of_a_sum_the_large_part_is_the_pointer() -> None:
    # add x0, x1, x2; ldr w1, [x0]
    dump = _dump(0x8B020020, 0xB9400001)
    for pointer, offset in (("x1", "x2"), ("x2", "x1")):
        (found,) = _walk(dump, 4, "x0", {"x0": OBJECT + 0x40, offset: 0x40, pointer: OBJECT})
        assert (found.source, found.place, found.delta) == (Source.ENTRY, pointer, 0x40)


def test_tag_bits_are_masked() -> None:
    # and x0, x1, #~3; ldr w1, [x0]
    (found,) = _walk(_dump(0x927EF420, 0xB9400001), 4, "x0", {"x0": _POISON & -4})
    assert (found.place, found.mask & 0xFF, found.wanted) == ("x1", 0xFC, _POISON & -4)


def test_an_index_of_half_a_register() -> None:
    # ldr x0, [x1, w2, sxtw #3]; ldr w1, [x0]
    dump = _dump(0xF862D820, 0xB9400001)
    (found,) = _walk(dump, 4, "x0", {"x0": 0, "x1": OBJECT, "x2": 0xDEADBEEFFFFFFFFE})
    memory = dump.function("f").instruction(0).memory
    assert memory is not None
    assert found.state.address(memory) == OBJECT - 16


def test_a_number_in_pieces() -> None:
    # mov x0, #0x100; movk x0, #0xdead, lsl #48; ldr w1, [x0]
    dump = _dump(0xD2802000, 0xF2FBD5A0, 0xB9400001)
    (found,) = _walk(dump, 8, "x0", {"x0": 0xDEAD000000000100})
    assert (found.source, found.value) == (Source.CONSTANT, 0xDEAD000000000100)
    assert _walk(dump, 8, "x0", {"x0": 0}) == []


def test_atomic_swap_and_system_register() -> None:
    # swpal x1, x0, [x2]; mrs x0, sp_el0
    swap, task = _dump(0xF8E18040, 0xD5384100).function("f").parts(0)[0], _dump(0xD5384100).function("f").parts(0)[0]
    assert (swap.act, swap.target, swap.memory and swap.memory.base) == (Act.EXCHANGE, "x0", "x2")
    assert (task.act, task.target, task.memory and task.memory.segment) == (Act.LOAD, "x0", "sp_el0")


def test_calls_keep_some_registers() -> None:
    # mov x20, x0; bl g; ldr w1, [x20]
    dump = _dump(0xAA0003F4, 0x94000002, 0xB9400281)
    (found,) = _walk(dump, 8, "x20", {"x20": 0})
    assert (found.source, found.place) == (Source.ENTRY, "x0")
    (found,) = _walk(dump, 8, "x0", {"x0": 0})
    assert found.source is Source.RETURNED
    (found,) = _walk(dump, 8, "x9", {"x9": 0})
    assert found.source is Source.CLOBBERED


def test_the_stack_is_as_high_behind_the_epilogue_as_before_the_prologue() -> None:
    # stp x29, x30, [sp, #-16]!; ldr x0, [x1]; ldp x29, x30, [sp], #16; autiasp; ret
    function = _dump(0xA9BF7BFD, 0xF9400020, 0xA8C17BFD, 0xD50323BF, 0xD65F03C0).function("f")
    heights = [function.stack_height(index) for index in range(len(function))]
    assert heights == [0, -16, -16, -16, -16, -16, -16, 0, 0]
    assert function.returns() == [len(function) - 1]
