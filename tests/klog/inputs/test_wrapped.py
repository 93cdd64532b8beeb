"""Lines of JSON that shippers of logs write, and that the stores of logs give back: the kernel's line is in a field."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lastwords.klog.inputs.recognition import recognise

from .crash import MESSAGES, Message, same_crash

DAY = "2026-11-23T10:00:00.123456Z"
EPOCH = datetime(2026, 11, 23, 10, 0, 0, 500_000, UTC).timestamp()


def _line(message: Message) -> str:
    return f"{message.stamp} {message.text}"


SHAPES: dict[str, Callable[[Message], dict[str, Any]]] = {
    "Elasticsearch": lambda m: {
        "_index": "filebeat",
        "_id": "1",
        "_source": {
            "@timestamp": DAY,
            "host": {"name": "lab"},
            "message": f"Nov 23 10:00:00 lab kernel: {_line(m)}",
            "log": {"file": {"path": "/var/log/kern.log"}, "offset": 7},
        },
    },
    "Filebeat": lambda m: {"@timestamp": DAY, "log": {"offset": 7}, "host": {"name": "lab"}, "message": _line(m)},
    "Splunk": lambda m: {"preview": False, "offset": 1, "result": {"_time": DAY, "host": "lab", "_raw": _line(m)}},
    "Cloud Logging": lambda m: {
        "insertId": "1",
        "labels": {"compute.googleapis.com/resource_name": "lab"},
        "resource": {"labels": {"instance_id": "1"}, "type": "gce_instance"},
        "textPayload": _line(m) + "\r",
        "timestamp": DAY,
    },
    "logcli": lambda m: {"labels": {"host": "lab"}, "line": _line(m), "timestamp": DAY},
    "Vector": lambda m: {"appname": "kernel", "host": "lab", "message": _line(m), "timestamp": DAY},
    "syslog-ng": lambda m: {"PROGRAM": "kernel", "HOST": "lab", "MESSAGE": _line(m), "ISODATE": DAY},
    "NXLog": lambda m: {"EventReceivedTime": DAY, "Hostname": "lab", "Message": _line(m)},
    "Fluent Bit": lambda m: {
        "date": EPOCH,
        "priority": 3,
        "sec": m.microseconds // 1_000_000,
        "usec": m.microseconds % 1_000_000,
        "msg": m.text,
    },
    "milliseconds": lambda m: {"host": "lab", "ts": int(EPOCH * 1000), "message": _line(m)},
    "nanoseconds": lambda m: {"host": "lab", "timestamp": int(EPOCH * 10**9), "message": _line(m)},
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log"
    path.write_text("".join(json.dumps(SHAPES[name](message)) + "\n" for message in MESSAGES))
    same_crash(path, "json-lines", wall="Nov 23 10:00:00" if name == "Elasticsearch" else "2026-11-23T10:00:00")


def test_journal_whose_fields_a_shipper_has_reordered(tmp_path: Path) -> None:
    path = tmp_path / "log"
    entries = [
        {
            "MESSAGE": message.text + " " * 5000,
            "PRIORITY": "4",
            "_TRANSPORT": "kernel",
            "_SOURCE_MONOTONIC_TIMESTAMP": str(message.microseconds),
        }
        for message in MESSAGES
    ]
    path.write_text("".join(json.dumps(entry).replace(" " * 5000, "") + "\n" for entry in entries))
    same_crash(path, "journal-json")
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries[:3]))
    (record, *_) = recognise(path.read_bytes()).records(path.read_bytes())
    assert record.time == MESSAGES[0].microseconds / 1_000_000


def test_programs_are_not_the_kernel() -> None:
    lines = [
        {"PROGRAM": "sshd", "MESSAGE": "BUG: kernel NULL pointer dereference, address: 0000000000000018"},
        {"PROGRAM": "kernel", "MESSAGE": "usb 1-1: new device"},
        {"PROGRAM": "relay", "MESSAGE": "[   12.345678] usb 1-1: new device"},
    ]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    assert [record.kernel for record in recognise(data).records(data)] == [False, True, True]


@pytest.mark.parametrize(
    "odd", [{"ts": 10**400}, {"ts": -5}, {"timestamp": 1e300}, {"sec": -1, "usec": 3}, {"log": {}}]
)
def test_odd_values(odd: dict[str, Any]) -> None:
    data = (json.dumps({"message": "[    1.000000] text", **odd}) + "\n").encode()
    (record,) = recognise(data).records(data)
    assert (record.text, record.time) == ("text", 1.0)
