"""What dmesg prints, in all its formats; kdump's copies of the ring buffer are the plain one."""

import gzip
import json
from pathlib import Path

import pytest

from .crash import EXPECTED, MESSAGES, PLAIN, RECORDED, TITLE, TWO_CPUS, Message, dmesg, same_crash, scanned

LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")


def test_the_crash_itself() -> None:
    """What the other tests compare with is right."""
    assert EXPECTED["title"] == TITLE
    assert (EXPECTED["function"], EXPECTED["module"]) == ("acme_sg_build", "acme_hba")
    assert (EXPECTED["cpu"], EXPECTED["pid"], EXPECTED["comm"]) == (3, 2871, "kworker/3:1H")
    assert EXPECTED["release"] == "6.1.0-18-amd64"
    assert EXPECTED["registers"]["rdi"] == 0
    assert EXPECTED["intact"]
    functions = [frame["function"] for frame in EXPECTED["traces"][0]["frames"]]
    assert functions[4:7] == ["acme_sg_build", "acme_queue_rq", "scsi_queue_rq"]
    assert functions[-1] == "ret_from_fork"


@pytest.mark.parametrize("name", ["dmesg.txt", "vmcore-dmesg.txt", "messages"])
def test_plain(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(PLAIN)
    same_crash(path, "dmesg")


def test_raw(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_text("".join(f"<{m.priority}>{m.stamp} {m.text}\n" for m in MESSAGES))
    same_crash(path, "dmesg")


@pytest.mark.parametrize(
    ("name", "form", "time", "wall"),
    [
        ("dmesg-ctime.log", "dmesg", False, "Tue Nov 24 06:58:54 2026"),
        ("dmesg-decode.log", "dmesg", True, ""),
        ("dmesg-decode-ctime.log", "dmesg", False, "Tue Nov 24 06:58:54 2026"),
        ("dmesg-delta.log", "dmesg", True, ""),
        ("dmesg-iso.log", "dmesg", False, "2026-11-24T06:58:54"),
        ("dmesg-notime.log", "raw", False, ""),
    ],
)
def test_recorded(name: str, form: str, time: bool, wall: str) -> None:
    path = RECORDED / name
    lines = path.read_text().splitlines()
    headline = next(line for line in lines if "BUG: kernel NULL" in line)
    # The date depends on the day of the recording: take it from the file.
    assert not wall or headline[headline.find(wall[:4]) :].startswith(wall[:4])
    same_crash(path, form, time=time, wall=wall[:4])


def test_reltime() -> None:
    """`dmesg -e`: minutes on some lines, differences on the others."""
    result = same_crash(RECORDED / "dmesg-reltime.log", "dmesg", time=False)
    assert result.lines == len(MESSAGES)


def test_levels_and_programs(tmp_path: Path) -> None:
    """`-x` and `--raw` say which messages are not the kernel's own."""
    text = "BUG: kernel NULL pointer dereference, address: 0000000000000018"
    for line in (f"<12>[   10.000000] {text}", f"user  :warn  : [   10.000000] {text}"):
        path = tmp_path / "log"
        path.write_text(f"{line}\n" * 3)
        assert scanned(path).oopses == []


def test_json_of_util_linux_2_38() -> None:
    """Its messages bring along all that follow them."""
    path = RECORDED / "dmesg-json-2.38.json.gz"
    text = gzip.decompress(path.read_bytes())
    result = scanned(path)
    assert result.format == "dmesg-json"
    assert result.oopses[0].title == TITLE
    assert result.oopses[0].time == 5023.318806
    # The text of the headline stands in each message before it too; its own has the right time stamp above it.
    lines = text.split(b"\n")
    assert b"5023.318806" in lines[result.oopses[0].line - 2]
    assert lines[result.oopses[0].line - 1].lstrip().startswith(b'"msg": "BUG: kernel NULL pointer')


def _json(messages: list[Message], *, decode: bool) -> str:
    rows = []
    for m in messages:
        priority = (
            [("fac", "kern" if m.priority < 8 else "daemon"), ("pri", LEVELS[m.priority & 7])]
            if decode
            else [("pri", m.priority)]
        )
        fields = [f'"{key}": {json.dumps(value)}' for key, value in priority]
        fields.append(f'"time": {m.stamp[1:-1]:>12}')
        if m.caller:
            fields.append(f'"caller": "{m.caller}"')
        fields.append(f'"msg": {json.dumps(m.text)}')
        rows.append("{\n         " + ",\n         ".join(fields) + "\n      }")
    return '{\n   "dmesg": [\n      ' + ",".join(rows) + "\n   ]\n}\n"


@pytest.mark.parametrize("decode", [False, True])
def test_json(tmp_path: Path, decode: bool) -> None:
    path = tmp_path / "dmesg.json"
    path.write_text(_json(MESSAGES, decode=decode))
    same_crash(path, "dmesg-json")


def test_json_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "dmesg.json"
    text = _json(MESSAGES, decode=False)
    path.write_text(text[: text.index("---[ end trace") - 3])
    assert scanned(path).oopses[0].title == TITLE


def test_json_callers(tmp_path: Path) -> None:
    path = tmp_path / "dmesg.json"
    path.write_text(_json(TWO_CPUS, decode=True))
    assert [oops.title for oops in scanned(path).oopses] == [
        "KASAN: slab-use-after-free Read in tunnel_peer_put",
        "WARNING in lane_watchdog",
    ]


def test_multi_line_message(tmp_path: Path) -> None:
    """dmesg writes the further lines of a message without a stamp, or with blanks in its place."""
    path = tmp_path / "dmesg"
    text = PLAIN.replace("[ 5023.318831] #PF: sup", "               #PF: sup")
    path.write_text(text.replace("[ 5023.318842] #PF:", "#PF:"))
    assert scanned(path).oopses[0].title == TITLE


def test_order_of_messages_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dmesg"
    path.write_text(dmesg(MESSAGES) * 2)
    lines = [oops.line for oops in scanned(path).oopses if oops.title == TITLE]
    assert lines == [32, 32 + len(MESSAGES)]
