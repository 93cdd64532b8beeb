"""The case of a hang, without drgn on the machine: the tasks in state D tell what it waits for."""

from lastwords.case.analysis import analyze
from lastwords.case.directory import make_case
from lastwords.host.vault import Vault
from lastwords.model import Case

WAITING = b"""==> /proc/816/task/816 D (touch)
Call Trace:
 percpu_rwsem_wait+0x11c/0x140
 __percpu_down_read+0x5b/0x80
 mnt_want_write+0x9b/0xa0
 path_openat+0x8c/0x280
-- wchan
percpu_rwsem_wait
"""


def test_the_tasks_that_wait_are_read_as_hung_tasks(tmp_path):
    case = make_case(tmp_path / "db7", Case(id="db7", created=1.0))
    with Vault(case.evidence) as vault:
        vault.put("hang/waiting-tasks.txt", kind="hang", origin="/proc", data=WAITING)
        vault.put("hang/state.txt", kind="hang", origin="/proc", data=b"/proc/loadavg:5.00\n")
    found = analyze([str(case.root)])
    assert [oops.title for oops in found.oopses] == ["Task in state D in mnt_want_write"]
    assert found.verdict is not None
    assert found.verdict.crash_class == "lockup"
    assert "touch waits to write to a file system that is frozen" in found.verdict.summary


def test_of_two_dumps_the_newest_crash_is_read_and_of_what_was_begun_twice_the_larger(tmp_path):
    case = make_case(tmp_path / "db7", Case(id="db7", created=1.0))
    started = b"makedumpfile\0\0\0\0" + bytes(5000)
    with Vault(case.evidence) as vault:
        for name, data, when in (
            ("1/dump.1", started + bytes(9000), 100.0),
            ("2/dump-incomplete", started, 200.0),
            ("2/vmcore-incomplete", started[:4200], 201.0),
        ):
            vault.put(f"dumps/var/crash/{name}", kind="dump", origin=f"/var/crash/{name}", data=data, modified=when)
    said: list[str] = []
    found = analyze([str(case.root)], say=said.append)
    assert found.dump is not None
    assert found.dump.path.endswith("2/dump-incomplete")
    assert any("of 3 dumps, the newest crash's is read" in line for line in said)
