"""journalctl's formats with all fields."""

import gzip
import json
from pathlib import Path

import pytest

from .crash import HEADLINE, MESSAGES, RECORDED, TITLE, Message, same_crash, scanned

BOOT = "4f1c8d0a6e5b4b7f9c3d2e1f0a9b8c7d"
START = 1_700_733_600_000_000


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("journal-json.gz", "journal-json"),
        ("journal-json-sse.gz", "journal-json"),
        ("journal-json-seq.gz", "journal-json"),
        ("journal-json-pretty.gz", "journal-json"),
        ("journal-export.gz", "journal-export"),
    ],
)
def test_recorded(name: str, form: str) -> None:
    path = RECORDED / name
    same_crash(path, form, wall="2023-11-23T11:23:43", text=gzip.decompress(path.read_bytes()))


def test_verbose() -> None:
    same_crash(RECORDED / "journal-verbose.log", "journal-verbose", wall="2023-11-23T11:23:43")


def _fields(m: Message) -> dict[str, str]:
    kernel = m.priority < 8
    return {
        "__CURSOR": f"s=1;i={m.microseconds:x}",
        "__REALTIME_TIMESTAMP": str(START + m.microseconds),
        "__MONOTONIC_TIMESTAMP": str(m.microseconds + 12),
        "_BOOT_ID": BOOT,
        "PRIORITY": str(m.priority & 7),
        "SYSLOG_IDENTIFIER": "kernel" if kernel else "systemd",
        "_TRANSPORT": "kernel" if kernel else "journal",
        **({"_SOURCE_MONOTONIC_TIMESTAMP": str(m.microseconds)} if kernel else {}),
        "MESSAGE": m.text,
    }


def _export(binary: bool = False) -> bytes:
    out = b""
    for m in MESSAGES:
        for name, value in _fields(m).items():
            if name == "MESSAGE" and binary:
                out += b"MESSAGE\n" + len(value).to_bytes(8, "little") + value.encode() + b"\n"
            else:
                out += f"{name}={value}\n".encode()
        out += b"\n"
    return out


def test_export_with_binary_fields(tmp_path: Path) -> None:
    """Messages that are no UTF-8 or have several lines come with their length."""
    path = tmp_path / "export"
    path.write_bytes(_export(binary=True))
    result = scanned(path)
    assert result.format == "journal-export"
    assert result.oopses[0].title == TITLE


def test_export_of_one_long_message(tmp_path: Path) -> None:
    """A program that hands on a whole crash as one message, or the kernel an oops as one record."""
    first = next(n for n, m in enumerate(MESSAGES) if HEADLINE in m.text)
    text = "\n".join(m.text for m in MESSAGES[first:])
    entry = {**_fields(MESSAGES[first]), "MESSAGE": text}
    path = tmp_path / "json"
    path.write_text(json.dumps(entry) + "\n")
    assert scanned(path).oopses[0].title == TITLE
    size = len(text).to_bytes(8, "little")
    fields = "".join(f"{name}={value}\n" for name, value in entry.items() if name != "MESSAGE").encode()
    path.write_bytes(fields + b"MESSAGE\n" + size + text.encode() + b"\n\n")
    assert scanned(path).oopses[0].title == TITLE


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("form", ["export", "json"])
def test_cut_off(tmp_path: Path, form: str, keep: float) -> None:
    """The copy was not over when the machine went away."""
    whole = _export() if form == "export" else "".join(json.dumps(_fields(m)) + "\n" for m in MESSAGES).encode()
    path = tmp_path / "log"
    path.write_bytes(whole[: int(len(whole) * keep)])
    assert scanned(path).error is None
    assert [oops.title for oops in scanned(path).oopses[:1]] == [TITLE]


def test_json_with_byte_arrays(tmp_path: Path) -> None:
    """What isn't UTF-8 is written as numbers."""
    path = tmp_path / "json"
    rows = [{**_fields(m), "MESSAGE": list(m.text.encode() + b"\xff")} for m in MESSAGES]
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
    assert scanned(path).oopses[0].title == TITLE


def test_json_of_other_fields_first(tmp_path: Path) -> None:
    """The order of the fields is not fixed, and null and lists stand for fields that are too long or come twice."""
    path = tmp_path / "json"
    rows = [dict(sorted({**_fields(m), "CMDLINE": None, "TAG": ["a", "b"]}.items())) for m in MESSAGES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    same_crash(path, "journal-json", wall="2023-11-23T11:23:43")


def test_programs_in_the_journal(tmp_path: Path) -> None:
    """`_TRANSPORT` can't be forged by a program, its identifier can."""
    path = tmp_path / "json"
    rows = [{**_fields(m), "_TRANSPORT": "stdout", "SYSLOG_IDENTIFIER": "kernel"} for m in MESSAGES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert scanned(path).oopses == []


def test_several_boots_in_short_form(tmp_path: Path) -> None:
    """journalctl's remarks are not messages."""
    path = tmp_path / "short"
    log = (RECORDED / "journal-short.log").read_text()
    path.write_text(f"-- Journal begins at Mon 2023-10-02 --\n{log}-- Boot 0123456789abcdef0123456789abcdef --\n{log}")
    result = scanned(path)
    assert result.format == "syslog"
    assert [(oops.title, oops.boot) for oops in result.oopses if oops.title == TITLE] == [(TITLE, 1), (TITLE, 2)]
