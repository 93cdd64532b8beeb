"""What is left of dumps that were cut anywhere or overwritten anywhere, and the command that saves it."""

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastwords.cli.salvage import command
from lastwords.vmcore.formats import NotADump, Unreadable, open_dump
from lastwords.vmcore.rewrite import NoRoom
from lastwords.vmcore.salvage import salvage as typed_salvage
from lastwords.vmcore.verify import check

from . import building
from .building import PAGE, elf_dump, flattened, kdump_dump
from .test_printk import LONG

MACHINE = building.machine(LONG)
BUILDS = {
    "elf": elf_dump(MACHINE),
    "kdump": kdump_dump(MACHINE),
    "lzo": kdump_dump(MACHINE, method="lzo"),
    "flattened": flattened(kdump_dump(MACHINE)),
    "qemu": flattened(kdump_dump(MACHINE, qemu=True)),
    "32-bit headers": kdump_dump(MACHINE, bits=32),
    "32-bit elf": elf_dump(MACHINE, bits=32, split_notes=True),
    "version 1": kdump_dump(MACHINE, version=1),
}


def salvage(*args, **options):
    """Without its types: a test knows what was saved."""
    return typed_salvage(*args, **options)


def same_as_before(path, damaged=()):
    """Every page of the saved dump is what the machine had there. Returns how many there are."""
    pages = 0
    with open_dump([path], search_memory=False) as opened:
        for pfn in range(MACHINE.pages):
            try:
                page = opened.memory.read(pfn * PAGE, PAGE)
            except Unreadable:
                continue
            pages += 1
            assert pfn in damaged or page == MACHINE.page(pfn)
    return pages


def log_of(saved):
    return Path(saved.log_path).read_text()


def is_the_log(text):
    return [line.split("] ", 1)[-1] for line in text.splitlines()] == "\n".join(LONG).split("\n")


@pytest.mark.parametrize("data", BUILDS.values(), ids=BUILDS)
def test_nothing_is_lost_from_a_whole_dump(put, tmp_path, data):
    saved = salvage([put(data)], str(tmp_path / "out"))
    assert (saved.pages, saved.lost, saved.release) == (MACHINE.pages, 0, building.RELEASE)
    assert same_as_before(saved.dump_path) == MACHINE.pages
    assert is_the_log(log_of(saved))
    assert check([saved.dump_path], full=True).verdict == "whole"
    with open_dump([saved.dump_path]) as opened:
        assert opened.dump.vmcoreinfo == MACHINE.vmcoreinfo
        assert opened.dump.vmcoreinfo_source == "header"
        assert not opened.dump.flattened
        assert opened.raws[0].kdump_header is None or opened.raws[0].kdump_header.utsname["nodename"] == "testhost"


@pytest.mark.parametrize("name", ["elf", "kdump", "flattened"])
def test_cut_at_many_places(put, tmp_path, name):
    data = BUILDS[name]
    best = 0
    for size in sorted({*range(0, 12_000, 700), *range(12_000, len(data), 2903)}):
        try:
            saved = salvage([put(data[:size])], str(tmp_path / "out"), overwrite=True)
        except NotADump:
            continue
        assert saved.pages + saved.lost <= MACHINE.pages
        if saved.dump_path is not None:
            assert same_as_before(saved.dump_path) == saved.pages
            assert check([saved.dump_path]).verdict == "incomplete"
        assert saved.pages >= best  # what is longer holds no less
        best = saved.pages
    assert best > MACHINE.pages * 3 // 4


def test_the_log_is_saved_wherever_its_pages_survive(put, tmp_path):
    """An ELF dump cut anywhere behind the log."""
    data = elf_dump(MACHINE, ranges=((0, building.PAGES),))
    start = len(data) - building.PAGES * PAGE
    for end in (building.TEXT + 0x3000, 0x20000, 0x60000):
        saved = salvage([put(data[: start + end])], str(tmp_path / "out"), overwrite=True)
        assert is_the_log(log_of(saved))
        assert saved.log_source == "VMCOREINFO"


