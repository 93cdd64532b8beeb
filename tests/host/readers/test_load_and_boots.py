"""sar's samples and the records of boots."""

import json

import pytest

from lastwords.host.readers.boots import _UTMP

from .test_errors import read

SAR = """\
Linux 6.1.0-56-amd64 (db7) \t11/24/2026 \t_x86_64_\t(8 CPU)

{0}     CPU     %user     %nice   %system   %iowait    %steal     %idle
{1}     all      3.11      1.00      1.02      0.40      0.00     94.47
{1}       0     99.00      0.00      1.00      0.00      0.00      0.00
{2}     all      4.11      0.00      1.02      0.40      0.00     94.47
Average:        all      3.11      0.00      1.02      0.40      0.00     95.47

{0} kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached  kbcommit   %commit
{1}    100000    200000   3000000     93.10      1000      2000   4000000     99.00

{0}       DEV       tps     rkB/s     wkB/s   areq-sz    aqu-sz     await     %util
{1}       sda      1.00      2.00      3.00      4.00      0.10     12.50     99.90
{1}       sdb      1.00      2.00      3.00      4.00      0.10      1.50      9.90

{0}     IFACE   rxpck/s   txpck/s    rxkB/s    txkB/s   rxcmp/s   txcmp/s  rxmcst/s   %ifutil
{1}        lo      1.00      1.00      9.00      9.00      0.00      0.00      0.00      0.00
{1}      eth0      1.00      1.00      2.00      3.00      0.00      0.00      0.00      0.00
{1}      eth1      1.00      1.00      1.00      1.00      0.00      0.00      0.00      0.00

{0}   runq-sz  plist-sz   ldavg-1   ldavg-5  ldavg-15   blocked
{1}         3       300      4.50      3.00      2.00         7
"""
MIDNIGHT = 1795478400.0  # 2026-11-24 00:00 UTC


@pytest.mark.parametrize(
    ("times", "first"),
    [(("12:00:01 AM", "12:10:01 AM", "12:20:01 AM"), 601), (("13:00:01", "13:10:01", "13:20:01"), 13 * 3600 + 601)],
)
def test_sar(tmp_path, times, first):
    form, history = read(tmp_path, SAR.format(*times))
    assert form == "sar"
    one, two = history.samples
    assert (one.time, one.zone, two.time) == (MIDNIGHT + first, False, MIDNIGHT + first + 600)
    assert (one.user, one.system, one.iowait, one.idle) == (4.11, 1.02, 0.40, 94.47)
    assert (one.memory_used, one.memory_available, one.commit) == (93.1, 200000 << 10, 99.0)
    assert (one.busiest_disk, one.disk_busy, one.disk_wait) == ("sda", 99.9, 12.5)
    assert (one.received, one.sent) == (3072.0, 4096.0)
    assert (one.run_queue, one.load_1, one.blocked) == (3, 4.5, 7)
    assert two.run_queue is None


def test_the_last_interval_of_a_day_ends_in_the_next(tmp_path):
    _form, history = read(
        tmp_path,
        "Linux 6.1.0 (db7)  2026-11-24  _x86_64_ (8 CPU)\n\n"
        "23:40:01   runq-sz  ldavg-1\n23:50:01   1   0.50\n00:00:01   2   0.60\n",
    )
    assert [sample.time - MIDNIGHT for sample in history.samples] == [85801, 86401]


def document(**statistics):
    return json.dumps({"sysstat": {"hosts": [{"nodename": "db7", "statistics": [statistics]}]}}, indent=1)


def test_sadf(tmp_path):
    form, history = read(
        tmp_path,
        document(
            timestamp={"date": "2026-11-24", "time": "05:30:01", "utc": 1, "interval": 600},
            **{
                "cpu-load": [
                    {"cpu": "all", "user": 1.0, "nice": 0.5, "system": 2, "iowait": 3, "steal": 0, "idle": 93.5}
                ]
            },
            queue={"runq-sz": 2, "ldavg-1": 1.5, "blocked": 0},
            memory={"avail": 1000, "memused-percent": 50.0, "swpused-percent": 7.5},
            paging={"majflt": 3.0, "pgscank": 10.0, "pgscand": 5.0},
            io={"io-reads": {"bread": 10}, "io-writes": {"bwrtn": 20}},
            disk=[{"disk-device": "sda", "await": 3, "util-percent": 80}, {"disk-device": "sdb", "util-percent": 2}],
            network={"net-dev": [{"iface": "lo", "rxkB": 9, "txkB": 9}, {"iface": "eth0", "rxkB": 1, "txkB": 2}]},
        ),
    )
    assert form == "sadf"
    (sample,) = history.samples
    assert (sample.time, sample.zone) == (MIDNIGHT + 5 * 3600 + 1801, True)
    assert (sample.user, sample.system, sample.idle, sample.blocked) == (1.5, 2.0, 93.5, 0)
    assert (sample.memory_available, sample.swap_used, sample.scanned) == (1000 << 10, 7.5, 15.0)
    assert (sample.read, sample.written, sample.received, sample.sent) == (5120, 10240, 1024, 2048)
    assert (sample.busiest_disk, sample.disk_busy) == ("sda", 80)


