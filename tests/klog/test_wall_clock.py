"""Stamps of syslog, the journal and dmesg -T: what they tell, and a time line by them where there is no other."""

import pytest

from lastwords.glossary import clock
from lastwords.klog.inputs import Text, host_in
from lastwords.klog.read import Reading, read
from lastwords.klog.wall_clock import WallClock, iso, timed
from lastwords.model import Record


@pytest.mark.parametrize(
    ("wall", "told"),
    [
        ("Nov 24 12:34:11", "--11-24T12:34:11"),
        ("Nov  4 02:34:11.5", "--11-04T02:34:11.5"),
        ("Tue Nov 24 12:34:11 2026", "2026-11-24T12:34:11"),
        ("Nov 24 12:34:11 2026", "2026-11-24T12:34:11"),
        ("Nov24 12:34", "--11-24T12:34"),
        ("2026-11-24T12:34:11Z", "2026-11-24T12:34:11Z"),
        ("2026-11-24T12:34:11,123456+0100", "2026-11-24T12:34:11.123456+01:00"),
        ("2026-11-24T12:34:11.123456789-05:30", "2026-11-24T12:34:11.123456-05:30"),
        ("2026-11-24 12:34:11", "2026-11-24T12:34:11"),
        ("Mon 2026-11-23 10:00:00 CET", "2026-11-23T10:00:00"),
        ("Mon 2026-11-23 10:00:00 UTC", "2026-11-23T10:00:00Z"),
        ("1700000000.250000", "2023-11-14T22:13:20.250000Z"),
        ("12:34:11", "T12:34:11"),
        ("ABC 24 12:34:11", None),
        ("Nov 31 12:34:11", None),
        ("2026-13-24T12:34:11", None),
        ("-", None),
    ],
)
def test_a_stamp_in_iso_8601(wall: str, told: str | None) -> None:
    assert iso(wall) == told


@pytest.mark.parametrize(
    ("line", "wall", "told"),
    [
        ("rtc_cmos 00:01: setting system clock to 2026-11-24T11:30:01 UTC (1795519801)", "Nov 24 12:30:02", "2026"),
        ("rtc_cmos rtc_cmos: setting system clock to 2026-12-31 23:59:01 UTC (1)", "Jan  1 00:30:02", "2027"),
        ("rtc_cmos 00:01: setting system clock to 2027-01-01T00:10:01 UTC (1)", "Dec 31 23:50:02", "2026"),
        (
            "audit: type=2000 audit(1795519801.123:1): state=initialized audit_enabled=0 res=1",
            "Nov 24 12:30:02",
            "2026",
        ),
        ("rtc_cmos 00:01: registered as rtc0", "Nov 24 12:30:02", "-"),
        ("Linux version 6.1.0 (gcc 12) #1 SMP Debian 6.1.76-1 (2024-02-01)", "Nov 24 12:30:02", "-"),
    ],
)
def test_the_year_is_told_by_a_line_or_not_at_all(line: str, wall: str, told: str) -> None:
    found = WallClock([Record(1, line)]).at(wall)
    assert found is not None
    assert found.rpartition("T")[0].rsplit("-", 2)[0] == told


def test_another_line_with_a_year_tells_it_too() -> None:
    records = [Record(1, "a", wall="2026-11-24T05:00:00Z"), Record(2, "b", wall="Nov 24 05:00:01")]
    assert WallClock(records).at("Nov 24 05:00:01") == "2026-11-24T05:00:01"


def test_words() -> None:
    assert clock.shown("--11-24T12:34:11") == "Nov 24 12:34:11 (time zone not in the log)"
    assert clock.shown("2026-11-24T12:34:11.123456Z") == "2026-11-24 12:34:11.123 UTC"
    assert clock.caption(["--11-24T23:59:59", None, "--11-25T00:00:01"]) == (
        "Wall clock: Nov 24 to Nov 25 (time zone not in the log)"
    )
    assert clock.caption([None]) == ""


def test_distances() -> None:
    assert clock.apart("--12-31T23:59:59", "--01-01T00:00:01") == 2
    assert clock.apart("T23:59:59", "T00:00:01") == 2
    assert clock.apart("2026-11-24T12:00:00+01:00", "2026-11-24T11:00:01Z") == 1
    assert clock.apart(None, "T00:00:01") is None


def test_only_a_whole_stamp_is_a_point_in_time() -> None:
    assert clock.utc("2026-11-24T12:34:11+01:00") == 1795520051
    assert clock.utc("2026-11-24T12:34:11") is None
    assert clock.utc("--11-24T12:34:11") is None
    assert clock.utc(None) is None


