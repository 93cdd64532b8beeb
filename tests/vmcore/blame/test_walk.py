"""Values followed backwards through small pieces of code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.vmcore.blame.walk import Budget, Definition, Source, definitions

from .fakes import CODE, OBJECT, STACK, FakeDump

_GARBAGE = 0x6B6B6B6B6B6B6B6B


def _walk(dump: FakeDump, name: str, end: str, place: str | int, values: dict[str | int, int]) -> list[Definition]:
    function = dump.function(name)
    at = function.index(dump.named(name)[0].start + int(end, 16))
    assert at is not None
    return definitions(function, at, place, dump.state(values), Budget())


def _told(found: list[Definition]) -> set[tuple[Source, int, int]]:
    return {(each.source, each.at, each.delta) for each in found}


def test_load() -> None:
    # mov rdi, [rbx+0x18]; mov eax, [rdi]
    dump = FakeDump({"f": "48 8b 7b 18  8b 07"}, {OBJECT + 0x18: 0})
    (found,) = _walk(dump, "f", "4", "rdi", {"rdi": 0, "rbx": OBJECT})
    assert (found.source, found.at, found.value) == (Source.LOAD, 0, 0)
    assert found.state.get("rbx") == OBJECT


@pytest.mark.parametrize(
    ("rsi", "sources"),
    [
        (0, {Source.LOAD}),
        (5, {Source.ENTRY}),
        (None, {Source.LOAD, Source.ENTRY}),
    ],
)
def test_branch(rsi: int | None, sources: set[Source]) -> None:
    # test rsi, rsi; je 0xa; mov rdi, rdx; jmp 0xe; 0xa: mov rdi, [rbx+0x18]; 0xe: mov eax, [rdi]
    dump = FakeDump({"f": "48 85 f6  74 05  48 89 d7  eb 04  48 8b 7b 18  8b 07"})
    values: dict[str | int, int] = {"rdi": 0, "rdx": 0, "rbx": OBJECT}
    if rsi is not None:
        values["rsi"] = rsi
    assert {each.source for each in _walk(dump, "f", "e", "rdi", values)} == sources


def test_a_constant_that_is_not_the_value_was_not_the_way() -> None:
    # test rsi, rsi; je 0x9; xor edi, edi; jmp 0xd; 0x9: mov rdi, [rbx+0x18]; 0xd: mov eax, [rdi]
    dump = FakeDump({"f": "48 85 f6  74 04  31 ff  eb 04  48 8b 7b 18  8b 07"})
    assert {each.source for each in _walk(dump, "f", "d", "rdi", {"rdi": _GARBAGE})} == {Source.LOAD}
    assert {each.source for each in _walk(dump, "f", "d", "rdi", {"rdi": 0})} == {Source.LOAD, Source.CONSTANT}


def test_conditional_move() -> None:
    # test rsi, rsi; cmove rdi, rdx; mov eax, [rdi]
    dump = FakeDump({"f": "48 85 f6  48 0f 44 fa  8b 07"})
    (found,) = _walk(dump, "f", "7", "rdi", {"rdi": 0, "rsi": 0})
    assert (found.source, found.place) == (Source.ENTRY, "rdx")
    (found,) = _walk(dump, "f", "7", "rdi", {"rdi": 0, "rsi": 1})
    assert (found.source, found.place) == (Source.ENTRY, "rdi")
    assert len(_walk(dump, "f", "7", "rdi", {"rdi": 0})) == 2


def test_offsets_add_up() -> None:
    # lea rdi, [rbx+0x40]; add rdi, 8; sub rdi, 0x10; mov eax, [rdi]
    dump = FakeDump({"f": "48 8d 7b 40  48 83 c7 08  48 83 ef 10  8b 07"})
    (found,) = _walk(dump, "f", "c", "rdi", {"rdi": OBJECT + 0x38})
    assert (found.source, found.place, found.delta, found.value) == (Source.ENTRY, "rbx", 0x38, OBJECT)


def test_of_a_sum_the_large_part_is_the_pointer() -> None:
    # mov rcx, [rdx]; mov rax, [rbx]; add rax, rcx; mov eax, [rax]
    dump = FakeDump({"f": "48 8b 0a  48 8b 03  48 01 c8  8b 00"})
    (found,) = _walk(dump, "f", "9", "rax", {"rax": _GARBAGE + 0x40, "rcx": _GARBAGE})
    assert (found.source, found.at, found.delta) == (Source.LOAD, 0, 0x40)
    (found,) = _walk(dump, "f", "9", "rax", {"rax": _GARBAGE + 0x40, "rcx": 0x40})
    assert (found.source, found.at, found.delta) == (Source.LOAD, 1, 0x40)


def test_tag_bits_are_masked() -> None:
    # mov rax, [rdi]; and rax, -4; mov eax, [rax]
    dump = FakeDump({"f": "48 8b 07  48 83 e0 fc  8b 00"})
    (found,) = _walk(dump, "f", "7", "rax", {"rax": _GARBAGE & -4})
    assert (found.source, found.mask & 0xFF, found.wanted) == (Source.LOAD, 0xFC, _GARBAGE & -4)


def test_register_kept_over_a_call_and_lost_in_one() -> None:
    # mov rbx, [rdi]; call g; mov eax, [rbx]   and   g: ret
    dump = FakeDump({"f": "48 8b 1f  e8 02 00 00 00  8b 03", "g": "c3"})
    (found,) = _walk(dump, "f", "8", "rbx", {"rbx": 0})
    assert (found.source, found.at) == (Source.LOAD, 0)
    (found,) = _walk(dump, "f", "8", "rcx", {"rcx": 0})
    assert found.source is Source.CLOBBERED
    (found,) = _walk(dump, "f", "8", "rax", {"rax": 0})
    assert found.source is Source.RETURNED


def test_spilled_value_must_be_what_the_stack_holds() -> None:
    # mov rax, [rdi+0x10]; mov [rsp], rax; mov rax, [rsp]; mov eax, [rax]
    code = "48 8b 47 10  48 89 04 24  48 8b 04 24  8b 00"
    (found,) = _walk(FakeDump({"f": code}, {STACK: 0}), "f", "c", "rax", {"rax": 0})
    assert (found.source, found.at, len(found.spills)) == (Source.LOAD, 0, 2)
    assert _walk(FakeDump({"f": code}, {STACK: 77}), "f", "c", "rax", {"rax": 0}) == []


def test_register_saved_in_the_prologue() -> None:
    # push rbx; mov rbx, rdi; mov eax, [rbx]: at the entry, rbx is what was pushed
    dump = FakeDump({"f": "53  48 89 fb  8b 03"}, {STACK: OBJECT})
    (found,) = _walk(dump, "f", "4", "rbx", {"rbx": 0})
    assert (found.source, found.place, found.value) == (Source.ENTRY, "rdi", 0)
    assert found.state.get("rbx") == OBJECT
    assert found.state.get("rsp") == STACK + 8


def test_local_variable_whose_address_a_function_got() -> None:
    # sub rsp, 0x10; mov qword [rsp], 0; mov rdi, rsp; call g; mov rax, [rsp]; mov eax, [rax]
    code = "48 83 ec 10  48 c7 04 24 00 00 00 00  48 89 e7  e8 06 00 00 00  48 8b 04 24  8b 00"
    dump = FakeDump({"f": code, "g": "c3"}, {STACK: 0})
    (found,) = _walk(dump, "f", "18", "rax", {"rax": 0})
    assert (found.source, found.at) == (Source.FILLED_IN, 3)


def test_what_a_function_may_have_changed_is_no_contradiction() -> None:
    # The same with a value that the store did not leave there, followed for another register.
    code = "48 83 ec 10  48 c7 04 24 00 00 00 00  48 89 fb  48 89 e7  e8 06 00 00 00  48 8b 04 24  8b 03"
    dump = FakeDump({"f": code, "g": "c3"}, {STACK: _GARBAGE})
    (found,) = _walk(dump, "f", "1b", "rbx", {"rbx": 0, "rax": _GARBAGE})
    assert (found.source, found.place) == (Source.ENTRY, "rdi")


def test_loop_that_moves_a_pointer_on() -> None:
    # mov rdi, [rbx]; 3: mov eax, [rdi]; add rdi, 8; dec rcx; jne 3
    dump = FakeDump({"f": "48 8b 3b  8b 07  48 83 c7 08  48 ff c9  75 f5"})
    found = _walk(dump, "f", "3", "rdi", {"rdi": 0x80})
    assert {each.source for each in found} == {Source.LOAD}
    assert any(each.loose for each in found)


def test_endless_knowledge_ends() -> None:
    # 0: add rax, rdx; add rcx, rax; add rdx, rcx; jmp 0, entered with all known: each round has other values
    dump = FakeDump({"f": "48 01 d0  48 01 c1  48 01 ca  eb f5"})
    budget = Budget(steps=3000)
    state = dump.state({"rax": 1, "rcx": 2, "rdx": 3, "rdi": 0})
    definitions(dump.function("f"), 3, "rdi", state, budget)
    assert budget.steps > 0


def test_budget() -> None:
    dump = FakeDump({"f": "90 " * 500})
    (found,) = definitions(dump.function("f"), 499, "rdi", dump.state({"rdi": 0}), Budget(steps=100))
    assert found.source is Source.LOST


@settings(max_examples=150, deadline=None)
@given(
    st.binary(min_size=1, max_size=400),
    st.integers(0, 399),
    st.dictionaries(
        st.sampled_from(["rax", "rbx", "rcx", "rdi", "rsi", "rbp"]),
        st.sampled_from([0, 1, OBJECT, STACK + 8, (1 << 64) - 1]),
    ),
)
def test_any_bytes(code: bytes, start: int, values: dict[str, int]) -> None:
    """Whatever is in memory, the walk ends, and each place it names is in the function."""
    dump = FakeDump({"f": code.hex()}, {STACK: OBJECT, STACK + 8: 0})
    function = dump.function("f")
    at = start % len(function)
    budget = Budget(steps=2000)
    for place in ("rdi", "rax", STACK + 8):
        for each in definitions(function, at, place, dump.state(dict(values.items())), budget):
            assert 0 <= each.at < len(function)
            assert CODE <= function.instruction(each.at).address < CODE + len(code)
