"""The whole system's driver and agent without QEMU: the one talks to the other over a socket."""

import json
import socket
import threading
from pathlib import Path

import pytest

from lastwords.lab.errors import LabError
from lastwords.lab.system import Guest, agent


@pytest.fixture
def guest(tmp_path):
    """A guest whose port ends in an agent of this process."""
    here, there = socket.socketpair()
    found = Guest(tmp_path / "disk", tmp_path / "console")
    found._socket = here

    def serve() -> None:
        begun = b""
        while data := there.recv(65536):
            *lines, begun = (begun + data).split(b"\n")
            for line in lines:
                agent._serve(there.fileno(), {**json.loads(line)})

    thread = threading.Thread(target=serve)
    thread.start()
    yield found
    here.close()
    thread.join()
    there.close()
    found._scratch.cleanup()


def test_output_errors_and_status(guest):
    done = guest.run("cat; echo wrong >&2; exit 3", data=b"in\xff\n", check=False)
    assert (done.status, done.output, done.errors) == (3, "in�\n", "wrong\n")


def test_failure_is_an_error_with_its_words(guest):
    with pytest.raises(LabError, match="false ended with status 1"):
        guest.run("false")
    with pytest.raises(LabError, match="No such file"):
        guest.get("/no/such/file")


def test_a_script_that_does_not_end(guest):
    with pytest.raises(LabError, match="did not end in time"):
        guest.run("sleep 600 & sleep 600", timeout=0.5)
    assert guest.run("echo still there").output == "still there\n"


def test_files_go_both_ways(guest, tmp_path):
    content = bytes(range(256)) * 2000
    guest.put(str(tmp_path / "there"), content)
    assert guest.get(str(tmp_path / "there")) == content


def test_a_script_that_is_not_waited_for(guest, tmp_path):
    guest.start(f"sleep 0.2; echo x > {tmp_path}/late")
    assert not (tmp_path / "late").exists()
    guest.run(f"until [ -s {tmp_path}/late ]; do sleep 0.1; done", timeout=20)


def talk(tmp_path: Path, text: bytes) -> Guest:
    here, there = socket.socketpair()
    found = Guest(tmp_path / "disk", tmp_path / "console")
    found._socket = here
    there.sendall(text)
    there.close()
    return found


def test_what_a_crash_cut_off_is_passed_over(tmp_path):
    guest = talk(tmp_path, b'{"id": 7, "sta\n{"boot": "second"}\n')
    assert guest.wait_for_boot(5) == "second"
    guest._socket.close()
    guest._scratch.cleanup()


def test_a_reboot_where_an_answer_was_awaited(tmp_path):
    guest = talk(tmp_path, b'\n{"boot": "second"}\n')
    with pytest.raises(LabError, match="has rebooted"):
        guest._receive(5, "status")
    guest._socket.close()
    guest._scratch.cleanup()
