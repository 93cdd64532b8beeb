"""Logs as an attacker, a broken disk or a bad line would make them: mutations of real ones, and shapes that grow."""

import base64
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from .inputs.crash import HERE, PLAIN, RECORDED
from .machine import CRASH, stamped

SEEDS = [
    *(path.read_bytes() for path in sorted((HERE / "logs").iterdir())),
    *(path.read_bytes()[:20_000] for path in sorted(RECORDED.glob("*.log"))),
    *(path.read_bytes()[:3000] for path in sorted(RECORDED.glob("*.gz"))),
    *(path.read_bytes() for path in sorted((Path(__file__).parent / "cases").rglob("*.log"))),
    # Documents that hold a log, and fronts that no table knows.
    json.dumps({"InstanceId": "i-7", "Output": PLAIN}, indent=4).encode(),
    json.dumps([{"textPayload": line, "timestamp": "2026-11-23T10:00:00Z"} for line in PLAIN.splitlines()]).encode(),
    ("time,message\n" + "".join(f'2026-11-23T10:00:00Z,"{line}"\n' for line in PLAIN.splitlines())).encode(),
    base64.encodebytes(PLAIN.encode()),
    "".join(f"guest-1  | {line}\n" for line in PLAIN.splitlines()).encode(),
    "".join(line + "\n" for line in reversed(PLAIN.splitlines())).encode(),
]
NASTY = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x1b[",
    b"\x1b]0;",
    b"\xff",
    b"\xc3",
    b"\xe2\x80",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"[",
    b"]",
    b"[    0.000000] ",
    b"[99999999999999999999.000000] ",
    b"[ T1]",
    b"<6>",
    b"<999>",
    b"{",
    b"}",
    b'"',
    b"\\",
    b"9" * 50,
    b"0x" + b"f" * 40,
    b" " * 500,
    b"+0x",
    b"? ",
    b"BUG: ",
    b"Call Trace:\n",
    b" <IRQ>\n",
    b"Code: ",
    b"RIP: 0010:",
    b"CPU: 99999999999999999999 PID: -1 Comm: ",
    b"Modules linked in:",
    b"Kernel panic - not syncing: ",
    b"Linux version ",
    b"** 99999999999999999999 printk messages dropped ** ",
    b"Panic#1 Part1\n",
    b"6,1,1,-,ncfrag=0/9;",
    b"__CURSOR=",
    b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff",
    b'{"dmesg": [{"pri": 3, "time": 1e999, "msg": "',
    b'{"message": "',
    b'"Output": "a\\n\\n\\n',
    b'["1795428000123456789", "',
    b"time,message\n",
    b"guest | ",
    "\u202e\u2028\ud7ff".encode(),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A log, or two spliced, with lines lost, doubled and moved, bytes changed, and things that do not belong there."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    data = rng.choice(SEEDS)
    for _ in range(draw(st.integers(1, 6))):
        data = rng.choice(MUTATIONS)(rng, data)
    return data


def _cut(rng: random.Random, data: bytes) -> bytes:
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:a], data[a:], data[a:b], data[:a] + data[b:]))


def _splice(rng: random.Random, data: bytes) -> bytes:
    other = rng.choice(SEEDS)
    a, b = rng.randrange(len(data) + 1), rng.randrange(len(other) + 1)
    return data[:a] + other[b : b + 20_000] + rng.choice((b"", data[a:]))


def _lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    for _ in range(rng.randrange(1, 20)):
        at = rng.randrange(len(lines))
        change = rng.randrange(5)
        if change == 0:
            del lines[at : at + rng.randrange(1, 9)]
            lines = lines or [b""]
        elif change == 1:
            lines.insert(at, rng.choice(lines))
        elif change == 2:
            lines[at] = lines[at].rstrip(b"\n")
        elif change == 3:
            lines[at : at + 9] = lines[at : at + 9][::-1]
        else:
            lines[at] = lines[at] * rng.randrange(2, 30)
    return b"".join(lines)


def _interleave(rng: random.Random, data: bytes) -> bytes:
    other = rng.choice(SEEDS).splitlines(keepends=True)
    return b"".join(
        line + (other[n % len(other)] if other else b"") for n, line in enumerate(data.splitlines(keepends=True))
    )


def _insert(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.randrange(1, 12)):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice(NASTY) * rng.choice((1, 1, 1, 40)) + data[at + rng.choice((0, 0, 1, 5)) :]
    return data


def _bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 60)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _numbers(rng: random.Random, data: bytes) -> bytes:
    """Other numbers in place of some: huge, negative, none."""
    values = (b"", b"-1", b"0", b"18446744073709551616", b"9" * 400, b"1e999", b"0x", b"4294967295")
    return re.sub(rb"[0-9]+", lambda match: rng.choice(values) if rng.random() < 0.02 else match[0], data)


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _cut, _splice, _lines, _interleave, _insert, _bytes, _numbers,
)  # fmt: skip


HEADLINE = stamped(CRASH[:1], 100)[0] + "\n"
TRACE = HEADLINE + "[  100.000001] Call Trace:\n"

