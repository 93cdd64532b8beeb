"""netconsole, basic and extended, and /dev/kmsg itself."""

import re
from pathlib import Path

import pytest

from lastwords.klog.inputs.kmsg import Kmsg

from .crash import HEADLINE, MESSAGES, PLAIN, TITLE, TWO_CPUS, Message, same_crash, scanned


def _extended(
    messages: list[Message], *, size: int = 10_000, release: str = "", sender: str = "", caller: bool = True
) -> str:
    """As drivers/net/netconsole.c: send_fragmented_body() sends them: long bodies in pieces of `size` bytes."""
    out = []
    for number, m in enumerate(messages):
        tag = f",caller={m.caller}" if caller and m.caller else ""
        head = f"{sender}{release}{m.priority},{number + 100},{m.microseconds},-{tag}"
        if len(m.text) <= size:
            out.append(f"{head};{m.text}\n")
        else:
            out += [
                f"{head},ncfrag={at}/{len(m.text)};{m.text[at : at + size]}\n" for at in range(0, len(m.text), size)
            ]
    return "".join(out)


def test_basic(tmp_path: Path) -> None:
    """Lines as the console shows them; the receiver may note who sent them."""
    path = tmp_path / "log"
    path.write_text("".join(f"10.0.0.17:6666 {line}\n" for line in PLAIN.splitlines()))
    same_crash(path, "netconsole")


def test_extended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(_extended(MESSAGES))
    same_crash(path, "netconsole-extended")


def test_with_the_senders_release_and_address(tmp_path: Path) -> None:
    """`release=1`, and a receiver's note."""
    path = tmp_path / "log"
    path.write_text(_extended(MESSAGES, release="6.1.0-18-amd64,", sender="10.0.0.17:6666 "))
    same_crash(path, "netconsole-extended")


@pytest.mark.parametrize("size", [16, 40, 100])
def test_fragments(tmp_path: Path, size: int) -> None:
    path = tmp_path / "log"
    path.write_text(_extended(MESSAGES, size=size))
    result = scanned(path)
    assert result.oopses[0].title == TITLE
    assert result.oopses[0].registers["rdi"] == 0
    assert result.oopses[0].comm == "kworker/3:1H"
    assert [frame.function for frame in result.oopses[0].traces[0].frames][-1] == "ret_from_fork"


def test_a_lost_fragment(tmp_path: Path) -> None:
    """UDP: what is missing is missing, the rest stays readable."""
    lines = _extended(MESSAGES, size=40).splitlines(keepends=True)
    path = tmp_path / "log"
    path.write_text("".join(line for number, line in enumerate(lines) if "ncfrag=40/" not in line or number % 3))
    assert scanned(path).oopses[0].kind == "null-dereference"


def test_dev_kmsg_with_its_dictionary(tmp_path: Path) -> None:
    """`cat /dev/kmsg`: a device message has lines with its subsystem and device behind it."""
    path = tmp_path / "log"
    path.write_text(
        "".join(
            f"{m.priority},{number},{m.microseconds},-;{m.text}\n SUBSYSTEM=pci\n DEVICE=+pci:0000:03:00.0\n"
            for number, m in enumerate(MESSAGES)
        )
    )
    same_crash(path, "netconsole-extended")


def test_escapes(tmp_path: Path) -> None:
    r"""Bytes that can't be printed come as `\x1b`; an escaped end of line makes two messages."""
    path = tmp_path / "log"
    records = Kmsg().records(rb"4,1,5000000,-;one\x0atwo \xc3\xa4 \x5c" + b"\n")
    assert [record.text for record in records] == ["one", "two ä \\"]
    whole = "\\x0a".join(m.text for m in MESSAGES[31:])
    path.write_text(f"4,1,5023318806,-;{whole}\n")
    assert scanned(path).oopses[0].title == TITLE


def test_lost_messages_show_as_gaps(tmp_path: Path) -> None:
    lines = _extended(MESSAGES).splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "Workqueue" in line)
    path = tmp_path / "log"
    path.write_text("".join(lines[:at] + lines[at + 3 :]))
    oops = scanned(path).oopses[0]
    assert not oops.intact
    assert [d.kind for d in oops.damage] == ["dropped"]
    assert "3" in oops.damage[0].text


def test_sequence_numbers_count_by_sender() -> None:
    """One file for all machines: messages of another one are no gap."""
    one = _extended(MESSAGES, sender="10.0.0.17:6666 ").splitlines(keepends=True)
    two = [
        re.sub(r",(\d+),(\d+),-", lambda m: f",{int(m[1]) + 900},{m[2]},-", line).replace(".17:", ".18:")
        for line in one
    ]
    records = Kmsg().records("".join(a + b for a, b in zip(one, two, strict=True)).encode())
    assert len(records) == 2 * len(MESSAGES)
    assert not any(record.dropped for record in records)


def test_caller_ids(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(_extended(TWO_CPUS))
    assert [oops.title for oops in scanned(path).oopses] == [
        "KASAN: slab-use-after-free Read in tunnel_peer_put",
        "WARNING in lane_watchdog",
    ]


def test_headline_line_number(tmp_path: Path) -> None:
    """Fragments and dictionary lines are lines of the file."""
    text = _extended(MESSAGES, size=100).replace(";DMI", ";DMI", 1)
    path = tmp_path / "log"
    path.write_text(text)
    oops = scanned(path).oopses[0]
    assert HEADLINE in text.splitlines()[oops.line - 1]
