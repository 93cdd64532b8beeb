"""Collectors that hang, crash or lie do not keep the others from their work; what was taken stays taken."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lastwords.host import capture, collector_process
from lastwords.host.capture import Wish, clear_taken_pstore, secure
from lastwords.host.collectors.collector import Collector
from lastwords.host.collectors.take import Take
from lastwords.host.root import Root
from lastwords.host.vault import Vault, verify

from .crash_trees import DEBIAN, build


def one(take, name="one", timeout=20.0):
    return Collector(name, "test", f"what {name} takes", 1, timeout, False, take)


def quick(take: Take) -> None:
    take.file("/a")


def run(tmp_path, *collectors, root=None):
    build(tmp_path / "tree", {"/a": ("first", 0), "/b": ("second", 0)})
    with Vault(tmp_path / "evidence") as vault:
        found = list(secure(vault, root or Root(tmp_path / "tree"), collectors=collectors))
    assert verify(tmp_path / "evidence").good
    assert not list((tmp_path / "evidence/.incoming").iterdir())
    return {item.id: item for item in found}


def alive(pid):
    """A dead process whose parent has died waits for init to take note of it."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except FileNotFoundError:
            return False
        time.sleep(0.02)
    return True


def test_one_that_never_ends_is_stopped_and_keeps_what_it_had(tmp_path):
    def endless(take: Take) -> None:
        take.file("/a")
        while True:
            time.sleep(1)

    began = time.monotonic()
    found = run(tmp_path, one(endless, "endless", 1.0), one(quick))
    assert time.monotonic() - began < 15
    assert found["endless/a"].state == "taken"
    assert found["endless"].state == "failed"
    assert "did not come to its end" in found["endless"].note
    assert found["one/a"].state == "taken"


def test_one_that_ignores_the_request_to_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(collector_process, "_GRACE", 0.3)

    def stubborn(take: Take) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        take.output("pid", "", str(os.getpid()).encode())
        while True:
            time.sleep(1)

    found = run(tmp_path, one(stubborn, "stubborn", 1.0), one(quick))
    assert found["stubborn"].state == "failed"
    assert found["one/a"].state == "taken"
    assert not alive(int((tmp_path / "evidence/stubborn/pid").read_text()))


def test_a_command_ends_with_its_collector(tmp_path):
    def waiting(take: Take) -> None:
        take.command("out", "sh", "-c", "echo $$ > $0; sleep 1000", str(tmp_path / "pid"), seconds=900)

    found = run(tmp_path, one(waiting, "waiting", 1.0), root=Root("/"))
    assert found["waiting"].state == "failed"
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_command_ends_with_a_collector_that_must_be_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(collector_process, "_GRACE", 0.3)

    def stubborn(take: Take) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        take.command("out", "sh", "-c", "echo $$ > $0; sleep 1000", str(tmp_path / "pid"), seconds=900)

    found = run(tmp_path, one(stubborn, "stubborn", 1.0), root=Root("/"))
    assert found["stubborn"].state == "failed"
    assert not alive(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("end", "note"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "it ended without a word"),
        (lambda: sys.exit(3), "it ended without a word"),
        (lambda: os._exit(0), "it ended without a word"),
        (
            lambda: Path("/nonexistent/x").read_text(),
            "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/x'",
        ),
    ],
)
def test_one_that_breaks(tmp_path, end, note, capfd):
    def broken(take: Take) -> None:
        take.file("/a")
        print("noise")
        end()
        take.file("/b")

    found = run(tmp_path, one(broken, "broken"), one(quick))
    assert found["broken/a"].state == "taken"
    assert (found["broken"].state, found["broken"].note) == ("failed", note)
    assert found["one/a"].state == "taken"
    assert capfd.readouterr() == ("", "")


def test_one_that_was_stopped_while_it_copied_leaves_nothing(tmp_path, monkeypatch):
    build(tmp_path / "tree", {"/big": (b"x" * (8 << 20), 0)})
    monkeypatch.setattr(capture, "SECONDS_A_MIB", 0.0)

    def slow(take: Take) -> None:
        take._moved = lambda _size: time.sleep(0.5)
        take.file("/big")

    found = run(tmp_path, one(slow, "slow", 1.0))
    assert "slow/big" not in found
    assert found["slow"].state == "failed"


def test_moving_data_buys_time(tmp_path):
    build(tmp_path / "tree", {"/big": (b"x" * (48 << 20), 0)})

    def slow(take: Take) -> None:
        told = take._moved

        def moved(size):
            time.sleep(0.12)
            told(size)

        take._moved = moved
        take.file("/big")

    found = run(tmp_path, one(slow, "slow", 4.0))
    assert found["slow/big"].state == "taken"
    assert found["slow/big"].seconds > 4


