"""Reports typed off a screen: taken for what they are; what only speaks of crashes is not."""

import time
from pathlib import Path

import pytest

from lastwords.klog.inputs import Text, find
from lastwords.klog.read import Reading, read
from lastwords.klog.scan import scan
from lastwords.klog.typed import may_be_typed, typed
from lastwords.klog.typed.respell import respelt
from lastwords.model import Record

from .reading import records

ROOT = Path(__file__).parents[2]


def reading(text: str) -> Reading:
    return read(Text("typed", text.encode()))


@pytest.mark.parametrize(
    ("written", "kernels"),
    [
        ("kernel panic - not syncing: attempted to kill init", "Kernel panic - not syncing: Attempted to kill init!"),
        ("Kernel Panic – not syncing. Attempted to kill init !", "Kernel panic - not syncing: Attempted to kill init!"),
        (
            "kernel panic not syncing: attempted to kill init! exit code = 0x00000b00",
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000b00",
        ),
        ("kernel panic: attempted to kill init", "Kernel panic - not syncing: Attempted to kill init!"),
        ("end Kernel panic - not syncing", "---[ end Kernel panic - not syncing: … ]---"),
        (
            "--[ end kernel panic - not syncing: Fatal exception ]--",
            "---[ end Kernel panic - not syncing: Fatal exception ]---",
        ),
        (
            "kernel panic - not syncing: vfs: unable to mount root fs on unknown block(8 , 1)",
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(8,1)",
        ),
        (
            "bug: unable to handle kernel null pointer dereference at 0000000000000018",
            "BUG: unable to handle kernel NULL pointer dereference at 0000000000000018",
        ),
        ("unable to handle kernel NULL pointer", "Unable to handle kernel NULL pointer dereference"),
        ("BUG: soft lockup: CPU 3 stuck for 22 s", "watchdog: BUG: soft lockup - CPU#3 stuck for 22s!"),
        (
            "info: task jbd2/sda1-8:233 blocked for more than 120 seconds",
            "INFO: task jbd2/sda1-8:233 blocked for more than 120 seconds.",
        ),
        ("kernel bug at fs/ext4/inode.c:2734", "kernel BUG at fs/ext4/inode.c:2734!"),
        ("rip: 0010:xr_ring_get + Ox23/Ox9O", "RIP: 0010:xr_ring_get+0x23/0x90"),
        ("RIP [<ffffffff8142a7c3>] xr_ring_get+0x23/0x90", "RIP  [<ffffffff8142a7c3>] xr_ring_get+0x23/0x90"),
        ("cpu: 1 pid: 412 comm: ip not tainted 5.10.0 #1", "CPU: 1 PID: 412 Comm: ip Not tainted 5.10.0 #1"),
        ("<ffffffff8142a7c3> ? xr_net_open+0x4c/0xd0 [xr_net", " ? xr_net_open+0x4c/0xd0 [xr_net]"),
        ("rax: 0000000000000000 rbx: FFFF88003f", "RAX: 0000000000000000 RBX: ffff88003f"),
    ],
)
def test_a_line_in_the_kernels_spelling(written: str, kernels: str) -> None:
    assert respelt(written).text.rstrip() == kernels.rstrip()


@pytest.mark.parametrize("stamp", ["[12.345678 ", "12.345678] ", "(12,345678) ", "l 12.345678] ", "[ 12.345678J "])
def test_a_stamp_that_lost_a_bracket(stamp: str) -> None:
    line = respelt(stamp + "Kernel panic - not syncing: Fatal exception")
    assert (line.text, line.time) == ("Kernel panic - not syncing: Fatal exception", 12.345678)


def test_it_says_so_and_is_less_sure() -> None:
    found = reading("kernel panic - not syncing: attempted to kill init\n")
    (oops,) = found.oopses
    assert (oops.kind, oops.line, oops.intact) == ("init-killed", 1, False)
    assert "typed" in [damage.kind for damage in oops.damage]
    assert found.log is not None
    assert any(gap.kind == "typed" and "photo" in gap.advice for gap in found.log.gaps)


def test_a_whole_log_is_read_as_it_stands() -> None:
    text = "[    1.000000] Kernel panic - not syncing: Attempted to kill init!\n"
    (oops,) = reading(text).oopses
    assert [damage.kind for damage in oops.damage] == ["no-trace"]


