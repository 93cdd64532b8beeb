import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.reported import Reported, checked_address, kasan_range, reported_address


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("BUG: unable to handle kernel NULL pointer dereference at           (null)", 0),
        ("BUG: unable to handle kernel NULL pointer dereference at 0000000000000018", 0x18),
        ("BUG: unable to handle kernel paging request at ffffc90001935030", 0xFFFFC90001935030),
        ("BUG: unable to handle page fault for address: ffffebde00002008", 0xFFFFEBDE00002008),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000086", 0x86),
        ("Unable to handle kernel NULL pointer dereference at virtual address 00000004", 4),
        ("Unable to handle kernel paging request at virtual address dfff800000000003", 0xDFFF800000000003),
        (
            "Unable to handle kernel access to user memory at virtual address 000000000cc6b0d0",
            0xCC6B0D0,
        ),
        ("Unhandled fault: page domain fault (0x01b) at 0x00000e30", 0xE30),
        ("BUG: Unable to handle kernel data access at 0x8000000041a25f20", 0x8000000041A25F20),
        ("BUG: Kernel NULL pointer dereference on read at 0x00000000", 0),
        ("Unable to handle kernel paging request for data at address 0x00000000", 0),
        (
            "CPU 0 Unable to handle kernel paging request at virtual address fffffff0, epc == 8003ab3c, ra == 80036f64",
            0xFFFFFFF0,
        ),
        (
            "BUG: stack guard page was hit at ffffc900190cfff8 (stack is ffffc900190d0000..ffffc900190d7fff)",
            0xFFFFC900190CFFF8,
        ),
        ("BUG: TASK stack guard page was hit at ffffc900054afff8 (stack is x)", 0xFFFFC900054AFFF8),
        (
            "general protection fault, probably for non-canonical address 0xdffffc0000000002: 0000 [#1] SMP",
            0xDFFFFC0000000002,
        ),
        ("Oops: general protection fault, maybe for address 0xffff888012345678: 0000 [#1] SMP", 0xFFFF888012345678),
        ("general protection fault: 0000 [#1] SMP KASAN", None),
        ("BUG: unable to handle kernel", None),
        ("BUG: unable to handle kernel paging request at", None),
        ("WARNING: at fs/ext4/inode.c:12", None),
    ],
)
def test_wordings(text, value):
    assert value_of(reported_address([text], {})) == value


def value_of(found: Reported | None) -> int | None:
    return None if found is None else found.value


def test_paging():
    gpf = "general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1]"
    assert reported_address([gpf], {}) == Reported(0xDEAD000000000122, paging=False)
    fault = "BUG: unable to handle page fault for address: 00000000deadbeef"
    assert reported_address([fault], {}) == Reported(0xDEADBEEF, paging=True)


def test_s390():
    found = reported_address(
        [
            "Unable to handle kernel pointer dereference in virtual kernel address space",
            "Failing address: 0000000000001000 TEID: 0000000000001483",
        ],
        {},
    )
    assert found is not None
    assert (found.value, found.page_only) == (0x1000, True)


def test_registers():
    assert reported_address([], {"badaddr": 8, "cause": 13}) == Reported(8)
    # A breakpoint's badaddr is no address of a fault.
    assert reported_address([], {"badaddr": 8, "cause": 3}) is None
    assert reported_address([], {"dar": 8, "trap": 0x300}) == Reported(8)
    assert reported_address([], {"dar": 8, "trap": 0x700}) is None
    # Another fault may have overwritten CR2.
    assert reported_address([], {"cr2": 8}) is None


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (
            ["BUG: KASAN: use-after-free in f+0x1", "Read of size 8 at addr ffff8881d2bec328 by task a/1"],
            0xFFFF8881D2BEC328,
        ),
        (["BUG: KASAN: global-out-of-bounds in f+0x27a/0x2b0 at addr ffffffff82cda558"], 0xFFFFFFFF82CDA558),
        (["Out-of-bounds read at 0xffff8c2aae231fff (1B left of kfence-#1)"], 0xFFFF8C2AAE231FFF),
        (["Read of size 8"], None),
    ],
)
def test_sanitizers(texts, value):
    assert value_of(checked_address(texts)) == value


def test_kasan_range():
    assert kasan_range(["x", "KASAN: null-ptr-deref in range [0x0000000000000018-0x000000000000001f]"]) == (0x18, 0x1F)
    assert kasan_range(["KASAN: maybe wild-memory-access in range [0xdead000000000120-0xdead000000000127]"]) == (
        0xDEAD000000000120,
        0xDEAD000000000127,
    )
    assert kasan_range(["KASAN: null-ptr-deref in f"]) is None


@given(
    st.lists(st.text()), st.dictionaries(st.sampled_from(["dar", "trap", "badaddr", "cause"]), st.integers(0, 1 << 63))
)
def test_anything(texts, registers):
    texts = [*texts, *("KASAN: " + t for t in texts), *("Unable to handle kernel " + t + " at 0x1" for t in texts)]
    reported_address(texts, registers)
    checked_address(texts)
    kasan_range(texts)