@pytest.mark.parametrize(
    "stamp",
    [{}, {"date": 1, "time": None}, {"date": "2026-13-99", "time": "05:30:01"}, "noon", None, {"tz": ["x"] * 99}],
)
def test_sadf_without_a_time(tmp_path, stamp):
    assert read(tmp_path, document(timestamp=stamp, queue={"runq-sz": 2}))[1].samples == []


def test_sadf_cut_off(tmp_path):
    form, history = read(tmp_path, document(timestamp={})[:-9])
    assert form == "sadf"
    assert "no JSON of sadf" in history.problems[0]


def record(kind, user, host, time):
    return _UTMP.pack(kind, 0, b"~", b"~~", user, host, 0, 0, 0, time, 0)


UP, SHUT = (2, b"reboot"), (1, b"shutdown")
WTMP = b"".join(
    [
        record(*UP, b"6.1.0", 1790000000),
        record(7, b"ada", b"", 1790000100),
        record(*SHUT, b"6.1.0", 1790001000),
        record(*UP, b"6.1.0", 1790002000),
        record(*UP, b"6.1.1", 1790009000),
    ]
)
LAST = """\
reboot   system boot  6.1.1            {2}   still running
reboot   system boot  6.1.0            {1}   still running
shutdown system down  6.1.0            {3} - {1}  (00:16)
ada      tty1                          {0} - down                      (00:15)
reboot   system boot  6.1.0            {0} - {3}  (00:16)

wtmp begins {0}
"""
FULL = ("Mon Sep 21 14:13:20 2026", "Mon Sep 21 14:46:40 2026", "Mon Sep 21 16:43:20 2026", "Mon Sep 21 14:30:00 2026")
ISO = tuple(f"2026-09-21T{hour}+02:00" for hour in ("16:13:20", "16:46:40", "18:43:20", "16:30:00"))


@pytest.mark.parametrize(
    ("content", "form", "zone"),
    [(WTMP, "wtmp", True), (LAST.format(*FULL), "last", False), (LAST.format(*ISO), "last", True)],
    ids=["wtmp", "last -xF", "last --time-format iso"],
)
def test_boots(tmp_path, content, form, zone):
    found, history = read(tmp_path, content)
    assert found == form
    assert [(boot.ending, boot.started, boot.ended, boot.kernel) for boot in history.reboots] == [
        ("clean", 1790000000, 1790001000, "6.1.0"),
        ("vanished", 1790002000, None, "6.1.0"),
        ("running", 1790009000, None, "6.1.1"),
    ]
    assert {boot.zone for boot in history.reboots} == {zone}


def test_wtmp_cut_off(tmp_path):
    assert len(read(tmp_path, WTMP[:-100])[1].reboots) == 2


def test_boot_list(tmp_path):
    listed = [
        {"index": -1, "boot_id": "a" * 32, "first_entry": 1790000000000000, "last_entry": 1790001000000000},
        {"index": 0, "boot_id": "b" * 32, "first_entry": 1790002000000000, "last_entry": 1790003000000000},
    ]
    form, history = read(tmp_path, json.dumps(listed))
    assert form == "boot-list"
    one, two = history.reboots
    assert (one.ending, one.started, one.ended, one.boot_id) == ("unknown", 1790000000, 1790001000, "a" * 32)
    assert (two.ending, two.ended) == ("running", None)


@pytest.mark.parametrize("dash", ["\u2014", " "])
def test_boot_list_as_text(tmp_path, dash):
    one = f" -1 {'a' * 32} Mon 2026-09-21 14:13:20 UTC{dash}Mon 2026-09-21 14:30:00 UTC\n"
    form, history = read(tmp_path, one)
    assert form == "boot-list"
    assert [(boot.started, boot.zone) for boot in history.reboots] == [(1790000000, True)]
