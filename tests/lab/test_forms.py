"""One crash as ELF, as QEMU's kdump and as a real kdump: whole, cut off, salvaged, and through every view."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from lastwords.case import Debuginfo, analyze
from lastwords.cli.main import cli
from lastwords.lab import case, kernel, run

from . import truth

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab-too")]

CASE = "null-field"
FORMS = ("elf", "zlib", "kdump")
STARTS = {"elf": b"\x7fELF", "zlib": b"makedumpfile", "kdump": b"KDUMP   "}
# How much of the file holds the kernel's log: pages stand in the order of their addresses, the kernel at 16 MiB, and
# where empty pages take no room, the kernel is most of it.
ENOUGH = {"elf": 60, "zlib": 85, "kdump": 85}
VIEWS = [
    ["bt", "-a"],
    ["ps"],
    ["mod"],
    ["files"],
    ["log"],
    ["mem"],
    ["locks"],
    ["io"],
    ["irq"],
    ["dis"],
    ["symbols"],
]
BARE = Debuginfo(wanted=False)


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    """Two guests, three dumps. The consoles stay: where a crash kernel hangs, its console is all there is to go by."""
    folder: Path = tmp_path_factory.mktemp("forms")
    files = {form: folder / form for form in FORMS}
    # The kernel always at the same place, so that it is known what a cut takes away.
    recipe = msgspec.structs.replace(case(CASE), append="nokaslr")
    try:
        run(recipe, kernel("6.1"), folder / "console", elf=files["elf"], zlib=files["zlib"])
        run(recipe, kernel("6.1"), folder / "console-kdump", kdump=files["kdump"])
        yield files
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def dump(dumps, form):
    return dumps[form]


def lastwords(*arguments: object, status: int = 0) -> str:
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert done.exit_code == status, done.output
    return done.stdout


@contextmanager
def beginning(dump: Path, folder: Path, percent: int) -> Iterator[Path]:
    """The first part of a dump."""
    path = folder / "cut"
    shutil.copyfile(dump, path)
    with path.open("rb+") as file:
        file.truncate(dump.stat().st_size * percent // 100)
    yield path
    path.unlink()


@pytest.fixture
def cut(dump, form, tmp_path):
    with beginning(dump, tmp_path, ENOUGH[form]) as path:
        yield path


def test_whole(dump, form):
    with dump.open("rb") as file:
        assert file.read(12).startswith(STARTS[form])
    assert json.loads(lastwords("verify", "--json", dump))["verdict"] == "whole"
    found = analyze([str(dump)], debuginfo=BARE)
    assert found.errors == ()
    assert truth.wrong_log(case(CASE), "6.1", found) == []
    assert truth.wrong_blame(case(CASE), "6.1", found, typed=False) == []


def test_cut_off(cut):
    assert json.loads(lastwords("verify", "--json", cut, status=1))["verdict"] == "incomplete"
    found = analyze([str(cut)], debuginfo=BARE)
    assert found.dump is not None
    assert found.dump.verdict == "incomplete"
    assert truth.wrong_log(case(CASE), "6.1", found) == []


def test_cut_off_before_the_log_nothing_is_made_up(dump, tmp_path):
    with beginning(dump, tmp_path, 3) as cut:
        (log,) = [
            part for part in json.loads(lastwords("verify", "--json", cut, status=1))["parts"] if part["name"] == "log"
        ]
        assert log["state"] == "lost"
        found = analyze([str(cut)], debuginfo=BARE)
    assert found.oopses == ()
    assert found.machine is None or found.machine.blame is None


def test_salvaged(cut, tmp_path):
    saved = tmp_path / "saved"
    lastwords("salvage", cut, "-o", saved)
    found = analyze([str(saved)], debuginfo=BARE)
    saved.unlink()
    assert truth.wrong_log(case(CASE), "6.1", found) == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[0])
def test_view(dump, view):
    status = 1 if view == ["symbols"] else 0  # says by it that there is no debuginfo
    assert lastwords(*view, "--no-debuginfo", dump, status=status).strip()
    assert isinstance(json.loads(lastwords(*view, "--no-debuginfo", "--json", dump, status=status)), dict)
