"""The evidence store: whole items or none, whoever is killed; and nothing outside of it, whatever a name says."""

import errno
import fcntl
import hashlib
import os
import resource
import signal
import stat
from pathlib import Path

import msgspec
import pytest

from lastwords.host import staging
from lastwords.host.item_name import BadName, checked, component, item_id
from lastwords.host.vault import Vault, VaultError, open_item, read_manifest, verify
from lastwords.model.evidence import Evidence

STEPS = ("open", "write", "rename", "fsync", "unlink", "fchmod", "mkdir", "ftruncate")


def put(vault, item="log/a", data=b"evidence", **more):
    return vault.put(item, kind="log", origin="/var/log/a", data=data, **more)


def put_file(vault, path, item="dumps/a", **more):
    file = os.open(path, os.O_RDONLY)
    try:
        return vault.put(item, kind="dump", origin=str(path), source=file, **more)
    finally:
        os.close(file)


def test_an_item_is_a_read_only_file_with_its_line(tmp_path):
    with Vault(tmp_path / "evidence") as vault:
        taken = put(vault, modified=12.0, note="n")
    assert read_manifest(tmp_path / "evidence") == {"log/a": taken}
    assert (taken.size, taken.sha256) == (8, hashlib.sha256(b"evidence").hexdigest())
    assert (taken.kind, taken.origin, taken.modified, taken.note, taken.state) == (
        "log",
        "/var/log/a",
        12.0,
        "n",
        "taken",
    )
    path = tmp_path / "evidence" / str(taken.path)
    assert path.read_bytes() == b"evidence"
    assert path.stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "evidence").stat().st_mode & 0o777 == 0o700
    with open_item(tmp_path / "evidence", taken) as file:
        assert file.read() == b"evidence"
    assert verify(tmp_path / "evidence").good


def test_killed_at_every_single_step_leaves_a_whole_item_or_none(tmp_path):
    """The process dies before its 1st, 2nd, … system call that writes, until one run gets through."""
    place, step, outcomes = tmp_path / "evidence", 0, set()
    while True:
        step += 1
        status = _dying(place, step)
        manifest = read_manifest(place)
        for item in manifest.values():
            with open_item(place, item) as file:
                assert hashlib.sha256(file.read()).hexdigest() == item.sha256
        if place.exists() and (place / "manifest.jsonl").exists():
            found = verify(place)
            assert found.good, (step, found)
        with Vault(place) as vault:
            outcomes.add("log/b" in vault.items)
            assert not list((place / ".incoming").iterdir())
        assert verify(place).good
        for name in ("log/b", "manifest.jsonl"):
            (place / name).unlink(missing_ok=True)
        (place / "log/a").unlink(missing_ok=True)
        if status == 0:
            break
    assert step > 20
    assert outcomes == {True, False}


def _dying(place: Path, step: int) -> int:
    child = os.fork()
    if child == 0:
        left = step

        def mortal(call):
            def dying(*args, **options):
                nonlocal left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **options)

            return dying

        try:
            for name in STEPS:
                setattr(os, name, mortal(getattr(os, name)))
            with Vault(place) as vault:
                put(vault)
                put(vault, "log/b", b"more evidence")
            os._exit(0)
        except BaseException:
            os._exit(7)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return status


def test_a_line_that_power_failure_cut_is_removed(tmp_path):
    with Vault(tmp_path) as vault:
        put(vault)
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'{"id":"log/b","ki')
    assert verify(tmp_path).damaged_lines == (2,)
    with Vault(tmp_path) as vault:
        assert list(vault.items) == ["log/a"]
        put(vault, "log/c")
    assert verify(tmp_path).whole == ("log/a", "log/c")
    assert verify(tmp_path).good


def test_what_is_whole_need_not_be_taken_again(tmp_path):
    with Vault(tmp_path) as vault:
        put(vault)
        assert vault.holds("log/a")
        assert not vault.holds("log/b")
        (tmp_path / "log/a").chmod(0o600)
        (tmp_path / "log/a").write_bytes(b"Evidence")
        assert not vault.holds("log/a")
        put(vault)
        assert vault.holds("log/a")
    assert verify(tmp_path).good


def test_two_writers(tmp_path):
    with Vault(tmp_path), pytest.raises(VaultError, match="another process"):
        Vault(tmp_path)
    with Vault(tmp_path) as vault:
        put(vault)


def test_a_failure_is_noted_once_and_never_over_what_was_taken(tmp_path):
    failed = Evidence(id="sel", kind="ipmi", state="failed", origin="ipmitool sel list", note="timed out")
    for _run in range(3):
        with Vault(tmp_path) as vault:
            vault.record(failed)
    assert (tmp_path / "manifest.jsonl").read_bytes().count(b"\n") == 1
    with Vault(tmp_path) as vault:
        put(vault, "sel")
        vault.record(failed)
        assert vault.items["sel"].state == "taken"
    assert verify(tmp_path).good


