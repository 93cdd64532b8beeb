import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from lastwords.cli.annotate import command

# Written for this test, after the format of Linux 6.1 on x86-64.
OOPS = """\
[  102.331101] BUG: kernel NULL pointer dereference, address: 0000000000000018
[  102.331305] #PF: supervisor read access in kernel mode
[  102.331420] #PF: error_code(0x0000) - not-present page
[  102.331530] PGD 0 P4D 0
[  102.331600] Oops: 0000 [#1] PREEMPT SMP NOPTI
[  102.331700] CPU: 1 PID: 812 Comm: writer Kdump: loaded Tainted: P        W  OE     6.1.0-13-amd64 #1 Debian 6.1.55-1
[  102.331900] Hardware name: Dell Inc. PowerEdge R640/0H28RR, BIOS 2.19.1 06/04/2023
[  102.332000] RIP: 0010:ring_push+0x15/0x50 [demo]
[  102.332100] Code: 0f 1f 44 00 00 41 54 55 53 48 89 fb 48 89 f5 48 8b 07 <48> 8b 40 18 48 85 c0 74 1a 48 89 ee
[  102.332200] RSP: 0018:ffffb1a4c0a3fd60 EFLAGS: 00010046
[  102.332300] RAX: 0000000000000000 RBX: ffff9a1c41d5a000 RCX: fffffffffffffff4
[  102.332400] RDX: 6b6b6b6b6b6b6b6b RSI: ffff9a1c41d5b000 RDI: ffff9a1c41d5a000
[  102.333000] CR2: 0000000000000018 CR3: 0000000102f5a000 CR4: 0000000000750ee0
[  102.333100] Call Trace:
[  102.333150]  <TASK>
[  102.333200]  ? __die_body.cold+0x1a/0x1f
[  102.333300]  ? exc_page_fault+0x70/0x170
[  102.333450]  ring_submit+0x45/0x90 [demo]
[  102.333500]  vfs_write+0xc2/0x3e0
[  102.333650]  do_syscall_64+0x58/0xc0
[  102.333700]  entry_SYSCALL_64_after_hwframe+0x64/0xce
[  102.333750] RIP: 0033:0x7f2f5c5b2240
[  102.333850] RSP: 002b:00007ffd7c5e4d18 EFLAGS: 00000202 ORIG_RAX: 0000000000000001
[  102.333900] RAX: ffffffffffffffda RBX: 6b6b6b6b6b6b6b6b RCX: 00007f2f5c5b2240
[  102.334000]  </TASK>
[  102.334050] Modules linked in: demo(OE+) nvidia(POE) kvm ext4
[  102.334150] ---[ end trace 0000000000000000 ]---
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "crash.log"
    path.write_text("[    0.000000] Linux version 6.1.0\n[   99.000000] usb 1-1: new device\n" + OOPS)
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(command, [str(arg) for arg in args])


def annotated(log: Path, *args: str) -> Any:
    done = run("--json", *args, log)
    assert done.exit_code == 0
    return msgspec.json.decode(done.output)


def test_lines_are_those_of_the_oops(log):
    document = annotated(log)
    assert [line["line"] for line in document["lines"]] == list(range(3, 3 + len(OOPS.splitlines())))
    assert document["title"] == "BUG: unable to handle kernel NULL pointer dereference in ring_push"
    assert document["lines"][0]["marks"] == ["headline"]


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        ("BUG: kernel NULL", ["NULL + 0x18"]),
        ("Oops: 0000", ["a read, of a page that is not mapped, by kernel code"]),
        ("CPU: 1", ["P a proprietary module", "W the kernel has printed", "O a module from outside", "vmcore"]),
        ("RIP: 0010", ["the function to blame, in demo, out of tree"]),
        ("Code: ", ["[rax + 0x18]", "rax (0x0) + 0x18"]),
        ("RSP: 0018", ["interrupts were off"]),
        ("RAX: 0000000000000000", ["rax = NULL, the pointer that was used", "rcx = ERR_PTR(-ENOMEM)"]),
        ("RDX: 6b6b", ["rdx = POISON_FREE"]),
        (" ? __die_body", ["`?`"]),
        (" ring_submit", ["in demo, out of tree"]),
        ("RIP: 0033", ["user space"]),
        ("RSP: 002b", ["write()"]),
        ("Modules linked in", ["out of tree: demo", "proprietary: nvidia"]),
    ],
)
def test_what_needs_a_note_has_one(log, beginning, said):
    (line,) = (line for line in annotated(log)["lines"] if line["text"].startswith(beginning))
    for part in said:
        assert part in line["note"]


@pytest.mark.parametrize(
    "beginning",
    ["#PF: supervisor", "PGD 0", "Hardware name: Dell", "CR2:", "Call Trace:", " <TASK>", " ? exc_page", " vfs_write",
     "RAX: ffffffffffffffda", " </TASK>", "---[ end trace"],
)  # fmt: skip
def test_what_speaks_for_itself_has_none(log, beginning):
    (line,) = (line for line in annotated(log)["lines"] if line["text"].startswith(beginning))
    assert line["note"] == ""


def test_marks(log):
    marks = {line["text"].strip(): line["marks"] for line in annotated(log)["lines"]}
    assert marks["RIP: 0010:ring_push+0x15/0x50 [demo]"] == ["blamed"]
    assert marks["? __die_body.cold+0x1a/0x1f"] == ["unreliable"]
    assert marks["RIP: 0033:0x7f2f5c5b2240"] == ["user"]
    assert sum("blamed" in found for found in marks.values()) == 1


def test_reporting_machinery_is_marked(tmp_path):
    log = tmp_path / "warn.log"
    log.write_text(
        "------------[ cut here ]------------\n"
        "WARNING: CPU: 0 PID: 12 at drivers/net/demo.c:99 demo_open+0x45/0x90\n"
        "CPU: 0 PID: 12 Comm: ip Not tainted 4.19.0 #1\n"
        "Call Trace:\n dump_stack+0x6d/0x8b\n __warn+0xd8/0xf0\n demo_open+0x45/0x90\n do_dentry_open+0x1c/0x2d\n"
        "---[ end trace 77b5c7f8e0a1b2c3 ]---\n"
    )
    lines = annotated(log)["lines"]
    assert lines[0]["text"].startswith("------------[ cut here")
    by_text = {line["text"].strip(): line for line in lines}
    assert by_text["dump_stack+0x6d/0x8b"]["marks"] == ["machinery"]
    assert by_text["dump_stack+0x6d/0x8b"]["note"].startswith("reporting machinery")
    assert by_text["__warn+0xd8/0xf0"]["note"] == ""


def test_what_others_printed_in_between_is_marked(tmp_path):
    log = tmp_path / "callers.log"
    lines = [line.replace("] ", "][  T812] ", 1) for line in OOPS.splitlines()]
    lines.insert(5, "[  102.331650][    C0] usb 1-1: reset high-speed USB device")
    log.write_text("\n".join(lines) + "\n")
    (foreign,) = (line for line in annotated(log)["lines"] if "usb" in line["text"])
    assert foreign["marks"] == ["foreign"]
    assert foreign["note"] == ""


def test_32_bit_programs_number_their_system_calls_differently(log):
    log.write_text(log.read_text().replace("RIP: 0033:", "RIP: 0023:"))
    assert not any("system call" in line["note"] for line in annotated(log)["lines"])


def test_plain_text_when_it_is_no_terminal(log):
    done = run(log)
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "└ NULL + 0x18" in done.output
    assert all(line == line.rstrip() for line in done.output.splitlines())


def test_notes_stand_beside_their_lines_where_there_is_room(log):
    done = run("--width", 160, log)
    (line,) = (line for line in done.output.splitlines() if "address: 0000000000000018" in line)
    assert "┊ NULL + 0x18" in line
    assert max(map(len, done.output.splitlines())) <= 160


def test_no_control_character_of_the_log_reaches_the_terminal(log):
    log.write_text(log.read_text().replace("Comm: writer", "Comm: ev\x07il\x9b2J\u202e"))
    done = run(log)
    assert done.exit_code == 0
    assert not any(ch in done.output for ch in "\x07\x9b\u202e\x1b")


def test_the_second_oops_and_all(log):
    log.write_text(
        log.read_text() + OOPS.replace("ring_push", "ring_pop").replace("[  102", "[  402").replace("#1]", "#2]")
    )
    assert "ring_pop" in annotated(log, "--oops", "2")["title"]
    assert "ring_push" in annotated(log)["title"]
    assert len(run("--json", "--all", log).output.splitlines()) == 2
    assert "oops number 2" in run("--oops", "2", log).output


def test_exit_codes_and_one_line_errors(tmp_path, log):
    healthy = tmp_path / "healthy.log"
    healthy.write_text("[    0.000000] Linux version 6.1.0\n[    1.000000] all is well\n")
    for args, code in (((healthy,), 1), ((tmp_path / "missing",), 2), (("--oops", "7", log), 2)):
        done = run(*args)
        assert done.exit_code == code
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1


def test_standard_input():
    done = subprocess.run(
        [sys.executable, "-m", "lastwords", "annotate", "-"], input=OOPS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "the function to blame" in done.stdout


def test_a_cut_log_is_annotated_as_far_as_it_goes(log):
    text = log.read_text()
    for end in range(200, len(text), 97):
        log.write_text(text[:end])
        assert run(log).exit_code == int("address: 0000" not in text[:end])


def test_it_says_on_top_that_the_text_was_typed(tmp_path, log):
    typed = tmp_path / "typed.txt"
    typed.write_text(
        "Bug: Unable to handle kernel null pointer  dereference at 0000000000000018\n"
        "oops: 0002 [#1] smp\n"
        "cpu: 1 pid: 412 comm: ip not tainted 5.10.0-28-amd64 #1\n"
        "rip: 0010:xr_ring_get + 0x23/0x90 [xr_net]\n"
        "Call trace\n xr_net_open+Ox4c/0xd0 [xr_net]\n"
        "kernel panic, not syncing. fatal exception\n"
    )
    head = run("--width", "60", typed).stdout.split("\n\n")[0].splitlines()
    assert "typed by hand" in " ".join(head)
    assert max(len(line) for line in head if not line.startswith("/")) <= 60
    assert [damage["kind"] for damage in annotated(typed)["damage"]] == ["typed"]
    assert annotated(log)["damage"] == []
    assert "typed" not in run(log).stdout


def test_it_says_on_top_what_else_is_wrong_with_the_text(tmp_path, log):
    cut = tmp_path / "cut.log"
    cut.write_text(log.read_text().partition("[  102.332000] RIP")[0])
    assert "breaks off before its call trace" in run(cut).stdout.split("\n\n")[0]


def test_who_jumped_into_data_is_marked_at_the_link_register():
    log = Path(__file__).parents[1] / "lab" / "logs" / "6.1-arm64" / "nx-exec.log"
    (line,) = [line for line in annotated(log)["lines"] if "blamed" in line["marks"]]
    assert line["text"] == "lr : notify+0x20/0x30 [nx_exec]"
