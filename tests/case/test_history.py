"""Boots of a machine, put together from what several sources say; and why one ended that nobody ended."""

from msgspec.structs import replace

from lastwords.case.evidence import Past
from lastwords.case.history import CrashRecord, boots, crash_records, read_pasts
from lastwords.model import Evidence, HardwareError, Oops, Reboot

HOUR = 3600.0


def boot(ending, started, path="wtmp", **more):
    return Reboot(ending=ending, path=path, started=started, **more)


def sel(time, kind, text, severity="fatal", **more):
    return HardwareError(
        source="sel", kind=kind, severity=severity, text=text, path="sel", time=time, zone=False, **more
    )


VANISHED = [boot("clean", 0.0, ended=HOUR), boot("vanished", 2 * HOUR), boot("running", 9 * HOUR)]


def test_a_crash_record_explains_a_boot():
    told = boots(VANISHED, [CrashRecord(8 * HOUR, "dump/vmcore")], [])
    assert [each.ending for each in told] == ["clean", "crash", "running"]
    assert (told[1].ended, told[1].seen_in) == (8 * HOUR, ("dump/vmcore",))


def test_a_record_of_another_boot_explains_none():
    assert boots(VANISHED, [CrashRecord(HOUR / 2, "old")], [])[1].ending == "vanished"


def test_what_systemd_pstore_puts_away_belongs_to_the_boot_before():
    put_away = [CrashRecord(9 * HOUR + 20, "pstore", exact=False)]
    assert [each.ending for each in boots(VANISHED, put_away, [])] == ["clean", "crash", "running"]
    own = [CrashRecord(9 * HOUR + 20, "dump", exact=True)]
    assert [each.ending for each in boots(VANISHED, own, [])] == ["clean", "vanished", "crash"]


def test_the_crash_kernels_own_boot_is_none_of_the_machines():
    """As kdump-tools leaves it, whose crash kernel runs systemd: wtmp and the journal list that boot too."""
    wtmp = [
        boot("clean", 0.0, ended=HOUR),
        boot("vanished", 2 * HOUR),
        boot("vanished", 3 * HOUR),
        boot("running", 3.05 * HOUR),
    ]
    journal = [boot("unknown", each.started + 12, path="list-boots", boot_id=str(each.started)) for each in wtmp[1:-1]]
    crash = CrashRecord(3 * HOUR - 24, "dump (kernel log)")
    files = [CrashRecord(3 * HOUR + 40, f"dumps/var/crash/1/{name}", exact=False) for name in ("dmesg.1", "dump.1")]
    told = boots([*wtmp, *journal], [crash, *files], [])
    assert [(each.ending, each.started) for each in told] == [
        ("clean", 0.0),
        ("crash", 2 * HOUR),
        ("running", 3.05 * HOUR),
    ]
    # Without the dump, nobody knows what that short boot was.
    assert [each.ending for each in boots(wtmp, [crash], [])] == ["clean", "crash", "vanished", "running"]


def test_an_older_dump_that_was_left_where_it_is_tells_of_its_crash():
    older = Evidence(
        id="dumps/var/crash/1", kind="dump", state="skipped", origin="/var/crash/1", modified=3 * HOUR + 40
    )
    wtmp = [boot("vanished", 2 * HOUR), boot("vanished", 3 * HOUR), boot("running", 3.05 * HOUR)]
    told = boots(wtmp, crash_records(None, (), (older,)), [])
    assert [(each.ending, each.started) for each in told] == [("crash", 2 * HOUR), ("running", 3.05 * HOUR)]


def test_a_power_failure_before_a_crash_stays_one():
    """A dump that was written soon after a boot is of that boot, where its own time says so."""
    told = boots(
        [*VANISHED[:2], boot("vanished", 3 * HOUR), boot("running", 4 * HOUR)],
        [CrashRecord(3 * HOUR + 60, "dump"), CrashRecord(3 * HOUR + 90, "dumps/var/crash/1/dump.1", exact=False)],
        [],
    )
    assert [each.ending for each in told] == ["clean", "vanished", "crash", "running"]


def test_a_list_without_a_zone_that_agrees_to_the_second_is_the_same():
    last = [boot(each.ending, float(int(each.started)), path="last.txt", zone=False) for each in VANISHED]
    told = boots([replace(each, started=each.started + 0.6) for each in VANISHED] + last, [], [])
    assert [each.ending for each in told] == ["clean", "vanished", "running"]
    assert all(each.zone for each in told)


def test_times_without_a_zone_are_not_compared():
    told = boots(
        [boot("vanished", 2 * HOUR, zone=False), boot("running", 9 * HOUR, zone=False)], [CrashRecord(0, "d")], []
    )
    assert told[0].ending == "unknown"
    assert "no zone" in told[0].explanation