def test_verify_tells_what_is_missing_changed_and_surplus(tmp_path):
    with Vault(tmp_path) as vault:
        for name in "abcd":
            put(vault, f"log/{name}")
    (tmp_path / "log/a").unlink()
    (tmp_path / "log/b").chmod(0o600)
    (tmp_path / "log/b").write_bytes(b"EVIDENCE")
    (tmp_path / "log/c").unlink()
    (tmp_path / "log/c").symlink_to("/etc/hostname")
    (tmp_path / "log/new\n").write_bytes(b"")
    found = verify(tmp_path)
    assert (found.missing, found.changed, found.whole) == (("log/a",), ("log/b", "log/c"), ("log/d",))
    assert found.surplus == ("log/new\n",)
    assert not found.good


@pytest.mark.parametrize(
    "item",
    [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "",
        "a//b",
        ".",
        "a/.hidden",
        ".lock",
        "a\x00b",
        "a\nb",
        "manifest.jsonl",
        "x/" * 20 + "x",
    ],
)
def test_no_id_leads_out_of_the_store(tmp_path, item):
    with Vault(tmp_path / "evidence") as vault, pytest.raises(BadName):
        put(vault, item)
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]
    with pytest.raises((BadName, OSError)):
        open_item(tmp_path / "evidence", Evidence(id="a", kind="log", state="taken", origin="", path=item))


def test_a_manifest_from_elsewhere_reads_nothing_outside(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    store = tmp_path / "evidence"
    store.mkdir()
    (store / "way").symlink_to("..")
    line = Evidence(
        id="a", kind="log", state="taken", origin="", path="../secret", size=1, sha256=hashlib.sha256(b"s").hexdigest()
    )
    lines = [line, msgspec.structs.replace(line, id="b", path="way/secret")]
    (store / "manifest.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, lines)) + b"\n")
    found = verify(store)
    assert not found.whole
    assert set(found.missing + found.changed) == {"a", "b"}
    with Vault(store) as vault:
        assert not vault.holds("a")
        assert not vault.holds("b")
        with pytest.raises(OSError, match=r"Not a directory|symbolic"):
            put(vault, "way/new")
    assert not (tmp_path / "new").exists()


def test_an_intent_from_elsewhere_leads_nowhere(tmp_path):
    """`.incoming/` of a case that somebody sent may promise anything."""
    (tmp_path / "secret").write_bytes(b"s")
    incoming = tmp_path / "evidence/.incoming"
    incoming.mkdir(parents=True)
    digest = hashlib.sha256(b"s").hexdigest()
    evidence = Evidence(id="a", kind="log", state="taken", origin="", path="a", size=1, sha256=digest)
    for number, name in enumerate(("../../secret", "/etc/hostname", "../manifest.jsonl", ".", "")):
        intent = {"staged": {"name": name, "size": 1, "sha256": digest}, "evidence": evidence}
        (incoming / f"{number}.intent").write_bytes(msgspec.json.encode(intent))
    with Vault(tmp_path / "evidence") as vault:
        assert vault.items == {}
    assert (tmp_path / "secret").read_bytes() == b"s"
    assert not list(incoming.iterdir())


def test_names_of_the_host_become_safe_ones_and_stay_different():
    names = [
        b"..",
        b".",
        b"a b",
        b"a%20b",
        b"a\xffb",
        b"a/b",
        b"x" * 255,
        b"x" * 254 + b"y",
        b"\x1b[2J",
        b"-rf",
        b"",
        b"%",
    ]
    safe = [component(name) for name in names]
    assert len(set(safe)) == len(names)
    for name in safe:
        assert checked(f"dumps/{name}")


def test_ids_mirror_paths():
    assert item_id("dumps", "/var/crash/2026 11/vmcore") == "dumps/var/crash/2026%2011/vmcore"
    assert item_id("dumps", "/../../etc/passwd") == "dumps/%2E./%2E./etc/passwd"
    deep = item_id("x", "/a" * 50)
    assert checked(deep)
    assert deep != item_id("x", "/a" * 51)


def test_big_files_are_linked_small_ones_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "LINK_FROM", 1 << 20)
    big, small = tmp_path / "vmcore", tmp_path / "dmesg"
    big.write_bytes(os.urandom(1 << 20))
    small.write_bytes(b"x")
    big.chmod(0o600)
    with Vault(tmp_path / "evidence") as vault:
        taken = put_file(vault, big, "dumps/vmcore", link=True)
        put_file(vault, small, "dumps/dmesg", link=True)
        put_file(vault, big, "dumps/copy")
    assert taken.sha256 == hashlib.sha256(big.read_bytes()).hexdigest()
    stored = tmp_path / "evidence/dumps"
    assert (stored / "vmcore").stat().st_ino == big.stat().st_ino
    assert (stored / "vmcore").stat().st_mode & 0o777 == 0o400
    assert (stored / "dmesg").stat().st_ino != small.stat().st_ino
    assert (stored / "copy").stat().st_ino != big.stat().st_ino
    assert verify(tmp_path / "evidence").good


def test_a_file_that_others_may_write_is_never_linked(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "LINK_FROM", 1)
    theirs = tmp_path / "vmcore"
    theirs.write_bytes(b"dump")
    theirs.chmod(0o666)
    with Vault(tmp_path / "evidence") as vault:
        put_file(vault, theirs, link=True)
    assert (tmp_path / "evidence/dumps/a").stat().st_ino != theirs.stat().st_ino
    assert theirs.stat().st_mode & 0o777 == 0o666


def test_holes_stay_holes(tmp_path):
    sparse = tmp_path / "vmcore"
    with sparse.open("wb") as file:
        file.write(b"head")
        file.seek(64 << 20)
        file.write(b"tail")
        file.truncate(80 << 20)
    with Vault(tmp_path / "evidence") as vault:
        taken = put_file(vault, sparse)
    stored = tmp_path / "evidence/dumps/a"
    assert stored.stat().st_size == taken.size == 80 << 20
    assert stored.stat().st_blocks * 512 < 8 << 20
    assert verify(tmp_path / "evidence").good


def test_a_file_of_proc_has_no_size_and_is_read_to_its_end(tmp_path):
    with Vault(tmp_path) as vault:
        taken = put_file(vault, "/proc/cmdline", "proc/cmdline", most=1 << 20)
        cut = put_file(vault, "/dev/zero", "proc/zero", most=5000)
    assert (tmp_path / "proc/cmdline").read_bytes() == Path("/proc/cmdline").read_bytes()
    assert taken.size
    assert cut.size == 5000


def test_no_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    big = tmp_path / "vmcore"
    big.write_bytes(b"x" * 100_000)
    room = os.statvfs(tmp_path)

    class Full:
        f_bavail, f_frsize, f_blocks = 10, 4096, room.f_blocks

    monkeypatch.setattr(os, "fstatvfs", lambda _file: Full)
    with Vault(tmp_path / "evidence") as vault:
        with pytest.raises(staging.NoRoom, match="are free"):
            put_file(vault, big)
        assert not list((tmp_path / "evidence/.incoming").iterdir())


def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path):
    """RLIMIT_FSIZE stops the write in the middle, as a full disk does."""
    big = tmp_path / "vmcore"
    big.write_bytes(os.urandom(1 << 20))
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
            with Vault(tmp_path / "evidence") as vault:
                put(vault)
                try:
                    put_file(vault, big)
                except OSError as error:
                    os._exit(0 if error.errno == errno.EFBIG else 3)
            os._exit(4)
        except BaseException:
            os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not list((tmp_path / "evidence/.incoming").iterdir())
    assert list(read_manifest(tmp_path / "evidence")) == ["log/a"]
    assert verify(tmp_path / "evidence").good


