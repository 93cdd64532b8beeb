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
