import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.source import place_behind_symbol, place_of_check


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kernel BUG at mm/slab.c:4339!", ("mm/slab.c", 4339)),
        (
            "WARNING: CPU: 0 PID: 6694 at net/bridge/netfilter/ebtables.c:2063 compat_copy_entries+0xd92/0x1150",
            ("net/bridge/netfilter/ebtables.c", 2063),
        ),
        ("WARNING: at kernel/smp.c:329 smp_call_function_many+0x1/0x2()", ("kernel/smp.c", 329)),
        ("WARNING: kernel/smp.c:329 at smp_call_function_many+0x1/0x2, CPU#0: a/1", ("kernel/smp.c", 329)),
        ("UBSAN: shift-out-of-bounds in drivers/usb/core/devio.c:1517:25", ("drivers/usb/core/devio.c", 1517)),
        # The place of might_sleep(), which is not to blame.
        ("BUG: sleeping function called from invalid context at mm/slab.h:421", None),
        ("WARNING: possible circular locking dependency detected", None),
        ("general protection fault: 0000 [#1]", None),
    ],
)
def test_headlines(text, expected):
    assert place_of_check(text) == expected


def test_decoded_lines():
    text = "RIP: 0010:partition_sched_domains_locked+0x9c/0x100 kernel/cgroup/cpuset.c:1007"
    assert place_behind_symbol(text) == ("kernel/cgroup/cpuset.c", 1007)
    assert place_behind_symbol("RIP: 0010:f+0x9c/0x100 [ext4] (fs/ext4/inode.c:12)") == ("fs/ext4/inode.c", 12)
    assert place_behind_symbol("RIP: 0010:f+0x9c/0x100 [ext4] fs/ext4/inode.c:12") == ("fs/ext4/inode.c", 12)
    assert place_behind_symbol("RIP: 0010:f+0x9c/0x100") is None


@given(st.text())
def test_any_text(text):
    place_of_check("WARNING: at " + text)
    place_behind_symbol("RIP: f+0x1/0x2 " + text)
