import msgspec
import pytest

from lastwords.host.rehearsal_record import RESULT
from lastwords.model.rehearsal import Rehearsal, RehearsalResult

from ..trees import LONG_AGO, NOW
from .cases import Case, judge

STATUS = "/var/lib/kdump/vmcore-creation.status"


def no_dumps(tree):
    return tree.remove("/var/crash")


def rehearsed(tree, outcome, started):
    rehearsal = Rehearsal(purpose="rehearsal", host="h", release="r", boot_id="b", started=float(started))
    result = RehearsalResult(outcome=outcome, summary="no dump arrived in /var/crash", rehearsal=rehearsal)
    return tree.write(RESULT, msgspec.json.encode(result))


CASES = [
    Case("last-dump", "ok", value="the last dump is of 2024-07-03"),
    Case("last-dump", "ok", on="suse15"),
    Case("last-dump", "warn", no_dumps, value="never", fix="lastwords rehearse"),
    Case("last-dump", "warn", value="never", on="arch"),
    Case("last-dump", "fail", lambda tree: rehearsed(tree, "none", NOW + 20), value="failed: no dump arrived"),
    Case("last-dump", "ok", lambda tree: rehearsed(tree, "none", LONG_AGO), value="the last dump"),
    Case("last-dump", "ok", lambda tree: rehearsed(tree, "dump", NOW + 20), value="the last dump"),
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