def test_the_strict_reading_comes_first() -> None:
    text = "Kernel panic - not syncing: Fatal exception\nkernel panic - not syncing: attempted to kill init\n"
    assert [oops.title for oops in reading(text).oopses] == ["kernel panic: Fatal exception"]


def test_a_line_that_only_begins_with_bug_gets_its_kind() -> None:
    (oops,) = reading("BUG: unable to handle kernel NULL  pointer dereference at 0000000000000018\n").oopses
    assert oops.kind == "null-dereference"


@pytest.mark.parametrize(
    "text",
    [
        "kernel panic\n",
        "kernel panic: how to find out why\n",
        "kernel panic attempted to kill init\n",
        "Kernel panic - not syncing errors after the update\n",
        "how to fix kernel panic - not syncing: attempted to kill init\n",
        "unable to handle kernel null pointer dereference when a disk is gone\n",
        "unable to handle kernel null pointer dereference in ext4 mount path\n",
        "oops: something went wrong\n",
        "# kernel panic - not syncing: attempted to kill init\n\nWhat to do.\n",
        "kernel panic - not syncing: attempted to kill init\n==================\n\nIt means that process 1 is gone.\n",
        "Subject: crash\n\nkernel panic - not syncing: attempted to kill init\n",
        "commit 4d2b8a1c7e90aa1f\n\nkernel panic - not syncing: attempted to kill init\n",
        "- kernel panic - not syncing: attempted to kill init\n- unable to handle kernel null pointer dereference\n",
        "$ grep -i panic log\nkernel panic - not syncing: attempted to kill init\n",
        'panic("attempted to kill init");\nkernel panic - not syncing: attempted to kill init\n',
        "foo\nbar\nbaz\nkernel panic - not syncing: attempted to kill init\nqux\n",
        "    kernel panic - not syncing: attempted to kill init\n",
        "kernel panic - not syncing: a\n" * 5,
        "kernel panic - not syncing\nunable to handle kernel null pointer dereference\n",
        "kernel panic - not syncing,critical\nunable to handle kernel null pointer dereference,critical\n",
        "kernel panic - not syncing: fatal exception\nkernel panic - not syncing: attempted to kill init\n",
        "Nov 23 10:00:00 host app[12]: kernel panic - not syncing: attempted to kill init\n",
    ],
)
def test_talk_is_no_crash(text: str) -> None:
    assert reading(text).oopses == ()


def test_only_short_texts() -> None:
    line = b"kernel panic - not syncing: attempted to kill init\n"
    assert may_be_typed(line, "text")
    assert not may_be_typed(line + b"\n" * (16 << 10), "text")
    assert not may_be_typed(line, "journal-json")
    assert not may_be_typed(b"all is well\n", "text")
    assert typed([Record(n, "ring_open+0x33/0x90") for n in range(200)]) is None


def test_our_own_pages_hold_no_typed_crash() -> None:
    """They speak of little else, at times in examples that the strict reading takes for logs."""
    sources = find([str(ROOT / name) for name in ("docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "src")])
    damage = {source.path: [d.kind for oops in scan(source).oopses for d in oops.damage] for source in sources}
    assert len(damage) > 300
    assert {path for path, kinds in damage.items() if "typed" in kinds} == set()


def test_pieces_of_our_own_pages_hold_none_either() -> None:
    for page in sorted((ROOT / "docs").glob("*.md")):
        for piece in page.read_text().split("\n\n"):
            for text in (piece, piece.lower(), *piece.split("\n"), *piece.lower().split("\n")):
                lines = records(text.strip("`|> ") + "\n")
                assert typed(lines) is None or text.strip().lower().startswith("bug: "), (page, text)


@pytest.mark.parametrize(
    "line",
    [
        "kernel" + " " * 390,
        "kernel panic " * 30,
        "unable to handle kernel null pointer dereference" + " at 0x" * 60,
        "cpu: " + "pid: comm: " * 35,
        "[" * 400,
        "a.b" * 130 + "+0x",
        "info: task " + "x:1 " * 90,
        "12.345678" * 44,
    ],
)
def test_no_line_takes_long(line: str) -> None:
    text = (line + "\n") * (LONGEST // (len(line) + 1))
    start = time.perf_counter()
    reading(text + "panic\n")
    typed(records(text + "kernel panic - not syncing\n"))
    assert time.perf_counter() - start < 2


LONGEST = 15 << 10
