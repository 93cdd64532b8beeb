"""One crash as ELF, as QEMU's kdump and as a real kdump: whole, cut off, salvaged, and through every view."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from lastwords.case import Debuginfo, analyze
from lastwords.cli.main import cli
from lastwords.lab import case, kernel, run
from lastwords.vmcore.formats import OpenDump, open_dump

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


def filtered(dump: Path, *arguments: str, into: Sequence[Path]) -> None:
    """Have makedumpfile write a dump again; only the real kdump is one that it takes."""
    command: list[str | Path] = ["makedumpfile", *arguments, "-d", "31", dump, *into]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


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


def _tables(opened: OpenDump) -> Iterator[int]:
    """Physical addresses of all page tables of the kernel's half."""
    assert opened.kernel is not None
    tables = opened.kernel.tables
    assert tables is not None
    here = [tables.root]
    for level in range(len(tables.shifts)):
        yield from here
        below = []
        for table in here:
            data = opened.memory.read(table, 8 * tables.size_of(level))
            for at in range(0 if level else len(data) // 2, len(data), 8):
                target = tables.target(int.from_bytes(data[at : at + 8], "little"), level)
                if target is not None and not target[1]:
                    below.append(target[0])
        here = below


def test_without_page_tables(dumps, tmp_path):
    """The image, all memory and what vmalloc() mapped are found without them: stacks and modules, as before."""
    views = (["bt"], ["ps"], ["mod"], ["files"], ["log"])
    before = [lastwords(*view, "--no-debuginfo", dumps["elf"]) for view in views]
    damaged = tmp_path / "damaged"
    shutil.copyfile(dumps["elf"], damaged)
    with open_dump([str(damaged)]) as opened, damaged.open("rb+") as file:
        (raw,) = opened.raws
        assert raw.elf_header is not None
        for table in list(_tables(opened)):
            load = next(each for each in raw.elf_header.loads if 0 <= table - each.physical < each.file_size)
            file.seek(load.offset + table - load.physical)
            file.write(random.Random(table).randbytes(4096))
    assert json.loads(lastwords("verify", "--json", damaged, status=1))["verdict"] == "damaged"
    assert [lastwords(*view, "--no-debuginfo", damaged) for view in views] == before
    damaged.unlink()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[0])
def test_view(dump, view):
    status = 1 if view == ["symbols"] else 0  # says by it that there is no debuginfo
    assert lastwords(*view, "--no-debuginfo", dump, status=status).strip()
    assert isinstance(json.loads(lastwords(*view, "--no-debuginfo", "--json", dump, status=status)), dict)


# By makedumpfile's letter; Debian's can do the first two, newer ones zstd too, and snappy only where one builds it so.
METHODS = {"c": "zlib", "l": "lzo", "z": "zstd", "p": "snappy"}


@pytest.mark.parametrize("letter", METHODS)
def test_compression(dumps, tmp_path, letter):
    able = subprocess.run(["makedumpfile", "--help"], capture_output=True, text=True, check=False).stdout
    if f"'-{letter}' option will be ignored" in able:
        pytest.skip(f"this makedumpfile can't write {METHODS[letter]}")
    dump = tmp_path / "dump"
    filtered(dumps["kdump"], f"-{letter}", into=[dump])
    check = json.loads(lastwords("verify", "--full", "--json", dump))
    assert (check["verdict"], check["dump"]["compression"]) == ("whole", METHODS[letter])
    found = analyze([str(dump)], debuginfo=BARE)
    dump.unlink()
    assert truth.wrong_log(case(CASE), "6.1", found) == []
    assert truth.wrong_blame(case(CASE), "6.1", found, typed=False) == []


def test_split(dumps, tmp_path):
    """The files of a set in any order; and what is missing of it."""
    parts = [tmp_path / name for name in ("one", "two", "three")]
    filtered(dumps["kdump"], "--split", "--splitblock-size", "4096", "-c", into=parts)
    mixed = [parts[2], parts[0], parts[1]]
    assert json.loads(lastwords("verify", "--full", "--json", *mixed))["verdict"] == "whole"
    found = analyze([str(path) for path in mixed], debuginfo=BARE)
    assert truth.wrong_log(case(CASE), "6.1", found) == []
    assert truth.wrong_blame(case(CASE), "6.1", found, typed=False) == []
    assert truth.wrong_log(case(CASE), "6.1", analyze([str(tmp_path)], debuginfo=BARE)) == []
    for view in VIEWS:
        assert lastwords(*view, "--no-debuginfo", mixed[0], *mixed[1:], status=1 if view == ["symbols"] else 0).strip()
    check = json.loads(lastwords("verify", "--json", *parts[:2], status=1))
    assert check["verdict"] == "incomplete"
    assert any("three" not in problem["text"] and "not given" in problem["text"] for problem in check["problems"])
