import re

import pytest

from lastwords.klog.unwrapped import unwrapped
from lastwords.klog.wrapped import _BREAKS, rejoined
from lastwords.model import Record

BROKEN = [
    ("BUG: unable to handle kernel NULL pointer dereference at", "0000000000000018"),
    ("BUG: unable to handle kernel NULL pointer dereference", "at (null)"),
    ("Unable to handle kernel paging request at virtual address ", "c282deac"),
    ("BUG: unable to handle page fault for address:", "ffff888012345678"),
    ("BUG: kernel NULL pointer dereference,", "address: 0000000000000018"),
    ("general protection fault, probably for non-canonical", "address 0xdead000000000100: 0000 [#1] SMP"),
    ("general protection fault: 0000", "[#1] PREEMPT SMP"),
    ("Oops: 0002", "[#1] SMP NOPTI"),
    ("invalid opcode: 0000", "[#1] SMP"),
    ("kernel BUG at", "drivers/net/xr/ring.c:403!"),
    ("WARNING: CPU: 0 PID: 12 at", "lib/refcount.c:28 refcount_warn_saturate+0xba/0x110"),
    ("WARNING: CPU: 0 PID: 12 at lib/refcount.c:28", "refcount_warn_saturate+0xba/0x110"),
    ("BUG: Bad page state in process", "kswapd0  pfn:7f0a8"),
    ("BUG: Bad rss-counter state mm:00000000b583043d", "idx:1 val:512"),
    ("Kernel panic - not syncing: Fatal exception in", "interrupt"),
    ("watchdog: BUG: soft lockup - CPU#1 stuck for", "22s! [kworker/1:0:17]"),
    ("INFO: task xfsaild/sda1:414 blocked for more than", "120 seconds."),
    ("BUG: scheduling while atomic: ", "ringd/19157/0x00000003"),
    ("CPU: 1 PID: 11224 Comm: ringd Not tainted", "6.1.0-18-amd64 #1"),
    ("CPU: 15 PID: 19157 Comm: ", "ringd Not tainted 5.15.8 #4"),
    ("CPU: 0 PID: 60 Comm: kswapd0 Tainted: G           O   ", "4.8.10-12 #1"),
    ("CPU: 0 PID: 60 Comm: kswapd0 Not tainted 4.8.10-12.x86_64", "#1"),
    ("Hardware name: QEMU Standard PC (i440FX + PIIX, 1996),", "BIOS 1.12.0-1 04/01/2014"),
    ("Process mount (pid:", "2041, threadinfo=df2b0000 task=df830550)"),
    ("RAX: 0000000000000406 RBX: ffff8d47583e7380 RCX:", "0000000000000000"),
    ("eax: 00000070   ebx:", "c13dfb40   ecx: 00000020"),
    ("FS:  00007f1c2dd8c640(0000) GS:ffff8d4f00f80000(0000) knlGS:", "0000000000000000"),
    ("EFLAGS: 00010203", "(2.6.19.1 #1)"),
    ("RIP: 0010:", "[<ffffffff81234567>]  [<ffffffff81234567>] xr_ring_get+0x23/0x90"),
    (" [<c014576a>]", "xr_ring_get+0x5a/0xb0"),
    ("EIP is at xr_ring_get", "+0x2bf/0x2d0"),
    ("RIP: 0010:xr_ring_get+0x59/0x3a0", "[xr_net]"),
]


def records(*lines: str) -> list[Record]:
    return [Record(number, text) for number, text in enumerate(lines, 1)]


@pytest.mark.parametrize(("first", "second"), BROKEN)
def test_halves_of_a_line(first: str, second: str) -> None:
    [whole, other] = rejoined(records(first, second, "another line"))
    glue = "" if first.endswith("0010:") or second.startswith("+") else " "
    assert whole.text == f"{first.rstrip()}{glue}{second}"
    assert (whole.line, other.line) == (1, 3)


def test_every_rule_has_an_example() -> None:
    halves = [(first.strip(), second) for first, second in BROKEN]
    used = {
        rule
        for rule in _BREAKS
        for first, second in halves
        if rejoined(records(first, second)) != records(first, second)
        and re.match(rule.line, first)
        and re.match(rule.goes_on, second)
    }
    assert used == set(_BREAKS)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("BUG: kernel NULL pointer dereference, address: 0000000000000018", "#PF: supervisor read access"),
        ("RAX: 0000000000000406 RBX: ffff8d47583e7380 RCX: 0000000000000001", "RDX: 0000000000000000"),
        (" xr_ring_get+0x5a/0xb0", " xr_ring_put+0x5a/0xb0"),
        (" [<c014576a>] xr_ring_get+0x5a/0xb0 [xr_net]", " [<c014734c>] read_cache_page+0x9c/0x2a0"),
        ("CPU: 1 PID: 11224 Comm: ringd Not tainted 6.1.0 #1", "Hardware name: Example Corp. Rack 2U"),
        ("Kernel panic - not syncing: Fatal exception", "Kernel Offset: disabled"),
        ("kernel BUG at drivers/net/xr/ring.c:403!", "invalid opcode: 0000 [#1] SMP"),
        ("printing eip:", "c02628e4"),
        ("Call Trace:", "xr_ring_get+0x5a/0xb0"),
    ],
)
def test_lines_of_their_own(first: str, second: str) -> None:
    assert rejoined(records(first, second)) == records(first, second)


def test_a_line_with_a_stamp_is_no_second_half() -> None:
    lines = [Record(1, "Oops: 0002", 1.0), Record(2, "[#1] SMP", 1.0)]
    assert rejoined(lines) == lines


def test_modules_behind_a_long_prefix() -> None:
    lines = [
        Record(1, "Modules linked in: snd_seq_dummy", None, "", None, "Nov 23 10:00:00"),
        Record(2, "mq_deadline xt_MASQUERADE iptable_nat"),
        Record(3, "xt_u32 xt_multiport iptable_filter"),
    ]
    [whole] = rejoined(lines)
    assert whole.text.split()[-1] == "iptable_filter"


def test_short_lines_of_a_console_stay() -> None:
    """One line that nearly fills the width is no proof that somebody wrapped the text."""
    text = b"[    1.000000] xr_net 0000:03:00.0: firmware version 4.1 of a card of model 7\nexecuting program 1\n" * 2
    assert unwrapped(text, [], lambda line: False) == (text, [])


def test_a_line_that_tells_of_a_crash_begins_a_line() -> None:
    prose = (
        b"I was just about to copy a file from one disk to the other one when the\n"
        b"machine said what stands here and died then\n"
    )
    text = (
        prose * 4
        + b"and it was the second time this week that it died in just this way, as\n"
        + b"Watchdog detected hard LOCKUP on cpu 3\n"
    )
    joined, _ = unwrapped(text, [], lambda line: b"LOCKUP" in line)
    assert b"\nWatchdog detected" in joined
    assert joined.count(b"\n") == 6
