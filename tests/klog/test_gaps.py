"""What a log lacks is said, with what to do; and nothing is said of a log that lacks nothing."""

from pathlib import Path

import pytest

from lastwords.model import Gap

from .machine import BOOT, CRASH, SHUTDOWN, log_of, quiet, stamped, write


def _gaps(path: Path, boot: int | None = None) -> dict[str, Gap]:
    found = log_of(path, boot).gaps
    assert len({gap.kind for gap in found}) == len(found)
    assert all(gap.text and gap.advice for gap in found)
    return {gap.kind: gap for gap in found}


def test_a_whole_log_lacks_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped(BOOT, 0) + quiet(100, 90_000, 1800) + stamped(CRASH, 90_000))
    assert _gaps(path) == {}


def test_hours_of_silence_are_normal(tmp_path: Path) -> None:
    """A kernel with nothing to say says nothing."""
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped(["eno1: link up"], 5000) + stamped(CRASH, 400_000))
    assert _gaps(path) == {}


def test_no_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped(BOOT, 0))
    gaps = _gaps(path)
    assert list(gaps) == ["no-crash"]
    assert "journalctl -k -b -1" in gaps["no-crash"].advice


def test_starts_late(tmp_path: Path) -> None:
    path = write(tmp_path / "log", quiet(7205, 7300, 1) + stamped(CRASH, 7300))
    gap = _gaps(path)["starts-late"]
    assert gap.text.startswith("The log starts 2 hours after boot")
    assert gap.line == 1
    assert "log_buf_len" in gap.advice


def test_starts_late_only_in_the_boot_that_does(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log", quiet(7205, 7300, 1) + stamped([SHUTDOWN], 7300) + stamped(BOOT, 0) + stamped(CRASH, 90)
    )
    assert "starts-late" not in _gaps(path)
    assert "starts-late" in _gaps(path, 1)
    assert "starts-late" not in _gaps(path, 2)


def test_boot_loader_in_front_is_no_late_start(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log", ["U-Boot 2023.01", "", "Starting kernel ..."] * 5 + stamped(BOOT, 0) + stamped(CRASH, 99)
    )
    assert _gaps(path) == {}


def test_several_boots(tmp_path: Path) -> None:
    lines = (stamped(BOOT, 0) + stamped(CRASH, 500)) * 2 + stamped(BOOT, 0) + stamped([SHUTDOWN], 800)
    path = write(tmp_path / "log", lines)
    gap = _gaps(path)["several-boots"]
    assert gap.text == "The file holds 3 boots. Crashes in boot 1, 2."
    assert "--boot N" in gap.advice
    assert gap.line == len(BOOT) + len(CRASH) + 1
    assert "this is about boot 2" in _gaps(path, 2)["several-boots"].text


def test_a_boot_that_ended_silently(tmp_path: Path) -> None:
    """The machine was reset, and what the user asks about is not in the log."""
    first = stamped(BOOT, 0) + quiet(100, 900)
    path = write(tmp_path / "log", first + stamped(BOOT, 0) + stamped(CRASH, 500), "\r\n")
    gap = _gaps(path)["ended-silently"]
    assert gap.line == len(first)
    assert gap.text.startswith(f"Boot 1 ends on line {len(first)} without")


@pytest.mark.parametrize(
    "last",
    [
        "reboot: Restarting system",
        "reboot: Power down",
        "systemd-shutdown[1]: Rebooting.",
        "kexec_core: Starting new kernel",
        "[  OK  ] Reached target System Reboot.",
        "[  OK  ] Reached target reboot.target - System Reboot.",
        "The system is going down NOW!",
    ],
)
def test_a_boot_that_ended_in_order(tmp_path: Path, last: str) -> None:
    first = stamped(BOOT, 0) + quiet(100, 900) + (stamped([last], 901) if not last.startswith("[") else [last])
    path = write(tmp_path / "log", first + stamped(BOOT, 0) + stamped(CRASH, 500), "\r\n")
    assert list(_gaps(path)) == ["several-boots"]


