"""Hardware errors from rasdaemon, the BMC, mcelog and EDAC: what they say, whatever the version that wrote them."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.host.readers import History, read_history, recognize

AT_053811 = 1795498691.0  # 2026-11-24 05:38:11 UTC


def read(tmp_path, content, name="file"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    form = recognize(path)
    history = History()
    if form is not None:
        read_history(path, form, name, history)
    return form, history


SEL = """\
   1 | 11/24/2026 | 05:38:11 | Memory CPU1_DIMM_A1 | Uncorrectable ECC | Asserted
   2 | 11/24/26 | 05:38:12 UTC | Watchdog2 OS Watchdog | Hard reset | Asserted
   3 | Pre-Init  |0000000041| Power Unit Pwr Unit Status | AC lost | Asserted
   4 | 11/24/2026 | 05:38:13 | Event Logging Disabled SEL | Log area reset/cleared | Asserted
   5 | 11/24/2026 | 05:38:14 | Temperature CPU Temp | Upper Critical going high | Asserted
   6 | 11/24/2026 | 05:38:15 | Temperature CPU Temp | Upper Critical going high | Deasserted
   7 | 11/24/2026 | 05:38:16 | Power Unit Pwr Unit Status | Power off/down | Asserted
   8 | 11/24/2026 | 05:38:17 | Memory #0x53 | Correctable ECC | Asserted
