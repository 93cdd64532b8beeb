"""Locks: who waits in which queue, who waits for whom, what a lock is called."""

import struct
from types import SimpleNamespace
from typing import Any

import drgn
import pytest

from lastwords.model import Lock, Waiter
from lastwords.vmcore.machine import spinlocks, waits
from lastwords.vmcore.machine.lock_names import member_path
from lastwords.vmcore.machine.locks import cycles
from lastwords.vmcore.machine.sleeping_locks import waits_in
from lastwords.vmcore.machine.threads import Thread, Threads
from lastwords.vmcore.machine.waits import Layout, Waits

from .memory_maker import BASE, Made

STACK = 0x1000
LAYOUT = Layout(task=16, link=0)


def lock(address, owner, *waiters, **more):
    waiting = tuple(Waiter(pid=pid, comm=f"task{pid}", state="D") for pid in waiters)
    return Lock(kind="mutex", address=address, owner=owner, waiters=waiting, **more)


def test_two_tasks_that_wait_for_each_other():
    (cycle,) = cycles([lock(0xA, 2, 1), lock(0xB, 1, 2)])
    assert (cycle.pids, cycle.locks, cycle.sure) == ((1, 2), (0xA, 0xB), True)


def test_a_cycle_of_three_is_told_once_and_without_those_that_only_wait_for_it():
    found = cycles([lock(0xA, 2, 9, 1), lock(0xB, 3, 2), lock(0xC, 1, 3)])
    assert [(sorted(cycle.pids), len(cycle.locks)) for cycle in found] == [([1, 2, 3], 3)]
    (cycle,) = found
    held_by = {0xA: 2, 0xB: 3, 0xC: 1}
    for place, address in enumerate(cycle.locks):
        assert held_by[address] == cycle.pids[(place + 1) % 3]


def test_a_task_that_waits_for_what_it_holds():
    (cycle,) = cycles([lock(0xA, 1, 1)])
    assert (cycle.pids, cycle.locks) == ((1,), (0xA,))


def test_a_chain_is_no_cycle():
    assert cycles([lock(0xA, 2, 1), lock(0xB, 3, 2), lock(0xC, None, 3)]) == ()


def test_a_cycle_is_not_surer_than_its_owners():
    (cycle,) = cycles([lock(0xA, 2, 1), lock(0xB, 1, 2, owner_sure=False)])
    assert not cycle.sure


@pytest.mark.parametrize(
    ("function", "waiting"),
    [
        ("__mutex_lock", True),
        ("mutex_lock_killable", True),
        ("rwsem_down_write_slowpath", True),
        ("___down_common", True),
        ("percpu_rwsem_wait", True),
        ("schedule_preempt_disabled", True),
        ("flush_queue", False),
        ("down_the_line", False),
        ("mutex", False),
    ],
)
def test_what_is_waiting_and_what_is_wanted(function, waiting):
    assert waits_in(function) is waiting


class Machine:
    """Tasks with stacks of a page each, and a queue with its head at BASE."""

    def __init__(self, monkeypatch):
        self.made = Made()
        self.threads: dict[int, Thread] = {}
        monkeypatch.setattr(waits, "threads", lambda kernel: Threads(self.threads))
        monkeypatch.setattr(waits, "stack_size", lambda kernel: STACK)
        monkeypatch.setattr(waits, "stack_in_use", self.stack_in_use)

    def stack_in_use(self, kernel, thread):
        try:
            return thread.sp, self.made.prog.read(thread.sp, thread.stack + STACK - thread.sp)
        except drgn.FaultError:
            return 0, b""

    def sleeper(self, pid):
        """A task with a waiter on its stack; returns the address of the waiter's link."""
        stack = BASE + STACK * pid
        task = BASE + 0xF000 + 64 * pid
        self.threads[task] = Thread(
            address=task, pid=pid, tgid=pid, comm="", state="D", cpu=0, on_cpu=False, mm=0, signal=0, stack=stack,
            sp=stack + 0x800, pi_blocked_on=0, seconds=1.0,
        )  # fmt: skip
        waiter = stack + 0x900
        self.made.word(waiter + LAYOUT.task, task)
        return waiter + LAYOUT.link

    def queue(self, *links):
        for here, following in zip(links, (*links[1:], links[0]), strict=True):
            self.made.word(here, following)
            self.made.word(following + 8, here)

    def found(self):
        kernel: Any = SimpleNamespace(prog=self.made.prog)
        queues = Waits(kernel).queues(LAYOUT)
        return [(queue.head, [thread.pid for _, thread in queue.links]) for queue in queues]


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def test_a_queue_is_found_once_in_its_order_whoever_is_looked_at_first(machine):
    one, two, three = machine.sleeper(1), machine.sleeper(2), machine.sleeper(3)
    machine.queue(BASE, two, three, one)
    assert machine.found() == [(BASE, [2, 3, 1])]


