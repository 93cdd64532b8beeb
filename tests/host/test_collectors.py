"""What is taken of trees as each distribution leaves them, and what is left where it is."""

import importlib
import os
import sqlite3
import time
from pathlib import Path

import pytest

from lastwords.host.capture import Wish, secure
from lastwords.host.collectors import Collector, all_collectors
from lastwords.host.crashed_boot import SLACK, crashed_boot
from lastwords.host.dump_target import dump_directories
from lastwords.host.root import Ran, Root
from lastwords.host.vault import Vault, verify
from tests.installed import install

from . import crash_trees as trees
from .crash_trees import BOOTS, CRASHED, DEBIAN, FEDORA, FEDORA_FULL_DISK, SUSE, UBUNTU, build, wtmp

USUAL = Wish()


def captured(tmp_path, tree, wish=USUAL, runner=None):
    root = build(tmp_path / "tree", tree)
    with Vault(tmp_path / "evidence") as vault:
        found = list(secure(vault, Root(root, runner=runner), wish))
    assert verify(tmp_path / "evidence").good
    return {item.id: item for item in found}


def taken(found):
    return {name for name, item in found.items() if item.state == "taken"}


@pytest.mark.parametrize(
    ("tree", "dumps"),
    [
        (DEBIAN, {"/var/crash/202611240538/dump.202611240538", "/var/crash/202611240538/dmesg.202611240538"}),
        (UBUNTU, {"/var/crash/202611240538/dump-incomplete", "/var/crash/202611240538/dmesg.202611240538"}),
        (
            FEDORA,
            {
                "/var/crash/127.0.0.1-2026-11-24-05:38:11/vmcore",
                "/var/crash/127.0.0.1-2026-11-24-05:38:11/vmcore-dmesg.txt",
                "/var/crash/127.0.0.1-2026-11-24-05:38:11/kexec-dmesg.log",
            },
        ),
        (
            FEDORA_FULL_DISK,
            {
                "/crashes/127.0.0.1-2026-11-24-05:38:11/vmcore-incomplete",
                "/crashes/127.0.0.1-2026-11-24-05:38:11/vmcore-dmesg.txt",
            },
        ),
        (
            SUSE,
            {
                "/srv/crash/2026-11-24-05:38/vmcore",
                "/srv/crash/2026-11-24-05:38/dmesg.txt",
                "/srv/crash/2026-11-24-05:38/README.txt",
                "/srv/crash/2026-11-24-05:38/vmlinux-6.4.0-default.gz",
                "/srv/crash/2026-11-24-05:38/System.map-6.4.0-default",
            },
        ),
    ],
    ids=["debian", "ubuntu", "fedora", "fedora-full-disk", "suse"],
)
def test_dumps_of_this_crash_under_each_layout(tmp_path, tree, dumps):
    found = captured(tmp_path, tree)
    assert {item.origin for item in found.values() if item.id.startswith("dumps/") and item.state == "taken"} == dumps
    for item in found.values():
        if item.origin in dumps:
            content = tree[item.origin][0]
            stored = (tmp_path / "evidence" / str(item.path)).read_bytes()
            assert stored == (content.encode() if isinstance(content, str) else content)
            assert item.modified == tree[item.origin][1]
            kinds = {"dmesg": "dmesg", "README": "text", "System.map": "text", "vmlinux": "vmlinux"}
            assert item.kind == next((kind for part, kind in kinds.items() if part in item.origin), "dump")
            assert ("did not finish" in item.note) == ("incomplete" in item.origin)
    old = [path for path in tree if "202610" in path or "2026-09" in path or "2026-10" in path]
    skipped = [item for item in found.values() if item.state == "skipped" and item.id.startswith("dumps/")]
    other = {item.origin for item in skipped if "another crash" in item.note}
    assert {path.rpartition("/")[0] for path in old} == other
    assert all("abrt's copy" in item.note for item in skipped if item.origin not in other)
    assert not [item for item in found.values() if item.state in ("failed", "refused")]


