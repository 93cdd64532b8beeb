"""Lists of tasks: SysRq w and t, hung-task reports, the lock validator's; as all kernels print them."""

import time
from pathlib import Path

import pytest

from lastwords.klog import scan
from lastwords.klog.inputs import Text, find
from lastwords.klog.read import read
from lastwords.model import ListedTask, Log

# Recorded in the lab: tasks that are blocked, listed twice and then among all tasks, most of which are cut out.
LISTS = Path(__file__).parent / "lists"


def log_of(text: str) -> Log:
    found = read(Text("tasks.log", text.encode())).log
    assert found is not None
    return found


def listed(text: str) -> dict[str, ListedTask]:
    return {task.comm: task for task in log_of(text).listed}


def recorded(name: str) -> dict[str, ListedTask]:
    found = read(find([str(LISTS / name)])[0]).log
    assert found is not None
    return {task.comm: task for task in found.listed}


@pytest.mark.parametrize("name", ["abba-5.10.log", "abba-6.1-arm64.log", "abba-7.3.log"])
def test_two_tasks_of_a_deadlock(name):
    tasks = recorded(name)
    assert set(tasks) == {"lab-flush", "lab-update"}
    text = (LISTS / name).read_text().splitlines()
    for comm, function in (("lab-flush", "flush_queue"), ("lab-update", "update_table")):
        task = tasks[comm]
        assert (task.state, task.function, task.module, task.seen) == ("D", function, "hung_task", 3)
        assert task.line == max(number for number, line in enumerate(text, 1) if f"task:{comm} " in line)
        assert f"pid:{task.pid}" in text[task.line - 1].replace(" ", "")
        assert 4 < (task.seconds or 0) < 5
        assert any(function in text[frame.line - 1] for frame in task.frames if frame.function == function)


def test_who_sleeps_in_the_same_code_is_kept():
    tasks = recorded("reader-asleep-6.12.log")
    assert (tasks["lab-writer"].state, tasks["lab-writer"].function) == ("D", "change_config")
    assert (tasks["lab-reader"].state, tasks["lab-reader"].function) == ("S", "watch_config")
    assert "init" not in tasks


def test_who_waits_for_a_disk():
    assert recorded("disk-6.1.log")["dd"].function == "__filemap_fdatawait_range"