"""


def test_sel(tmp_path):
    form, history = read(tmp_path, SEL)
    assert form == "sel"
    assert [(error.kind, error.severity) for error in history.errors] == [
        ("memory", "fatal"),
        ("watchdog", "fatal"),
        ("power", "fatal"),
        ("firmware", "information"),
        ("temperature", "uncorrected"),
        ("temperature", "information"),
        ("power", "information"),
        ("memory", "corrected"),
    ]
    first, second, third = history.errors[:3]
    assert (first.time, first.zone, first.label) == (AT_053811, False, "Memory CPU1_DIMM_A1")
    assert (second.time, second.zone) == (AT_053811 + 1, True)
    assert third.time is None


def test_sel_of_freeipmi(tmp_path):
    form, history = read(
        tmp_path,
        "ID  | Date        | Time     | Name             | Type          | Event\n"
        "1   | Nov-24-2026 | 05:38:11 | PSU1 Status      | Power Supply  | Power Supply input lost (AC/DC)\n",
    )
    assert form == "sel"
    assert [(error.kind, error.severity, error.time) for error in history.errors] == [("power", "fatal", AT_053811)]


MCELOG = """\
Hardware event. This is not a software error.
MCE 0
CPU 3 BANK 7 TSC b98e63765d2
MISC 200005c280201086 ADDR 20b5cf8880
TIME 1617035952 Tue Mar 30 00:39:12 2021
MCG status:
MCi status:
Corrected error
MCi_ADDR register valid
MCA: MEMORY CONTROLLER RD_CHANNEL0_ERR
Transaction: Memory read error
STATUS 9c00004001010090 MCGSTATUS 0
MCGCAP f000c14 APICID 0 SOCKETID 1
CPUID Vendor Intel Family 6 Model 85
Hardware event. This is not a software error.
CPU 0 BANK 4
Uncorrected error
Processor context corrupt
MCA: Instruction CACHE Level-2 Instruction-Fetch Error
STATUS b200000000040151 MCGSTATUS 0
"""


@pytest.mark.parametrize("prefix", ["", "Nov 24 05:38:11 db7 mcelog[2226]: "])
def test_mcelog(tmp_path, prefix):
    form, history = read(tmp_path, "".join(f"{prefix}{line}\n" for line in MCELOG.splitlines()))
    assert form == "mcelog"
    memory, cache = history.errors
    assert (memory.kind, memory.severity, memory.cpu, memory.socket) == ("memory", "corrected", 3, 1)
    assert (memory.time, memory.address) == (1617035952, 0x20B5CF8880)
    assert memory.text == "Corrected error; MCA: MEMORY CONTROLLER RD_CHANNEL0_ERR; Transaction: Memory read error"
    assert (cache.kind, cache.severity, cache.time, cache.address) == ("cpu", "fatal", None, None)


def test_edac(tmp_path):
    mc = "/sys/devices/system/edac/mc/mc0"
    form, history = read(
        tmp_path,
        f"{mc}/ce_count:4\n{mc}/ue_count:0\n{mc}/ce_noinfo_count:2\n{mc}/dimm0/dimm_ce_count:4\n"
        f"{mc}/dimm0/dimm_label:CPU_SrcID#0_DIMM#0\n{mc}/dimm1/dimm_ce_count:0\n",
    )
    assert form == "edac"
    assert [(error.label, error.count, error.severity) for error in history.errors] == [
        ("CPU_SrcID#0_DIMM#0", 4, "corrected"),
        ("mc0", 2, "corrected"),
    ]


def test_edac_of_a_controller_without_counters_of_its_dimms(tmp_path):
    _form, history = read(tmp_path, "/sys/devices/system/edac/mc/mc1/ue_count:1\n")
    assert [(error.label, error.count, error.severity) for error in history.errors] == [("mc1", 1, "uncorrected")]


def database(path, *statements):
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


UE = 0xBD80000000100134 - (1 << 64)
MEMORY_READ = 0x9C00004001010090 - (1 << 64)


def test_rasdaemon(tmp_path):
    path = database(
        tmp_path / "ras-mc_event.db",
        "CREATE TABLE mc_event (id INTEGER PRIMARY KEY, timestamp TEXT, err_count INTEGER, err_type TEXT, err_msg TEXT,"
        " label TEXT, mc INTEGER, address INTEGER)",
        "INSERT INTO mc_event VALUES (1, '2026-11-24 06:38:11 +0100', 12, 'Corrected', 'memory read error', 'DIMM_A1',"
        " 0, 4096)",
        # A table of rasdaemon before 0.6.0: no column of the microcode, none of the location.
        "CREATE TABLE mce_record (id INTEGER PRIMARY KEY, timestamp TEXT, status INTEGER, addr INTEGER, cpu INTEGER,"
        " socketid INTEGER, error_msg TEXT)",
        f"INSERT INTO mce_record VALUES (1, '2026-11-24 05:38:11 +0000', {UE}, -4096, 3, 1, 'cache error')",
        f"INSERT INTO mce_record VALUES (2, '2026-11-24 05:38:12 +0000', {MEMORY_READ}, 0, 3, 1, NULL)",
        "CREATE TABLE extlog_event (id INTEGER PRIMARY KEY, timestamp TEXT, etype INTEGER, error_count INTEGER,"
        " severity INTEGER, address INTEGER, fru_text TEXT)",
        "INSERT INTO extlog_event VALUES (1, 'never', 2, 1, 1, 0, 'slot 3')",
        "CREATE TABLE memory_failure_event (id INTEGER PRIMARY KEY, timestamp TEXT, pfn TEXT, page_type TEXT)",
        "INSERT INTO memory_failure_event VALUES (1, '2026-11-24 05:38:11 +0000', '0x1234', 'dirty LRU page')",
    )
    assert recognize(path) == "rasdaemon"
    history = History()
    read_history(path, "rasdaemon", "ras", history)
    assert history.problems == []
    memory, cache, corrected, extlog, page = history.errors
    assert (memory.time, memory.count, memory.label, memory.address) == (AT_053811, 12, "DIMM_A1", 4096)
    assert (cache.kind, cache.severity, cache.cpu, cache.socket) == ("cpu", "uncorrected", 3, 1)
    assert cache.address == (1 << 64) - 4096
    assert (corrected.kind, corrected.severity, corrected.address) == ("memory", "corrected", None)
    assert (extlog.severity, extlog.label, extlog.time) == ("fatal", "slot 3", None)
    assert page.address == 0x1234 << 12


def test_views_and_generated_columns_are_not_run(tmp_path):
    """Code in a database is its author's: a view is left alone, whatever it is called."""
    path = database(
        tmp_path / "hostile.db",
        "CREATE TABLE aer_event (id INTEGER PRIMARY KEY, timestamp TEXT)",
        "INSERT INTO aer_event VALUES (1, '')",
        "CREATE VIEW mc_event AS WITH RECURSIVE n(timestamp) AS (SELECT 1 UNION ALL SELECT timestamp + 1 FROM n)"
        " SELECT timestamp FROM n",
    )
    history = History()
    read_history(path, "rasdaemon", "ras", history)
    assert [error.kind for error in history.errors] == ["pcie"]


