"""Which dialect a file is in: by most of its lines, not by its first or by a few that are foreign."""

import gzip
import json

import pytest

from lastwords.klog.inputs import recognise

from .crash import MESSAGES, PLAIN, RECORDED

LINES = PLAIN.splitlines(keepends=True)
SYSLOG = [f"Nov 23 10:00:00 db7 kernel: {line}" for line in LINES]
KMSG = [f"{m.priority},{n},{m.microseconds},-;{m.text}\n" for n, m in enumerate(MESSAGES)]
JOURNAL = [json.dumps({"__CURSOR": "s=1", "MESSAGE": m.text, "_TRANSPORT": "kernel"}) + "\n" for m in MESSAGES]
RAW = [f"{m.text}\n" for m in MESSAGES]

FOREIGN = [
    "U-Boot 2023.01 (Jan 10 2023 - 12:00:00 +0000)\n",
    "Nov 23 10:00:00 db7 sshd[1]: Accepted publickey for root\n",
    '{"log": "text\\n", "stream": "stdout"}\n',
    "6,1234,5678901,-;text\n",
    "[   12.345678] usb 1-1: new device\n",
    "kern  :info  : [   12.345678] text\n",
    "2026-11-23T10:00:00Z something else\n",
    "10.0.0.1:6666 text\n",
    "__CURSOR=s=1\n",
    '{"dmesg": [\n',
    "Panic#1 Part1 of a story\n",
    "\x00\x01\x02\x03\n",
]


@pytest.mark.parametrize(
    ("lines", "name"),
    [(LINES, "dmesg"), (SYSLOG, "syslog"), (KMSG, "netconsole-extended"), (JOURNAL, "journal-json")],
)
@pytest.mark.parametrize("at", [0, 1, 40])
def test_a_few_foreign_lines_do_not_fool_it(lines: list[str], name: str, at: int) -> None:
    text = "".join(lines[:at] + FOREIGN + lines[at:])
    assert recognise(text.encode()).name in (name, name.replace("dmesg", "console"))


@pytest.mark.parametrize("foreign", FOREIGN)
def test_one_foreign_line_first(foreign: str) -> None:
    for lines, name in ((LINES, "dmesg"), (SYSLOG, "syslog"), (KMSG, "netconsole-extended"), (JOURNAL, "journal-json")):
        assert recognise((foreign + "".join(lines)).encode()).name in (name, name.replace("dmesg", "console"))


@pytest.mark.parametrize("foreign", FOREIGN)
def test_foreign_lines_in_a_log_without_stamps(foreign: str) -> None:
    """One line of another dialect is not enough to take a log without any prefix for that."""
    text = "".join(RAW[:30]) + foreign + "".join(RAW[30:])
    dialect = recognise(text.encode())
    texts = [record.text for record in dialect.records(text.encode())]
    assert "BUG: kernel NULL pointer dereference, address: 0000000000000018" in texts


def test_the_environment_of_init_is_no_journal() -> None:
    """The kernel prints it before it starts init; a log without stamps may have nothing else that looks like any."""
    environment = (
        "Run /init as init process\n  with environment:\n    HOME=/\n    TERM=linux\n    BOOT_IMAGE=/vmlinuz\n"
    )
    assert recognise("".join([*RAW[:20], environment, *RAW[20:]]).encode()).name in ("raw", "text")


def test_a_long_preamble() -> None:
    """Test rigs talk a lot before they boot a kernel."""
    rig = "".join(f"2026-11-23 10:00:0{n % 10} rig: step {n} of the preparation\n" for n in range(300))
    assert recognise((rig + PLAIN * 9).encode()).name == "console"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("dmesg-json-2.38.json.gz", "dmesg-json"),
        ("journal-export.gz", "journal-export"),
        ("journal-json.gz", "journal-json"),
        ("journal-json-pretty.gz", "journal-json"),
        ("journal-verbose.log", "journal-verbose"),
        ("journal-short-monotonic.log", "journal-short"),
    ],
)
@pytest.mark.parametrize(
    "first", ["-- Logs begin at Mon 2026-11-23 --\n", "$ sudo journalctl -k -b -1\n", "\n\n", "Hello\n"]
)
def test_something_in_front(name: str, form: str, first: str) -> None:
    """journalctl's remark, or the command that was pasted along."""
    path = RECORDED / name
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dialect = recognise(first.encode() + data)
    assert dialect.name == form
    texts = [record.text for record in dialect.records(first.encode() + data)]
    assert "BUG: kernel NULL pointer dereference, address: 0000000000000018" in texts


@pytest.mark.parametrize("data", [b"", b"\n", b"\0" * 100, b"\xff\xfe", b"{", b"<", b"[", b"{" * 1000, b"\x1b["])
def test_next_to_nothing(data: bytes) -> None:
    assert recognise(data).name == "text"
    assert all(not record.text.strip("{<[\ufffd") for record in recognise(data).records(data))


def test_a_fresh_object_each_time() -> None:
    """Some dialects remember where they were."""
    sample = "".join(KMSG).encode()
    assert recognise(sample) is not recognise(sample)
