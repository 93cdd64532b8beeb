"""Locks, memory, block I/O, interrupts, timers and work of machines whose state is known, because the cases made it."""

import re
from pathlib import Path

import pytest

from lastwords.lab import cases, experiment, kernels
from lastwords.vmcore.session import Question, read_dump, sources_of

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

FOLDER = Path(__file__).parent / "lab"
PARTS = ("memory", "locks", "io", "interrupts")
KERNELS = ["6.1", "6.12", "backports", "5.10"]


def dumped(name, kernel, folder):
    """The case, run now, read without debuginfo; and its console."""
    outcome = experiment.run(cases.case(name, FOLDER), kernels.kernel(kernel), folder / "log", elf=folder / "vmcore")
    reading = read_dump(Question(sources=sources_of([str(outcome.dump)], debuginfo=False), parts=PARTS))
    return reading.machine, outcome.log.read_text(errors="replace")


@pytest.fixture(scope="module", params=KERNELS)
def stuck(request, tmp_path_factory):
    return dumped("load-stuck", request.param, tmp_path_factory.mktemp("stuck"))


# Newer kernels print from a thread of their own: where no CPU is left to run it, the console shows nothing.
@pytest.fixture(scope="module", params=[name for name in KERNELS if name != "backports"])
def spin(request, tmp_path_factory):
    return dumped("load-spin", request.param, tmp_path_factory.mktemp("spin"))[0]


def printed(log, name):
    """The lines that the guest printed of one of its files just before it crashed."""
    return log.partition(f"@@{name}\n")[2].partition("@@")[0].splitlines()


def lock(machine, name):
    (found,) = (each for each in machine.locks.held if each.name and each.name.startswith(name))
    return found


def comms(lock):
    return [waiter.comm for waiter in lock.waiters]


def test_every_part_is_there_and_whole(stuck):
    machine, _ = stuck
    assert [part for part in machine.parts if part.error or part.incomplete] == []


def test_mutexes(stuck):
    machine, _ = stuck
    table = lock(machine, "table_lock [load_stuck]")
    assert (table.kind, table.owner_comm, table.owner_function, table.sure, table.owner_sure) == (
        "mutex", "update_table", "update_table", True, True,
    )  # fmt: skip
    assert comms(table)[:3] == ["flush_queue", "third_user", "killable_user"]
    assert [waiter.function for waiter in table.waiters] == [
        "flush_queue", "third_user", "killable_user", "stuck_work",
    ]  # fmt: skip
    assert all(waiter.module == "load_stuck" and waiter.seconds > 2 for waiter in table.waiters)
    in_object = next(each for each in machine.locks.held if comms(each) == ["update_table"])
    assert re.fullmatch(r"object 0x[0-9a-f]+ of kmalloc-(?:96|128) \+ 0x28", in_object.name)
    assert in_object.owner_comm == "flush_queue"


def test_rwsems(stuck):
    machine, _ = stuck
    config = next(each for each in machine.locks.held if "config_writer" in comms(each))
    assert (config.kind, config.held_for, config.readers, config.owner_comm) == ("rwsem", "read", 1, "config_reader")
    assert [(each.comm, each.mode) for each in config.waiters] == [("config_writer", "write"), ("late_reader", "read")]
    mixed = lock(machine, "mixed_sem")
    assert (mixed.held_for, mixed.owner_comm, comms(mixed)) == ("write", "mixed_writer", ["mixed_reader"])


def test_other_locks(stuck):
    machine, _ = stuck
    assert (lock(machine, "slots").kind, comms(lock(machine, "slots"))) == ("semaphore", ["sem_waiter"])
    pi = lock(machine, "pi_lock")
    assert (pi.kind, pi.owner_comm, comms(pi)) == ("rt_mutex", "rt_holder", ["rt_waiter"])
    hot = lock(machine, "hot_sem")
    assert (hot.kind, hot.readers) == ("percpu_rwsem", 1)
    assert [(each.comm, each.mode) for each in hot.waiters] == [("hot_writer", "write"), ("hot_late", "read")]


def test_cycles(stuck):
    machine, _ = stuck
    names = {waiter.pid: waiter.comm for each in machine.locks.held for waiter in each.waiters}
    found = sorted(sorted(names[pid] for pid in cycle.pids) for cycle in machine.locks.cycles)
    assert found == [["flush_queue", "update_table"], ["mixed_reader", "mixed_writer"]]
    assert all(cycle.sure for cycle in machine.locks.cycles)


MEMINFO = {
    "total": ("MemTotal", 0),
    "free": ("MemFree", 4096),
    "available": ("MemAvailable", 4096),
    "buffers": ("Buffers", 128),
    "page_cache": ("Cached", 512),
    "anonymous": ("AnonPages", 512),
    "shmem": ("Shmem", 128),
    "slab_reclaimable": ("SReclaimable", 512),
    "slab_unreclaimable": ("SUnreclaim", 512),
    "kernel_stack": ("KernelStack", 256),
    "page_tables": ("PageTables", 256),
    "vmalloc": ("VmallocUsed", 256),
    "percpu": ("Percpu", 64),
    "hugepages": ("Hugetlb", 0),
    "committed": ("Committed_AS", 4096),
    "commit_limit": ("CommitLimit", 0),
}


