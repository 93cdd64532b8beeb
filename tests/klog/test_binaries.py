"""Programs and libraries are full of the kernel's words; logs that a crash has damaged have NULs in them."""

import marshal
import random

import pytest

from lastwords.klog.inputs import Text
from lastwords.klog.scan import scan

MESSAGES = (
    "WARNING: ThreadSanitizer: data race (pid=%d)\n",
    "BUG: KASAN: use-after-free in %pS\n",
    "Kernel panic - not syncing: %s\n",
    "BUG: unable to handle kernel NULL pointer dereference at %p\n",
    "INFO: task %s:%d blocked for more than %ld seconds.\n",
    "general protection fault: 0000 [#1] SMP\n",
)
CRASH = (
    b"BUG: unable to handle kernel NULL pointer dereference at 0000000000000018\n"
    b"IP: [<ffffffff8142a7c3>] xr_ring_get+0x23/0x90 [xr_net]\nOops: 0002 [#1] SMP\nCall Trace:\n"
    b" [<ffffffff8142b000>] xr_net_open+0x4c/0xd0 [xr_net]\n [<ffffffff81501000>] __dev_open+0xa3/0x1a0\n"
)
NOISE = random.Random(7).randbytes(6000)


def titles(data: bytes) -> list[str]:
    return [oops.title for oops in scan(Text("file", data)).oopses]


def strings(*between: str) -> bytes:
    return b"\0".join(f"\n{text}".encode() for message in MESSAGES for text in (*between, message)) + b"\0"


@pytest.mark.parametrize(
    "data",
    [
        strings("usage: %s FILE\n", "no such file") + NOISE,
        NOISE + strings() + NOISE,
        b"!<arch>\n/               1700000000  0     0     0       94        `\n"
        + b"\0".join([b"main", b"init"] * 900)
        + strings(),
        strings() * 300 + NOISE * 40,
        marshal.dumps(compile(f'"""About crashes.\n\n{"".join(MESSAGES)}"""\nx = 1', "crashes.py", "exec"))
        + NOISE[:500],
        NOISE + b"\n" + b"A long text of help, as a program has it.\n" * 20 + MESSAGES[0].encode() + b"and more\n" * 20,
    ],
)
def test_a_programs_strings_are_no_crashes(data: bytes) -> None:
    assert titles(data) == []


@pytest.mark.parametrize(
    "data",
    [
        CRASH,
        b"\0" * 4096 + CRASH,
        CRASH.replace(b"\n", b"\r\0\n"),
        CRASH.replace(b"\n", b"\0\r\n"),
        b"usb 1-1: new device\n" * 20 + b"eth0: link\0 is up\n" + CRASH.replace(b"Oops", b"\0Oops"),
        b"usb 1-1: new device\n" * 20 + b"\0" * 300 + CRASH + b"\0" * 5000 + b"Linux version 6.1.0\n",
        b"\0" * 5000 + b"usb 1-1: new device\n" * 9000 + CRASH,
    ],
)
def test_a_damaged_log_is_read(data: bytes) -> None:
    assert titles(data) == ["BUG: unable to handle kernel NULL pointer dereference in xr_ring_get"]


def test_what_has_the_kernels_stamps_is_read_whatever_stands_around_it() -> None:
    stamped = b"".join(b"[   12.345678] " + line + b"\n" for line in CRASH.splitlines())
    assert len(titles(NOISE + b"\n" + stamped + NOISE)) == 1
