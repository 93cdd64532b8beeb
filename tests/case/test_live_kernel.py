"""The running kernel as evidence: what is taken, why not, and what an analysis makes of it."""

import dataclasses
import errno
import json
import os
from pathlib import Path

import msgspec
import pytest

from lastwords.case import analyze, live_kernel
from lastwords.case.evidence import holdings
from lastwords.case.live_kernel import machine_in
from lastwords.case.steps import Work, state_read
from lastwords.case.store import new_case
from lastwords.host.capture import Wish, secure
from lastwords.host.root import Root
from lastwords.host.vault import Vault
from lastwords.model import Cpu, Lock, LockCycle, Locks, Machine, StackFrame, Symbols, Task, Waiter, to_json
from lastwords.report.html import render as page
from lastwords.report.machine_text import machine_text
from lastwords.report.markdown import render as markdown
from lastwords.vmcore import live
from lastwords.vmcore.session import DumpError, read_dump
from lastwords.vmcore.source import SourceError, open_source
from tests.vmcore.small_dump import RELEASE, small_dump

HANG = Wish(hang=True)
NO_DRGN = "drgn is not installed: pip install 'lastwords[vmcore]'"


def taken(evidence, kcore, wish=HANG, root="/", view=machine_text):
    with Vault(evidence) as vault:
        found = list(secure(vault, Root(root), wish, collectors=[live_kernel.live_kernel(view, str(kcore))]))
    return {item.id: item for item in found}


@pytest.fixture
def kcore(tmp_path):
    """A dump stands for it: to the reader both are ELF cores."""
    small_dump(tmp_path / "kcore")
    return tmp_path / "kcore"


def test_state_and_text_are_taken(kcore, tmp_path):
    found = taken(tmp_path / "evidence", kcore)
    assert {name: item.kind for name, item in found.items()} == {
        "kcore/machine.json": "machine",
        "kcore/machine.txt": "text",
    }
    assert found["kcore/machine.json"].origin == str(kcore)
    assert "not read: " in found["kcore/machine.json"].note
    machine = machine_in(tmp_path / "evidence/kcore/machine.json")
    assert machine.release == RELEASE
    assert machine.symbols is not None
    assert machine.symbols.source == "btf"
    assert RELEASE in (tmp_path / "evidence/kcore/machine.txt").read_text()


def test_without_being_asked_nothing_is_read(kcore, tmp_path):
    assert not taken(tmp_path / "evidence", kcore, Wish())
    assert "kcore/machine.json" not in taken(tmp_path / "evidence", kcore, root=tmp_path)


def test_what_was_taken_is_not_read_again(kcore, tmp_path):
    first = taken(tmp_path / "evidence", kcore)
    kcore.write_bytes(b"")
    assert taken(tmp_path / "evidence", kcore) == first


def test_a_text_that_can_not_be_made_costs_the_text_only(kcore, tmp_path):
    def broken(_machine):
        raise RuntimeError("no")

    found = taken(tmp_path / "evidence", kcore, view=broken)
    assert found["kcore/machine.json"].state == "taken"
    assert (found["kcore"].state, found["kcore"].note) == ("failed", "RuntimeError: no")


