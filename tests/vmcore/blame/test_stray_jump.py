"""Jumps to nowhere: a flipped bit only where nothing else is as near."""

import pytest

from lastwords.vmcore.blame.callers import Frame
from lastwords.vmcore.blame.fault import Fault
from lastwords.vmcore.blame.stray_jump import stray_jump

from .fakes import CODE, STACK
from .modules import ModulesDump

FAR = 1 << 40
FUNCTIONS = {"read_ring": "90 " * 0x40, "write_ring": "90 " * 0x40}
READ, WRITE = CODE, CODE + 0x40


def fault(target: int, came_from: int | None = None) -> Fault:
    frames = [Frame(pc, STACK, False, {}) for pc in (target, came_from) if pc is not None]
    return Fault("page fault", {"rip": target, "rsp": STACK}, frames, [])


def jumped(target: int, came_from: int | None = None, **rest):
    return stray_jump(ModulesDump(FUNCTIONS, **rest).program, fault(target, came_from))


@pytest.mark.parametrize("bit", [30, 40, 46])
def test_one_bit_away_from_a_function(bit):
    found = jumped(WRITE ^ 1 << bit, READ + 8)
    assert found is not None
    assert found.sense == f"one bit away from {WRITE:#x}, the start of write_ring (bit {bit} differs)"
    assert (found.function, found.module, found.confidence) == ("read_ring", "ring", "low")


def test_who_jumped_is_not_known():
    found = jumped(READ ^ FAR)
    assert found is not None
    assert found.function == ""
    assert found.module is None


@pytest.mark.parametrize(
    "target",
    [
        READ ^ FAR ^ 8,
        READ ^ FAR ^ 1 << 41,
        READ,
        READ + 0x100,
        0x41414141,
        0,
    ],
    ids=["not its start", "two bits", "code", "near the text: several bits", "user space", "NULL"],
)
def test_what_says_nothing(target):
    assert jumped(target) is None


def test_mapped_memory_says_nothing():
    assert jumped(READ ^ FAR, memory={READ ^ FAR: 0}) is None


def test_two_bits_that_could_be_it():
    """Of two functions that are a bit away, which one was meant?"""
    dump = ModulesDump(FUNCTIONS)
    read, _write = dump.symbols
    other = READ ^ 1 << 35 ^ 1 << 36
    dump.symbols.append(read._replace(name="other", start=other, end=other + 0x40))
    target = READ ^ 1 << 35
    assert stray_jump(dump.program, fault(target)) is None
    dump.symbols.pop()
    assert stray_jump(dump.program, fault(target)) is not None


def test_data_is_no_function():
    dump = ModulesDump(FUNCTIONS)
    dump.symbols = [each._replace(data=True) for each in dump.symbols]
    assert stray_jump(dump.program, fault(READ ^ FAR)) is None


BACK = CODE + 0x45


def called(distance: int, target: int, opcode: str = "e8", pushed: int = BACK):
    """A call in write_ring that was made, with this distance in the code; `target` is where the processor is."""
    functions = {
        **FUNCTIONS,
        "write_ring": f"{opcode} {(distance & 0xFFFFFFFF).to_bytes(4, 'little').hex(' ')} {'90 ' * 0x3B}",
    }
    return stray_jump(ModulesDump(functions, memory={STACK: pushed}).program, fault(target, READ + 8))


@pytest.mark.parametrize("bit", [25, 28, 30])
def test_a_call_whose_distance_has_a_flipped_bit(bit):
    """The distance is negative, so that more than one bit of the target differs."""
    distance = (READ - BACK ^ 1 << bit) & 0xFFFFFFFF
    target = BACK + (distance - (distance >> 31 << 32)) & (1 << 64) - 1
    found = called(distance, target)
    assert found is not None
    assert found.sense == f"one bit away from {READ:#x}, the start of read_ring (bit {bit} of the distance differs)"
    assert (found.function, found.address, found.confidence) == ("write_ring", BACK - 5, "medium")


@pytest.mark.parametrize(
    ("distance", "opcode", "pushed"),
    [
        (READ + 8 - BACK ^ 1 << 28, "e8", BACK),
        (READ - BACK ^ 1 << 28, "e9", BACK),
        (READ - BACK ^ 1 << 28, "e8", BACK + 1),
        (READ - BACK ^ 1 << 28, "e8", 0x1000),
    ],
    ids=["not to its start", "no call", "something else on the stack", "nothing on the stack"],
)
def test_a_call_that_says_nothing(distance, opcode, pushed):
    assert called(distance, BACK + distance & (1 << 64) - 1, opcode, pushed) is None


def test_a_call_that_leads_elsewhere_was_not_it():
    assert called(READ - BACK ^ 1 << 28, BACK + (3 << 30)) is None