def test_nonsense_in_the_pipe_is_passed_over(tmp_path):
    def liar(take: Take) -> None:
        pipe = take._report.__self__.pipe  # type: ignore[attr-defined]
        os.write(pipe, b'nonsense\n{"type":"took"}\n\xff\xff\n')
        os.write(pipe, b'{"type":"took","evidence":{"id":"../../x","kind":"k","state":"taken","origin":"o"},')
        os.write(pipe, b'"staged":{"name":"../manifest.jsonl","size":1,"sha256":"0"}}\n')
        take.file("/a")

    found = run(tmp_path, one(liar, "liar"))
    assert found["liar/a"].state == "taken"
    assert not (tmp_path / "x").exists()


def test_a_program_of_its_own_ends_with_one_that_is_killed(tmp_path, monkeypatch):
    """A command leads a group of its own; what a collector starts otherwise is in the collector's."""
    monkeypatch.setattr(collector_process, "_GRACE", 0.3)

    def stubborn(take: Take) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as program:
            take.output("pid", "", str(program.pid).encode())
            while True:
                time.sleep(1)

    assert run(tmp_path, one(stubborn, "stubborn", 1.0))["stubborn"].state == "failed"
    assert not alive(int((tmp_path / "evidence/stubborn/pid").read_text()))


def test_those_of_a_hang_have_their_own_time(tmp_path, monkeypatch):
    monkeypatch.setattr(capture, "HANG_TIMEOUT", 0.2)

    def slow(take: Take) -> None:
        time.sleep(1)
        take.file("/a")

    build(tmp_path / "tree", {"/a": ("first", 0)})
    ordinary = one(slow, "ordinary")
    of_the_hang = Collector("hang", "test", "what hangs", 1, 20.0, True, slow)
    with Vault(tmp_path / "evidence") as vault:
        wish = Wish(hang=True)
        found = list(secure(vault, Root(tmp_path / "tree"), wish, collectors=[ordinary, of_the_hang]))
    assert [(item.id, item.state) for item in found] == [("ordinary", "failed"), ("hang/a", "taken")]


def test_what_is_handed_over_runs_at_its_place(tmp_path):
    build(tmp_path / "tree", {"/a": ("first", 0)})
    early = Collector("early", "test", "what is lost first", 1, 20.0, False, quick)
    with Vault(tmp_path / "evidence") as vault:
        found = [item.id for item in secure(vault, Root(tmp_path / "tree"), also=[early])]
    assert found[0] == "early/a"
    assert len(found) > 10


def test_what_was_taken_is_not_taken_again(tmp_path):
    with_note = run(tmp_path, one(quick))["one/a"]
    (tmp_path / "tree/a").unlink()
    again = run(tmp_path, one(quick))["one/a"]
    assert again == with_note


def test_a_full_disk_fails_items_one_by_one(tmp_path, monkeypatch):
    """The manifest's own file system is full: nothing can be noted, and still the user hears of it."""
    build(tmp_path / "tree", {"/a": ("first", 0)})
    with Vault(tmp_path / "evidence") as vault:

        def full(*_arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Vault, "_append", full)
        found = list(secure(vault, Root(tmp_path / "tree"), collectors=[one(quick)]))
        monkeypatch.undo()
    assert [(item.id, item.state, item.note) for item in found] == [("one/a", "failed", "No space left on device")]
    assert verify(tmp_path / "evidence").good


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs")
def test_a_disk_that_is_really_full(tmp_path):
    build(tmp_path / "tree", {f"/file{number}": (os.urandom(1 << 20), 0) for number in range(8)})
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("no right to mount")
    try:

        def many(take: Take) -> None:
            take.files("/file*")

        with Vault(small / "evidence") as vault:
            found = list(secure(vault, Root(tmp_path / "tree"), collectors=[one(many, "many"), one(quick)]))
        states = [item.state for item in found if item.id.startswith("many/")]
        assert states.count("taken") == 3
        assert states.count("failed") == 5
        assert all("free" in item.note for item in found if item.state == "failed")
        assert verify(small / "evidence").good
        with Vault(small / "evidence") as vault:  # once there is room again, it goes on
            subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
            found = list(secure(vault, Root(tmp_path / "tree"), collectors=[one(many, "many")]))
        assert {item.state for item in found} == {"taken"}
        assert verify(small / "evidence").good
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_clearing_pstore_removes_only_what_is_safe(tmp_path):
    root = build(tmp_path / "tree", DEBIAN)
    pstore = root / "sys/fs/pstore"
    with Vault(tmp_path / "evidence") as vault:
        list(secure(vault, Root(root), Wish()))
        (pstore / "dmesg-efi-179549869102001").write_bytes(b"another crash since")
        (pstore / "dmesg-efi-new").write_bytes(b"never taken")
        assert clear_taken_pstore(vault, Root(root)) == ("/sys/fs/pstore/dmesg-efi-179549869101001",)
    assert sorted(path.name for path in pstore.iterdir()) == ["dmesg-efi-179549869102001", "dmesg-efi-new"]
