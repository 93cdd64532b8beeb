"""A real guest, dumped while it runs and while it stands."""

import tempfile
from pathlib import Path

import pytest

from lastwords.lab.initramfs import initramfs, userland
from lastwords.lab.kernels import kernel
from lastwords.lab.machine import Machine
from lastwords.vmcore import qmp
from lastwords.vmcore.machine import collect
from lastwords.vmcore.program import open_program

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def guest():
    victim = kernel("6.1")
    image = initramfs(userland(victim, "#!/bin/busybox sh\necho the guest is up\n", modules=["qemu_fw_cfg"]))
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(victim.image, image, Path(folder) / "console")
        with machine:
            assert machine.wait_for("the guest is up", 120)
            yield machine


def test_a_guest_that_runs(guest, tmp_path):
    seen: list[tuple[int, int]] = []
    found = qmp.dump(guest._socket, tmp_path / "out", lambda done, total: seen.append((done, total)))
    assert guest.qmp("query-status")["running"] is True
    assert found.state == "running"
    assert found.vmcoreinfo
    assert found.stopped is not None
    assert 0 < found.stopped < 60
    assert seen[-1][0] == seen[-1][1] >= 256 << 20
    machine = collect(open_program(found.path, debuginfo=False), only=("tasks", "panic"))
    assert machine.panic is None
    assert {"init", "kthreadd", "sleep"} <= {task.comm for task in machine.tasks or ()}


def test_a_guest_that_was_stopped_stays_so_and_its_monitor_is_busy_for_others(guest, tmp_path, monkeypatch):
    guest.qmp("stop")
    found = qmp.dump(guest._socket, tmp_path / "out")
    assert (found.state, found.stopped) == ("paused", None)
    assert guest.qmp("query-status")["running"] is False
    monkeypatch.setattr(qmp, "GREETING_SECONDS", 0.5)
    with qmp._Monitor(guest._socket), pytest.raises(qmp.QmpError, match="another client holds this monitor"):
        qmp.dump(guest._socket, tmp_path / "other")
    guest.qmp("cont")
