"""Files of syslog daemons, and what journalctl prints in their style."""

from pathlib import Path

import pytest

from .crash import HEADLINE, MESSAGES, RECORDED, TITLE, Message, same_crash, scanned


def _program(m: Message) -> tuple[str, str]:
    """Who wrote a message, and its text: systemd's come over /dev/kmsg with their name in front."""
    if m.priority >= 8:
        name, _, text = m.text.partition(": ")
        return name, text
    return "kernel", m.text


def _write(path: Path, form: str) -> Path:
    """The log in a form with the fields `priority`, `stamp`, `program` and `text`."""
    path.write_text(
        "".join(
            form.format(priority=m.priority, stamp=m.stamp, program=program, text=text) + "\n"
            for m in MESSAGES
            for program, text in [_program(m)]
        )
    )
    return path


@pytest.mark.parametrize(
    ("name", "form", "time", "wall"),
    [
        ("rsyslog-traditional.log", "syslog", True, "Nov 24 "),
        ("rsyslog-file.log", "syslog", True, "2026-11-24T"),
        ("rsyslog-proto23.log", "syslog", True, "2026-11-24T"),
        ("journal-short.log", "syslog", False, "Nov 23 11:23:43"),
        ("journal-short-full.log", "journal-short", False, "Thu 2023-11-23 11:23:43 UTC"),
        ("journal-short-iso-precise.log", "syslog", False, "2023-11-23T11:23:43.318837+0000"),
        ("journal-short-unix.log", "journal-short", False, "1700738623.318837"),
        ("journal-short-monotonic.log", "journal-short", True, ""),
        ("journal-cat.log", "raw", False, ""),
    ],
)
def test_recorded(name: str, form: str, time: bool, wall: str) -> None:
    same_crash(RECORDED / name, form, time=time, wall=wall)


def test_forwarded_without_ends_of_lines() -> None:
    """A capture of what syslog sends over TCP: one line, a priority and a date in front of each message."""
    result = scanned(RECORDED / "rsyslog-forward.log")
    assert result.oopses[0].title == TITLE
    assert result.oopses[0].registers["rdi"] == 0
    assert result.lines == 1


@pytest.mark.parametrize(
    ("form", "time", "wall"),
    [
        # RFC 3164, with and without the kernel's stamp, from hosts with all kinds of names.
        ("Nov 23 10:00:00 db7 {program}: {stamp} {text}", True, "Nov 23 10:00:00"),
        ("Nov  3 10:00:00 db7 {program}: {text}", False, "Nov  3 10:00:00"),
        ("Nov 23 10:00:00 10.0.0.17 {program}: {stamp} {text}", True, "Nov 23"),
        ("Nov 23 10:00:00 db7.example.org {program}: {text}", False, "Nov 23"),
        ("<6>Nov 23 10:00:00 db7 {program}: {stamp} {text}", True, "Nov 23"),
        # RFC 3339.
        ("2026-11-23T10:00:00+01:00 db7 {program}: {stamp} {text}", True, "2026-11-23T10:00:00+01:00"),
        ("2026-11-23T10:00:00.123456Z db7 {program}: {text}", False, "2026-11-23T10:00:00.123456Z"),
        # RFC 5424.
        ("<6>1 2026-11-23T10:00:00.1Z db7 kernel - - - {stamp} {text}", True, "2026-11-23T10:00:00.1Z"),
        ('<6>1 2026-11-23T10:00:00Z db7 kernel 12 ID7 [m@1 a="x\\]y"] {text}', False, "2026-11-23T"),
        # busybox syslogd and klogd, OpenWrt's logread.
        ("Nov 23 10:00:00 db7 kern.warn kernel: {stamp} {text}", True, "Nov 23"),
        ("Mon Nov 23 10:00:00 2026 kern.warn kernel: {stamp} {text}", True, "Mon Nov 23"),
        ("Nov 23 10:00:00 kernel: {text}", False, "Nov 23"),
        # metalog; a daemon that puts a sign in front of what klogd gave it.
        ("Nov 23 10:00:00 [{program}] {stamp} {text}", True, "Nov 23"),
        ("Nov 23 10:00:00 [{program}] {text}", False, "Nov 23"),
        ("Nov 23 10:00:00 db7 {program}: : {stamp} {text}", True, "Nov 23"),
        ("Nov 23 10:00:00 db7 {program}: : {text}", False, "Nov 23"),
        # journalctl -o short-iso.
        ("2026-11-23T10:00:00+0000 db7 {program}: {text}", False, "2026-11-23T10:00:00+0000"),
    ],
)
def test_forms(tmp_path: Path, form: str, time: bool, wall: str) -> None:
    path = _write(tmp_path / "kern.log", form)
    same_crash(path, "syslog", time=time, wall=wall)


@pytest.mark.parametrize("form", ["10:00:00 kernel: {text}", ":{text}", ": {text}"])
def test_what_is_left_of_a_prefix(tmp_path: Path, form: str) -> None:
    """A log that somebody shortened before he showed it; the lines of ABRT's mails."""
    path = tmp_path / "mail"
    path.write_text("".join(form.format(text=m.text) + "\n" for m in MESSAGES))
    first = scanned(path).oopses[0]
    assert (first.title, first.cpu, first.pid, first.intact) == (TITLE, 3, 2871, True)


def test_other_programs_between_the_lines(tmp_path: Path) -> None:
    """What the rest of the machine logs in the same moment is not the kernel's."""
    path = tmp_path / "messages"
    others = (
        "Nov 23 10:00:00 db7 postfix/smtpd[812]: connect from unknown[10.0.0.3]\n",
        "Nov 23 10:00:00 db7 app[99]: BUG: unable to handle kernel paging request at ffff888012345678\n",
        "Nov 23 10:00:00 db7 app[99]: Call Trace:\n",
        "Nov 23 10:00:00 db7 CRON[3181]: (root) CMD (test -e /run/x && echo 'Kernel panic - not syncing: x')\n",
    )
    path.write_text(
        "".join(f"Nov 23 10:00:00 db7 kernel: {m.stamp} {m.text}\n{others[n % 4]}" for n, m in enumerate(MESSAGES))
    )
    result = same_crash(path, "syslog", wall="Nov 23")
    assert len(result.oopses) <= 2


def test_programs_that_talk_about_crashes(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_text(
        "".join(f"Nov 23 10:00:0{n % 10} db7 collector[17]: {m.stamp} {m.text}\n" for n, m in enumerate(MESSAGES))
    )
    assert scanned(path).oopses == []


def test_repeated_message(tmp_path: Path) -> None:
    """`last message repeated 3 times` is syslogd's own."""
    path = tmp_path / "syslog"
    lines = [f"Nov 23 10:00:00 db7 kernel: {m.stamp} {m.text}" for m in MESSAGES]
    at = next(n for n, line in enumerate(lines) if HEADLINE in line)
    lines[at + 1 : at + 1] = ["Nov 23 10:00:00 db7 last message repeated 3 times", "Nov 23 10:00:00 db7 -- MARK --"]
    path.write_text("\n".join(lines) + "\n")
    same_crash(path, "syslog", wall="Nov 23")


def test_octal_escapes(tmp_path: Path) -> None:
    """rsyslog writes control characters as `#033`, a tab as `#011`; the message stays readable."""
    path = _write(tmp_path / "syslog", "Nov 23 10:00:00 db7 {program}: {stamp} {text}#011")
    assert scanned(path).oopses[0].title == TITLE
