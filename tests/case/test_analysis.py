"""What an analysis makes of files that are no log, and of dumps beside each other."""

import os

from lastwords.case import analysis, analyze
from lastwords.case.vmcore import Vmcore
from lastwords.klog.inputs import Text
from lastwords.model import DumpCheck


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
