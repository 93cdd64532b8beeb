"""A hang that is going on: what is read of it, what is not touched, and which letters sysrq is given."""

import errno

import pytest

from lastwords.host import crashed_boot
from lastwords.host.capture import Wish, secure
from lastwords.host.collectors import hang
from lastwords.host.collectors.take import Take
from lastwords.host.crashed_boot import CrashedBoot
from lastwords.host.root import Ran, Root
from lastwords.host.vault import Vault

from .crash_trees import CRASHED, Tree, build

HANG = Wish(hang=True)
TREE: Tree = {
    "/proc/stat": ("cpu 1\nbtime 1795498811\n", 0),
    "/proc/meminfo": ("MemTotal: 1 kB\n", 0),
    "/proc/pressure/io": ("full avg10=99.00\n", 0),
    "/proc/consoles": ("tty0 -WU (EC p ) 4:7\n", 0),
    "/proc/sys/kernel/printk": ("7\t4\t1\t7\n", 0),
    "/proc/700/task/700/stat": ("700 (a) b\n(D) S) D 1 0\n", 0),
    "/proc/700/task/700/stack": ("[<0>] io_schedule+0x46/0x70\n", 0),
    "/proc/700/task/700/wchan": ("io_schedule", 0),
    "/proc/700/task/701/stat": ("701 (sleeper) S 1 0\n", 0),
    "/proc/700/task/701/stack": ("[<0>] never read\n", 0),
    "/proc/self/task/1/stat": ("1 (alias) D 1\n", 0),
}


def captured(tmp_path, tree=TREE, wish=HANG):
    def runner(argv, _seconds, _limit):
        raise FileNotFoundError(argv[0])

    root = Root(build(tmp_path / "tree", tree), runner=runner)
    with Vault(tmp_path / "evidence") as vault:
        return {item.id: item for item in secure(vault, root, wish)}


def test_tasks_that_wait_and_the_state_of_the_machine(tmp_path):
    found = captured(tmp_path)
    tasks = (tmp_path / "evidence" / str(found["hang/waiting-tasks.txt"].path)).read_text()
    assert "==> /proc/700/task/700 D (a) b\n(D) S)\n" in tasks
    assert "Call Trace:\n io_schedule+0x46/0x70\n" in tasks
    assert "never read" not in tasks
    assert "alias" not in tasks
    state = (tmp_path / "evidence" / str(found["hang/state.txt"].path)).read_text()
    assert "/proc/pressure/io:full avg10=99.00\n" in state


def test_without_the_flag_it_is_left_alone(tmp_path):
    assert not [name for name in captured(tmp_path, wish=Wish()) if name.startswith("hang")]


def test_files_that_wait_for_a_tasks_locks_are_not_read(tmp_path):
    names = ("cmdline", "environ", "maps", "smaps", "smaps_rollup", "numa_maps", "auxv")
    locked = {f"/proc/700/{where}{name}": ("LOCKED", 0.0) for name in names for where in ("", "task/700/")}
    found = captured(tmp_path, {**TREE, **locked})
    assert found["hang/waiting-tasks.txt"].state == "taken"
    for path in (tmp_path / "evidence").rglob("*"):
        assert not path.is_file() or b"LOCKED" not in path.read_bytes()


def test_only_letters_that_print_reach_sysrq(tmp_path, monkeypatch):
    monkeypatch.setattr(hang, "SYSRQ", str(tmp_path / "trigger"))
    (tmp_path / "trigger").touch()
    for letter in "bcefiosu0":
        with pytest.raises(ValueError, match="reboot, kill or crash"):
            hang._write(letter)
    assert (tmp_path / "trigger").read_bytes() == b""
    hang._write("w")
    assert (tmp_path / "trigger").read_bytes() == b"w"


class Told(Take):
    """Stands for `Take`."""

    def __init__(self, root):
        self.root = root
        self.missed = []

    def miss(self, name, state, note, *, origin="", kind="", modified=None):
        self.missed.append((name, state, note))


def test_refused_and_failed_sysrq_is_told_of(tmp_path, monkeypatch):
    def refuse(letter):
        raise PermissionError(errno.EACCES, "Permission denied") if letter == "w" else OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(hang, "_write", refuse)
    told = Told(Root(build(tmp_path, TREE)))
    hang._ask(told, "w", 1)
    hang._ask(told, "l", 1)
    assert told.missed == [("sysrq-w", "refused", "Permission denied"), ("sysrq-l", "failed", "I/O error")]


@pytest.mark.parametrize(
    ("consoles", "printk", "tasks", "slow"),
    [
        ("tty0 -WU (EC p ) 4:7\n", "7 4 1 7", 5000, False),
        ("ttyS0 -W- (EC p a) 4:64\n", "7 4 1 7", 5000, True),
        ("ttyS0 -W- (EC p a) 4:64\n", "4 4 1 7", 5000, False),
        ("ttyS0 -W- (EC p a) 4:64\n", "7 4 1 7", 60, False),
        ("ttyAMA0 -W- (EC p a) 204:64\n", "8 4 1 7", 900, True),
        ("", "", 900, False),
    ],
)
def test_all_tasks_are_not_asked_for_over_a_slow_console(tmp_path, consoles, printk, tasks, slow):
    root = Root(build(tmp_path, {"/proc/consoles": (consoles, 0), "/proc/sys/kernel/printk": (printk, 0)}))
    assert bool(hang._too_slow(Told(root), tasks)) is slow


def test_an_old_dump_is_not_of_the_hang(tmp_path):
    tree = {**TREE, "/var/crash/202611240538/dump.202611240538": (b"KDUMP   ", CRASHED - 90000)}
    found = captured(tmp_path, tree)
    assert found["dumps/var/crash/202611240538"].state == "skipped"


def test_the_running_boot_is_the_one_that_hangs(tmp_path):
    def runner(*_arguments):
        return Ran(status=0)

    root = Root(build(tmp_path, TREE), runner=runner)
    assert crashed_boot.hanging_boot(root) == CrashedBoot(running=1795498811, began=1795498811, source="/proc/stat")