@pytest.mark.parametrize("field", MEMINFO)
def test_sums_are_what_the_machine_itself_said(stuck, field):
    machine, log = stuck
    name, tolerance = MEMINFO[field]
    said = dict(re.findall(r"^(\S+):\s+(\d+)", "\n".join(printed(log, "meminfo")), re.M))
    # It went on for a moment after it had printed them.
    assert getattr(machine.memory, field) >> 10 == pytest.approx(int(said[name]), abs=tolerance)


def test_slab_caches_are_what_the_machine_itself_said(stuck):
    machine, log = stuck
    said = {line.split()[0]: [int(word) for word in line.split()[1:3]] for line in printed(log, "slabinfo")[2:]}
    caches = [cache for cache in machine.memory.slabs if cache.name in said]
    assert len(caches) > 50
    same = sum(cache.total == said[cache.name][1] for cache in caches)
    assert same > len(caches) * 0.8
    leaked = next(cache for cache in caches if cache.name == "kmalloc-512")
    assert 8192 <= leaked.objects <= leaked.total < 9500
    assert not leaked.reclaimable


def test_who_holds_the_memory(stuck):
    memory = stuck[0].memory
    assert 6144 <= memory.unaccounted >> 12 < 6144 + 2500
    (suspect,) = memory.suspects
    assert (suspect.module, suspect.function, suspect.where) == ("load_stuck", "leak_pages", "pages")
    assert suspect.pages > suspect.sampled * 0.7
    first = memory.vmalloc_users[0]
    assert (first.function, first.module) == ("leak_table", "load_stuck")
    assert 8 << 20 <= first.bytes < 9 << 20
    assert next(each for each in memory.tmpfs if each.target == "/mnt/t").used == 12 << 20
    assert memory.processes[0].resident > 1 << 20
    assert memory.oom_victims == ()
    assert {zone.name for zone in memory.zones} == {"DMA", "DMA32"}
    for zone in memory.zones:
        assert zone.minimum < zone.low < zone.high < zone.managed
        assert zone.free == sum(count << order for order, count in enumerate(zone.blocks)) << 12


def test_a_request_that_never_ends(stuck):
    io = stuck[0].io
    disks = {disk.name: disk for disk in io.disks}
    assert disks["vda"].size == 1 << 30
    assert disks["vda"].driver == "virtio_blk"
    held = [request for request in io.requests if request.device.startswith("nullb")]
    assert [(each.operation, each.sector, each.bytes, each.state) for each in held] == [("read", 0, 4096, "in-flight")]
    assert io.requests[0] == held[0]
    assert held[0].age > 2


def test_interrupts_are_what_the_machine_itself_said(stuck):
    machine, log = stuck
    said = {}
    for line in printed(log, "interrupts")[1:]:
        label, *words = line.split()
        said[label.rstrip(":")] = [int(word) for word in words[:2] if word.isdecimal()]
    found = {str(irq.number): list(irq.counts) for irq in machine.interrupts.irqs} | {
        name: list(counts) for name, counts in machine.interrupts.vectors.items()
    }
    assert machine.interrupts.cpus == (0, 1)
    assert found["0"] == said["0"]
    for label in ("LOC", "RES", "CAL"):
        for before, after in zip(said[label], found[label], strict=True):
            assert before <= after < before + 1500
    softirqs = {line.split()[0].rstrip(":"): line.split()[1:] for line in printed(log, "softirqs")[1:]}
    for name, counts in machine.interrupts.softirqs.items():
        for before, after in zip(softirqs[name], counts, strict=True):
            assert int(before) <= after < int(before) + 1500


def test_a_workqueue_that_is_stuck(stuck):
    works = stuck[0].interrupts.works
    found = [(work.function, work.state, work.worker_state) for work in works if work.workqueue == "load_queue"]
    assert found == [("stuck_work", "running", "D"), ("work_behind", "inactive", None)]


def test_no_timer_is_overdue_because_the_machine_panicked(stuck):
    assert [timer for timer in stuck[0].interrupts.timers if timer.late > 2] == []


def test_a_spinlock(spin):
    (found,) = spin.locks.held
    assert (found.kind, found.name, found.sure) == ("spinlock", "ring_lock [load_spin]", False)
    assert (found.owner_comm, found.owner_sure) == ("hog_ring", False)
    assert [(each.comm, each.cpu, each.function) for each in found.waiters] == [("want_ring", 0, "want_ring")]
    assert spin.locks.cycles == ()


def test_what_a_cpu_that_never_comes_back_leaves_undone(spin):
    timers = {timer.function: timer for timer in spin.interrupts.timers}
    assert timers["late_timer"].cpu == 1
    assert timers["late_timer"].module == "load_spin"
    assert 2 < timers["late_timer"].late < 600
    pending = [work for work in spin.interrupts.works if work.function == "late_work"]
    assert [(work.state, work.cpu, work.workqueue) for work in pending] == [("pending", 1, "events")]
