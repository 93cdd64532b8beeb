"""QEMU's monitor: a real one, and one that does everything wrong."""

import array
import json
import os
import re
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from lastwords.vmcore import qmp

SIZE = 1 << 20
GREETING = {"QMP": {"version": {}, "capabilities": ["oob"]}}
NOTE = b"\x7fELF VMCOREINFO\0"


class FakeMonitor:
    """Answers as QEMU does; `answers` overrides, by command. An answer that is a list is sent line by line."""

    def __init__(self, path, *, greeting=GREETING, answers=None, content=NOTE, running=True):
        self.asked: list[str] = []
        self.path = path
        self.greeting = greeting
        self.content = content
        self.steps = 0
        self.answers = {
            "query-status": {"return": {"status": "running" if running else "guest-panicked", "running": running}},
            "query-memory-size-summary": {"return": {"base-memory": SIZE, "plugged-memory": 0}},
            **(answers or {}),
        }
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, self.listener:
            if self.greeting is not None:
                connection.sendall(self.line(self.greeting))
            data = b""
            files: list[int] = []
            while True:
                part, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
                if not part:
                    return
                data += part
                for _, _, payload in ancillary:
                    files += array.array("i", payload)
                while b"\n" in data:
                    line, _, data = data.partition(b"\n")
                    command = json.loads(line)
                    self.asked.append(command["execute"])
                    answer = self.answer(command, files)
                    if answer is None:
                        return
                    for each in answer if isinstance(answer, list) else [answer]:
                        connection.sendall(self.line(each))

    def line(self, message):
        return message if isinstance(message, bytes) else json.dumps(message).encode() + b"\r\n"

    def answer(self, command, files):
        name = command["execute"]
        if name in self.answers:
            return self.answers[name]
        if name == "dump-guest-memory":
            assert command["arguments"] == {"paging": False, "protocol": "fd:lastwords", "detach": True}
            os.write(files[0], self.content)
            os.close(files.pop())
            return [{"event": "STOP", "timestamp": {"seconds": 100, "microseconds": 250_000}}, {"return": {}}]
        if name == "query-dump":
            self.steps += 1
            if self.steps < 3:
                return {"return": {"status": "active", "completed": self.steps * 1000, "total": 3000}}
            return [
                {"event": "RESUME", "timestamp": {"seconds": 101, "microseconds": 0}},
                {"return": {"status": "completed", "completed": 3000, "total": 3000}},
            ]
        return {"return": {}}


@pytest.fixture
def place():
    # A socket's path may have 107 bytes, and pytest's own directories are long.
    with tempfile.TemporaryDirectory(prefix="lw") as folder:
        yield Path(folder)


@pytest.fixture
def monitor(place):
    made = []

    def make(path=place / "qmp", **how):
        made.append(FakeMonitor(path, **how))
        return made[-1]

    yield make
    for each in made:
        each.thread.join(10)


def failed(place, **how):
    with pytest.raises(qmp.QmpError) as caught:
        qmp.dump(place / "qmp", how.pop("directory", place / "out"))
    text = str(caught.value)
    assert "\n" not in text
    assert not (place / "out" / "vmcore").exists()
    return text


def test_a_running_guest_is_dumped_and_runs_on(place, monitor):
    fake, seen = monitor(), []
    found = qmp.dump(place / "qmp", place / "out", lambda done, total: seen.append((done, total)))
    assert found == qmp.GuestDump(place / "out" / "vmcore", "running", 0.75, True)
    assert found.path.read_bytes() == NOTE
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700
    assert seen == [(1000, 3000), (2000, 3000), (3000, 3000)]
    assert "cont" not in fake.asked


def test_a_guest_that_stays_stopped_is_resumed(place, monitor):
    fake = monitor()
    answers = iter([True, False])
    original = fake.answer
    fake.answer = lambda command, files: (
        {"return": {"status": "running", "running": next(answers)}}
        if command["execute"] == "query-status"
        else original(command, files)
    )
    qmp.dump(place / "qmp", place / "out")
    assert fake.asked[-1] == "cont"


def test_a_panicked_guest_is_left_as_it_is(place, monitor):
    fake = monitor(running=False, content=b"\x7fELF")
    found = qmp.dump(place / "qmp", place / "out")
    assert (found.state, found.stopped, found.vmcoreinfo) == ("guest-panicked", None, False)
    assert "cont" not in fake.asked


