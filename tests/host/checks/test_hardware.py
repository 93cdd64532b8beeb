import pytest

from lastwords.host.command import Ran

from .cases import Case, judge
from .test_triggers import guest

MC = "/sys/devices/system/edac/mc"


def bmc(tree, info="Percent Used     : 12%\n"):
    return tree.write("/dev/ipmi0").program("ipmitool").says("ipmitool sel info ", info)


CASES = [
    Case("edac-driver", "ok", value="1 memory controllers, Skylake"),
    Case("edac-driver", "warn", lambda tree: tree.remove(f"{MC}/mc0"), fix="dmesg"),
    Case("edac-driver", "warn", lambda tree: tree.remove(f"{MC}/mc0"), fix="linux-modules-extra", on="ubuntu2404"),
    Case("edac-driver", "not-applicable", lambda tree: guest(tree).remove(f"{MC}/mc0")),
    Case("memory-errors", "ok"),
    Case(
        "memory-errors",
        "warn",
        lambda tree: tree.write(f"{MC}/mc0/ce_count", "7\n"),
        value="7 corrected",
        fix="ras-mc-ctl",
    ),
    Case("memory-errors", "fail", lambda tree: tree.write(f"{MC}/mc0/ue_count", "1\n"), value="1 uncorrected"),
    Case("memory-errors", "not-applicable", lambda tree: tree.remove(f"{MC}/mc0")),
    Case("error-daemon", "ok", value="rasdaemon.service runs"),
    Case(
        "error-daemon",
        "warn",
        lambda tree: tree.unit("rasdaemon.service", LoadState="not-found", ActiveState="inactive", UnitFileState=""),
        fix="dnf install rasdaemon",
        on="rhel9",
    ),
    Case("error-daemon", "not-applicable", lambda tree: guest(tree).unit("rasdaemon.service", ActiveState="inactive")),
    Case("bmc-log", "not-applicable"),
    Case("bmc-log", "ok", bmc, value="12 % used"),
    Case("bmc-log", "warn", lambda tree: bmc(tree, "Percent Used     : 85%\n"), fix="sel clear"),
    Case("bmc-log", "fail", lambda tree: bmc(tree, "Percent Used     : 100%\nOverflow         : true\n"), value="full"),
    Case("bmc-log", "warn", lambda tree: tree.write("/sys/firmware/dmi/entries/38-0/raw"), fix="modprobe ipmi_si"),
    Case("bmc-log", "unknown", lambda tree: tree.write("/dev/ipmi0"), fix="apt-get install ipmitool"),
    Case(
        "bmc-log",
        "unknown",
        lambda tree: bmc(tree).says("ipmitool sel info ", Ran(status=1, err=b"Could not open device\n")),
        value="Could not open device",
    ),
    Case("serial-over-lan", "not-applicable"),
    Case("serial-over-lan", "ok", bmc, value="ttyS0"),
    Case("serial-over-lan", "warn", lambda tree: bmc(tree).write("/proc/consoles", "tty0 -WU\n"), fix="console=ttyS1"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)