STACK = """\
[  900.000004]  __schedule+0x2bc/0x8f0
[  900.000005]  schedule+0x33/0xa0
[  900.000006]  rwsem_down_write_slowpath+0x29f/0x4f0
[  900.000007]  xr_table_set+0x4c/0xd0 [xr]
[  900.000008]  do_syscall_64+0x57/0x190
"""
# One line, as the kernels printed it.
HEADS = {
    "6.14": "task:xr-writer       state:D stack:0     pid:4711  tgid:4711  ppid:2      task_flags:0x8040 flags:0x4000",
    "6.1": "task:xr-writer       state:D stack:0     pid:4711  ppid:2      flags:0x00004000",
    "5.10": "task:xr-writer       state:D stack:    0 pid: 4711 ppid:     2 flags:0x00004000",
    "5.4": "xr-writer       D    0  4711      2 0x80004000",
    "4.4": "xr-writer       D ffff88003fc13f40     0  4711      2 0x00000000",
    "3.10 32 bit": "xr-writer       D c14a3e40     0  4711      2 0x00000000",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_heads_of_all_kernels(head):
    # Until Linux 5.7 a heading stands above the first one.
    text = (
        "[  900.000001] SysRq : Show Blocked State\n"
        "[  900.000002]   task                        PC stack   pid father\n"
        f"[  900.000003] {head}\n[  900.000003] Call Trace:\n{STACK}"
    )
    task = listed(text)["xr-writer"]
    assert (task.pid, task.ppid, task.state, task.line) == (4711, 2, "D", 3)
    assert (task.function, task.module, task.last_line) == ("xr_table_set", "xr", 9)
    assert task.time == 900.000003


def test_a_running_task_and_a_worker():
    text = (
        "[  900.000001] sysrq: Show State\n"
        "[  900.000002] task:xr-loop         state:R  running task     stack:0     pid:21    ppid:2      flags:0x4000\n"
        "[  900.000003] Call Trace:\n[  900.000004]  xr_poll+0x4c/0xd0 [xr]\n"
        "[  900.000005] task:kworker/u8:3    state:D stack:0     pid:4711  ppid:2      flags:0x00004000\n"
        "[  900.000006] Workqueue: xr_wq xr_reset [xr]\n[  900.000007] Call Trace:\n" + STACK
    )
    tasks = listed(text)
    assert tasks["kworker/u8:3"].workqueue == "xr_wq xr_reset"
    assert tasks["xr-loop"].state == "R"  # it runs in the same module


def head(comm: str, pid: int, state: str = "D", time: float = 900.0) -> str:
    return f"[{time:12.6f}] task:{comm:15} state:{state} stack:0     pid:{pid:<5} ppid:2      flags:0x00004000\n"


def at(time: float, *frames: str) -> str:
    return "".join(f"[{time:12.6f}]  {frame}\n" for frame in frames)


def test_many_at_one_place_are_one_entry():
    stack = ("__schedule+0x1/0x2", "schedule+0x1/0x2", "rtnl_lock+0x12/0x20", "devinet_ioctl+0x80/0x700")
    text = "[  900.000000] sysrq: Show Blocked State\n"
    text += "".join(head(f"ip-{number}", 1000 + number) + at(900, *stack) for number in range(50))
    (task,) = log_of(text).listed
    assert task.alike == tuple(range(1001, 1050))


def test_who_is_not_in_the_last_list_goes_on():
    stack = ("schedule+0x1/0x2", "xr_wait+0x12/0x20 [xr]")
    text = (
        "[  900.000000] sysrq: Show Blocked State\n" + head("gone", 10) + at(900, *stack) + head("stays", 11)
        + at(900, *stack)
        + "[  930.000000] sysrq: Show Blocked State\n" + head("stays", 11, time=930) + at(930, *stack)
    )  # fmt: skip
    (task,) = log_of(text).listed
    assert (task.comm, task.seen, task.seconds, task.alike) == ("stays", 2, 30.0, ())


def test_who_moved_on_between_two_lists_was_seen_once_there():
    text = (
        "[  900.000000] sysrq: Show Blocked State\n" + head("dd", 10) + at(900, "schedule+0x1/0x2", "xr_a+0x1/0x2 [xr]")
        + "[  930.000000] sysrq: Show Blocked State\n"
        + head("dd", 10, time=930) + at(930, "schedule+0x1/0x2", "xr_b+0x1/0x2 [xr]")
    )  # fmt: skip
    (task,) = log_of(text).listed
    assert (task.function, task.seen, task.seconds) == ("xr_b", 1, None)


# kernel/hung_task.c: debug_show_blocker(), Linux 6.16 and later
HUNG = (
    "[  900.000000] INFO: task xr-update:12 blocked for more than 120 seconds.\n"
    "[  900.000001]       Not tainted 6.16.3 #1\n"
    + head("xr-update", 12)
    + at(900, "schedule+0x1/0x2", "__mutex_lock+0x1/0x2", "xr_update+0x1/0x2 [xr]")
    + "[  900.000009] INFO: task xr-update:12 is blocked on a mutex likely owned by task xr-flush:13.\n"
    + head("xr-flush", 13, "S")
    + at(900, "schedule+0x1/0x2", "msleep+0x1/0x2", "xr_flush+0x1/0x2 [xr]")
)


def test_the_owner_that_a_hung_task_report_names():
    tasks = listed(HUNG)
    assert (tasks["xr-update"].blocked_by, tasks["xr-update"].blocked_on) == (13, "mutex")
    assert (tasks["xr-flush"].state, tasks["xr-flush"].function) == ("S", "xr_flush")


@pytest.mark.parametrize(
    "line",
    [
        "INFO: task xr-update:12 <writer> blocked on an rw-semaphore likely owned by task xr-flush:13 <reader>",
        "INFO: task xr-update:12 blocked on a semaphore likely last held by task xr-flush:13",
    ],
)
def test_other_locks_and_their_owners(line):
    text = HUNG.replace("INFO: task xr-update:12 is blocked on a mutex likely owned by task xr-flush:13.", line)
    assert listed(text)["xr-update"].blocked_by == 13


def test_an_owner_that_is_not_known():
    text = HUNG.replace(" likely owned by task xr-flush:13.", ", but the owner is not found.")
    assert listed(text)["xr-update"].blocked_by is None


LOCKS = """\
[  900.100000] Showing all locks held in the system:
[  900.100001] 1 lock held by khungtaskd/30:
[  900.100002]  #0: ffffffff8cb2f5a0 (rcu_read_lock){....}-{1:3}, at: debug_show_all_locks+0x17/0x160
[  900.100003] 2 locks held by xr-update/12:
[  900.100004]  #0: ffffffffc05cb0a0 (table_lock){+.+.}-{4:4}, at: xr_update+0x1/0x2 [xr]
[  900.100005]  #1: ffffffffc05cb060 (queue_lock){+.+.}-{4:4}, at: xr_update+0x2/0x2 [xr]
[  900.100006] 2 locks held by xr-flush/13:
[  900.100007]  #0: ffffffffc05cb060 (queue_lock){+.+.}-{4:4}, at: xr_flush+0x1/0x2 [xr]
[  900.100008]  #1: ffffffffc05cb0a0 (table_lock){+.+.}-{4:4}, at: xr_flush+0x2/0x2 [xr]
"""


def test_the_lock_validators_list_tells_who_holds_what():
    text = "[  900.000000] sysrq: Show Blocked State\n" + "".join(
        head(comm, pid) + at(900, "schedule+0x1/0x2", "__mutex_lock+0x1/0x2", f"{function}+0x1/0x2 [xr]")
        for comm, pid, function in (("xr-update", 12, "xr_update"), ("xr-flush", 13, "xr_flush"))
    )
    tasks = listed(text + LOCKS)
    assert (tasks["xr-update"].blocked_by, tasks["xr-flush"].blocked_by) == (13, 12)
    assert listed(text)["xr-update"].blocked_by is None


def test_lists_of_another_boot_do_not_count():
    text = (
        "[    0.000000] Linux version 6.1.0\n[  900.000000] sysrq: Show Blocked State\n"
        + head("old", 10)
        + at(900, "schedule+0x1/0x2", "xr_wait+0x12/0x20 [xr]")
        + "[    0.000000] Linux version 6.1.0\n[   10.000000] xr: up\n"
    )
    assert log_of(text).listed == ()


def test_a_list_of_a_later_boot_takes_nothing_from_an_earlier_one():
    text = (
        "[    0.000000] Linux version 6.1.0\n[  900.000000] sysrq: Show Blocked State\n"
        + head("old", 10)
        + at(900, "schedule+0x1/0x2", "xr_wait+0x12/0x20 [xr]")
        + "[  901.000000] Kernel panic - not syncing: sysrq triggered crash\n"
        + "[    0.000000] Linux version 6.1.0\n[   10.000000] sysrq: Show Blocked State\n"
    )
    assert [task.comm for task in log_of(text).listed] == ["old"]


def test_only_lists_is_no_part_of_a_crash_report():
    text = "[  900.000000] sysrq: Show State\n" + head("idle", 10, "S") + "[  900.000000] Call Trace:\n" + STACK
    log = log_of(text)
    assert log.listed == ()
    assert [gap.text for gap in log.gaps if gap.kind == "no-crash"] == [
        "No crash report in this log, only lists of tasks."
    ]


def test_another_programs_lines_and_other_cpus_lines_amid_a_stack():
    text = (
        "<6>[  900.000000][   T9] sysrq: Show Blocked State\n"
        "<6>[  900.000001][   T9] task:dd              state:D stack:0     pid:10    ppid:2      flags:0x00004000\n"
        "<6>[  900.000002][   T9] Call Trace:\n"
        "<6>[  900.000003][   T9]  schedule+0x1/0x2\n"
        "<6>[  900.000004][   C1]  other_trace+0x1/0x2 [other]\n"
        "<6>[  900.000005][   C1] xr 0000:00:03.0: link up\n"
        "<6>[  900.000006][   T9]  xr_wait+0x12/0x20 [xr]\n"
    )
    (task,) = log_of(text).listed
    assert (task.function, [frame.function for frame in task.frames]) == ("xr_wait", ["schedule", "xr_wait"])


def all_tasks(count: int) -> str:
    idle = at(900, "__schedule+0x1/0x2", "schedule+0x1/0x2", "do_nanosleep+0x1/0x2", "hrtimer_nanosleep+0x1/0x2",
              "common_nsleep+0x1/0x2", "__x64_sys_clock_nanosleep+0x1/0x2", "do_syscall_64+0x1/0x2",
              "entry_SYSCALL_64_after_hwframe+0x1/0x2")  # fmt: skip
    stuck = at(900, "__schedule+0x1/0x2", "schedule+0x1/0x2", "xr_wait+0x12/0x20 [xr]", "do_syscall_64+0x1/0x2")
    return "[  899.000000] sysrq: Show State\n" + "".join(
        head(f"task-{number}", 1000 + number, "D" if number % 100 == 7 else "S")
        + "[  900.000000] Call Trace:\n[  900.000000]  <TASK>\n"
        + (stuck if number % 100 == 7 else idle)
        + "[  900.000000]  </TASK>\n"
        for number in range(count)
    )


def test_five_thousand_tasks_take_no_time():
    text = all_tasks(5000)
    assert len(text) > 2_000_000
    begin = time.perf_counter()
    (task,) = log_of(text).listed
    assert time.perf_counter() - begin < 8  # a second and a half, where nothing else runs
    assert len(task.alike) == 49


def test_a_list_across_chunks_is_read_once(monkeypatch):
    text = "[    1.000000] xr: up\n" * 100 + all_tasks(900) + "[  950.000000] xr: up\n" * 100
    whole = log_of(text).listed
    for name, value in (("SMALL", 4096), ("CHUNK", 60_000), ("TAIL", 12_000), ("LONGEST_LINE", 1000)):
        monkeypatch.setattr(scan, name, value)
    assert log_of(text).listed == whole
    assert len(whole[0].alike) == 8


def test_a_list_that_is_cut_anywhere():
    text = (LISTS / "abba-7.3.log").read_text()
    for end in range(0, len(text), 311):
        log_of(text[:end])
