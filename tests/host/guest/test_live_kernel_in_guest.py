"""A hang that goes on: two threads in a deadlock and a writer on a frozen file system, read while they wait.

Each test begins where the one before it ended.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastwords.case import analyze
from lastwords.case.opening import cases_among
from lastwords.lab import case, kernel
from lastwords.lab.modules import modules
from lastwords.lab.system import Guest
from lastwords.model import Analysis

from . import payload
from .conftest import booted

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("guest-that-hangs")]

CASE = "hung-task"
FREEZE = """
sysctl -q kernel.hung_task_timeout_secs=0
truncate -s 32M /root/fs && mkfs.ext4 -q /root/fs && mkdir -p /mnt/fs && mount -o loop /root/fs /mnt/fs
fsfreeze -f /mnt/fs
(setsid touch /mnt/fs/blocked < /dev/null > /dev/null 2>&1 &)
insmod /root/case.ko
(setsid sh -c 'echo 1 > /dev/lab' < /dev/null > /dev/null 2>&1 &)
sleep 2
"""
TAINTED = "12288\n"
"""By the module that makes the hang: from outside the tree, and unsigned."""
OBSTACLE = """
export PYTHONPATH=/opt/lastwords:/opt/extras
cd /; %s python3 -c 'from lastwords.vmcore.live import obstacle; print(*obstacle() or [None])'
"""
COMPLAINTS = "dmesg | grep -E 'BUG: (unable|kernel|KASAN)|WARNING: |Oops|general protection'"
"""Not that a CPU is stuck or stalls: on a busy machine an emulated one does."""


@pytest.fixture(scope="module")
def guest(directory: Path) -> Iterator[Guest]:
    with booted(directory, *payload.extra_devices()) as running:
        yield running


def analysis(guest: Guest, directory: Path) -> Analysis:
    """Of the case, away from the guest."""
    guest.run("tar -cf /root/case.tar -C /root case")
    tar = directory / "case.tar"
    tar.write_bytes(guest.get("/root/case.tar"))
    with cases_among((str(tar),), directory / "cases", lambda _: None, lambda _: None) as (paths, _names):
        return analyze(paths)


def test_without_drgn_it_says_so(guest):
    assert guest.run(OBSTACLE % "").output == "absent drgn is not installed: pip install 'lastwords[vmcore]'\n"
    guest.run(payload.MOUNT_EXTRAS)
    assert guest.run(OBSTACLE % "").output == "None\n"


def test_the_state_is_taken_while_it_hangs(guest):
    (victim,) = modules(case(CASE), kernel("6.1"))
    guest.put("/root/case.ko", victim.read_bytes())
    guest.run(FREEZE)
    done = guest.run("lastwords capture --hang --to /root/case --json", timeout=600, check=False)
    assert done.status in (0, 1), done.output + done.errors
    found = {item["id"]: item for item in json.loads(done.output)["evidence"]}
    for name in ("kcore/machine.json", "kcore/machine.txt", "hang/waiting-tasks.txt"):
        assert found[name]["state"] == "taken", found
    assert guest.run("lastwords case verify /root/case", check=False, timeout=300).status == 0
    text = guest.run("cat /root/case/evidence/kcore/machine.txt").output
    assert "deadlock: lab-" in text


def test_the_kernel_is_none_the_worse_for_it(guest):
    assert guest.run("cat /proc/sys/kernel/tainted").output == TAINTED
    assert not guest.run(COMPLAINTS, check=False).output


def test_the_deadlock_is_told_before_anybody_has_reported_it(guest, directory):
    found = analysis(guest, directory)
    machine, verdict, known = found.machine, found.verdict, case(CASE).verdict
    assert machine is not None
    assert machine.read_by is not None
    assert machine.hostname == "lab"
    assert not [part for part in machine.parts if part.error], machine.parts
    blocked = {task.comm: [frame.function for frame in task.stack] for task in machine.tasks or () if task.state == "D"}
    assert "flush_queue" in blocked["lab-flush"]
    assert "update_table" in blocked["lab-update"]
    assert "mnt_want_write" in blocked["touch"]
    assert machine.locks is not None
    assert {"queue_lock", "table_lock"} <= {(lock.name or "").split()[0] for lock in machine.locks.held}
    assert not found.oopses
    assert verdict is not None
    assert known is not None
    assert verdict.crash_class == "deadlock"
    assert verdict.culprit.module == known.module
    assert verdict.culprit.function in known.function
    assert "read while it ran" in verdict.summary


@pytest.mark.parametrize(
    ("first", "program", "told"),
    [
        ("", "setpriv --reuid=65534 --regid=65534 --clear-groups", "refused no right to read it: only root may"),
        ("", "setpriv --bounding-set=-sys_rawio", "refused not even root may read it here: CAP_SYS_RAWIO is missing"),
        # Last, for no one can take it back.
        ("echo confidentiality > /sys/kernel/security/lockdown;", "", "refused the kernel is locked down"),
    ],
)
def test_who_may_not(guest, first, program, told):
    assert guest.run(first + OBSTACLE % program).output.startswith(told)