def test_a_manifest_that_cannot_grow_takes_the_item_back(tmp_path, monkeypatch):
    with Vault(tmp_path) as vault:
        put(vault)
        monkeypatch.setattr(Vault, "_append", _full)
        with pytest.raises(OSError, match="full"):
            put(vault, "log/b")
    assert verify(tmp_path).good
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["a"]


def _full(*_args):
    raise OSError(errno.ENOSPC, "full")


def test_file_systems_that_know_neither_modes_nor_synced_directories_nor_locks(tmp_path, monkeypatch):
    """As FAT on a USB stick, and some network file systems."""
    sync = os.fsync

    def no_directories(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(file)

    def no_locks(_file, _how):
        raise OSError(errno.ENOLCK, "No locks available")

    def no_modes(_file, _mode):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fsync", no_directories)
    monkeypatch.setattr(os, "fchmod", no_modes)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with Vault(tmp_path) as vault:
        put(vault)
    assert verify(tmp_path).whole == ("log/a",)


def test_a_file_system_that_clones_is_asked_to(tmp_path, monkeypatch):
    source = tmp_path / "vmcore"
    source.write_bytes(b"dump" * 1000)

    def clone(target, request, file):
        assert request == 0x40049409
        os.sendfile(target, file, 0, 4000)

    monkeypatch.setattr(fcntl, "ioctl", clone)
    with Vault(tmp_path / "evidence") as vault:
        taken = put_file(vault, source, link=True)
        cut = put_file(vault, source, "dumps/cut", most=100)
    assert taken.sha256 == hashlib.sha256(b"dump" * 1000).hexdigest()
    assert taken.size == 4000
    assert cut.size == 100
    assert verify(tmp_path / "evidence").good


def test_a_file_that_grows_while_it_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * (3 << 20))

    def grow(_size):
        with log.open("ab") as file:
            file.write(b"more")

    file = os.open(log, os.O_RDONLY)
    incoming = os.open(tmp_path, os.O_RDONLY)
    try:
        staged = staging.stage_file(incoming, file, moved=grow)
    finally:
        os.close(file)
        os.close(incoming)
    assert staged.changed
    assert staged.size == 3 << 20
    assert staged.sha256 == hashlib.sha256(b"x" * (3 << 20)).hexdigest()