@pytest.mark.parametrize("name", ["elf", "kdump", "lzo"])
def test_header_overwritten(put, tmp_path, name):
    data = BUILDS[name]
    lost = 300 if name == "elf" else PAGE
    for junk in (bytes(lost), random.Random(1).randbytes(lost)):
        saved = salvage([put(junk + data[lost:])], str(tmp_path / "out"), overwrite=True)
        assert is_the_log(log_of(saved))
        assert saved.release == building.RELEASE
        assert saved.pages >= MACHINE.pages - (32 if name == "elf" else 0)
        assert any("overwritten" in note for note in saved.notes)
        found = check([saved.dump_path])
        assert {part.state for part in found.parts if part.name != "stacks"} == {"whole"}
        with open_dump([saved.dump_path]) as opened:
            assert opened.memory.read(0x60 * PAGE, PAGE) == MACHINE.page(0x60)


def test_sub_header_overwritten(put, tmp_path):
    data = BUILDS["kdump"]
    saved = salvage([put(data[:PAGE] + b"\xa5" * PAGE + data[2 * PAGE :])], str(tmp_path / "out"))
    assert (saved.pages, saved.release) == (MACHINE.pages, building.RELEASE)
    assert is_the_log(log_of(saved))
    assert same_as_before(saved.dump_path) == MACHINE.pages


def test_a_log_in_a_file_that_is_nothing_else(put, tmp_path):
    memory = bytes(MACHINE.memory[building.TEXT : building.TEXT + 0x3000])
    saved = salvage([put(b"junk" * 1000 + memory)], str(tmp_path / "out"))
    assert saved.dump_path is None
    assert is_the_log(log_of(saved))
    with pytest.raises(NotADump, match="no kernel log"):
        salvage([put(b"junk" * 1000)], str(tmp_path / "other"))


def test_split_set_becomes_one_file(put, tmp_path):
    parts = [put(kdump_dump(MACHINE, split=ends), f"part{ends[0]}") for ends in ((64, 128), (0, 40), (40, 64))]
    saved = salvage(parts, str(tmp_path / "out"))
    assert (saved.pages, saved.lost) == (MACHINE.pages, 0)
    assert same_as_before(saved.dump_path) == MACHINE.pages
    assert check([saved.dump_path], full=True).verdict == "whole"
    saved = salvage(parts[:2], str(tmp_path / "less"))
    assert (saved.pages, saved.lost) == (MACHINE.pages - 24, 24)
    assert same_as_before(saved.dump_path) == MACHINE.pages - 24


def test_damaged_pages_are_left_out(put, tmp_path):
    data = bytearray(BUILDS["kdump"])
    data[-200:-100] = b"\xa5" * 100
    saved = salvage([put(bytes(data))], str(tmp_path / "out"))
    assert 0 < saved.lost < 10
    assert same_as_before(saved.dump_path) == saved.pages == MACHINE.pages - saved.lost


def test_more_segments_than_the_header_can_count(put, tmp_path, monkeypatch):
    monkeypatch.setattr("lastwords.vmcore.formats.write_elf.PN_XNUM", 100)
    data = elf_dump(MACHINE, ranges=tuple((pfn, pfn + 1) for pfn in range(128)))
    out = tmp_path / "out"
    saved = salvage([put(data)], str(out))
    assert saved.pages == 128
    # 100 stands for 0xffff in this test
    written = bytearray(out.read_bytes())
    assert written[56:58] == b"\x64\0"
    written[56:58] = b"\xff\xff"
    assert same_as_before(put(bytes(written))) == 128


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(BUILDS)), at=st.floats(0, 1), size=st.integers(1, 5000), seed=st.integers(0, 99))
def test_overwritten_anywhere(tmp_path, name, at, size, seed):
    """No traceback, no hang; and in compressed dumps, no page that is not the machine's."""
    data = bytearray(BUILDS[name])
    start = int(at * (len(data) - 1))
    end = min(start + size, len(data))
    data[start:end] = random.Random(seed).randbytes(end - start) if seed else bytes(end - start)
    path = tmp_path / "damaged"
    path.write_bytes(data)
    found = check([str(path)], full=True)
    assert found.verdict in ("whole", "incomplete", "damaged", "not-a-dump")
    try:
        saved = salvage([str(path)], str(tmp_path / "out"), overwrite=True)
    except NotADump:
        return
    if saved.dump_path is not None:
        assert check([saved.dump_path], full=True).pages.damaged == 0


