"""The lab's cache: each recipe's things by themselves, and nothing removed that somebody uses."""

import fcntl
import json
import os
import subprocess
import sys
import time
from functools import partial

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.lab import cache as lab_cache
from lastwords.lab.cache import JUST_USED, UNUSED, cache, hold, kept, remove, trim
from lastwords.lab.errors import LabError

HOUR = 3600.0
HOLD = """
import sys
from pathlib import Path
from lastwords.lab.cache import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LASTWORDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lab_cache, "_IN_USE", {})
    return cache()


def item(path, hours=0.0, content="x"):
    """A directory, or a file where the name has a suffix, that was used so many hours ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        path.write_text(content)
    else:
        path.mkdir()
        (path / "vmcore").write_text(content)
    os.utime(path, (time.time() - hours * HOUR,) * 2)
    return path


def named(family, number, suffix=""):
    return f"{family}-{number:012x}{suffix}"


def left(folder):
    return {path.name for path in folder.iterdir()}


def test_it_is_made_once(place):
    path = place / "systems" / named("debian", 1, ".raw")
    made = []

    def make():
        made.append(1)
        item(path, hours=400)

    assert kept(path, make, "lock") == kept(path, make, "lock") == path
    assert made == [1]
    assert time.time() - path.stat().st_mtime < 60  # it is used now


def test_what_is_not_there_after_it_was_made(place):
    with pytest.raises(LabError, match="removed as soon as it was made"):
        kept(place / named("debian", 1), lambda: None, "lock")


def test_checkouts_with_different_recipes_keep_their_own(place):
    folder = place / "systems"
    for number in range(3):
        path = folder / named("debian", number, ".raw")
        kept(path, partial(item, path), f"lock-{number}", newest=3)
        trim(folder, 3)
    assert left(folder) == {named("debian", number, ".raw") for number in range(3)}


def test_of_a_family_the_newest_stay(place):
    for number in range(6):
        item(place / "crashes" / named("null-field", number), hours=2 + number)
        item(place / "crashes" / named("divide", number, ".disk"), hours=20 + number)
    trim(place / "crashes", 2)
    assert left(place / "crashes") == {
        *(named("null-field", number) for number in range(2)),
        *(named("divide", number, ".disk") for number in range(2)),
    }


def test_what_nobody_used_for_long_goes_and_what_was_just_used_stays(place):
    item(place / "a" / named("old", 1), hours=(UNUSED + 60) / HOUR)
    item(place / "a" / named("young", 1), hours=(UNUSED - 60) / HOUR)
    for number in range(4):
        item(place / "a" / named("busy", number), hours=(JUST_USED - 60) / HOUR)
    trim(place / "a", 1)
    assert left(place / "a") == {named("young", 1), *(named("busy", number) for number in range(4))}


def test_what_is_not_made_by_a_recipe_is_left_alone(place):
    names = ["bookworm", "x-1.part", named("x", 1, ".part"), named("x", 2, ".root"), "6.1.0-56-cloud-amd64"]
    for name in names:
        item(place / "a" / name, hours=10_000)
    trim(place / "a", 0)
    assert left(place / "a") == set(names)


@pytest.mark.parametrize("name", [named("crash", 1), named("disk", 1, ".raw")])
def test_what_another_process_uses_stays_as_long_as_that_lives(place, name):
    path = item(place / "a" / name)
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"held\n"
        os.utime(path, (0, 0))
        trim(path.parent, 0)
        assert not remove(path)
        assert path.exists()
        user.communicate()
    trim(path.parent, 0)
    assert not left(path.parent)


def test_one_that_was_removed_while_its_lock_was_waited_for_is_not_in_use(place, monkeypatch):
    path = item(place / "a" / named("disk", 1, ".raw"))
    monkeypatch.setattr(fcntl, "flock", lambda *_: path.unlink(missing_ok=True))
    assert not hold(path)


def test_a_chroot_with_something_mounted_in_it_is_never_removed(place, monkeypatch):
    path = item(place / "suites" / "bookworm")
    monkeypatch.setattr(lab_cache, "_mounts", lambda: [path / "dev"])
    assert not remove(path)
    assert (path / "vmcore").exists()
    monkeypatch.setattr(lab_cache, "_mounts", lambda: [place / "suites" / "bookworm-dev"])
    assert remove(path)


def test_mounts_are_known():
    assert os.path.ismount("/proc")
    assert "/proc" in map(str, lab_cache._mounts())


def test_links_are_not_followed(place, tmp_path):
    """A link that somebody put here leads to what is not the lab's."""
    path = item(tmp_path / "precious")
    (place / "systems").mkdir(parents=True)
    (place / "systems" / "link").symlink_to(path)
    assert not remove(place / "systems" / "link")
    assert (path / "vmcore").exists()


def run(*arguments):
    done = CliRunner().invoke(cli, ["lab", "cache", *arguments])
    return done.exit_code, done.output


@pytest.fixture
def full(place):
    item(place / "crashes/6.1" / named("null-field", 1), content="x" * 10_000, hours=1)
    item(place / "crashes/6.1" / named("null-field", 2), hours=100)
    item(place / "systems" / named("debian", 1, ".raw"), hours=100)
    item(place / "suites" / "trixie.part", hours=2)
    return place


def test_what_there_is(full):
    status, output = run()
    assert status == 0
    lines = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    assert (lines["crashes"], lines["systems"], lines["kernels"]) == ("2", "1", "0")
    assert str(full) in output


def test_clearing(full):
    hold(full / "systems" / named("debian", 1, ".raw"))
    status, output = run("--clear")
    assert status == 0
    assert "removed 2, " in output
    assert "2 are in use" in output  # the disk, and the release that may be in the making
    assert not left(full / "crashes/6.1")
    assert left(full / "systems")
    assert left(full / "suites") == {"trixie.part"}


def test_clearing_a_part_of_it(full):
    assert run("--clear", "--kind", "crashes", "--unused", "2")[0] == 0
    assert left(full / "crashes/6.1") == {named("null-field", 1)}
    assert left(full / "systems")


def test_a_machine_listens(full):
    status, output = run("--clear", "--kind", "crashes", "--json")
    assert status == 0
    first, second = json.loads(output)
    assert (first["kind"], first["removed"], first["in_use"]) == ("crashes", True, False)
    assert first["size"] > 10_000 > second["size"] - 10_000
    assert second["unused"] // 3600 in (99, 100)


def test_a_kind_that_is_none(full):
    status, output = run("--clear", "--kind", "../..")
    assert status == 2
    assert "no kind ../..: there are crashes, " in output
    assert left(full / "crashes/6.1")