def test_a_private_directory_where_none_is_named(place, monitor, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monitor()
    found = qmp.dump(place / "qmp")
    assert found.path.parent.parent == place
    assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        (b"QEMU 7.2.0 monitor - type 'help' for more information\r\n", "for people"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "says something else"),
        (b"[1]\r\n", "says something else"),
        (b"\xff\xfe\r\n", "says something else"),
    ],
)
def test_a_socket_that_is_no_qmp_monitor(place, monitor, greeting, expected):
    monitor(greeting=greeting)
    assert expected in failed(place)


def test_a_busy_monitor(place, monitor, monkeypatch):
    monkeypatch.setattr(qmp, "GREETING_SECONDS", 0.2)
    monitor(greeting=None)
    text = failed(place)
    assert "another client holds this monitor" in text
    assert "virsh dump --memory-only --live DOMAIN" in text


def test_libvirts_own_socket_names_the_domain(place, monitor, monkeypatch):
    monkeypatch.setattr(qmp, "GREETING_SECONDS", 0.2)
    folder = place / "domain-3-web"
    folder.mkdir()
    monitor(folder / "monitor.sock", greeting=None)
    with pytest.raises(qmp.QmpError, match="--live web FILE"):
        qmp.dump(folder / "monitor.sock", place / "out")


def test_no_socket_and_no_listener(place):
    assert "no such socket" in failed(place)
    (place / "qmp").write_bytes(b"")
    assert "nobody listens" in failed(place)


def test_a_path_too_long_for_a_socket(place):
    with pytest.raises(qmp.QmpError, match="too long"):
        qmp.dump(place / ("x" * 120), place / "out")


def test_too_little_room(place, monitor):
    monitor(answers={"query-memory-size-summary": {"return": {"base-memory": 1 << 60, "plugged-memory": 1 << 60}}})
    assert re.search(r"has 2199023255552 MiB of memory, and only \d+ MiB are free", failed(place))


def test_a_directory_that_cannot_be_written(place, monitor):
    (place / "file").write_bytes(b"")
    monitor()
    assert str(place / "file") in failed(place, directory=place / "file" / "below")


def test_an_old_dump_is_not_overwritten(place, monitor):
    monitor()
    (place / "other").mkdir()
    (place / "other" / "vmcore").write_bytes(b"mine")
    with pytest.raises(qmp.QmpError, match="exists already"):
        qmp.dump(place / "qmp", place / "other")
    assert (place / "other" / "vmcore").read_bytes() == b"mine"


def test_a_guest_that_has_not_begun(place, monitor):
    monitor(answers={"query-status": {"return": {"status": "prelaunch", "running": False}}})
    assert "has not been started yet" in failed(place)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"dump-guest-memory": {"error": {"class": "GenericError", "desc": "not supported\nhere"}}},
            "not supported here",
        ),
        ({"getfd": {"error": {"class": "GenericError", "desc": "No file descriptor"}}}, "QEMU refuses getfd"),
        ({"query-status": None}, "hung up after query-status"),
        ({"query-status": b"nonsense\n"}, "not JSON"),
        (
            {"query-dump": {"return": {"status": "failed", "completed": 0, "total": 9}}},
            "could not write the dump: failed",
        ),
        (
            {
                "query-dump": [
                    {
                        "event": "DUMP_COMPLETED",
                        "data": {"result": {}, "error": "dump: failed to write: No space left"},
                    },
                    {"return": {"status": "failed", "completed": 0, "total": 9}},
                ]
            },
            "No space left",
        ),
    ],
)
def test_what_qemu_refuses_or_fails_to_do(place, monitor, answers, expected):
    monitor(answers=answers)
    assert expected in failed(place)


def test_a_monitor_that_never_answers(place, monitor, monkeypatch):
    monkeypatch.setattr(qmp, "ANSWER_SECONDS", 0.2)
    monitor(answers={"query-memory-size-summary": []})
    assert "no answer to query-memory-size-summary" in failed(place)


def test_a_dump_that_does_not_advance(place, monitor, monkeypatch):
    monkeypatch.setattr(qmp, "STALLED_SECONDS", 0.3)
    monitor(answers={"query-dump": {"return": {"status": "active", "completed": 5, "total": 9}}})
    assert "written nothing" in failed(place)