def test_all_of_debian(tmp_path):
    found = captured(tmp_path, DEBIAN)
    assert {
        "pstore/sys/fs/pstore/dmesg-efi-179549869101001",
        "pstore/sys/fs/pstore/dmesg-efi-179549869102001",
        "pstore/var/lib/systemd/pstore/1795498691/dmesg.txt",
        "syslog/var/log/kern.log",
        "rasdaemon/var/lib/rasdaemon/ras-mc_event.db",
        "sar/var/log/sysstat/sa24",
        "atop/var/log/atop/atop_20261124",
        "reboots/var/log/wtmp",
        "settings/proc/cmdline",
        "settings/boot/config-6.1.0-9-amd64",
        "modules/outside-the-tree.txt",
        "dkms/var/lib/dkms/nvidia/535/source/dkms.conf",
        "edac/counters.txt",
        "packages/var/log/dpkg.log",
        "packages/var/log/apt/history.log",
        "packages/var/lib/dpkg/status",
    } <= taken(found)
    assert "pstore/var/lib/systemd/pstore/1700000000/dmesg.txt" not in found
    assert found["pstore/var/lib/systemd/pstore"].state == "skipped"
    assert "syslog/var/log/kern.log.4.gz" not in found  # of long before the boot that crashed
    order = [name.partition("/")[0] for name in found]
    assert order.index("pstore") < order.index("dumps") < order.index("packages")
    stored = (tmp_path / "evidence/edac/counters.txt").read_text()
    assert "/sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count:3\n" in stored


def test_the_leftovers_of_abrt_and_apport(tmp_path):
    of_fedora = taken(captured(tmp_path / "a", FEDORA))
    assert [name for name in of_fedora if name.startswith("abrt/")] == [
        "abrt/var/spool/abrt/vmcore-127.0.0.1-2026-11-24-05%3A38%3A11/backtrace"
    ]
    of_ubuntu = taken(captured(tmp_path / "b", UBUNTU))
    assert [name for name in of_ubuntu if name.startswith("apport/")] == [
        "apport/var/crash/linux-image-6.8.0-31-generic-202611240538.crash"
    ]


def test_nothing_on_the_host_is_changed(tmp_path):
    root = build(tmp_path / "tree", DEBIAN)

    def state():
        return {
            str(path): (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes())
            for path in root.rglob("*")
            if path.is_file()
        }

    before = state()
    captured(tmp_path, DEBIAN)
    assert state() == before


def test_an_older_dump_is_not_taken_for_this_crash(tmp_path):
    """The crash left no dump; the one of last month must not pass for it."""
    tree = {path: what for path, what in DEBIAN.items() if "202611240538" not in path}
    found = captured(tmp_path, tree)
    assert not [name for name in taken(found) if name.startswith("dumps/")]
    assert found["dumps/var/crash/202610010101"].state == "skipped"


def test_all_dumps(tmp_path):
    found = captured(tmp_path, DEBIAN, Wish(all_dumps=True))
    assert {name for name in taken(found) if "dump.2026" in name} == {
        "dumps/var/crash/202611240538/dump.202611240538",
        "dumps/var/crash/202610010101/dump.202610010101",
    }


def test_without_a_record_of_boots_the_newest_is_taken_and_said_to_be_so(tmp_path):
    tree = {path: what for path, what in DEBIAN.items() if path != "/var/log/wtmp"}
    dump = captured(tmp_path, tree)["dumps/var/crash/202611240538/dump.202611240538"]
    assert dump.state == "taken"
    assert "is not known" in dump.note


def test_a_copied_tree_lost_its_times_but_names_tell(tmp_path):
    now = time.time()
    tree = {path: (what, now if "/var/crash/" in path else when) for path, (what, when) in DEBIAN.items()}
    found = captured(tmp_path, tree)
    assert "dumps/var/crash/202611240538/dump.202611240538" in taken(found)
    assert found["dumps/var/crash/202610010101"].state == "skipped"