def test_a_journal_never_has_the_last_words(tmp_path: Path) -> None:
    """Daemons are stopped before the kernel is: no conclusion from their silence."""
    lines = stamped(BOOT, 0) + stamped(BOOT, 0) + stamped(CRASH, 500)
    path = write(tmp_path / "log", [f"Nov 23 10:00:00 db7 kernel: {line}" for line in lines])
    assert "ended-silently" not in _gaps(path)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("acme_hba: 12 callbacks suppressed", 12),
        ("__ratelimit: 7 callbacks suppressed", 7),
        ("printk: 32 messages suppressed.", 32),
        ("printk: systemd: 25 output lines suppressed due to ratelimiting", 25),
        ("1 callback suppressed", 1),
    ],
)
def test_rate_limited(tmp_path: Path, text: str, count: int) -> None:
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped([text], 499) + stamped(CRASH, 500))
    gap = _gaps(path)["rate-limited"]
    assert gap.text.startswith(f"{count} messages")
    assert gap.line == len(BOOT) + 1


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Nov 23 10:00:00 db7 systemd-journald[311]: Missed 15 kernel messages", 15),
        ("Nov 23 10:00:00 db7 kernel: ** 99 printk messages dropped **", 99),
    ],
)
def test_lost_on_the_way(tmp_path: Path, line: str, count: int) -> None:
    lines = [f"Nov 23 10:00:00 db7 kernel: {text}" for text in stamped(BOOT, 0)]
    crash = [f"Nov 23 10:00:00 db7 kernel: {text}" for text in stamped(CRASH, 500)]
    path = write(tmp_path / "log", [*lines, line, *crash])
    assert _gaps(path)["dropped"].text.startswith(f"{count} messages")


def test_broken_clock(tmp_path: Path) -> None:
    """sched_clock before it is set up, or a damaged stamp."""
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped(CRASH, 18_446_743_000))
    gap = _gaps(path)["time-jump"]
    assert gap.line == len(BOOT) + 1
    assert "+1844674" in gap.text


def test_suspend(tmp_path: Path) -> None:
    """The kernel's clock stands still while the machine sleeps; the wall clock does not."""
    lines = [f"Nov 23 10:00:0{n} db7 kernel: {line}" for n, line in enumerate(stamped(BOOT[:9], 0))]
    lines += [f"Nov 23 16:30:{n % 60:02} db7 kernel: {line}" for n, line in enumerate(stamped(CRASH, 20))]
    path = write(tmp_path / "log", lines)
    gap = _gaps(path)["time-jump"]
    assert gap.line == 10
    assert "slept" in gap.advice


def test_daemons_that_read_late_are_no_jump(tmp_path: Path) -> None:
    """At its start a daemon writes all that the kernel said so far, with one date."""
    lines = [f"Nov 23 10:00:00 db7 kernel: {line}" for line in stamped(BOOT, 0, 20)]
    lines += [f"Nov 23 10:09:59 db7 kernel: {line}" for line in stamped(CRASH, 1100)]
    path = write(tmp_path / "log", lines)
    assert "time-jump" not in _gaps(path)


def test_no_trace_after_a_panic(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped([*BOOT, "Kernel panic - not syncing: Machine halted by the watchdog"], 0))
    gap = _gaps(path)["no-trace"]
    assert gap.line == len(BOOT) + 1
    assert "dump" in gap.advice


def test_unreliable_trace(tmp_path: Path) -> None:
    crash = [f"  ? {text.strip().removeprefix('? ')}" if "+0x" in text and text[0] == " " else text for text in CRASH]
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped(crash, 500))
    gap = _gaps(path)["unreliable-trace"]
    assert "'?'" in gap.advice


def test_cut_off_report(tmp_path: Path) -> None:
    at = next(n for n, text in enumerate(CRASH) if text == "Call Trace:")
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped(CRASH[: at + 1], 500))
    assert "no-trace" in _gaps(path)


def test_messages_lost_inside_the_report_are_told_once(tmp_path: Path) -> None:
    crash = stamped(CRASH, 500)
    path = write(tmp_path / "log", [*stamped(BOOT, 0), *crash[:20], "** 99 printk messages dropped **", *crash[20:]])
    gap = _gaps(path)["dropped"]
    assert gap.text == "printk lost 99 messages inside this report."


def test_lines_of_several_machines(tmp_path: Path) -> None:
    """A central syslog server's file: told, with how to get one machine's lines alone."""
    lines = [f"Nov 24 12:34:{n:02} db{n % 2} kernel: [  10{n}.000000] xr: event {n}" for n in range(9)]
    path = tmp_path / "all.log"
    path.write_text("\n".join(lines) + "\n")
    gap = _gaps(path)["several-machines"]
    assert "(db0, db1)" in gap.text
    assert "grep -F ' db0 ' FILE" in gap.advice
    path.write_text("\n".join(lines).replace(" db1 ", " db0 ") + "\n")
    assert "several-machines" not in _gaps(path)


def test_a_machine_that_gets_its_name_is_one(tmp_path: Path) -> None:
    lines = [f"Nov 24 12:34:{n:02} {'debian' if n < 5 else 'db7'} kernel: [   1{n}.000000] up {n}" for n in range(12)]
    path = tmp_path / "one.log"
    path.write_text("\n".join(lines) + "\n")
    assert "several-machines" not in _gaps(path)