@pytest.mark.parametrize(
    ("content", "state", "why"),
    [
        (None, "absent", "CONFIG_PROC_KCORE"),
        (b"", "absent", "a container or sandbox hides it"),
        (b"no core\n" * 100, "failed", "a text, not a memory dump"),
        (b"\x7fELF", "failed", "cut off inside the ELF header"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\0\x3e\0" + b"\xff" * 400, "failed", "kcore"),
    ],
)
def test_a_core_that_is_none(tmp_path, content, state, why):
    path = tmp_path / "kcore"
    if content is not None:
        path.write_bytes(content)
    (item,) = taken(tmp_path / "evidence", path).values()
    assert (item.id, item.state, item.origin) == ("kcore/machine.json", state, str(path))
    assert why in item.note
    assert "\n" not in item.note


def refused(number):
    """A file that can't be opened: the tests' user may be root, whom no mode keeps out."""

    class Refused(type(Path())):  # type: ignore[misc]
        def open(self, *_args, **_kwargs):
            raise OSError(number, os.strerror(number))

    return Refused


@pytest.mark.parametrize(
    ("number", "lockdown", "state", "why"),
    [
        (errno.EACCES, None, "refused", "no right to read it: only root may"),
        (errno.EPERM, None, "refused", "CAP_SYS_RAWIO"),
        (errno.EPERM, "none [integrity] confidentiality\n", "refused", "CAP_SYS_RAWIO"),
        (errno.EPERM, "none integrity [confidentiality]\n", "refused", "lockdown=confidentiality"),
        (errno.EIO, None, "failed", "Input/output error"),
    ],
)
def test_why_it_may_not_be_read(tmp_path, monkeypatch, number, lockdown, state, why):
    if lockdown is not None:
        (tmp_path / "lockdown").write_text(lockdown)
        monkeypatch.setattr(live, "_is_locked_down", lambda _path: "[confidentiality]" in lockdown)
    monkeypatch.setattr(live, "Path", refused(number))
    found = live.obstacle("/proc/kcore", str(tmp_path / "lockdown"))
    assert found is not None
    assert found[0] == state
    assert why in found[1]


def test_which_lockdown_keeps_it_shut(tmp_path):
    lockdown = tmp_path / "lockdown"
    assert not live._is_locked_down(str(lockdown))
    for text, shut in (("[none] integrity confidentiality", False), ("none integrity [confidentiality]", True)):
        lockdown.write_text(text)
        assert live._is_locked_down(str(lockdown)) is shut


def test_without_drgn(kcore, tmp_path, monkeypatch):
    monkeypatch.setattr(live, "find_spec", lambda _name: None)
    (item,) = taken(tmp_path / "evidence", kcore).values()
    assert (item.state, item.note) == ("absent", NO_DRGN)
    # What can't be read anyway is no reason to install anything.
    assert live.obstacle(str(tmp_path / "none")) != ("absent", NO_DRGN)


def test_the_memory_of_a_running_machine_is_not_searched(tmp_path, monkeypatch):
    path = tmp_path / "kcore"
    small_dump(path, vmcoreinfo=False)
    monkeypatch.setattr("lastwords.vmcore.formats.opening.search", lambda *_: pytest.fail("searched"))
    monkeypatch.setattr("lastwords.vmcore.source.LIVE", (str(path),))
    open_source([str(path)]).close()
    path.write_bytes(b"\x01" * 100_000)
    monkeypatch.setattr("lastwords.vmcore.source.open_without_header", lambda *_: pytest.fail("searched"))
    with pytest.raises(SourceError):
        open_source([str(path)])


def hung():
    """Two threads that wait for each other."""
    stack = [StackFrame(function=name, address=1) for name in ("__schedule", "schedule", "__mutex_lock")]
    tasks = [
        Task(pid=pid, tgid=pid, comm=comm, state="D", waiting=30.0, stack=(*stack, StackFrame(function=at, address=1)))
        for pid, comm, at in ((90, "reader", "ring_read"), (91, "writer\x1b[2J", "ring_write"))
    ]
    waiter = Waiter(pid=90, comm="reader", state="D", seconds=30.0, function="ring_read")
    held = Lock(address=0xFFFF888000000010, kind="mutex", name="ring_lock", owner=91, waiters=(waiter,))
    return Machine(
        release=RELEASE,
        uptime=300.0,
        tasks=tuple(tasks),
        locks=Locks(held=(held,), cycles=(LockCycle(pids=(90, 91), locks=(0xFFFF888000000010, 0x20)),)),
        symbols=Symbols(source="btf", release=RELEASE),
        read_by=4711,
    )


@pytest.fixture
def case(tmp_path):
    return new_case(tmp_path / "store", host="db7")


def put(case, data, name="kcore/machine.json"):
    with Vault(case.evidence) as vault:
        vault.put(name, kind="machine", origin="/proc/kcore", data=data)


def test_an_analysis_of_the_case_uses_it(case):
    put(case, to_json(hung()))
    analysis = analyze([str(case.root)])
    assert analysis.machine == hung()
    assert analysis.verdict is not None
    assert analysis.verdict.crash_class == "deadlock"
    assert "was read while it ran" in analysis.verdict.summary
    assert "dumped" not in json.dumps(json.loads(to_json(analysis)))
    assert not analysis.errors


def test_it_is_no_log(case):
    put(case, to_json(hung()))
    found = holdings([str(case.root)])
    assert found.machines == (case.evidence / "kcore/machine.json",)
    assert not found.pasts


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"[" * 100_000, b'{"release": 1}', b"\xff\xfe", b'{"release": "6", "tasks": [1]}']
)
def test_what_is_no_state_of_a_machine_is_told_in_a_line(case, data):
    put(case, data)
    analysis = analyze([str(case.root)])
    assert analysis.machine is None
    (error,) = analysis.errors
    assert "machine.json: not the state of a machine: " in error
    assert "\n" not in error


