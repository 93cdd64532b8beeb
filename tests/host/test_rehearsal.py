"""What came of a crash on purpose, from the marker and what lies on the disk after it."""

import os

import pytest
from msgspec.structs import replace

from lastwords.host.machine import Host
from lastwords.host.rehearsal import prepare, result
from lastwords.host.rehearsal_record import (
    MARKER,
    RESULT,
    keep_result,
    leave_marker,
    marker,
    measured_ratio,
    take_marker_back,
)
from lastwords.host.root import Root

CRASHED, BOOTED = 1_700_000_000, 1_700_000_090
MIB = 1 << 20
FILES = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/default/kdump-tools": "USE_KDUMP=1\nKDUMP_COREDIR=/var/crash\n",
    "/proc/sys/kernel/hostname": "web7\n",
    "/proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
    "/proc/sys/kernel/random/boot_id": "one\n",
    "/proc/stat": f"cpu 1 2\nbtime {BOOTED}\n",
    "/proc/meminfo": "MemTotal: 1000000 kB\nMemFree: 600000 kB\nCached: 100000 kB\n",
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    for path, text in FILES.items():
        put(tmp_path, path, text.encode())
    monkeypatch.setattr("time.time", lambda: float(CRASHED))
    return Root(tmp_path)


def put(directory, path, content: bytes, at: float = CRASHED - 1000) -> None:
    file = directory / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (at, at))


def crash(root) -> None:
    """Marker, crash, reboot."""
    leave_marker(root, prepare(Host(root), "rehearsal"))
    put(root.directory, "/proc/sys/kernel/random/boot_id", b"two\n")


def look(root):
    return result(Host(root))


def test_nobody_has_tried(root):
    assert look(root).outcome == "not-rehearsed"


def test_still_the_same_boot(root):
    leave_marker(root, prepare(Host(root), "rehearsal"))
    assert look(root).outcome == "not-crashed"
    take_marker_back(root)
    assert look(root).outcome == "not-rehearsed"


def test_a_dump_arrived(root):
    put(root.directory, "/var/crash/202311142213/dump.202311142213", bytes(MIB), CRASHED + 60)
    put(root.directory, "/var/crash/202311142213/dmesg.202311142213", b"log", CRASHED + 70)
    crash(root)
    found = look(root)
    assert (found.outcome, found.size, found.seconds, found.back_after) == ("dump", MIB, 60.0, 90.0)
    assert found.dump == "/var/crash/202311142213/dump.202311142213"


def test_dumps_of_before_are_not_taken_for_it(root):
    put(root.directory, "/var/crash/202301010000/dump.202301010000", bytes(MIB), CRASHED - 500)
    crash(root)
    assert look(root).outcome == "none"


@pytest.mark.parametrize(
    ("name", "content"), [("dump-incomplete", bytes(MIB)), ("dump.202311142213", b"")], ids=["cut off", "empty"]
)
def test_a_dump_that_was_begun(root, name, content):
    put(root.directory, f"/var/crash/202311142213/{name}", content, CRASHED + 60)
    crash(root)
    found = look(root)
    assert found.outcome == "incomplete"
    assert "was begun and not finished" in found.summary


def room(monkeypatch, for_root: int) -> None:
    """So many bytes are free, and 16 MiB more, which ext4 keeps for itself."""
    blocks = for_root // 4096 + 4096
    found = os.statvfs_result((4096, 4096, 1 << 20, blocks, 0, 100, 100, 100, 0, 255))
    monkeypatch.setattr(Root, "room", lambda _self, _path: found)


