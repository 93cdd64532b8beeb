"""Captures of consoles: carriage returns, colours, prompts, systemd's status lines, other writers."""

import json
import re
from pathlib import Path

import pytest

from .crash import HEADLINE, MESSAGES, PLAIN, TITLE, same_crash, scanned

LINES = PLAIN.splitlines()
CRASH = next(n for n, line in enumerate(LINES) if HEADLINE in line)


def _between(extra: dict[int, str]) -> str:
    """The log with further lines behind some of the crash's own, counted from its first."""
    out = []
    for number, line in enumerate(LINES):
        out.append(line)
        if number - CRASH in extra:
            out.append(extra[number - CRASH])
    return "\n".join(out) + "\n"


SYSTEMD = {
    0: "[  OK  ] Started Network Time Synchronization.",
    5: "[FAILED] Failed to start Raise network interfaces.",
    9: "See 'systemctl status networking.service' for details.",
    12: "         Starting OpenBSD Secure Shell server...",
    22: "[***   ] A start job is running for Wait for Network (12s / no limit)",
    30: "",
    40: "db7 login: ",
}


def test_cr_lf(tmp_path: Path) -> None:
    path = tmp_path / "console"
    path.write_bytes(PLAIN.replace("\n", "\r\n").encode())
    same_crash(path, "console")


def test_cr_cr_lf(tmp_path: Path) -> None:
    """A capture that went through two terminals that add one each."""
    path = tmp_path / "console"
    path.write_bytes(PLAIN.replace("\n", "\r\r\n").encode())
    same_crash(path, "console")


def test_lf_cr(tmp_path: Path) -> None:
    path = tmp_path / "console"
    path.write_bytes(PLAIN.replace("\n", "\n\r").encode())
    assert scanned(path).oopses[0].title == TITLE


def test_colours(tmp_path: Path) -> None:
    """As `dmesg --color=always` and `journalctl` paint them, and what a boot loader leaves behind."""
    painted = "".join(
        f"\x1b[32m{m.stamp}\x1b[0m \x1b[1m\x1b[31m{m.text[:49]}\x1b[0m{m.text[49:]}\x1b[K\n" for m in MESSAGES
    )
    path = tmp_path / "console"
    path.write_bytes(("\x1b[2J\x1b[1;1H\x1b[?25l\x1b]0;db7\x07\x1b(B" + painted).encode())
    same_crash(path, "console")


def test_systemd_and_prompts_between_lines(tmp_path: Path) -> None:
    path = tmp_path / "console"
    path.write_text(_between(SYSTEMD))
    same_crash(path, "console")


@pytest.mark.parametrize(
    "prompt", ["db7 login: ", "root@db7:~# ", "Password: ", "=> ", "/ # ", "[  OK  ] Started x.\r"]
)
def test_prompt_on_the_line_of_the_headline(tmp_path: Path, prompt: str) -> None:
    """The kernel does not wait for the line to end."""
    lines = [*LINES]
    lines[CRASH] = prompt + lines[CRASH]
    path = tmp_path / "console"
    path.write_text("\n".join(lines) + "\n")
    same_crash(path, scanned(path).format)


def test_progress_overwritten_by_carriage_returns(tmp_path: Path) -> None:
    """`\\r` goes back to the line's start: what was written over is not shown, kernel messages are."""
    bar = "".join(f"\rfsck {percent:3}% complete" for percent in range(0, 100, 20))
    lines = [*LINES]
    lines[CRASH] = f"{bar}\r{lines[CRASH]}"
    lines[CRASH + 20] = f"{lines[CRASH + 20]}\r"
    path = tmp_path / "console"
    path.write_bytes(("\n".join(lines) + "\n").encode())
    same_crash(path, "console")


