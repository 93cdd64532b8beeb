"""`doctor --fix` and `--undo` from the outside, on a tree."""

import json
import os

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.host.root import Root

from ..host.setup.bare import lay_out


def doctor(*arguments: object, typed: str = ""):
    return CliRunner().invoke(cli, ["doctor", *map(str, arguments)], input=typed)


@pytest.fixture
def tree(tmp_path):
    return lay_out(tmp_path, "debian")


def files(directory):
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_nobody_to_ask_changes_nothing(tree):
    before = files(tree)
    done = doctor("--root", tree, "--fix")
    assert done.exit_code == 2
    assert "+kernel.panic_on_oops = 1" in done.output
    assert files(tree) == before


@pytest.mark.parametrize("typed", ["n\n", "\n"])
def test_no_is_no(tree, typed, monkeypatch):
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    before = files(tree)
    done = doctor("--root", tree, "--fix", typed=typed)
    assert done.exit_code == 1
    assert files(tree) == before


def test_json_is_the_plan_and_changes_nothing(tree):
    before = files(tree)
    found = json.loads(doctor("--root", tree, "--fix", "--json").stdout)
    assert "kdump-tools" in found["installs"][0]["argv"]
    assert {edit["path"] for edit in found["edits"]} >= {"/etc/default/grub.d/zz-crashkernel.cfg"}
    assert found["reboot"]
    assert files(tree) == before


def test_there_and_back(tree):
    before = files(tree)
    done = doctor("--root", tree, "--fix", "--yes")
    assert done.exit_code == 0
    assert "To be run in that system" in done.output
    assert "update-grub" in done.output
    assert files(tree).keys() > before.keys()
    back = doctor("--root", tree, "--undo", "--yes")
    assert back.exit_code == 0
    left = {path: content for path, content in files(tree).items() if "var/lib/lastwords" not in str(path)}
    assert left == before
    assert "nothing to undo" in doctor("--root", tree, "--undo").output


def test_what_was_changed_since_is_named(tree):
    doctor("--root", tree, "--fix", "--yes")
    (tree / "etc/sysctl.d/99-lastwords.conf").write_text("theirs")
    done = doctor("--root", tree, "--undo", "--yes")
    assert done.exit_code == 1
    assert "99-lastwords.conf was changed since" in done.output


def test_a_tree_that_can_not_be_written_is_one_line(tree, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system", "/var/lib/lastwords")

    monkeypatch.setattr("lastwords.host.setup.journal.make_directory", refuse)
    done = doctor("--root", tree, "--fix", "--yes")
    assert done.exit_code == 1
    assert "Read-only file system" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("words", [("--yes",), ("--fix", "--undo")])
def test_words_that_do_not_go_together(words):
    assert doctor(*words).exit_code == 2


@pytest.fixture
def this_machine(tree, monkeypatch):
    """The tree stands for the running machine; its commands are not run."""

    def root(directory="/"):
        found = Root(tree)
        found.is_live = True
        return found

    monkeypatch.setattr("lastwords.host.root.Root", root)
    return tree


def test_this_machine_takes_root(this_machine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    before = files(this_machine)
    done = doctor("--fix", "--yes")
    assert done.exit_code == 2
    assert "takes root" in done.output
    assert files(this_machine) == before


def test_not_in_a_container(this_machine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (this_machine / ".dockerenv").write_text("")
    before = files(this_machine)
    done = doctor("--fix", "--yes")
    assert done.exit_code == 2
    assert "container" in done.output
    assert files(this_machine) == before
