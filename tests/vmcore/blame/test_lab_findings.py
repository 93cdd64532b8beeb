"""What the lab's own crashes taught: faults that are no crash, and a list whose pointer overwrote its own place."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lastwords.vmcore.blame.fault import find_fault, panic_frames
from lastwords.vmcore.blame.follow import follow

from .fakes import CODE, STACK, FakeDump

REGISTERS = {"rip": CODE, "rsp": STACK, "rdi": 0x7F0000001000, "rax": 0}


def stack(*names: str) -> list[Any]:
    return [
        SimpleNamespace(
            symbol=lambda name=name: SimpleNamespace(name=name),
            is_inline=False,
            interrupted=name == "clear_user",
            registers=lambda: REGISTERS,
            pc=CODE,
            sp=STACK,
        )
        for name in names
    ]


SERVED = ("panic", "out_of_memory", "handle_mm_fault", "exc_page_fault", "asm_exc_page_fault", "clear_user")
DIED = ("panic", "oops_end.cold", "exc_page_fault", "asm_exc_page_fault", "clear_user")


@pytest.mark.parametrize(("names", "fault"), [(SERVED, False), (DIED, True)])
def test_a_page_fault_that_is_being_served_is_no_bad_pointer(names, fault):
    dump = FakeDump({"clear_user": "c3"})
    assert (find_fault(dump, stack(*names)) is not None) is fault


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("delay_tsc", "panic", "oops_end.cold", "asm_exc_divide_error", "clear_user", "vfs_read"), 2),
        (("delay_tsc", "vpanic", "panic", "watchdog.cold", "kthread"), 3),
        (("delay_tsc", "nmi_panic", "default_do_nmi"), 2),
        (("clear_user", "vfs_read"), 0),
        ((), 0),
    ],
    ids=["an exception", "none", "of an NMI", "no panic", "nothing"],
)
def test_where_a_panic_came_from_that_no_bad_pointer_caused(names, left):
    """`dis` shows it: what the innermost exception interrupted, else who called panic()."""
    dump = FakeDump({"clear_user": "c3"})
    assert len(panic_frames(dump, stack(*names))) == left


# mov rdx, first; jmp; mov rdx, [rdx]; test; je; cmp [rdx+8], rdi; jne; ret
FIND = "48 c7 c2 00 00 00 82  eb 08  48 8b 12  48 85 d2  74 06  48 39 7a 08  75 f2  c3"
FIRST = 0xFFFFFFFF82000000
WILD = 0x1BADB0020BADF00D


@pytest.mark.parametrize(("held", "checked"), [(WILD, True), (0xFFFFFFFF82000010, None)])
def test_a_pointer_that_overwrote_its_own_place_is_looked_for_where_the_loop_began(held, checked):
    dump = FakeDump({"find": FIND, "end": "c3"}, {FIRST: held})
    fault = find_fault(
        dump,
        [
            *stack("panic", "asm_exc_general_protection"),
            SimpleNamespace(
                symbol=lambda: SimpleNamespace(name="find"),
                is_inline=False,
                interrupted=True,
                registers=lambda: {**REGISTERS, "rip": CODE + 17, "rdx": WILD},
                pc=CODE + 17,
                sp=STACK,
            ),
        ],
    )
    assert fault is not None
    followed = follow(cast(Any, dump), fault)
    assert followed is not None
    (node,) = followed.nodes
    assert node.checked is checked  # another element of the list may have held it: not "it was changed"
    assert (node.address, node.holds) == (FIRST, held)
