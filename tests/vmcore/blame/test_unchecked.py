"""Calls that can fail and whose result nobody looks at: found where the code says so, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.vmcore.blame.function import Symbol
from lastwords.vmcore.blame.unchecked import unchecked

from .modules import ModulesDump

FIELD = 0x20

# push rbx; mov rbx, rsi; test edi, edi; je 1f; xor eax, eax; mov [rbx+0x20], rdi; pop rbx; ret;
# 1: mov eax, -12; pop rbx; ret
SETTER = "53  48 89 f3  85 ff  74 08  31 c0  48 89 7b 20  5b  c3  b8 f4 ff ff ff  5b  c3"
# test edx, edx; je 1f; mov [rdi+0x20], rsi; xor eax, eax; ret; 1: mov eax, -12; ret
DIRECT = "85 d2  74 07  48 89 77 20  31 c0  c3  b8 f4 ff ff ff  c3"
OVERWRITTEN = "48 8b 43 08  48 89 c7  c3"  # mov rax, [rbx+8]; mov rdi, rax; ret


def found(setter: str, behind: str, **further: str) -> list[tuple[str, str, str]]:
    """Who ignores what, in a module where a function calls the setter and then does that."""
    length = len(bytes.fromhex(setter))
    call = "e8 " + (-(length + 5)).to_bytes(4, "little", signed=True).hex()
    dump = ModulesDump({"map_ring": setter, "write_ring": f"{call} {behind}", **further})
    return [(each.caller, each.callee, each.error) for each in unchecked(dump.program, "ring", FIELD)]


@pytest.mark.parametrize("setter", [SETTER, DIRECT])
@pytest.mark.parametrize(
    "behind",
    [
        OVERWRITTEN,
        "31 c0  c3",  # xor eax, eax; ret
        "48 89 df  e8 00 00 00 00  c3",  # mov rdi, rbx; call 1f; 1: ret
        "48 85 db  74 03  31 c0  c3  b8 05 00 00 00  c3",  # test rbx, rbx; je 1f; xor eax, eax; ret; 1: mov eax, 5; ret
        "48 85 db  74 03  31 c0  c3  0f 0b",  # the same, with 1: ud2
    ],
    ids=["loaded", "zeroed", "next call", "on both ways", "or it ends"],
)
def test_a_result_that_nobody_looks_at(setter, behind):
    assert found(setter, behind) == [("write_ring", "map_ring", "-ENOMEM")]


@pytest.mark.parametrize(
    "behind",
    [
        "85 c0  78 02  31 c0  c3",  # test eax, eax; js 1f; xor eax, eax; 1: ret
        "83 f8 f4  74 02  31 c0  c3",  # cmp eax, -12; je 1f; xor eax, eax; 1: ret
        "89 c3  48 89 ef  e8 00 00 00 00  85 db  75 02  31 c0  c3",  # mov ebx, eax; call; test ebx, ebx; jne …
        "89 43 30  31 c0  c3",  # mov [rbx+0x30], eax; xor eax, eax; ret
        "5b  c3",  # pop rbx; ret
        "89 c7  e8 00 00 00 00  c3",  # mov edi, eax; call 1f; 1: ret
        "48 85 db  74 03  31 c0  c3  85 c0  78 02  31 c0  c3",  # test rbx, rbx; je 1f; …; 1: test eax, eax; js …
        "eb 04  85 c0  74 05  48 85 db  74 f7  31 c0  c3",  # jmp 2f; 1: test eax, eax; je 3f; 2: test rbx, rbx; je 1b
        "48 85 db  0f 45 e8  31 c0  c3",  # test rbx, rbx; cmovne ebp, eax; xor eax, eax; ret
        "48 98  48 89 03  c3",  # cdqe; mov [rbx], rax; ret
        "ff d0  c3",  # call rax; ret
        "48 85 db  0f 84 00 10 00 00  31 c0  c3",  # test rbx, rbx; je elsewhere; xor eax, eax; ret
        "b0 01  c3",  # mov al, 1; ret
    ],
    ids=[
        "tested", "compared", "moved and tested later", "stored", "handed on", "passed on", "behind a jump",
        "behind a jump back", "kept on a condition", "extended", "called", "who knows", "overwritten in part",
    ],
)  # fmt: skip
def test_a_result_that_is_looked_at(behind):
    assert found(SETTER, behind) == []


@pytest.mark.parametrize(
    "setter",
    [
        # test edx, edx; je 1f; mov [rdi+0x20], rsi; ret; 1: mov eax, -12; mov [rdi+8], eax; ret
        "85 d2  74 05  48 89 77 20  c3  b8 f4 ff ff ff  89 47 08  c3",
        # mov [rdi+0x20], rsi; mov eax, -12; test edx, edx; je 1f; xor eax, eax; 1: ret
        "48 89 77 20  b8 f4 ff ff ff  85 d2  74 02  31 c0  c3",
        # test edx, edx; je 1f; mov [rdi+0x20], rsi; xor eax, eax; ret; 1: mov eax, -12; xor eax, eax; ret
        "85 d2  74 07  48 89 77 20  31 c0  c3  b8 f4 ff ff ff  31 c0  c3",
        "48 89 77 20  31 c0  c3",  # mov [rdi+0x20], rsi; xor eax, eax; ret
        # push rbx; call 2f; 2: mov rbx, rax; test rax, rax; je 1f; mov [rbx+0x20], rsi; …; 1: mov eax, -12; …
        "53  e8 00 00 00 00  48 89 c3  48 85 c0  74 08  48 89 73 20  31 c0  5b  c3  b8 f4 ff ff ff  5b  c3",
        DIRECT.replace("77 20", "77 28"),
        DIRECT.replace("b8 f4 ff ff ff", "b8 f4 00 00 00"),  # mov eax, 0xf4
    ],
    ids=[
        "void, with a constant by chance", "set before it fails", "the error is dropped", "never fails",
        "the object is its own", "another field", "a number, not an error",
    ],
)  # fmt: skip
def test_no_setter_that_can_fail(setter):
    assert found(setter, OVERWRITTEN) == []


def test_many_setters_are_of_several_kinds_of_objects():
    few = {f"set_{number}": DIRECT for number in range(3)}
    assert found(SETTER, OVERWRITTEN, **few)
    assert found(SETTER, OVERWRITTEN, **few, another=DIRECT) == []


def test_a_return_by_way_of_a_thunk():
    # DIRECT with jmp __x86_return_thunk for each ret: at 0xa and 0x14 of its 0x19 bytes
    setter = "85 d2  74 0b  48 89 77 20  31 c0  e9 {:02x} 00 00 00  b8 f4 ff ff ff  e9 {:02x} 00 00 00"
    setter = setter.format(0x19 - 0xF, 0x0)
    call = "e8 " + (-(0x19 + 1 + 5)).to_bytes(4, "little", signed=True).hex()
    dump = ModulesDump({"map_ring": setter, "__x86_return_thunk": "c3", "write_ring": f"{call} {OVERWRITTEN}"})
    (one,) = unchecked(dump.program, "ring", FIELD)
    assert (one.caller, one.error, one.address) == ("write_ring", "-ENOMEM", dump.named("write_ring")[0].start)
    assert "does not look" in one.text
    assert one.module == "ring"


def test_other_code_than_that_of_x86_is_not_read_as_such():
    dump = ModulesDump({"map_ring": SETTER, "write_ring": "e8 e4 ff ff ff 31 c0 c3"}, architecture="arm64")
    assert unchecked(dump.program, "ring", FIELD) == ()


def test_code_that_is_not_in_the_dump():
    dump = ModulesDump({"map_ring": SETTER})
    dump.bytes.clear()
    dump.symbols.append(Symbol("empty", dump.symbols[0].end, dump.symbols[0].end))
    assert unchecked(dump.program, "ring", FIELD) == ()
    assert unchecked(dump.program, "fan", FIELD) == ()


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.binary(max_size=60))
def test_any_bytes(setter, behind):
    """Whatever is in memory, it ends without an error."""
    assert isinstance(found(setter.hex(), behind.hex()), list)
    assert found(SETTER, behind.hex()) in ([], [("write_ring", "map_ring", "-ENOMEM")])