def test_a_ring_of_waiters_without_a_head(machine):
    machine.queue(machine.sleeper(1), machine.sleeper(2))
    assert machine.found() == [(None, [1, 2])]


def test_what_a_former_wait_left_on_the_stack_is_no_waiter(machine):
    left, other = machine.sleeper(1), machine.sleeper(2)
    machine.queue(BASE, other)
    machine.made.word(left, other, BASE)  # it still points at the queue, which has forgotten it
    assert machine.found() == [(BASE, [2])]


def test_what_lies_below_the_stack_pointer_is_not_looked_at(machine):
    link = machine.sleeper(1)
    machine.queue(BASE, link)
    (thread,) = machine.threads.values()
    machine.threads[thread.address] = Thread(**{**vars_of(thread), "sp": link + 64})
    assert machine.found() == []


def vars_of(thread):
    return {name: getattr(thread, name) for name in thread.__slots__}


def test_a_queue_that_never_comes_back_is_given_up(machine):
    one, two = machine.sleeper(1), machine.sleeper(2)
    machine.queue(BASE, one, two)
    machine.made.word(two, one)  # …1 -> 2 -> 1, past the head
    assert machine.found() == [(None, [1, 2])]


def test_a_neighbour_that_is_not_in_the_dump(machine):
    one, two = machine.sleeper(1), machine.sleeper(2)
    machine.queue(BASE, one, two)
    machine.made.lost.add(two)
    assert machine.found() == []


def test_the_member_that_a_lock_is():
    made = Made()
    mutex = made.struct("mutex", 16, (made.u64, "owner", 0), (made.u64, "wait_list", 8))
    ring = made.struct("ring", 24, (made.u64, "size", 0), (mutex, "lock", 8))
    inner = made.struct(None, 16, (mutex, "hidden", 0))
    device = made.struct(
        "device", 88, (made.u64, "id", 0), (made.prog.array_type(ring, 2), "rings", 8), (inner, None, 56)
    )
    path = [member_path(device, offset, {"mutex"}) for offset in (0, 16, 40, 56, 48, 200)]
    assert path == [None, ".rings[0].lock", ".rings[1].lock", ".hidden", None, None]
    assert member_path(mutex, 0, {"mutex"}) == ""


def test_a_spinlock_that_is_taken_looks_like_one():
    made = Made()
    kernel: Any = SimpleNamespace(prog=made.prog)
    values = {0x1: True, 0x101: True, 0x0004_0001: True, 0x0: False, 0x2: False, 0xDEAD_BEEF: False, 0xFFFC_0001: False}
    for value, taken in values.items():
        made.word32(BASE, value)
        assert spinlocks._is_taken(kernel, BASE, cpus=2) is taken, hex(value)
    made.word32(BASE, 1)
    assert not spinlocks._is_taken(kernel, BASE + 2, cpus=2)
    assert not spinlocks._is_taken(kernel, 0x1000, cpus=2)
    made.lost.add(BASE)
    assert not spinlocks._is_taken(kernel, BASE, cpus=2)


def test_code_that_has_a_lock_at_hand():
    wanted = 0xFFFFFFFFC036C480
    begin = 0xFFFFFFFFC0368000
    immediate = b"\x48\xc7\xc7" + struct.pack("<I", wanted & 0xFFFFFFFF)
    relative = b"\x48\x8d\x3d" + struct.pack("<i", wanted - (begin + 7))
    assert spinlocks._mentioned(wanted, begin, immediate)
    assert spinlocks._mentioned(wanted, begin, relative)
    assert not spinlocks._mentioned(wanted + 4, begin, immediate + relative)
    # In the direct map, an address doesn't fit an immediate.
    assert not spinlocks._mentioned(0xFFFF88800036C480, begin, immediate)