# What grows: its start, and what is repeated. All of these are a few bytes that make a reader work.
PANIC = "Kernel panic - not syncing: x\n"
VERBOSE = "Thu 2023-11-23 10:00:02.900000 UTC [s=9;i=1;b=4;m=2;t=6;x=b]\n    MESSAGE=x\n"
LOCKUP = "[  100.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:1]\n"
NULL = "BUG: kernel NULL pointer dereference, address: 0"
CALLERS = "".join(f"[  100.000000][T{number:5}] {NULL}\n" for number in range(500))
STUCK = "".join(f"[  100.000000][C{number:5}] {LOCKUP[15:]}" for number in range(500))
SHAPES: dict[str, tuple[str, str]] = {
    "one line": ("", "x"),
    "one line behind a headline": ("BUG: unable to handle kernel paging request ", "x"),
    "headlines on one line": ("", "[  100.000000] BUG: KASAN: use-after-free in foo+0x1/0x2 "),
    "empty lines": ("", "\n"),
    "short lines": ("", "a\n"),
    "headlines": ("", HEADLINE),
    "headlines of many kinds": ("", HEADLINE + PANIC + "WARNING: CPU: 0 PID: 1 at a/b.c:12 f+0x1/0x2\n"),
    "brackets": ("", "["),
    "brackets closed": ("", "[]"),
    "angle brackets": ("", "<6>["),
    "braces": ("", '{"a":'),
    "journal in braces": ("", '{"__CURSOR":[\n'),
    "dmesg --json without end": ('{"dmesg": [{"pri":3,"msg":"', "a"),
    "dmesg --json of backslashes": ('{"dmesg": [{"pri":3,"msg":"', "\\"),
    "dmesg --json": ('{"dmesg": [', '{"pri":3,"time":1.0,"msg":"' + NULL + '"},'),
    "journal": ("", '{"__CURSOR":"a","MESSAGE":"' + NULL + '","_TRANSPORT":"kernel"}\n'),
    "export without blank lines": ("__CURSOR=a\n__REALTIME_TIMESTAMP=1\n", "MESSAGE=" + PANIC),
    "verbose without headers": (VERBOSE, "            x\n"),
    "fragments": ("", "6,1,1,-,ncfrag=1/2;BUG: kernel NULL pointer dereference, address: 0\n"),
    "escapes of kmsg": ("6,1,1,-;", "\\x0a"),
    "pstore": ("", "Panic#1 Part1\n<6>[    1.000000] BUG: kernel NULL pointer dereference, address: 0\n"),
    "pstore names": ("Panic#1 Part1\n", "dmesg-efi-1:\n"),
    "syslog": ("", "Nov 23 10:00:00 db7 kernel: BUG: kernel NULL pointer dereference, address: 0\n"),
    "frames": (TRACE, "[  100.000001]  foo+0x1/0x2\n"),
    "doubtful frames": (TRACE, " ? foo+0x1/0x2\n"),
    "frames on one line": (TRACE + " ", "foo+0x1/0x2 "),
    "spaces": ("", " "),
    "spaces in a report": (TRACE, "[  100.000001] " + " " * 900 + "x+y inline from <\n"),
    "digits": ("", "1"),
    "digits in a report": (HEADLINE, "1" * 900 + "g\n"),
    "modules": (HEADLINE, "Modules linked in: a(O) b c [last unloaded: x] "),
    "one module list": (HEADLINE + "Modules linked in:", " abc(O)"),
    "code": (HEADLINE + "Code: ", "00 "),
    "registers": (HEADLINE, "RAX: 0000000000000000 RBX: 0000000000000000\n"),
    "banners": ("", "[    0.000000] Linux version 6.1\n[ 9000.000000] x\n"),
    "boots that crash": ("", "[    0.000000] Linux version 6.1\n[   20.000000] x\n" + HEADLINE),
    "carriage returns": ("", "\r"),
    "carriage returns and stamps": ("", "[    1.000000] a\r"),
    "escape sequences": ("", "\x1b["),
    "a window title": ("\x1b]", "x"),
    "NUL": ("", "\0"),
    "mail": ("", "> "),
    "task lines": (HEADLINE, "[  100.000000] " + "a " * 30 + "R " * 30 + "\n"),
    "CPU lines": (HEADLINE, "[  100.000000] CPU: 1 PID: 1 Comm: " + "a Tainted: G " * 30 + "\n"),
    "lockups": ("", LOCKUP + TRACE.partition("\n")[2]),
    "reports of many callers": ("", CALLERS),
    "lockups of many CPUs": ("", STUCK),
    "dropped": ("", "** 1 printk messages dropped ** "),
    "stamps": ("", "[    1.000000]"),
    "deep traces": ("", TRACE + "[  100.000001]  foo+0x1/0x2\n" * 3500),
    "bursts": ("", "".join(f"[{100 + n:12.6f}] device{'abcdefghij'[n % 10] * n} error\n" for n in range(40))),
}


def made(shape: str, size: int) -> bytes:
    start, unit = (text.encode() for text in SHAPES[shape])
    return start + unit * (size // len(unit))