@pytest.fixture
def ext4(root):
    put(root.directory, "/proc/self/mounts", b"/dev/vda1 / ext4 rw 0 0\n")
    put(root.directory, "/dev/vda1", b"")
    put(root.directory, "/sys/class/block/vda1/size", b"1")
    put(root.directory, "/sys/fs/ext4/vda1/reserved_clusters", b"4096\n")
    return root


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (4 * MIB, 0, ": it ran out of room: /var/crash has 0 bytes free"),
        (4 * MIB, 9 * MIB, ": most likely for want of room: 4 MiB for about 40 MiB"),
        (50 * MIB, 30 * MIB, ": most likely for want of room: 33 MiB for about 40 MiB"),
        (50 * MIB, 60 * MIB, ": perhaps for want of room: 50 MiB for about 40 MiB"),
        (9000 * MIB, 9000 * MIB, ""),
    ],
)
def test_why_it_was_not_finished(ext4, monkeypatch, before, after, why):
    """As kdump-tools leaves it on a full disk: makedumpfile's beginning, an empty one of cp, the log."""
    put(ext4.directory, "/var/crash/202311142213/dmesg.202311142213", b"log", CRASHED + 55)
    put(ext4.directory, "/var/crash/202311142213/dump-incomplete", bytes(3 * MIB), CRASHED + 60)
    put(ext4.directory, "/var/crash/202311142213/vmcore-incomplete", b"", CRASHED + 70)
    room(monkeypatch, before)
    leave_marker(ext4, replace(prepare(Host(ext4), "rehearsal"), expected=40 * MIB))
    put(ext4.directory, "/proc/sys/kernel/random/boot_id", b"two\n")
    room(monkeypatch, after)
    found = look(ext4)
    assert found.outcome == "incomplete"
    cut = "/var/crash/202311142213/dump-incomplete"
    assert found.summary == f"a dump was begun and not finished: {cut}, 3 MiB{why}"
    assert (found.free, found.log) == (after, "/var/crash/202311142213/dmesg.202311142213")


def test_only_the_log_was_saved(ext4, monkeypatch):
    put(ext4.directory, "/var/crash/202311142213/dmesg.202311142213", b"log", CRASHED + 55)
    room(monkeypatch, 0)
    crash(ext4)
    found = look(ext4)
    assert found.outcome == "none"
    assert found.summary.startswith("kdump saved the log in /var/crash/202311142213, and no dump: it ran out of room")


def test_a_dump_that_went_to_a_server(root):
    put(root.directory, "/etc/default/kdump-tools", b"USE_KDUMP=1\nSSH='kdump@vault'\n")
    crash(root)
    found = look(root)
    assert found.outcome == "elsewhere"
    assert "vault" in found.summary


def test_the_next_estimate_is_what_was_measured(root):
    first = prepare(Host(root), "rehearsal")
    put(root.directory, "/var/crash/202311142213/dump.202311142213", bytes(7 * MIB), CRASHED + 60)
    crash(root)
    assert measured_ratio(root) is None
    keep_result(root, look(root))
    assert first.pages
    assert measured_ratio(root) == pytest.approx(7 * MIB / first.pages)
    again = prepare(Host(root), "rehearsal")
    assert first.expected != 7 * MIB
    assert again.expected == pytest.approx(7 * MIB, abs=1)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"purpose": "x"}', b"\xff" * 70000])
def test_a_marker_that_is_not_ours(root, text):
    put(root.directory, MARKER, text)
    put(root.directory, RESULT, text)
    assert marker(root) is None
    assert measured_ratio(root) is None
    assert look(root).outcome == "not-rehearsed"


def test_a_kdump_that_writes_to_a_disk_of_its_own(root):
    put(root.directory, "/etc/os-release", b"ID=fedora\nVERSION_ID=42\n")
    put(root.directory, "/etc/kdump.conf", b"xfs /dev/sdb1\npath /dumps\n")
    put(root.directory, "/proc/mounts", b"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /mnt/big xfs rw 0 0\n")
    put(root.directory, "/mnt/big/dumps/127.0.0.1-2023-11-14/vmcore", bytes(MIB), CRASHED + 60)
    put(root.directory, "/mnt/big/dumps/127.0.0.1-2023-11-14/vmcore-dmesg.txt", b"x", CRASHED + 61)
    crash(root)
    assert look(root).dump == "/mnt/big/dumps/127.0.0.1-2023-11-14/vmcore"
