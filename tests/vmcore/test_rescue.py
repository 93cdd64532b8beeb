"""The log of a dump that can't be opened is the log of one that can."""

import msgspec

from lastwords.vmcore.answers import rescued
from lastwords.vmcore.session import Sources

from . import building
from .building import elf_dump


def test_the_rescued_log_has_one_line_a_message(machine, put):
    sources = Sources(dump=(put(elf_dump(machine)),))
    found = rescued(msgspec.msgpack.encode(sources), lambda _: None)
    assert len(found.text.splitlines()) == sum(record.count("\n") + 1 for record in building.LOG)
    assert "" not in found.text.splitlines()
