import pytest

from ..trees import LONG_AGO, NOW
from .cases import Case, judge

STATUS = "/var/lib/kdump/vmcore-creation.status"


def no_dumps(tree):
    return tree.remove("/var/crash")


CASES = [
    Case("last-dump", "ok", value="the last dump is of 2024-07-03"),
    Case("last-dump", "ok", on="suse15"),
    Case("last-dump", "warn", no_dumps, value="never", fix="lastwords rehearse"),
    Case("last-dump", "warn", value="never", on="arch"),
    Case(
        "last-dump",
        "warn",
        lambda tree: tree.big(f"/boot/vmlinuz-{tree.release}", 8 << 20, at=NOW + 1),
        value="before /boot/vmlinuz-6.1.0-28-amd64 changed",
        fix="rehearse",
    ),
    Case("last-dump", "warn", lambda tree: tree.write("/etc/kdump.conf", "path /var/crash\n", at=NOW + 9), on="rhel9"),
    Case(
        "last-dump",
        "ok",
        lambda tree: no_dumps(tree).write(STATUS, "success 1720000000\n", at=NOW),
        value="the last test",
        on="fedora41",
    ),
    Case(
        "last-dump",
        "fail",
        lambda tree: tree.write(STATUS, "fail 1720000000\n", at=NOW),
        fix="kdumpctl test",
        on="fedora41",
    ),
    Case("last-dump", "warn", lambda tree: no_dumps(tree).write(STATUS, "success\n", at=LONG_AGO), on="fedora41"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)
