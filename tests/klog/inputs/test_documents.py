"""Logs inside of documents: JSON as a whole, tables, base64. What comes out must be the crash of the plain log."""

import base64
import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.inputs.archives import is_packed
from lastwords.klog.inputs.documents import text_within
from lastwords.klog.scan import scan

from .crash import EXPECTED, PLAIN, content

LINES = PLAIN.splitlines()
DAY = "2026-11-23T10:00:00.123456Z"
CR_LF = PLAIN.replace("\n", "\r\n")
BASE64 = base64.encodebytes(PLAIN.encode()).decode()


def _table(names: list[str], row: Callable[[str], list[str]], **form: Any) -> str:
    text = io.StringIO()
    table = csv.writer(text, **form)
    table.writerow(names)
    table.writerows(row(line) for line in LINES)
    return text.getvalue()


def _cloud_logging(line: str) -> dict[str, Any]:
    return {
        "insertId": "1",
        "resource": {"labels": {"instance_id": "7"}, "type": "gce_instance"},
        "textPayload": line,
        "timestamp": DAY,
    }


DOCUMENTS: dict[str, str] = {
    "aws ec2 get-console-output": json.dumps({"InstanceId": "i-7", "Output": CR_LF, "Timestamp": DAY}, indent=4),
    "the same in one line": json.dumps({"InstanceId": "i-7", "Timestamp": DAY, "Output": PLAIN}),
    "the same as the API has it": json.dumps({"InstanceId": "i-7", "Output": BASE64}, indent=4),
    "base64": BASE64,
    "base64 in one line": base64.b64encode(PLAIN.encode()).decode(),
    "base64 of gzip": base64.b64encode(gzip.compress(PLAIN.encode())).decode(),
    "gcloud get-serial-port-output": json.dumps({"contents": CR_LF, "next": "7", "start": "0"}, indent=2),
    "gcloud logging read": json.dumps([_cloud_logging(line) for line in LINES], indent=2),
    "aws logs get-log-events": json.dumps(
        {"events": [{"timestamp": 1795428000123, "message": line, "ingestionTime": 1} for line in LINES]}, indent=4
    ),
    "Elasticsearch's answer": json.dumps(
        {"took": 3, "hits": {"hits": [{"_source": {"@timestamp": DAY, "message": line}} for line in LINES]}}, indent=1
    ),
    "Loki's answer": json.dumps(
        {"data": {"result": [{"stream": {"host": "a"}, "values": [["1795428000123456789", line] for line in LINES]}]}}
    ),
    "ansible": json.dumps({"changed": True, "cmd": ["dmesg"], "stdout": PLAIN, "stdout_lines": LINES}, indent=4),
    "a string of JSON": json.dumps(PLAIN),
    "Splunk's table": _table(["_raw", "_time", "host"], lambda line: [line, DAY, "lab"], quoting=csv.QUOTE_ALL),
    "only its text": _table(["_raw"], lambda line: [line], quoting=csv.QUOTE_ALL),
    "Kibana's": _table(["@timestamp", "message"], lambda line: ["Nov 23, 2026 @ 10:00:00.123", line]),
    "Grafana's": _table(["Time", "Line", "id"], lambda line: [DAY, line, "1"]),
    "tabs": _table(["time", "message"], lambda line: [DAY, line], delimiter="\t"),
    "semicolons": _table(["time", "message"], lambda line: [DAY, line], delimiter=";"),
    "a table with a byte-order mark": "\ufeff" + _table(["time", "message"], lambda line: [DAY, line]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_same_crash(tmp_path: Path, name: str) -> None:
    path = tmp_path / "document"
    path.write_text(DOCUMENTS[name])
    (source,) = find([str(path)])
    result = scan(source)
    assert (result.error, result.warning) == (None, None)
    assert content(result.oopses[0]) == EXPECTED
    assert result.oopses[0].time == 5023.318806
    assert all(oops.follows == 0 for oops in result.oopses[1:])
    assert result.lines == len(LINES)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_cut_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "document"
    data = DOCUMENTS[name].encode()
    path.write_bytes(data[: len(data) * 97 // 100])
    (source,) = find([str(path)])
    assert scan(source).oopses[0].title == EXPECTED["title"]


def test_logs_are_no_documents() -> None:
    """Not to be taken for one: lines that can be read where they stand, with their numbers."""
    assert text_within(PLAIN.encode()) is None
    assert text_within(b'[    0.000000] Command line: dyndbg="file a.c +p; file b.c \\n +p" \n' * 9) is None
    assert text_within(b'{"log": "[    0.000000] text\\n", "stream": "stdout"}\n' * 9) is None
    assert text_within(b'{"dmesg": [\n{"pri": 3, "msg": "text"}]}') is None
    assert text_within(b'{\n\t"_BOOT_ID" : "7",\n\t"MESSAGE" : "text"\n}\n') is None
    assert text_within(b'{"MESSAGE": "text", "_TRANSPORT": "kernel"}\n') is None
    assert text_within(b"time, message and what else is there\n") is None
    assert text_within(b"A" * 4000) is None
    assert text_within(b"") is None
    assert not is_packed(b"[Mon Nov 23 10:00:00 2026] text\n" * 9)


@pytest.mark.parametrize(
    "document",
    [
        b'{"Output": "' + b"a line\\n" * 3_000_000,
        b'{"x": [' + b'[{"message": "' * 300_000,
        b"[" * 20_000_000 + b'"message": "',
        b'{"a":"\\n' + b'"' * 10_000_000,
        b'{"a":"\\n\\n\\n' + b"\\" * 20_000_001,
        b"time,message\n" + b'"' * 20_000_000,
        b"time,message\n" + b"x," * 10_000_000,
        b"time,message\n\0" + b"\n" * 10_000_000,
    ],
    ids=["string", "nested", "brackets", "quotes", "backslashes", "open quote", "columns", "rows"],
)
def test_hostile_documents_take_little_memory(tmp_path: Path, document: bytes) -> None:
    path = tmp_path / "document"
    path.write_bytes(document)
    (source,) = find([str(path)])
    tracemalloc.start()
    with source.open() as file:
        while file.read(1 << 16):
            pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200 << 20


def test_what_is_nearly_base64_takes_no_time() -> None:
    assert text_within(b"A" * 4000 + b"!") is None
