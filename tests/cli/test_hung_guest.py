"""`lastwords analyze --qmp` of a guest that hangs: it says who waits for whom, and the guest goes on."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastwords.lab import case
from lastwords.lab.initramfs import initramfs, userland
from lastwords.lab.kernels import kernel
from lastwords.lab.machine import Machine
from lastwords.lab.modules import modules

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

# The case without the panic that it ends in: the two threads wait for each other for ever.
SCRIPT = """#!/bin/busybox sh
sysctl -q kernel.hung_task_timeout_secs=4 kernel.hung_task_panic=0
insmod /case/hung_task.ko
echo 1 > /dev/lab
while true; do echo "the guest is at $((second = second + 1))"; sleep 1; done
"""


@pytest.fixture(scope="module")
def guest() -> Iterator[Machine]:
    victim = kernel("6.1")
    files = userland(victim, SCRIPT, modules=["qemu_fw_cfg"])
    files |= {f"/case/{path.name}": path.read_bytes() for path in modules(case("hung-task"), victim)}
    with (
        tempfile.TemporaryDirectory() as folder,
        Machine(victim.image, initramfs(files), Path(folder) / "console") as machine,
    ):
        assert machine.wait_for("blocked for more than 4 seconds", 120)
        yield machine


def analyze(guest: Machine, *options: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lastwords", "analyze", "--qmp", str(guest._socket), "--no-debuginfo", *options],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def goes_on(guest: Machine) -> bool:
    """It runs, and prints what it had not printed before."""
    last = max(map(int, re.findall(rb"the guest is at (\d+)", guest.console.read_bytes())))
    return guest.qmp("query-status")["status"] == "running" and guest.wait_for(rf"the guest is at {last + 2}\b", 60)


def test_who_waits_for_whom(guest: Machine, tmp_path: Path) -> None:
    done = analyze(guest, "--json", "--keep", str(tmp_path / "kept"), temporary=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    tasks = {task["pid"]: task["comm"] for task in found["machine"]["tasks"]}
    (cycle,) = found["machine"]["locks"]["cycles"]
    assert sorted(tasks[pid] for pid in cycle["pids"]) == ["lab-flush", "lab-update"]
    assert "hung-task" in {oops["kind"] for oops in found["oopses"]}
    assert found["dump"]["verdict"] == "whole"
    assert (tmp_path / "kept" / "vmcore").stat().st_size >= 256 << 20
    stopped, kept = done.stderr.splitlines()
    assert re.fullmatch(r"lastwords: the guest stood still for \d+\.\d s while it was dumped", stopped)
    assert kept == f"lastwords: the dump is in {tmp_path}/kept/vmcore"
    assert goes_on(guest)


def test_nothing_is_left_behind(guest: Machine, tmp_path: Path) -> None:
    done = analyze(guest, temporary=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "lab-flush" in done.stdout
    assert "lab-update" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert goes_on(guest)