def test_outputs_are_not_overwritten_by_mistake(put, tmp_path):
    path = put(BUILDS["kdump"])
    (tmp_path / "out.log").write_text("mine")
    with pytest.raises(NoRoom, match="exists already"):
        salvage([path], str(tmp_path / "out"))
    assert (tmp_path / "out.log").read_text() == "mine"
    salvage([path], str(tmp_path / "out"), overwrite=True)
    with pytest.raises(NoRoom, match="itself"):
        salvage([path], path, overwrite=True)
    assert Path(path).read_bytes() == BUILDS["kdump"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.tmp"))


def test_a_full_disk_is_said_before(put, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(NoRoom, match="free"):
        salvage([put(BUILDS["elf"])], str(tmp_path / "out"))


def test_command(put, tmp_path):
    path = put(BUILDS["elf"][:400_000])
    result = CliRunner().invoke(command, [path, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert "lost" in result.output
    assert result.output.endswith(f"next: lastwords analyze {tmp_path / 'out'}\n")  # it tells more than its log
    result = CliRunner().invoke(command, [path, "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    result = CliRunner().invoke(command, [path, "-f", "--json", "-o", str(tmp_path / "out")])
    assert json.loads(result.stdout)["release"] == building.RELEASE
    for arguments in ([put(b"hello", "text")], ["/nonexistent"]):
        result = CliRunner().invoke(command, [*arguments, "-o", str(tmp_path / "other")])
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1


ODD = {
    "flattened": [flattened(kdump_dump(MACHINE, method="lzo"))],
    "qemu": [flattened(kdump_dump(MACHINE, qemu=True))],
    "split": [kdump_dump(MACHINE, split=(0, 64)), kdump_dump(MACHINE, split=(64, 128))],
    "cut": [kdump_dump(MACHINE)[:-500]],
    "plain": [kdump_dump(MACHINE, method="zstd")],
    "without VMCOREINFO": [elf_dump(MACHINE, notes=MACHINE.notes[:1])],
    "cut ELF": [elf_dump(MACHINE)[:-500]],
}


@pytest.mark.parametrize("files", ODD.values(), ids=ODD)
def test_drgn_opens_what_was_saved(put, tmp_path, files):
    drgn = pytest.importorskip("drgn")
    saved = salvage([put(data, f"file{at}") for at, data in enumerate(files)], str(tmp_path / "out"))
    prog = drgn.Program()
    prog.set_core_dump(saved.dump_path)
    assert drgn.ProgramFlags.IS_LINUX_KERNEL in prog.flags
    for address in (0x5000, 0x60000, building.MODULE):
        assert prog.read(address, 64, True) == MACHINE.memory[address : address + 64]
    assert prog.read(building.MODULES + 0x1000, 7) == b"module!"
    with pytest.raises(drgn.FaultError):
        prog.read(building.PAGES * PAGE + 0x1000, 8, True)


def test_an_older_log_does_not_stay_beside_a_dump_without_one(put, tmp_path):
    (tmp_path / "out.log").write_text("of another crash\n")
    data = elf_dump(MACHINE, ranges=((0, building.PAGES),))
    saved = salvage([put(data[: len(data) - building.PAGES * PAGE + 2 * PAGE])], str(tmp_path / "out"), overwrite=True)
    assert saved.dump_path is not None
    assert saved.log_path is None
    assert not (tmp_path / "out.log").exists()
