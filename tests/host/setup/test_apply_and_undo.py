"""Carried out and taken back: whatever happens in between, the old state can be had again."""

import os
import subprocess

import pytest

from lastwords.host.root import Root
from lastwords.host.setup import Command, Edit, NotApplied, NothingToUndo, Plan, apply, undo
from lastwords.host.setup.apply import run_logged
from lastwords.host.setup.journal import DIRECTORY
from lastwords.host.setup.undo import steps_back

OLD = "a = 1\nb = 2\n"
EDITS = (
    Edit(path="/etc/there", before=OLD, after="a = 1\nb = 3\n", why="b is 3"),
    Edit(path="/etc/new.d/ours.conf", before=None, after="c = 1\n", why="c", mode=0o600),
)
INSTALL = Command(argv=("put", "x"), undo=("take", "x"), why="x", stage="install")
MENU = Command(argv=("menu",), undo=("menu",), why="the menu")
ENABLE = Command(argv=("enable", "y"), undo=("disable", "y"), why="y")
PLAN = Plan(installs=(INSTALL,), edits=EDITS, settles=(MENU, ENABLE))


class Commands:
    """Stands for the machine's: notes what was run and what the file said then; fails when told."""

    def __init__(self, root: Root, fails: str = "") -> None:
        self.root, self.fails = root, fails
        self.ran: list[tuple[str, str | None]] = []

    def __call__(self, argv, seconds, log) -> int:
        self.ran.append((" ".join(argv), self.root.text("/etc/there")))
        with log.open("a") as file:
            file.write("no such thing\n")
        return 3 if " ".join(argv) == self.fails else 0


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/there").write_text(OLD)
    (tmp_path / "etc/there").chmod(0o640)
    return Root(tmp_path)


def test_packages_then_files_then_commands(root):
    run = Commands(root)
    apply(root, PLAN, run=run)
    assert run.ran == [("put x", OLD.strip()), ("menu", "a = 1\nb = 3"), ("enable y", "a = 1\nb = 3")]
    assert root.resolve("/etc/there").stat().st_mode & 0o777 == 0o640
    assert root.resolve("/etc/new.d/ours.conf").stat().st_mode & 0o777 == 0o600


def test_undo_is_the_other_way_round(root):
    apply(root, PLAN, run=Commands(root))
    assert steps_back(root) == ["disable y", "restore /etc/new.d/ours.conf", "restore /etc/there", "take x", "menu"]
    run = Commands(root)
    done = undo(root, run=run)
    assert [line for line, _ in run.ran] == ["disable y", "take x", "menu"]
    assert done.restored == ("/etc/new.d/ours.conf", "/etc/there")
    assert root.resolve("/etc/there").read_text() == OLD
    assert root.resolve("/etc/there").stat().st_mode & 0o777 == 0o640
    assert not root.exists("/etc/new.d/ours.conf")
    with pytest.raises(NothingToUndo):
        undo(root)


def test_a_tree_gets_its_files_only(root):
    done = apply(root, PLAN)
    assert done.skipped == ("put x", "menu", "enable y")
    assert root.text("/etc/there") == "a = 1\nb = 3"


def test_each_run_is_taken_back_by_itself_the_last_first(root):
    apply(root, Plan(edits=EDITS[:1]))
    second = Edit(path="/etc/there", before="a = 1\nb = 3\n", after="a = 9\n", why="a")
    apply(root, Plan(edits=(second,)))
    undo(root)
    assert root.text("/etc/there") == "a = 1\nb = 3"
    undo(root)
    assert root.text("/etc/there") == OLD.strip()


def test_what_somebody_changed_since_is_not_touched(root):
    apply(root, PLAN, run=Commands(root))
    root.resolve("/etc/there").write_text("theirs\n")
    done = undo(root, run=Commands(root))
    assert done.kept == ("/etc/there",)
    assert root.text("/etc/there") == "theirs"
    assert not root.exists("/etc/new.d/ours.conf")


def test_a_file_that_changed_since_the_plan_is_not_overwritten(root):
    root.resolve("/etc/there").write_text("theirs\n")
    with pytest.raises(NotApplied, match="has changed since the plan"):
        apply(root, PLAN, run=Commands(root))
    assert root.text("/etc/there") == "theirs"


@pytest.mark.parametrize("fails", ["put x", "menu"])
def test_a_command_that_fails_stops_it_and_all_is_taken_back(root, fails):
    with pytest.raises(NotApplied, match=f"{fails} ended with status 3: no such thing"):
        apply(root, PLAN, run=Commands(root, fails))
    undo(root, run=Commands(root))
    assert root.text("/etc/there") == OLD.strip()


def test_an_undo_that_fails_says_so(root):
    apply(root, PLAN, run=Commands(root))
    assert undo(root, run=Commands(root, "take x")).failed == ("take x: no such thing",)


def test_a_crash_while_the_journal_is_written_loses_nothing(root):
    apply(root, PLAN, run=Commands(root))
    (journal,) = root.resolve(DIRECTORY).glob("*/journal.jsonl")
    journal.write_bytes(journal.read_bytes() + b'{"kind": "fil')
    undo(root, run=Commands(root))
    assert root.text("/etc/there") == OLD.strip()


def test_links_stay_links_and_lead_nowhere_outside(root, tmp_path):
    root.resolve("/etc/there").rename(tmp_path / "real")
    (tmp_path / "etc/there").symlink_to("/real")
    apply(root, PLAN, run=Commands(root))
    assert (tmp_path / "etc/there").is_symlink()
    assert (tmp_path / "real").read_text() == "a = 1\nb = 3\n"


def test_bytes_that_are_no_text_stay(root):
    root.resolve("/etc/there").write_bytes(b"\xff\xfe = 1\n")
    before = b"\xff\xfe = 1\n".decode(errors="surrogateescape")
    apply(root, Plan(edits=(Edit(path="/etc/there", before=before, after=f"{before}x\n", why=""),)))
    assert root.resolve("/etc/there").read_bytes() == b"\xff\xfe = 1\nx\n"


def test_the_journal_is_for_root_alone(root):
    apply(root, PLAN, run=Commands(root))
    assert root.resolve(DIRECTORY).stat().st_mode & 0o077 == 0


def test_real_commands(tmp_path):
    log = tmp_path / "log"
    assert run_logged(("sh", "-c", "echo said; echo wrong >&2; exit 4"), 10, log) == 4
    assert log.read_text() == "$ sh -c echo said; echo wrong >&2; exit 4\nsaid\nwrong\n"


def test_a_command_that_does_not_end_is_ended_with_all_it_started(tmp_path):
    log = tmp_path / "log"
    assert run_logged(("sh", "-c", "sleep 1000 & echo $!; wait"), 1, log) == 124
    pid = int(log.read_text().splitlines()[1])
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    assert not state.strip() or state.startswith("Z")
    assert os.getpid() != pid


def test_the_plan_is_shown_as_a_diff():
    assert EDITS[0].diff() == "--- /etc/there\n+++ /etc/there\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n"
    assert EDITS[1].diff().startswith("--- /dev/null\n+++ /etc/new.d/ours.conf\n")