def test_kernel_message_overwritten_by_a_longer_prompt(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[CRASH] = lines[CRASH] + "\r" + "a very long line of a program that hides it all " * 4
    path = tmp_path / "console"
    path.write_bytes(("\n".join(lines) + "\n").encode())
    assert scanned(path).oopses[0].title == TITLE


def test_two_messages_on_one_line(tmp_path: Path) -> None:
    """A lost end of line: the time stamp tells where the next message starts."""
    path = tmp_path / "console"
    path.write_text("\n".join(LINES[:CRASH]) + "\n" + "".join(LINES[CRASH:]) + "\n")
    result = scanned(path)
    assert result.oopses[0].title == TITLE
    assert result.oopses[0].line == CRASH + 1
    assert result.oopses[0].registers["rdi"] == 0


def test_without_time_stamps(tmp_path: Path) -> None:
    """printk.time=0."""
    path = tmp_path / "console"
    path.write_text("".join(f"{m.text}\n" for m in MESSAGES))
    same_crash(path, "raw", time=False)


def test_stamps_of_the_capturing_program(tmp_path: Path) -> None:
    """conserver, minicom, ts(1), GitHub Actions."""
    for form, wall in (
        ("[Mon Nov 23 10:00:00 2026]", "Mon Nov"),
        ("[2026-11-23 10:00:00]", "2026-11-23 10"),
        ("Nov 23 10:00:00", "Nov 23"),
        ("2026-11-23T10:00:00.1234567Z", "2026-11-23T10"),
    ):
        path = tmp_path / "console"
        path.write_text("".join(f"{form} {line}\n" for line in LINES))
        same_crash(path, scanned(path).format, wall=wall)


def test_container_logs(tmp_path: Path) -> None:
    """A virtual machine's console that a container engine keeps."""
    path = tmp_path / "docker"
    path.write_text(
        "".join(
            json.dumps({"log": line + "\r\n", "stream": "stdout", "time": "2026-11-23T10:00:00.1Z"}) + "\n"
            for line in LINES
        )
    )
    same_crash(path, "json-lines", wall="2026-11-23T10")
    path = tmp_path / "cri"
    path.write_text("".join(f"2026-11-23T10:00:00.123456789Z stdout F {line}\n" for line in LINES))
    same_crash(path, "console", wall="2026-11-23T10")


def test_lava(tmp_path: Path) -> None:
    path = tmp_path / "lava.yaml"
    path.write_text(
        "".join(f'- {{"dt": "2026-11-23T10:00:00.1", "lvl": "target", "msg": {json.dumps(line)}}}\n' for line in LINES)
    )
    same_crash(path, "json-lines", wall="2026-11-23T10")


def test_e_mail(tmp_path: Path) -> None:
    """A log quoted in a mail, with what people write around it."""
    path = tmp_path / "mail"
    quoted = "".join(f"> {line}\n" for line in LINES)
    path.write_text(f"On Mon, somebody wrote:\n> Hello,\n>\n> this is what I got:\n>\n{quoted}\nCould you try?\n")
    same_crash(path, "dmesg")


def test_vendor_stamps(tmp_path: Path) -> None:
    """MediaTek's, Samsung's and Amlogic's kernels print the CPU and the task behind the time."""
    for form in ("{0} (3)[2871:kworker/3:1H]{1}", "{0} [3:  kworker/3:1H: 2871] {1}"):
        path = tmp_path / "console"
        path.write_text("".join(form.format(m.stamp, m.text) + "\n" for m in MESSAGES))
        same_crash(path, "dmesg")


def test_dropped_messages(tmp_path: Path) -> None:
    """A console too slow: printk says how much it lost, on a line of its own or (before Linux 6.4) in front."""
    for mark in ("** 1234 printk messages dropped **\n", "** 1234 printk messages dropped ** "):
        lines = [*LINES]
        lines[CRASH + 26] = mark + lines[CRASH + 26]
        path = tmp_path / "console"
        path.write_text("\n".join(lines) + "\n")
        oops = scanned(path).oopses[0]
        assert not oops.intact
        assert [(d.kind, bool(re.search("1234", d.text))) for d in oops.damage] == [("dropped", True)]


def test_nul_bytes_and_bad_utf_8(tmp_path: Path) -> None:
    """A receiver that was switched on too late, a file system that was not synced."""
    path = tmp_path / "console"
    data = PLAIN.encode()
    at = data.index(b"Workqueue")
    data = b"\0" * 4096 + b"\xff\xfe\xfd garbage \xc3\x28\n" + data[:at] + b"\0\0\0" + data[at:] + b"\0" * 4096
    path.write_bytes(data)
    result = scanned(path)
    assert result.oopses[0].title == TITLE
    assert result.oopses[0].line == CRASH + 2
    assert result.oopses[0].workqueue == "kblockd blk_mq_run_work_fn"


def test_a_program_that_talks_about_crashes(tmp_path: Path) -> None:
    """Other writers on the console quote kernel messages; those are not the kernel's."""
    path = tmp_path / "console"
    path.write_text(
        "\n".join(LINES[:CRASH])
        + "\nsystemd-journald[231]: Forwarding: [ 5023.318806] BUG: kernel NULL pointer dereference, address: 0\n"
        + "[ 5030.000000] logger[991]: BUG: kernel NULL pointer dereference, address: 0000000000000018\n"
        + "[ 5031.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n"
    )
    assert scanned(path).oopses == []
