"""One crash as ELF, as QEMU's kdump and as a real kdump: whole, cut off, salvaged, and through every view."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.case import Debuginfo, analyze
from lastwords.cli.main import cli
from lastwords.lab import case, kernel, run

from . import truth

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

CASE = "null-field"
FORMS = ("elf", "zlib", "kdump")
STARTS = {"elf": b"\x7fELF", "zlib": b"makedumpfile", "kdump": b"KDUMP   "}
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
    try:
        run(case(CASE), kernel("6.1"), folder / "console", elf=files["elf"], zlib=files["zlib"])
        run(case(CASE), kernel("6.1"), folder / "console-kdump", kdump=files["kdump"])
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


@pytest.fixture
def cut(dump, tmp_path):
    """The first 60 % of it."""
    path: Path = tmp_path / "cut"
    shutil.copyfile(dump, path)
    with path.open("rb+") as file:
        file.truncate(dump.stat().st_size * 6 // 10)
    yield path
    path.unlink()


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


def test_salvaged(cut, tmp_path):
    saved = tmp_path / "saved"
    lastwords("salvage", cut, "-o", saved)
    found = analyze([str(saved)], debuginfo=BARE)
    saved.unlink()
    assert truth.wrong_log(case(CASE), "6.1", found) == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[0])
def test_view(dump, view):
    assert lastwords(*view, "--no-debuginfo", dump).strip() or view == ["locks"]
    assert isinstance(json.loads(lastwords(*view, "--no-debuginfo", "--json", dump)), dict)
