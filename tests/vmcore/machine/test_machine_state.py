"""What is read out of a machine whose state is known, because the case made it."""

import re

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.read import read
from lastwords.lab.machine import COMMAND_LINE
from lastwords.model import stack_groups
from lastwords.report.dmesg import dmesg
from lastwords.vmcore.session import DumpError, Question, read_dump, sources_of

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

WAITERS = 450


def task(machine, comm):
    found = [each for each in machine.tasks if each.comm == comm]
    assert len(found) == 1, comm
    return found[0]


def functions(stack):
    return [frame.function for frame in stack if not frame.inline]


def test_every_part_is_there(machine):
    assert [part for part in machine.parts if part.error or part.incomplete] == []
    assert machine.parts


def test_identity(machine, outcome):
    assert machine.release == outcome.release
    assert machine.version.startswith(f"Linux version {outcome.release} ")
    assert (machine.architecture, machine.hostname, machine.command_line) == ("x86_64", "lab", COMMAND_LINE)
    assert re.fullmatch("[0-9a-f]{40}", machine.build_id)
    assert set(machine.taints) == set("DOE")
    last = float(re.findall(r"^\[ *(\d+\.\d+)\]", outcome.log.read_text(), re.M)[-1])
    assert machine.uptime == pytest.approx(last, abs=2)
    assert machine.time == pytest.approx(outcome.log.stat().st_mtime, abs=3600)
    assert len(machine.load) == 3


def test_panic(machine):
    assert machine.panic.message == "Fatal exception"
    assert machine.panic.report == "BUG: kernel NULL pointer dereference, address: 0000000000000000"
    assert machine.panic.comm == "tee"
    assert machine.panic.pid == task(machine, "tee").pid


def test_cpus(machine):
    assert [cpu.number for cpu in machine.cpus] == [0, 1]
    crashed = next(cpu for cpu in machine.cpus if cpu.crashing)
    assert (crashed.number, crashed.pid, crashed.comm) == (machine.panic.cpu, machine.panic.pid, "tee")
    assert crashed.context == "task"
    fault = next(frame for frame in crashed.stack if frame.function == "read_level")
    assert fault.interrupted
    assert fault.module == "machine_state"
    assert fault.registers["rip"] == fault.address
    following = functions(crashed.stack)[functions(crashed.stack).index("read_level") + 1 :]
    assert following[:3] == ["crash_with_company", "lab_write", "vfs_write"]
    assert crashed.stack[-1].user
    assert crashed.pid in crashed.runnable
    other = next(cpu for cpu in machine.cpus if not cpu.crashing)
    assert other.online
    # Stopped by an interrupt of the panic's own, which is not what it did.
    assert other.context in ("idle", "task", "user")
    assert {"rip", "rsp"} <= set(other.registers)


def test_tasks(machine):
    waiters = [each for each in machine.tasks if each.comm.startswith("lab-wait/")]
    assert len(waiters) == WAITERS
    assert {each.state for each in waiters} == {"D"}
    assert all(each.kernel_thread and each.rss is None for each in waiters)
    assert all(0.2 < each.waiting < 60 for each in waiters)
    tee, shell = task(machine, "tee"), task(machine, "nc")
    assert (tee.running, tee.state, tee.waiting) == (True, "R", None)
    assert tee.ppid == shell.ppid
    assert 100_000 < tee.rss < 20_000_000
    assert task(machine, "kthreadd").pid == 2
    assert next(each for each in machine.tasks if each.pid == 1).ppid == 0
    assert sum(each.pid == 0 for each in machine.tasks) == 2
    assert all(each.stack_error is None for each in machine.tasks)


def test_equal_stacks_are_one_group(machine):
    largest = machine.stacks[0]
    assert len(largest.pids) == WAITERS
    assert largest.states == "D"
    assert "wait_for_never" in largest.functions
    alone = next(group for group in machine.stacks if "wait_for_mutex" in group.functions)
    assert alone.pids == (task(machine, "lab-mutex").pid,)
    assert machine.stacks == stack_groups(machine.tasks)


def test_modules(machine):
    newest, fw_cfg = machine.modules
    assert (newest.name, newest.taints, newest.state, newest.version) == ("machine_state", "OE", "live", "1.0")
    assert newest.references == 1  # its device is open
    assert re.fullmatch("[0-9A-F]{20,24}", newest.srcversion)
    assert re.fullmatch("[0-9a-f]{40}", newest.build_id)
    assert newest.parameters == {
        "number": "-5",
        "small": "-7",
        "big": str(0x123456789ABCDEF0),
        "name": "inlet",
        "unset": "(null)",
        "on": "Y",
        "off": "N",
        "inverted": "Y",
        "list": "1,2,3",
        "words": "one,two",
        "mask": str(0xBEEF),
        "copy": "copied",
    }
    assert (fw_cfg.name, fw_cfg.taints, fw_cfg.parameters) == ("qemu_fw_cfg", "", {})
    assert [each.name for each in machine.unloaded_modules] == ["dummy"]


def test_sysctls(machine):
    assert machine.sysctls["kernel.panic_on_oops"] == "1"
    assert machine.sysctls["kernel.hung_task_timeout_secs"] == "300"
    assert machine.sysctls["vm.swappiness"] == "7"
    assert machine.sysctls["kernel.sysrq"] == "5"
    assert machine.sysctls["kernel.printk"].endswith(" 4 1 7")


def test_open_files(machine):
    files = {file.fd: file for file in machine.files}
    assert re.fullmatch(r"pipe:\[\d+\]", files[0].path)
    assert (files[1].path, files[3].path, files[3].mode) == ("/dev/console", "/dev/lab", "w")
    assert (files[5].path, files[5].mode, files[5].position) == ("/tmp/read", "r", 5)
    assert files[6].path == "/tmp/append (deleted)"


def test_open_files_of_a_named_task(machine, outcome):
    sources = sources_of([str(outcome.dump)], debuginfo=False)
    listener = task(machine, "nc").pid
    found = read_dump(Question(sources=sources, parts=(), files_of=listener)).files
    assert any(re.fullmatch(r"socket:\[\d+\]", file.path) for file in found)
    with pytest.raises(DumpError, match="no task with PID 99999"):
        read_dump(Question(sources=sources, parts=(), files_of=99999))


def test_mounts(machine):
    state = next(mount for mount in machine.mounts if mount.source == "state")
    assert (state.target, state.kind) == ("/mnt/data", "tmpfs")
    assert state.options.split(",")[:3] == ["ro", "nosuid", "noexec"]
    # Newer kernels (7.3; not 6.12) mount all of it upon an empty file system.
    targets = [mount.target for mount in machine.mounts if mount.kind != "nullfs"]
    assert targets[:4] == ["/", "/proc", "/sys", "/dev"]


def test_net(machine):
    (loopback,) = machine.net
    assert (loopback.name, loopback.up) == ("lo", True)
    assert loopback.addresses == ("127.0.0.1/8", "127.1.2.3/24")


def test_log(reading, outcome, tmp_path):
    console = [line for line in outcome.log.read_text().splitlines() if line.startswith("[")]
    lines = [text.rstrip("\n") for text in dmesg(reading.log)]
    assert reading.log_missing is None
    # The console has what its log level lets through, and carriage returns of its own.
    assert set(console[-30:]) <= set(lines)
    path = tmp_path / "raw"
    path.write_text("".join(dmesg(reading.log, raw=True)))
    assert [oops.function for oops in read(find([str(path)])[0]).oopses][:1] == ["read_level"]
