"""What had been recorded, in a few lines; what somebody else wrote can't play tricks on the terminal."""

import io

from lastwords.model import Analysis, Evidence, HardwareError, Reboot
from lastwords.report.recorded import recorded_lines
from lastwords.report.terminal import render

AT = 1732426680.0


def error(severity, text, **rest):
    return HardwareError(
        **{"source": "sel", "kind": "memory", "severity": severity, "text": text, "path": "sel", **rest}
    )


def test_nothing_recorded():
    assert list(recorded_lines(Analysis())) == []


def test_lines():
    found = Analysis(
        hardware_errors=(
            error("corrected", "DIMM A1", time=AT, count=3),
            error("fatal", "DIMM A1", time=AT, zone=False, count=2),
            error("fatal", "IERR"),
        ),
        reboots=(
            Reboot(ending="clean", path="wtmp", started=AT - 9000),
            Reboot(ending="vanished", path="wtmp", started=AT, kernel="6.1.0", explanation="power went away"),
        ),
        evidence=(Evidence(id="ipmi/sel", kind="ipmi", state="refused", origin="ipmitool", note="only root may"),),
    )
    assert list(recorded_lines(found)) == [
        "hardware: sel 1 corrected, sel 2 fatal",
        "  2024-11-24 05:38:00 by its clock  sel: DIMM A1 (2 times)",
        "  no time  sel: IERR",
        "boots: 1 clean, 1 vanished",
        "  2024-11-24 05:38:00 UTC, Linux 6.1.0: vanished: power went away",
        "not secured: ipmi/sel: only root may",
    ]


def test_the_terminal_is_safe():
    file = io.StringIO()
    render(Analysis(hardware_errors=(error("fatal", "DIMM \x1b[2J\u202e"),)), file)
    assert "Recorded before" in file.getvalue()
    assert r"DIMM \x1b[2J\u202e" in file.getvalue()
    assert "\x1b" not in file.getvalue()
