"""Recorded crashes with damage: whatever memory and registers hold, the search ends and what it says holds together."""

import random
import time

import pytest

from lastwords.vmcore.blame.follow import follow

from .recorded import Recorded, told_bare

_SOURCES = (
    "list-loop",
    "operations-tail",
    "memcpy",
    "timer",
    "spill",
    "inside-wake",
    "inside-xarray",
    "inside-kobject",
    "arm64-list-loop",
    "arm64-operations-tail",
    "arm64-more-switch",
    "arm64-stack-argument",
)


class _Damaged(Recorded):
    """A recording in which some bytes differ, some reads fail, and some registers and return addresses are wrong."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name)
        chance = random.Random(seed)
        self._chance = chance
        reads = self._content["reads"]
        for key, text in list(reads.items()):
            if text is None:
                continue
            data = bytearray.fromhex(text)
            if chance.random() < 0.05:
                reads[key] = None
                continue
            for _ in range(chance.choice((0, 0, 1, 4, 40))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            reads[key] = data.hex()
        registers, kind = self.fault.registers, self.architecture
        likely = (registers[kind.stack_pointer], registers[kind.arguments[0]])
        for register in chance.sample(sorted(registers), 2):
            registers[register] = chance.choice((0, 1, 0xFFF, 1 << 63, (1 << 64) - 1, *likely))
        if chance.random() < 0.3:
            frame = chance.randrange(len(self.fault.frames))
            self.fault.frames[frame] = self.fault.frames[frame]._replace(pc=chance.choice((0, 1, (1 << 64) - 1)))


@pytest.mark.parametrize("name", _SOURCES)
def test_damage(name: str) -> None:
    for seed in range(25):
        dump = _Damaged(name, seed)
        began = time.process_time()
        followed = follow(dump, dump.fault)
        if followed is not None:
            found = told_bare(dump, dump.fault, followed)
            assert found.text
            assert found.steps[0].kind == "fault"
            assert found.confidence != "high" or all(
                step.checked for step in found.steps if step.about == "pointer" and step.kind != "spill"
            )
        assert time.process_time() - began < 2
