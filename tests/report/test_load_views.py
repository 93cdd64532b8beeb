"""Memory, locks, block I/O, interrupts, timers and work as text."""

from lastwords.model import (
    BlockIo,
    Disk,
    Interrupts,
    Irq,
    Lock,
    LockCycle,
    Locks,
    Memory,
    ProcessMemory,
    Request,
    SlabCache,
    Suspect,
    Timer,
    Tmpfs,
    VmallocUser,
    Waiter,
    Work,
    Zone,
)
from lastwords.report.load_tables import io_tables, irq_tables
from lastwords.report.lock_tables import lock_tables
from lastwords.report.memory_tables import memory_tables

MEBI = 1 << 20
EVIL = "evil\x1b[2J"


def text(lines):
    return [line.plain for line in lines]


def waiter(pid, comm, **more):
    return Waiter(pid=pid, comm=comm, state="D", seconds=8.0, function=comm, module="lab", **more)


def test_a_deadlock():
    table = Lock(kind="mutex", address=0xA0, name="table_lock [lab]", owner=2, owner_comm="update", owner_state="D",
                 owner_function="update", waiters=(waiter(1, "flush"),))  # fmt: skip
    queue = Lock(kind="rwsem", address=0xB0, owner=1, owner_comm="flush", held_for="write", readers=0,
                 waiters=(waiter(2, "update", mode="read"),))  # fmt: skip
    shown = text(
        lock_tables(Locks(held=(table, queue), cycles=(LockCycle(pids=(1, 2), locks=(0xA0, 0xB0)),)), longest=9)
    )
    assert shown == [
        "DEADLOCK of 2 tasks",
        "  flush (1) in flush [lab] waits for mutex table_lock [lab], which update (2) holds",
        "  update (2) in update [lab] waits for rwsem at 0xb0, which flush (1) holds",
        "",
        "mutex table_lock [lab]",
        "  at 0xa0",
        "  held by update (2), state D, in update",
        "  wanted by flush (1), state D for 8.0 s, in flush [lab]",
        "",
        "rwsem at 0xb0",
        "  held by flush (1), for writing",
        "  wanted by update (2), state D for 8.0 s, to read, in update [lab]",
    ]


def test_what_is_not_sure_says_so():
    spin = Lock(kind="spinlock", address=0xA0, name="ring_lock", owner=3, owner_comm="hog", owner_state="R",
                owner_sure=False, sure=False, waiters=(Waiter(pid=4, comm="want", state="R", cpu=2),))  # fmt: skip
    readers = Lock(kind="rwsem", address=0xB0, owner=5, owner_comm="reader", owner_sure=False, held_for="read",
                   readers=2, waiters=(waiter(1, "a"), waiter(2, "b"), waiter(3, "c")))  # fmt: skip
    nobody = Lock(kind="semaphore", address=0xC0, name="slots")
    shown = text(lock_tables(Locks(held=(spin, readers, nobody)), longest=1))
    assert shown[0] == "spinlock ring_lock  (not sure: worked out from stacks and registers)"
    assert shown[2:4] == ["  held by hog (3), state R (not sure)", "  wanted by want (4), spins on CPU 2"]
    assert "  held by 2 readers; the last to come was reader (5)" in shown
    assert "  and by 2 more" in shown
    assert shown[-1] == "  held by nobody that is known"
    cycle = LockCycle(pids=(1,), locks=(0xFF,), sure=False)
    assert text(lock_tables(Locks(cycles=(cycle,)), longest=1))[:2] == [
        "DEADLOCK of 1 tasks (not sure: an owner was worked out)",
        "  1 waits for a lock at 0xff, which 1 holds",
    ]
    assert text(lock_tables(Locks(), longest=1)) == ["no task is known to wait for a lock"]


def test_memory():
    memory = Memory(
        total=1024 * MEBI,
        free=16 * MEBI,
        available=0,
        anonymous=512 * MEBI,
        swap_total=0,
        unaccounted=200 * MEBI,
        zones=(
            Zone(node=0, name="DMA", free=1, minimum=2, low=3, high=4, managed=9, blocks=(1, 0)),
            Zone(node=0, name="Normal", free=25, minimum=20, low=30, high=40, managed=90),
        ),
        slabs=tuple(SlabCache(name=f"cache{n}", object_size=8, objects=None, total=9, bytes=4096) for n in range(3)),
        vmalloc_users=(VmallocUser(function="leak", module="lab", areas=2, bytes=8 * MEBI),),
        tmpfs=(Tmpfs(target="/run", used=MEBI), Tmpfs(target="/empty", used=0)),
        processes=(ProcessMemory(pid=7, comm="java", resident=500 * MEBI, oom_score_adj=-1000),),
        oom_victims=(7, 8),
        suspects=(Suspect(module="lab", function="leak", pages=90, sampled=100),),
    )
    shown = text(memory_tables(memory, longest=2))
    assert shown[:6] == [
        "MEMORY",
        "  total             1.00 GiB  100 %",
        "  free              16.0 MiB    2 %",
        "  available              0 B    0 %  the kernel's estimate of what can be had without swapping",
        "  processes          512 MiB   50 %  anonymous pages",
        "  unaccounted        200 MiB   20 %  in use, and no counter explains it",
    ]
    assert "  90 of 100 of a sample of unaccounted pages point to module lab (leak): it may hold them" in shown
    assert "  the OOM killer has chosen, and they are still there: 7, 8" in shown
    assert any(line.endswith("1 0  below min: only emergencies get pages") for line in shown)
    assert any(line.endswith("below low: kswapd is at work") for line in shown)
    assert "\nSLAB CACHES, the 2 largest" in shown
    assert not any("cache2" in line or "/empty" in line for line in shown)
    assert any(line.split()[-1] == "java" and "-1000" in line for line in shown)