def test_of_several_the_last_that_can_be_read(case):
    put(case, to_json(Machine(release="5.10")), "kcore/first")
    put(case, to_json(hung()), "kcore/second")
    put(case, b"{", "kcore/third")
    analysis = analyze([str(case.root)])
    assert analysis.machine is not None
    assert analysis.machine.release == RELEASE
    assert len(analysis.errors) == 1


def test_the_text_has_every_task_and_nothing_of_the_kernels_acts_on_a_terminal():
    text = machine_text(hung())
    assert "deadlock: reader (90) waits for ring_lock" in text
    assert "Blocked: 2 tasks in state D" in text
    assert "ring_write" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("pids", "told"),
    [
        ((4711, 0), "2, lastwords on one of them to read this, the others idle"),
        ((4711, 90), "2, lastwords on one of them to read this, of which 1 busy: CPU 1 task-90 (90)"),
        ((0, 0), "2, all idle"),
        ((7, 90), "2, of which 2 busy: CPU 0 task-7 (7), CPU 1 task-90 (90)"),
    ],
)
def test_lastwords_itself_is_not_taken_for_load(pids, told):
    cpus = tuple(Cpu(number=number, pid=pid, comm=f"task-{pid}", context="task") for number, pid in enumerate(pids))
    text = machine_text(msgspec.structs.replace(hung(), cpus=cpus))
    assert f"CPUs         {told}\n" in text
    assert "cannot unwind" not in text


def test_a_kernel_that_does_not_answer_is_given_up(tmp_path):
    os.mkfifo(tmp_path / "kcore")  # opening it never ends
    collector = dataclasses.replace(live_kernel.live_kernel(machine_text, str(tmp_path / "kcore")), timeout=0.5)
    with Vault(tmp_path / "evidence") as vault:
        (item,) = secure(vault, Root("/"), HANG, collectors=[collector])
    assert item.state == "failed"
    assert "did not come to its end" in item.note


def test_where_debuginfo_takes_too_long_it_does_without(kcore, monkeypatch):
    """It may lie on the disk that hangs."""

    def read(question, **_rest):
        if question.sources.debuginfo:
            raise DumpError("/proc/kcore: not done after 65 s, given up")
        return read_dump(question)

    monkeypatch.setattr(live, "read_dump", read)
    machine = live.read_running_kernel(str(kcore))
    assert machine.release == RELEASE
    assert machine.symbols is not None
    assert machine.symbols.costs[-1] == "Not read with debuginfo: /proc/kcore: not done after 65 s, given up."


def test_reports_are_headed_by_what_it_is(case):
    put(case, to_json(hung()))
    analysis = analyze([str(case.root)])
    assert markdown(analysis).startswith("# A kernel that was read while it ran\n")
    assert "<title>A kernel that was read while it ran" in page(analysis)
    assert state_read(Work(case, (), analysis)).note == "2 tasks on 0 CPUs read from the running kernel"
