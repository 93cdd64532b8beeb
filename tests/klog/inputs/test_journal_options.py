"""What options of journalctl leave out of its lines, or put there: --no-hostname, --output-fields, short-delta."""

import json
from pathlib import Path

from lastwords.klog.gaps import gaps
from lastwords.klog.inputs import recognise
from lastwords.klog.listing import Listings
from lastwords.model import Boot, Record

from .crash import MESSAGES, same_crash


def test_short_monotonic_without_host(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("".join(f"{m.stamp} kernel: {m.text}\n" for m in MESSAGES))
    same_crash(path, "journal-short")


def test_short_delta(tmp_path: Path) -> None:
    """systemd 252 and later: the distance to the line before, which the first has none of."""
    path = tmp_path / "journal"
    first, *others = MESSAGES
    path.write_text(
        f"{first.stamp[:-1]}                ] lab kernel: {first.text}\n"
        + "".join(f"{m.stamp[:-1]} <    0.000123 >] lab kernel: {m.text}\n" for m in others)
    )
    same_crash(path, "journal-short")


def test_only_some_fields(tmp_path: Path) -> None:
    """`--output-fields=MESSAGE`: journalctl adds its own four, and nothing says who wrote the message."""
    path = tmp_path / "journal"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "__CURSOR": "s=1",
                    "__REALTIME_TIMESTAMP": str(1_700_733_600_000_000 + m.microseconds),
                    "__MONOTONIC_TIMESTAMP": str(m.microseconds),
                    "_BOOT_ID": "7",
                    "MESSAGE": m.text,
                }
            )
            + "\n"
            for m in MESSAGES
        )
    )
    same_crash(path, "journal-json", wall="2023-11-23")


def test_dmesg_of_a_talkative_systemd_is_dmesg() -> None:
    lines = ["[    1.000000] usb 1-1: new device\n", *["[    5.000000] systemd[1]: Starting a thing...\n"] * 9]
    records = recognise("".join(lines).encode()).records("".join(lines).encode())
    assert (records[0].text, records[0].kernel) == ("usb 1-1: new device", True)


def test_a_reboot_is_no_jump_of_the_clock() -> None:
    records = [
        Record(1, "reboot: Restarting system", 138.0, wall="2026-11-24T16:27:53Z"),
        Record(2, "Linux version 6.1.0", 0.0, wall="2026-11-24T16:28:30Z"),
    ]
    boots = (Boot(number=1, line=1, last_line=2),)
    assert "time-jump" not in [gap.kind for gap in gaps((), boots, (), None, "journal-json", records, Listings())]
