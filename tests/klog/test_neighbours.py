"""Reports of different kernels in one file, one behind the other: none takes the other's trace for its own."""

import pytest

from .reading import oopses

CUT = """
[ 1722.511384] BUG: KASAN: slab-out-of-bounds in memcpy+0x1d/0x40 at addr ffff88003a6bd110
[ 1722.511384] Read of size 8 by task a.out/6260
"""
WHOLE = """
[  501.883925]{caller} BUG: kernel NULL pointer dereference, address: 0000000000000010
[  501.883930]{caller} #PF: supervisor read access in kernel mode
[  501.883931]{caller} Oops: 0000 [#1] PREEMPT SMP
[  501.883932]{caller} CPU: 0 PID: 77 Comm: load Not tainted 6.1.0 #1
[  501.883933]{caller} RIP: 0010:disk_end_io+0x11/0x40 [disk]
[  501.883934]{caller} Call Trace:
[  501.883935]{caller}  <TASK>
[  501.883936]{caller}  disk_poll+0x31/0x90 [disk]
[  501.883937]{caller}  do_syscall_64+0x55/0x80
[  501.883938]{caller}  </TASK>
[  501.883939]{caller} ---[ end trace 0000000000000000 ]---
"""


@pytest.mark.parametrize("caller", ["", "[   T77]"])
def test_a_cut_report_before_a_whole_one(caller: str) -> None:
    found = oopses(CUT + WHOLE.format(caller=caller))
    assert [oops.title for oops in found] == [
        "KASAN: slab-out-of-bounds Read in corrupted",
        "BUG: unable to handle kernel NULL pointer dereference in disk_end_io",
    ]
    assert [oops.intact for oops in found] == [False, True]
