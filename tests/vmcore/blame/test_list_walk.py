"""Lists walked to the element that holds a bad pointer."""

import pytest

from lastwords.vmcore.blame.callers import Activation
from lastwords.vmcore.blame.list_walk import holder_of
from lastwords.vmcore.blame.origin import Node
from lastwords.vmcore.blame.walk import Definition, Source

from .fakes import OBJECT, FakeDump

BAD = 0x6B6B6B6B6B6B6B6B
NEXT = 8
LOOP = "48 8b 5b 08  8b 03"  # mov rbx, [rbx+8]; mov eax, [rbx]
INDEXED = "48 8b 5c cb 08  8b 03"  # mov rbx, [rbx+rcx*8+8]; mov eax, [rbx]


def element(number: int) -> int:
    return OBJECT + number * 0x100


def walked(*links: int, bad: int = BAD, code: str = LOOP) -> tuple[int, int] | None:
    """From element 0 on, where each link is the number of the next element, or what is no element."""
    memory = {element(at) + NEXT: element(link) if 0 < link < 100 else link for at, link in enumerate(links)}
    dump = FakeDump({"f": code}, memory)
    state = dump.state({"rbx": bad})
    load = Definition(Source.LOAD, 0, "rbx", 0, bad, state)
    return holder_of(dump, Node(load, Activation(dump.function("f"), 0, state, 0), address=element(0) + NEXT), bad)


def test_where_it_was_loaded_from():
    assert walked(BAD) == (element(0) + NEXT, 0)
    assert walked(0, bad=0) == (element(0) + NEXT, 0)


def test_some_elements_further():
    assert walked(1, 2, 3, BAD) == (element(3) + NEXT, 3)


@pytest.mark.parametrize(
    "links",
    [(1, 2, element(0)), (1, 1), (1, 2, 3, 2), (1, 2, BAD + 1), (1, 2), (1, 2, 0), ()],
    ids=["goes round", "its own next", "goes round behind", "another bad value", "not in the dump", "ends", "nothing"],
)
def test_lists_without_it(links):
    assert walked(*links) is None


def test_the_end_of_a_list_is_no_broken_element():
    assert walked(1, 2, 0, bad=0) is None


def test_an_array_is_no_list():
    assert walked(1, BAD, code=INDEXED) is None


def test_an_address_that_is_not_known():
    dump = FakeDump({"f": LOOP})
    state = dump.state({})
    load = Definition(Source.LOAD, 0, "rbx", 0, BAD, state)
    assert holder_of(dump, Node(load, Activation(dump.function("f"), 0, state, 0)), BAD) is None