def reading(*lines: tuple[str, str], host: str = "db7") -> Reading:
    text = "".join(f"{wall} {host} kernel: {message}\n" for wall, message in lines)
    return read(Text("kern.log", text.encode()))


CRASH = (
    ("Nov 24 12:34:11", "BUG: kernel NULL pointer dereference, address: 0000000000000018"),
    ("Nov 24 12:34:11", "RIP: 0010:xr_ring_get+0x23/0x90 [xr_net]"),
)


def test_a_log_without_the_kernels_stamps_knows_the_last_seconds() -> None:
    found = reading(
        *((f"Nov 24 09:{n // 60:02}:{n % 60:02}", f"audit: backlog of {n} entries") for n in range(300)),
        ("Nov 24 09:05:00", "xr_net 0000:00:03.0: link error, resetting"),
        ("Nov 24 12:34:06", "xr_net 0000:00:03.0: DMA error"),
        ("Nov 24 12:34:07", "xr_net 0000:00:03.0: DMA error"),
        ("Nov 24 12:34:08", "xr_net 0000:00:03.0: DMA error"),
        *CRASH,
    )
    assert found.log is not None
    (sign,) = found.log.precursors
    assert (sign.count, sign.seconds_before, sign.clock) == (3, 3.0, "--11-24T12:34:08")
    assert found.oopses[0].clock == "--11-24T12:34:11"
    assert found.oopses[0].time is None
    assert {line.clock for line in found.log.excerpt if line.line == found.oopses[0].line} == {"--11-24T12:34:11"}


def test_what_a_machine_says_while_it_boots_is_no_sign() -> None:
    boot = ("Nov 24 12:34:01", "Linux version 6.1.0-18-amd64 (debian) #1 SMP")
    found = reading(boot, ("Nov 24 12:34:05", "ata1: failed to resume link"), *CRASH)
    assert found.log is not None
    assert found.log.precursors == ()


def test_the_wall_clock_counts_from_the_boot_or_from_long_ago() -> None:
    records = [Record(1, "a", wall="Nov 24 12:34:01"), Record(2, "b"), Record(3, "c", wall="Nov 24 12:34:04")]
    assert [record.time for record in timed(records, began=True)] == [0, 0, 3]
    assert min(record.time or 0 for record in timed(records, began=False)) > 86400
    assert records[0].time is None


@pytest.mark.parametrize(
    ("sample", "host"),
    [
        (b"Nov 24 12:34:11 db7 kernel: a\nNov 24 12:34:12 db7 systemd[1]: b\n", "db7"),
        (b"2026-11-24T12:34:11.123+01:00 db7.example.org kernel: a\n", "db7.example.org"),
        (b"Nov 24 12:34:11 db7 kernel: a\nNov 24 12:34:12 db8 kernel: b\n", None),
        (b"Nov 24 12:34:11 localhost kernel: a\n", None),
        (b'{"_HOSTNAME":"web-3","MESSAGE":"x"}\n', "web-3"),
        (b"__CURSOR=s\n_HOSTNAME=web-3\nMESSAGE=x\n", "web-3"),
        (b"Debian GNU/Linux 12 db7 ttyS0\n\ndb7 login: \n", "db7"),
        (b"[   12.345678] usb 1-1: new device\n", None),
    ],
)
def test_the_machine_that_a_log_names(sample: bytes, host: str | None) -> None:
    assert host_in(sample) == host


def test_the_host_of_a_log() -> None:
    found = reading(*CRASH)
    assert found.log is not None
    assert found.log.host == "db7"
    named = b"[    1.000000] Linux version 6.1.0 #1\n[    3.000000] systemd[1]: Hostname set to <web-3>.\n"
    log = read(Text("dmesg", named)).log
    assert log is not None
    assert log.host == "web-3"


def test_a_panic_hours_after_an_oops_is_a_report_of_its_own() -> None:
    later = ("Nov 24 20:00:00", "Kernel panic - not syncing: hung_task: blocked tasks")
    quiet = (("Nov 24 16:00:00", "xr_net: link is up"),)
    first, second = reading(*CRASH, *quiet, later).oopses
    assert (first.panic, second.clock) == (None, "--11-24T20:00:00")
    warned = reading(
        ("Nov 24 09:00:00", "WARNING: CPU: 1 PID: 9 at fs/xr.c:12 xr_mount+0x1/0x2"),
        *quiet,
        *CRASH,
    ).oopses
    assert [oops.follows for oops in warned] == [None, None]