def test_the_bmc_explains():
    events = [
        sel(1 * HOUR, "power", "PSU1 | AC lost"),  # while the boot before was running
        sel(8.9 * HOUR, "watchdog", "Watchdog2 | Hard reset | Asserted"),
        sel(8.91 * HOUR, "power", "Power Unit | Power off/down | Asserted", severity="information"),
    ]
    told = boots(VANISHED, [], events)[1]
    assert told.ending == "vanished"
    assert told.explanation == (
        "a watchdog ended it: the system did not answer: the BMC's log has “Watchdog2 | Hard reset | Asserted” "
        "6 min 0 s before the next boot, if the clocks agree"
    )


def test_what_has_gone_or_is_corrected_explains_nothing():
    events = [
        sel(8.9 * HOUR, "temperature", "CPU Temp | Upper Critical going high | Deasserted", severity="information"),
        sel(8.9 * HOUR, "memory", "DIMM A1 | Correctable ECC", severity="corrected"),
    ]
    assert "nothing about it in the BMC's log" in boots(VANISHED, [], events)[1].explanation


def test_a_log_that_begins_later_says_nothing():
    told = boots(VANISHED, [], [sel(10 * HOUR, "memory", "DIMM A1 | Correctable ECC", severity="corrected")])[1]
    assert told.explanation.endswith("the BMC's log begins later")


def test_without_a_bmc_it_says_what_would_tell():
    assert "ipmitool sel elist" in boots(VANISHED, [], [])[1].explanation


def test_two_sources_of_one_boot():
    journal = [
        Reboot(ending="unknown", path="boots", started=2 * HOUR - 20, ended=8.5 * HOUR, boot_id="b"),
        Reboot(ending="running", path="boots", started=9 * HOUR - 20, boot_id="c"),
    ]
    told = boots([*VANISHED, *journal], [], [])
    assert [(each.ending, each.boot_id) for each in told] == [("clean", None), ("vanished", "b"), ("running", "c")]
    assert told[1].ended == 8.5 * HOUR
    assert set(told[1].seen_in) | {told[1].path} == {"wtmp", "boots"}


def test_the_last_boot_of_an_old_list_is_not_running():
    told = boots([boot("running", 0.0, path="wtmp.1"), boot("running", 9 * HOUR)], [], [])
    assert [each.ending for each in told] == ["unknown", "running"]


def test_crash_records():
    item = Evidence(id="x", kind="dump", state="taken", origin="/var/crash/1/vmcore", path="dump/vmcore", modified=5.0)
    copy = Evidence(id="y", kind="dump", state="taken", origin="/home/ada/vmcore", path="dump/copy", modified=9.0)
    said = Oops(title="t", kind="k", family="f", line=1, last_line=1, message="m", intact=True, path="log")
    oops = replace(said, clock="2026-11-24T05:38:11+00:00", panic="Fatal exception")
    warning = replace(oops, panic=None)
    undated = replace(oops, clock="--11-24T05:38:11")
    assert crash_records(None, [oops, warning, undated], [item, copy]) == [
        CrashRecord(5.0, "dump/vmcore", exact=False),
        CrashRecord(1795498691.0, "log"),
    ]


def test_the_same_event_in_two_files_is_told_once(tmp_path):
    line = "   1 | 11/24/2026 | 05:38:11 | Memory A1 | Uncorrectable ECC | Asserted\n"
    early = "   2 | 11/24/2026 | 05:00:00 | Memory A1 | Correctable ECC | Asserted\n"
    for name in ("a", "b"):
        (tmp_path / name).write_text(line + early)
    found = read_pasts([Past(tmp_path / name, "sel", name) for name in ("a", "b")])
    assert [error.severity for error in found.errors] == ["corrected", "fatal"]


def test_a_compressed_log_of_the_past(tmp_path):
    import gzip

    (tmp_path / "mcelog.1.gz").write_bytes(
        gzip.compress(b"Hardware event. This is not a software error.\nCPU 1 BANK 2\nSTATUS 9000000000000005\n")
    )
    found = read_pasts([Past(tmp_path / "mcelog.1.gz", "mcelog", "m")])
    assert [error.cpu for error in found.errors] == [1]


def test_the_word_on_the_last_restart_is_of_the_last_boot_that_ended():
    word = HardwareError(source="bmc", kind="watchdog", severity="fatal", text="System restart cause: w", path="bmc")
    told = boots([boot("vanished", 0.0), *VANISHED[1:]], [], [word])
    assert told[0].cause is None
    assert told[1].cause == "watchdog"
    assert told[1].explanation == (
        "a watchdog ended it: the system did not answer: the BMC says “System restart cause: w” of the last restart"
    )
