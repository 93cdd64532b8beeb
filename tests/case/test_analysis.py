"""What an analysis makes of files that are no log, and of dumps beside each other."""

import os
from pathlib import Path

import msgspec
import pytest

from lastwords.case import analysis, analyze, folders, vmcore
from lastwords.case.vmcore import Vmcore
from lastwords.klog.inputs import Text
from lastwords.model import DumpCheck, Machine, Record, Symbols
from lastwords.vmcore.session import Reading
from tests.vmcore.small_dump import small_dump


def test_binary_data_is_no_log(tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(bytes(8192) + os.urandom(1 << 16))
    found = analyze([str(path)])
    assert found.logs == ()
    assert found.errors[0].startswith(f"{path}: binary data, not a log")


def test_a_log_with_a_hole_is_a_log(tmp_path):
    path = tmp_path / "kern.log"
    path.write_bytes(b"Nov 24 05:38:11 host kernel: [    1.000000] all is well\n" + bytes(8192))
    found = analyze([str(path)])
    assert (len(found.logs), found.errors) == (1, ())


CRASH = "[    1.500000] BUG: kernel NULL pointer dereference, address: 0000000000000018\n"
OTHER = CRASH.replace("1.5", "9.5")


@pytest.mark.parametrize("log", [(), (Record(1, "all is well", time=1.0, level=6),)])
def test_a_log_of_which_a_part_is_lost_is_no_all_clear(tmp_path, monkeypatch, log):
    """Nor one of which nothing is left."""
    small_dump(tmp_path / "vmcore")
    reading = Reading(machine=Machine(release="6.1.0"), symbols=Symbols(source="btf", release="6.1.0"))
    reading = msgspec.structs.replace(reading, log=log, log_missing="its second half is lost" if log else None)
    monkeypatch.setattr(vmcore, "_read", lambda *_: (reading, ()))
    (error,) = analyze([str(tmp_path / "vmcore")]).errors
    assert error.startswith(f"{tmp_path}/vmcore (kernel log): not whole: {'its second half' if log else ''}")


def test_the_log_beside_a_dump_is_told_once(tmp_path, monkeypatch):
    (tmp_path / "dump.1").write_bytes(b"KDUMP   " + bytes(4096))
    (tmp_path / "dmesg.1").write_text(CRASH)
    check = DumpCheck(path="dump.1", verdict="whole", summary="all there")
    monkeypatch.setattr(analysis, "read_vmcore", lambda *_: Vmcore(check, log=Text("dump.1", CRASH.encode())))
    said: list[str] = []
    found = analyze([str(tmp_path)], say=said.append)
    assert [oops.path for oops in found.oopses] == ["dump.1"]
    assert said == [f"{tmp_path}/dmesg.1 holds the same crash as dump.1: not told twice"]
    (tmp_path / "dmesg.1").write_text(OTHER)
    assert len(analyze([str(tmp_path)]).oopses) == 2


def test_a_directory_is_looked_through_once_and_not_without_end(tmp_path, monkeypatch):
    for number in range(6):
        (tmp_path / f"{number}.log").write_text("[    1.000000] all is well\n" * 10)
    looked: list[str] = []
    assert len(analyze([str(tmp_path)], tell=looked.append).logs) == 6
    assert looked == [f"looking through {tmp_path}"]
    monkeypatch.setattr(folders, "MOST_FILES", 4)
    found = analyze([str(tmp_path), str(tmp_path / "5.log")])
    assert [Path(log.path).name for log in found.logs] == ["0.log", "1.log", "2.log", "3.log", "5.log"]
    assert found.errors == (f"{tmp_path}: more than 4 files: only so many were looked at; name those with the logs",)
    monkeypatch.setattr(folders, "MOST_FILES", 6)
    monkeypatch.setattr(folders, "MOST_BYTES", 3 * 270)
    found = analyze([str(tmp_path), str(tmp_path / "5.log")])
    assert [Path(log.path).name for log in found.logs] == ["0.log", "1.log", "2.log", "5.log"]
    assert found.errors == (f"{tmp_path}: more than 0 GiB of logs: 2 files were not read",)