@pytest.mark.parametrize("size", [384, 400])
def test_boots_from_wtmp(tmp_path, size):
    build(tmp_path, {"/var/log/wtmp": (wtmp(*BOOTS, size=size), 0)})
    boot = crashed_boot(Root(tmp_path))
    assert boot.began == int(BOOTS[1])
    assert boot.source == "/var/log/wtmp"
    assert boot.may_be_of_it(CRASHED)
    assert not boot.may_be_of_it(BOOTS[1] - SLACK - 1)


def test_boots_from_wtmpdb(tmp_path):
    build(tmp_path, {"/var/lib/wtmpdb/wtmp.db": (b"", 0)})
    with sqlite3.connect(tmp_path / "var/lib/wtmpdb/wtmp.db") as base:
        base.execute(
            "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT, Login INTEGER, Logout INTEGER)"
        )
        base.executemany(
            "INSERT INTO wtmp(Type, User, Login) VALUES(1, 'reboot', ?)", [(int(boot * 1e6),) for boot in BOOTS]
        )
    base.close()
    assert crashed_boot(Root(tmp_path)).began == BOOTS[1]


def test_boots_from_the_journal(tmp_path):
    def runner(argv, _seconds, _limit):
        assert list(argv) == ["journalctl", "--list-boots", "--no-pager"]
        return Ran(
            status=0,
            out=b"IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n"
            b" -1 0123456789abcdef0123456789abcdef Sun 2026-11-15 05:38:11 UTC Tue 2026-11-24 05:38:11 UTC\n"
            b"  0 1123456789abcdef0123456789abcdef Tue 2026-11-24 05:40:11 UTC Tue 2026-11-24 06:40:11 UTC\n",
        )

    build(tmp_path, {"/proc/stat": (f"cpu 1\nbtime {BOOTS[2]:.0f}\n", 0)})
    boot = crashed_boot(Root(tmp_path, runner=runner))
    assert boot.began == CRASHED - 9 * 86400
    assert boot.running == BOOTS[2]


