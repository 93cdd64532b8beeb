"""A log with stamps of the wall clock only: what the reports and a new case make of them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lastwords.cli.main import cli

LINES = (
    ("12:34:06", "xr_net 0000:00:03.0: DMA error, tag 1"),
    ("12:34:07", "xr_net 0000:00:03.0: DMA error, tag 2"),
    ("12:34:08", "xr_net 0000:00:03.0: DMA error, tag 3"),
    ("12:34:11", "BUG: kernel NULL pointer dereference, address: 0000000000000018"),
    ("12:34:11", "RIP: 0010:xr_ring_get+0x23/0x90 [xr_net]"),
    ("12:34:11", "Call Trace:"),
    ("12:34:11", " xr_net_open+0x4c/0xd0 [xr_net]"),
    ("12:34:12", "Kernel panic - not syncing: Fatal exception"),
)


@pytest.fixture
def syslog(tmp_path: Path) -> Path:
    path = tmp_path / "kern.log"
    path.write_text("".join(f"Nov 24 {time} db7 kernel: {text}\n" for time, text in LINES))
    return path


@pytest.fixture
def iso(tmp_path: Path) -> Path:
    path = tmp_path / "iso.log"
    path.write_text("".join(f"2026-11-24T{time}+01:00 db7 kernel: {text}\n" for time, text in LINES))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_on_the_terminal(syslog: Path) -> None:
    out = run("analyze", syslog).stdout
    assert "at Nov 24 12:34:11 (time zone not in the log)" in " ".join(out.split())
    assert "Wall clock: Nov 24 (time zone not in the log)" in out
    assert "12:34:08  3 x  xr_net" in out
    assert "-3.0 s" in out


def test_in_markdown(syslog: Path) -> None:
    out = run("analyze", "--markdown", syslog).stdout
    assert "- 12:34:08 (−3.0 s) sign" in out
    assert "Wall clock: Nov 24 (time zone not in the log)" in out


def test_on_the_page(syslog: Path) -> None:
    out = run("analyze", "--html", "-", syslog).stdout
    assert '<span class="clock">12:34:08</span>' in out
    assert '<span class="relative">−3.0 s</span>' in out
    assert "Wall clock: Nov 24 (time zone not in the log)" in out


def test_in_json(iso: Path) -> None:
    document = json.loads(run("analyze", "--json", iso).stdout)
    assert [event["clock"] for event in document["timeline"]][:2] == [
        "2026-11-24T12:34:08+01:00",
        "2026-11-24T12:34:11+01:00",
    ]
    assert document["logs"][0]["host"] == "db7"


def test_a_case_gets_host_and_time(iso: Path, tmp_path: Path) -> None:
    about = json.loads(run("case", "new", "--cases", tmp_path / "cases", "--json", iso).stdout)
    assert (about["id"], about["host"], about["crashed"]) == ("20261124-1134-db7", "db7", 1795520051.0)
    given = run("case", "new", "--cases", tmp_path / "cases", "--host", "db8", "--crashed", "@5", "--json", iso)
    assert [json.loads(given.stdout)[name] for name in ("host", "crashed")] == ["db8", 5.0]


def test_a_case_gets_no_time_that_is_not_told(syslog: Path, tmp_path: Path) -> None:
    result = run("case", "new", "--cases", tmp_path / "cases", "--json", syslog)
    about = json.loads(result.stdout)
    assert (about["host"], about["crashed"]) == ("db7", None)
    assert "Nov 24 12:34:11 (time zone not in the log)" in result.stderr


def test_the_analysis_of_a_case_tells_it_too(iso: Path, tmp_path: Path) -> None:
    assert run("analyze", "--case", tmp_path / "case", iso).exit_code == 0
    text = (tmp_path / "case" / "case.toml").read_text()
    assert 'host = "db7"' in text
    assert "crashed = 2026-11-24T11:34:11Z" in text


def test_scan_tells_it_as_analyze_does(syslog: Path, iso: Path) -> None:
    for path in (syslog, iso):
        seen = [o["clock"] for o in json.loads(run("scan", "--json", path).stdout)["oopses"]]
        assert seen == [o["clock"] for o in json.loads(run("analyze", "--json", path).stdout)["oopses"]]
        assert seen[0].startswith("--11-24T12:34:11" if path == syslog else "2026-11-24T12:34:11+01:00")


def test_scan_takes_the_year_from_another_line(syslog: Path) -> None:
    dated = "Nov 24 12:00:00 db7 kernel: rtc_cmos 00:03: setting system clock to 2025-11-24T12:00:00 UTC (1764)\n"
    syslog.write_text(dated + syslog.read_text())
    assert json.loads(run("scan", "--json", syslog).stdout)["oopses"][0]["clock"] == "2025-11-24T12:34:11"
