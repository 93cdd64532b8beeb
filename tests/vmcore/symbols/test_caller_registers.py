"""Places where drgn's unwinder takes a wrong turn: see also the lab's nx-exec and its arm64 kernel."""

import struct
from types import SimpleNamespace
from typing import Any, cast

import drgn
import pytest

from lastwords.vmcore.symbols import unwind
from lastwords.vmcore.symbols.caller_registers import better_registers

STACK = 0xFFFFAA6EC016FC48
FUNC, OBJECT = drgn.SymbolKind.FUNC, drgn.SymbolKind.OBJECT


def symbol(name, address, kind=FUNC):
    return SimpleNamespace(name=name, address=address, kind=kind)


class Memory:
    """A program with a few bytes and symbols."""

    def __init__(self, arch, symbols, words):
        self.platform = SimpleNamespace(arch=arch)
        self.symbols = symbols
        self.bytes: dict[int, int] = {}
        for address, data in words.items():
            self.bytes |= {address + place: byte for place, byte in enumerate(data)}

    def read(self, address, size):
        try:
            return bytes(self.bytes[address + place] for place in range(size))
        except KeyError:
            raise drgn.FaultError("not there", address) from None

    def read_u64(self, address):
        return int.from_bytes(self.read(address, 8), "little")

    def symbol(self, address):
        for each in self.symbols:
            if each.address <= address < each.address + 0x100:
                return each
        raise LookupError

    def type(self, name):
        assert name == "struct pt_regs"
        return SimpleNamespace(members=[SimpleNamespace(name="stackframe", bit_offset=304 * 8)])


def frame(where, registers, pc, *, interrupted=True):
    return cast(
        Any,
        SimpleNamespace(
            symbol=lambda: where,
            registers=lambda: registers,
            register=registers.__getitem__,
            interrupted=interrupted,
            pc=pc,
            sp=registers.get("rsp", registers.get("sp")),
            function_name=None,
            is_inline=False,
        ),
    )


NOTIFY, TABLE = 0xFFFFFFFFC0400000, 0xFFFFFFFFC0402060


# What stands before the return address: call rax, call [rip+...], and no call.
@pytest.mark.parametrize(
    ("before", "goes_on"), [(b"\xcc" * 5 + b"\xff\xd0", True), (b"\xcc\xff\x15\1\2\3\4", True), (bytes(7), False)]
)
def test_a_call_that_went_to_a_variable_does_not_end_a_trace(monkeypatch, before, goes_on):
    caller = NOTIFY + 0x51
    prog = Memory(
        drgn.Architecture.X86_64,
        [symbol("notify", NOTIFY)],
        {STACK: caller.to_bytes(8, "little"), caller - 7: before},
    )
    given = []

    def rest(_, registers):
        given.append(struct.unpack("<21Q", registers))
        return [frame(symbol("notify", NOTIFY), {"rsp": STACK + 8}, caller)]

    monkeypatch.setattr(unwind, "trace_of_registers", rest)
    registers = {"rip": TABLE, "rsp": STACK, "rbp": 1, "rax": 2, "r15": 3, "cs": 16, "ss": 24}
    called = frame(symbol("table", TABLE, OBJECT), registers, TABLE)
    guess = frame(symbol("luck", NOTIFY), {"rsp": STACK}, NOTIFY, interrupted=False)
    frames = list(unwind.kernel_frames(cast(Any, [called, guess]), prog=cast(Any, prog)))
    found = [unwind.function_name(each) for each in frames]
    assert found == (["table", "notify"] if goes_on else ["table", "luck"])
    if goes_on:
        (as_pt_regs,) = given  # r15, rbp, rax, rip, cs, rsp, ss
        assert [as_pt_regs[number] for number in (0, 4, 10, 16, 17, 19, 20)] == [3, 1, 2, caller - 1, 16, STACK + 8, 24]
        assert (frames[1].pc, frames[1].interrupted) == (caller, False)


CALLER, LEAF, DATA = 0xFFFFD80696000000, 0xFFFFD80696000200, 0xFFFFD80696000400
BL, STP, NOP = 0x97FFFFFF, 0xA9BE7BFD, 0xD503201F


def arm(leaf_code, call=BL, return_to=CALLER + 0x24):
    """A leaf function that faulted at its third instruction; the frame record is its caller's."""
    return Memory(
        drgn.Architecture.AARCH64,
        [symbol("caller", CALLER), symbol("leaf", LEAF), symbol("data", DATA, OBJECT)],
        {
            LEAF: struct.pack("<3I", *leaf_code),
            return_to - 4: struct.pack("<I", call),
            STACK: struct.pack("<QQ", STACK + 64, 0xFFFFD80696000300),
        },
    )


def arm_registers(lr=CALLER + 0x24):
    return {**{f"x{number}": number for number in range(29)}, "x29": STACK, "x30": lr, "sp": STACK - 32}


def test_the_caller_of_a_leaf_function_is_not_left_out_on_arm64():
    found = better_registers(cast(Any, arm([NOP, NOP, NOP])), frame(symbol("leaf", LEAF), arm_registers(), LEAF + 8))
    assert found is not None
    values = struct.unpack("<34Q", found.registers)
    assert values[29:] == (STACK, CALLER + 0x24, STACK - 32, CALLER + 0x20, 0)
    assert found.returns_to == CALLER + 0x24


@pytest.mark.parametrize(
    ("prog", "lr"),
    [
        (arm([STP, NOP, NOP]), CALLER + 0x24),  # it has saved its return address
        (arm([NOP, NOP, NOP], call=NOP), CALLER + 0x24),  # x30 is no return address
        (arm([NOP, NOP, NOP], return_to=LEAF + 0x10), LEAF + 0x10),  # it has called something itself
        (arm([NOP, NOP, NOP]), 0xFFFFD80696000300),  # the frame record says the same
        (arm([NOP, NOP, NOP]), 0),
    ],
)
def test_where_the_frame_record_is_right_it_is_followed(prog, lr):
    assert better_registers(cast(Any, prog), frame(symbol("leaf", LEAF), arm_registers(lr), LEAF + 8)) is None


def test_an_exception_on_arm64_gives_all_registers():
    saved = struct.pack("<34Q", *range(32), LEAF + 8, 5)
    saved += bytes(304 - len(saved)) + struct.pack("<QQ", 29, LEAF + 8)
    prog = Memory(drgn.Architecture.AARCH64, [], {STACK: saved})
    entry = symbol("el1h_64_sync", CALLER)
    registers = {"x29": STACK + 304, "x30": 0}
    found = better_registers(cast(Any, prog), frame(entry, registers, CALLER, interrupted=False))
    assert found == (saved[: 34 * 8], None)
    for other in (symbol("vfs_write", CALLER), symbol("el0t_64_sync", CALLER)):
        assert better_registers(cast(Any, prog), frame(other, registers, CALLER, interrupted=False)) is None