@pytest.mark.parametrize(
    "data", [b"", b"x" * 383, b"\xff" * 4000, b"\0" * 100_000, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_damaged_records_of_boots_tell_nothing(tmp_path, data):
    build(tmp_path, {"/var/log/wtmp": (data, 0), "/var/lib/wtmpdb/wtmp.db": (data, 0)})
    assert crashed_boot(Root(tmp_path)).began is None


def test_dump_targets(tmp_path):
    assert dump_directories(Root(build(tmp_path / "a", trees.SUSE))) == ["/srv/crash", "/var/crash"]
    assert dump_directories(Root(build(tmp_path / "b", trees.FEDORA_FULL_DISK))) == ["/crashes", "/var/crash"]
    build(
        tmp_path / "c",
        {"/etc/os-release": ("ID=debian\n", 0), "/etc/default/kdump-tools": ("KDUMP_COREDIR=/data/x\n", 0)},
    )
    assert dump_directories(Root(tmp_path / "c")) == ["/data/x", "/var/crash"]
    build(
        tmp_path / "d",
        {
            "/etc/os-release": ("ID=fedora\n", 0),
            "/etc/kdump.conf": ("xfs /dev/sdb1\npath /dumps\n", 0),
            "/etc/fstab": ("/dev/sdb1 /mnt/b xfs defaults 0 0\n", 0),
        },
    )
    assert dump_directories(Root(tmp_path / "d")) == ["/mnt/b/dumps", "/var/crash"]


def test_links_out_of_a_directory_of_everybody_are_not_followed(tmp_path):
    tree = {
        "/etc/shadow": ("root:secret\n", CRASHED),
        **{path: what for path, what in DEBIAN.items() if "/var/crash" not in path},
    }
    root = build(tmp_path / "tree", tree)
    (root / "var/crash/202611240538").mkdir(parents=True)
    (root / "var/crash/202611240538/dump.202611240538").symlink_to("/etc/shadow")
    (root / "var/crash/linux-image-x.crash").symlink_to("../../etc/shadow")
    (root / "var/crash/202611240539").symlink_to("/etc")
    found = captured(tmp_path, {})
    assert found["dumps/var/crash/202611240538/dump.202611240538"].state == "refused"
    assert found["apport/var/crash/linux-image-x.crash"].state == "refused"
    for path in (tmp_path / "evidence").rglob("*"):
        assert not path.is_file() or b"secret" not in path.read_bytes()


def test_pipes_and_devices_are_not_waited_for(tmp_path):
    root = build(tmp_path / "tree", DEBIAN)
    os.mkfifo(root / "var/log/messages")
    os.mkfifo(root / "var/crash/202611240538/vmcore")
    began = time.monotonic()
    found = captured(tmp_path, {})
    assert time.monotonic() - began < 30
    assert "dumps/var/crash/202611240538/dump.202611240538" in taken(found)


def test_names_that_attack(tmp_path):
    names = [b"202611240538", b"2026\x1b[2J\n11240539", b"..%2f..%2fetc", b"\xff\xfe-202611240540", b"-rf", b"a" * 200]
    root = build(tmp_path / "tree", {})
    for name in names:
        directory = root / "var/crash" / os.fsdecode(name)
        directory.mkdir(parents=True)
        (directory / "vmcore").write_bytes(b"KDUMP   " + name)
    found = captured(tmp_path, {}, Wish(all_dumps=True))
    stored = [item for item in found.values() if item.kind == "dump" and item.state == "taken"]
    assert {(tmp_path / "evidence" / str(item.path)).read_bytes()[8:] for item in stored} == set(names)
    for item in stored:
        assert str(item.path).isprintable()
        assert (tmp_path / "evidence" / str(item.path)).resolve().is_relative_to(tmp_path / "evidence")


def test_an_empty_dump_is_said_to_be_empty(tmp_path):
    path = "/var/crash/202611240538/dump.202611240538"
    found = captured(tmp_path, {**DEBIAN, path: (b"", CRASHED + 20)})
    assert found[f"dumps{path}"].state == "taken"
    assert found[f"dumps{path}"].note == "empty: kdump wrote nothing"


def test_a_directory_full_of_dumps_is_no_crash(tmp_path):
    crowd = {f"/var/crash/202611240538/dump.{number:05}": (b"KDUMP   ", CRASHED) for number in range(200)}
    found = captured(tmp_path, {"/var/log/wtmp": (wtmp(*BOOTS), 0.0), **crowd})
    assert len([name for name in taken(found) if name.startswith("dumps/")]) == 64
    assert found["dumps/var/crash/202611240538"].note == "136 more files than a crash leaves"


def test_a_huge_log_is_cut_to_its_end(tmp_path):
    root = build(tmp_path / "tree", {})
    (root / "var/log").mkdir(parents=True)
    with (root / "var/log/messages").open("wb") as file:
        file.truncate(300 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"the last words\n")
    found = captured(tmp_path, {})
    log = found["syslog/var/log/messages"]
    assert log.size == 256 << 20
    assert "the last 256 MiB of 300" in log.note
    with (tmp_path / "evidence" / str(log.path)).open("rb") as file:
        file.seek(-15, os.SEEK_END)
        assert file.read() == b"the last words\n"


@pytest.mark.parametrize(
    ("backend", "mounted", "told"),
    [
        ("efi_pstore", "sysfs /sys sysfs rw 0 0", True),
        ("efi_pstore", "pstore /sys/fs/pstore pstore rw 0 0", False),
        ("(null)", "", False),
    ],
)
def test_pstore_that_nobody_mounted(tmp_path, backend, mounted, told):
    def runner(argv, _seconds, _limit):
        raise FileNotFoundError(argv[0])

    tree = {"/sys/module/pstore/parameters/backend": (f"{backend}\n", 0.0), "/proc/self/mounts": (f"{mounted}\n", 0.0)}
    found = captured(tmp_path, tree, runner=runner)
    assert ("mount -t pstore" in getattr(found.get("pstore/sys/fs/pstore"), "note", "")) is told


ANSWERS = {
    "ipmitool": b"   1 | 11/24/2026 | 05:38:11 | OS Critical Stop | Run-time critical stop | Asserted\n",
    "journalctl": b"__REALTIME_TIMESTAMP=1\nMESSAGE=BUG\n\n",
    "smartctl": b"SMART overall-health: PASSED\n",
    "sadf": b'{"sysstat": {}}\n',
    "dkms": b"nvidia/535: installed\n",
}


def test_commands(tmp_path):
    asked = []

    def runner(argv, _seconds, _limit):
        asked.append(argv)
        if argv[0] not in ANSWERS:
            raise FileNotFoundError(argv[0])
        return Ran(status=4 if argv[0] == "smartctl" else 0, out=ANSWERS[argv[0]])

    build(
        tmp_path / "tree",
        {
            "/dev/ipmi0": ("", 0),
            "/usr/bin/ipmitool": ("", 0),
            "/sys/block/sda/size": ("1\n", 0),
            "/sys/block/loop0/size": ("1\n", 0),
        },
    )
    (tmp_path / "tree/usr/bin/ipmitool").chmod(0o755)
    found = captured(tmp_path, DEBIAN, runner=runner)
    assert {
        "ipmi/sel-elist.txt",
        "ipmi/sdr-elist.txt",
        "journal/kernel-boot-1.export",
        "journal/all-boot-1.export",
        "smart/smartctl-sda.txt",
        "sar/sa24.json",
        "dkms/status.txt",
    } <= taken(found)
    assert found["ipmi/sel-elist.txt"].origin == "ipmitool sel elist"
    assert found["smart/smartctl-sda.txt"].note == "exit status 4"
    assert not [name for name in found if "loop0" in name]


def test_a_command_that_fails_is_told_of(tmp_path):
    def runner(argv, _seconds, _limit):
        if argv[0] != "ipmitool":
            raise FileNotFoundError(argv[0])
        if argv[1:] == ("sel", "elist"):
            return Ran(status=1, err=b"Could not open device at /dev/ipmi0: Permission denied\n")
        return Ran(status=137, timed_out=True)

    build(tmp_path / "tree", {"/dev/ipmi0": ("", 0), "/usr/bin/ipmitool": ("", 0)})
    (tmp_path / "tree/usr/bin/ipmitool").chmod(0o755)
    found = captured(tmp_path, {}, runner=runner)
    assert found["ipmi/sel-elist.txt"].state == "refused"
    assert found["ipmi/sdr-elist.txt"].state == "failed"
    assert "no answer in" in found["ipmi/sdr-elist.txt"].note


def test_a_tree_runs_no_command(tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    assert taken(captured(tmp_path, DEBIAN))


def test_every_collector_has_its_own_place():
    collectors, broken = all_collectors()
    assert not broken
    assert len({collector.id for collector in collectors}) == len(collectors) > 20
    orders = [collector.order for collector in collectors]
    assert orders == sorted(orders)
    assert [collector.id for collector in collectors[:3]] == ["pstore", "kernel-log", "hang"]


def test_a_plugin_from_elsewhere(tmp_path, monkeypatch):
    mine = (
        "from lastwords.host.collectors import collector\n"
        "@collector('mine', 'mine', 'my own log', order=1)\n"
        "def mine(take):\n"
        "    take.file('/var/log/mine')\n"
    )
    broken = "raise ImportError('no such module')"
    all_collectors()  # ours are in the registry for good, not in this test's copy of it
    install(monkeypatch, tmp_path / "site", "lastwords.collectors", mine=mine, broken=broken)
    registry = importlib.import_module("lastwords.host.collectors.collector")
    monkeypatch.setattr(registry, "_collectors", registry._collectors.copy())
    found = captured(tmp_path, {"/var/log/mine": ("x", 0)})
    assert found["mine/var/log/mine"].state == "taken"
    assert next(iter(found.values())).note == "ImportError: no such module"
    assert isinstance(all_collectors()[0][0], Collector)


def test_unreadable_files_are_refused_not_failed(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    root = build(tmp_path / "tree", DEBIAN)
    Path(root / "var/log/kern.log").chmod(0)
    assert captured(tmp_path, {})["syslog/var/log/kern.log"].state == "refused"