def test_memory_of_which_nothing_is_known():
    assert text(memory_tables(Memory(), longest=5)) == ["MEMORY"]


def test_requests():
    io = BlockIo(
        disks=(
            Disk(name="sda", size=1 << 38, in_flight=1, driver="sd_mod", scheduler="mq-deadline"),
            Disk(name="loop0"),
        ),
        requests=(
            Request(device="sda", operation="write", sector=8, bytes=4096, age=31.5, tag=3, queue=0, state="in-flight",
                    timed_out=True),
            Request(device="sda", operation="read", sector=0, bytes=512),
        ),
    )  # fmt: skip
    shown = text(io_tables(io, longest=1))
    assert shown[1].split() == ["sda", "256", "GiB", "1", "mq-deadline", "sd_mod"]
    assert shown[2].split() == ["loop0", "-", "-", "none", "-"]
    assert shown[4].split() == (
        ["sda", "31.5", "s", "write", "8", "4.00", "KiB", "3", "0", "in-flight,", "past", "its", "timeout"]
    )
    assert shown[5] == "and 1 more"
    assert text(io_tables(BlockIo(), longest=1))[-1] == "no disks"


def test_interrupts():
    found = Interrupts(
        cpus=(0, 1),
        irqs=(
            Irq(number=4, actions=("ttyS0", "other"), counts=(1, 2), chip="IO-APIC"),
            Irq(number=16, actions=("nic",), counts=(0, 9), disabled=True, unhandled=99_901),
        ),
        vectors={"LOC": (10, 20)},
        softirqs={"TIMER": (3, 4)},
        pending={1: ("NET_RX",)},
        timers=(
            Timer(function="process_timeout", cpu=1, late=20.0, purpose="wakes rcu_sched (12)"),
            Timer(function="late", module="lab", cpu=0, late=2.0, high_resolution=True),
        ),
        works=(
            Work(function="stuck", module="lab", workqueue="events", cpu=0, pid=5, worker_state="D", seconds=9.0),
            Work(function="behind", workqueue="own", state="inactive"),
        ),
    )
    shown = text(irq_tables(found, longest=5))
    assert shown[0] == "OVERDUE TIMERS (2)"
    assert shown[1].strip() == "20.0 s late on CPU 1: process_timeout, wakes rcu_sched (12)"
    assert shown[2].strip() == "2.0 s late on CPU 0: late [lab] (high resolution)"
    assert shown[5].split(maxsplit=1) == [
        "running",
        "stuck [lab]  on events (CPU 0) in PID 5, state D, asleep for 9.0 s",
    ]
    assert shown[6].strip() == "waits for others  behind  on own (unbound)"
    assert "  CPU 1: NET_RX" in shown
    assert any(line.split() == ["4", "1", "2", "IO-APIC", "ttyS0,", "other"] for line in shown)
    assert any(line.endswith("disabled  switched off as spurious") for line in shown)
    assert any(line.split() == ["LOC", "10", "20"] for line in shown)


def test_names_out_of_the_dump_can_not_reach_the_terminal():
    lock = Lock(kind="mutex", address=1, name=EVIL, owner=1, owner_comm=EVIL, waiters=(waiter(2, EVIL),))
    memory = Memory(
        total=1,
        slabs=(SlabCache(name=EVIL, object_size=1, objects=1, total=1, bytes=1),),
        processes=(ProcessMemory(pid=1, comm=EVIL, resident=1),),
        vmalloc_users=(VmallocUser(function=EVIL, areas=1, bytes=1),),
        tmpfs=(Tmpfs(target=EVIL, used=1),),
        zones=(Zone(node=0, name=EVIL, free=1, minimum=1, low=1, high=1, managed=1),),
        suspects=(Suspect(module=EVIL, pages=1, sampled=1, where=EVIL),),
    )
    io = BlockIo(
        disks=(Disk(name=EVIL, driver=EVIL, scheduler=EVIL),),
        requests=(Request(device=EVIL, operation=EVIL, sector=1, bytes=1),),
    )
    interrupts = Interrupts(
        cpus=(0,),
        irqs=(Irq(number=1, actions=(EVIL,), counts=(1,), chip=EVIL),),
        timers=(Timer(function=EVIL, cpu=0, late=1.0, purpose=EVIL),),
        works=(Work(function=EVIL, workqueue=EVIL, pid=1, worker_state="D"),),
    )
    cycle = LockCycle(pids=(2,), locks=(1,))
    shown = [
        *lock_tables(Locks(held=(lock,), cycles=(cycle,)), longest=9),
        *memory_tables(memory, longest=9),
        *io_tables(io, longest=9),
        *irq_tables(interrupts, longest=9),
    ]
    assert any("evil" in line.plain for line in shown)
    assert not any("\x1b" in line.plain for line in shown)