def test_a_database_that_is_cut_off(tmp_path):
    path = database(
        tmp_path / "ras.db",
        "CREATE TABLE mc_event (id INTEGER PRIMARY KEY, timestamp TEXT, err_msg TEXT)",
        "INSERT INTO mc_event VALUES (1, '', hex(randomblob(9000)))",
        "INSERT INTO mc_event VALUES (2, '', hex(randomblob(9000)))",
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * 4096 + 100])
    history = History()
    read_history(path, "rasdaemon", "ras", history)
    assert history.errors == []
    assert history.problems[0].startswith("ras: rasdaemon's database can't be read to its end: ")


def test_a_database_with_damaged_bytes(tmp_path):
    """Wherever the damage is: in pages, in values, in the names of tables."""
    path = database(
        tmp_path / "ras.db",
        "CREATE TABLE mc_event (id INTEGER PRIMARY KEY, timestamp TEXT, err_msg TEXT, label TEXT)",
        "INSERT INTO mc_event VALUES (1, '2026-11-24 05:38:11 +0000', 'memory read error', 'DIMM_A1')",
    )
    whole = path.read_bytes()
    for place in [*range(16, 200), *range(3700, len(whole), 3)]:
        for value in (0x00, 0xFF, 0xDD):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            history = History()
            recognize(path)
            read_history(path, "rasdaemon", "ras", history)
            read_history(path, "wtmpdb", "ras", history)


def test_a_database_is_not_changed_and_needs_no_journal(tmp_path):
    path = database(tmp_path / "ras.db", "CREATE TABLE aer_event (id INTEGER PRIMARY KEY, timestamp TEXT)")
    path.chmod(0o400)
    before = path.read_bytes()
    assert recognize(path) == "rasdaemon"
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["ras.db"]


@pytest.mark.parametrize(
    "content",
    ["", "\n", "Linux version 6.1.0\n", "[    1.0] CPU 0 BANK\n", "a | b | c | d\n", "SQLite format 3\0 but no"],
)
def test_what_is_none_of_them(tmp_path, content):
    assert read(tmp_path, content)[0] is None


@given(st.binary(max_size=2000), st.sampled_from([SEL.encode(), MCELOG.encode(), b"SQLite format 3\0", b""]))
def test_damage_costs_no_traceback(tmp_path_factory, damage, start):
    read(tmp_path_factory.mktemp("damage"), start + damage)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("System restart cause: watchdog expired\n", [("bmc", "watchdog", "fatal")]),
        ("System restart cause: power-up due to always-restore power policy\n", [("bmc", "power", "information")]),
        ("System restart cause: reset via pushbutton\n", [("bmc", "chassis", "information")]),
        ("System restart cause: soft reset\n", []),
        ("/sys/class/watchdog/watchdog0/bootstatus:32\n", [("watchdog", "watchdog", "fatal")]),
        (
            "/sys/class/watchdog/watchdog0/bootstatus:0x21\n",
            [("watchdog",) * 2 + ("fatal",), ("watchdog", "temperature", "fatal")],
        ),
        ("/sys/class/watchdog/watchdog0/bootstatus:0\n", []),
    ],
)
def test_the_last_restart(tmp_path, text, told):
    form, history = read(tmp_path, "/proc/uptime:1.00 2.00\n" + text)
    assert form == "restart"
    assert [(error.source, error.kind, error.severity) for error in history.errors] == told
